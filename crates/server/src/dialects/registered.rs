//! Which dialects there are.

/// Hands every dialect to the macro `make`, as its folder's name and what its settings are called by.
///
/// This is the one line that a dialect has outside of its folder, beside its `mod`: the section of the
/// settings, the commands and the value itself are made from it where each belongs.
macro_rules! each_dialect {
    ($make:ident) => {
        $make! {
            "LeadFactory's cost dashboard." leadfactory: Leadfactory,
            "ALwrity's billing and monitoring." alwrity: Alwrity,
        }
    };
}

pub(crate) use each_dialect;
