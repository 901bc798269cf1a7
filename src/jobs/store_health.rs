//! Whether the database can be written; says so once when that changes.

use crate::events;
use crate::store::StoreError;
use std::sync::atomic::{AtomicBool, Ordering};

/// Shared by all workers. Kept in memory, since it is about not being able to keep anything else.
#[derive(Debug, Default)]
pub struct StoreHealth {
    failing: AtomicBool,
}

impl StoreHealth {
    /// Notes what became of a statement and hands on its value; `None` where it failed.
    pub fn check<T>(&self, result: Result<T, StoreError>) -> Option<T> {
        match result {
            Ok(value) => {
                if self.failing.swap(false, Ordering::Relaxed) {
                    events::store_failing_resolved();
                }
                Some(value)
            }
            Err(error) => {
                if !self.failing.swap(true, Ordering::Relaxed) {
                    events::store_failing(&error);
                }
                None
            }
        }
    }
}
