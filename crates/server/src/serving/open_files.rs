//! How many files the process may have open.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Files beyond which nothing is asked for; there the bounds of connections hold alone.
const ENOUGH: u64 = 1 << 20;

/// Raises the limit of open files as far as the system lets us; answers what it is then.
///
/// Shells and service managers start programs with 1,024, which is what old programs can bear.
pub fn raise() -> u64 {
    let limit = getrlimit(Resource::Nofile);
    let current = limit.current.unwrap_or(ENOUGH);
    let wanted = limit.maximum.unwrap_or(ENOUGH).min(ENOUGH);
    if current >= wanted {
        return current;
    }
    let raised = Rlimit { current: Some(wanted), maximum: limit.maximum };
    match setrlimit(Resource::Nofile, raised) {
        Ok(()) => wanted,
        Err(error) => {
            tracing::warn!(%error, current, "the limit of open files cannot be raised");
            current
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn as_many_files_may_be_open_as_the_system_allows() {
        let raised = raise();

        assert_eq!(getrlimit(Resource::Nofile).current, Some(raised));
        assert!(raised >= getrlimit(Resource::Nofile).maximum.unwrap_or(ENOUGH).min(ENOUGH));
    }
}
