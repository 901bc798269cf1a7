//! One reading of a tree of values: nothing stops at the first fault, and the known keys are the keys
//! that were asked for, so the two cannot drift apart.

use super::faults::Fault;
use std::cell::RefCell;
use std::collections::BTreeSet;

/// Collects the faults of one reading, and the keys that were asked for.
#[derive(Debug, Default)]
pub(super) struct Reader {
    asked: RefCell<BTreeSet<String>>,
    faults: RefCell<Vec<Fault>>,
}

impl Reader {
    pub(super) fn asked_for(&self, key: String) {
        self.asked.borrow_mut().insert(key);
    }

    pub(super) fn report(&self, fault: Fault) {
        self.faults.borrow_mut().push(fault);
    }

    /// The faults, and the keys that were asked for.
    pub(super) fn into_parts(self) -> (Vec<Fault>, BTreeSet<String>) {
        (self.faults.into_inner(), self.asked.into_inner())
    }
}
