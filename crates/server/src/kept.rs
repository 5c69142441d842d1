//! What parts of the server remember while it runs, of which nobody else needs to know.

use std::any::{Any, TypeId};
use std::collections::HashMap;
use std::sync::Arc;

use parking_lot::Mutex;

/// One value of each type, made when it is first asked for.
#[derive(Default)]
pub struct Kept {
    values: Mutex<HashMap<TypeId, Arc<dyn Any + Send + Sync>>>,
}

impl Kept {
    /// The value of that type, which everybody shares.
    pub fn of<T: Default + Send + Sync + 'static>(&self) -> Arc<T> {
        let mut values = self.values.lock();
        let value = values.entry(TypeId::of::<T>()).or_insert_with(|| Arc::new(T::default()));
        value.clone().downcast().unwrap_or_else(|_| unreachable!("values are kept by their type"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everybody_shares_the_one_value_of_a_type() {
        let kept = Kept::default();

        *kept.of::<Mutex<u8>>().lock() = 7;
        *kept.of::<Mutex<i8>>().lock() = -7;

        assert_eq!((*kept.of::<Mutex<u8>>().lock(), *kept.of::<Mutex<i8>>().lock()), (7, -7));
    }
}
