//! One reading of a tree of values: nothing stops at the first fault, and the known keys are the keys
//! that were asked for, so the two cannot drift apart.

use super::faults::{Complaint, Fault};
use super::nearest::nearest_key;
use super::section::{Section, join};
use config::{Map, Value, ValueKind};
use std::cell::RefCell;
use std::collections::BTreeSet;

/// Collects the faults of one reading, and the keys that were asked for.
#[derive(Debug, Default)]
pub(super) struct Reader {
    asked: RefCell<BTreeSet<String>>,
    faults: RefCell<Vec<Fault>>,
}

impl Reader {
    pub(super) fn root<'a>(&'a self, tree: &'a Map<String, Value>) -> Section<'a> {
        Section::root(self, tree)
    }

    pub(super) fn asked_for(&self, key: String) {
        self.asked.borrow_mut().insert(key);
    }

    pub(super) fn report(&self, fault: Fault) {
        self.faults.borrow_mut().push(fault);
    }

    /// Reports every key of `tree` that is not one of `known`.
    pub(super) fn report_unknown(&self, tree: &Map<String, Value>, known: &BTreeSet<String>) {
        let sections = known.iter().flat_map(|key| key.match_indices('.').map(|(dot, _)| &key[..dot])).collect();
        Unknown { keys: known, sections }.report_in(&self.root(tree));
    }

    /// The faults, and the keys that were asked for.
    pub(super) fn into_parts(self) -> (Vec<Fault>, BTreeSet<String>) {
        (self.faults.into_inner(), self.asked.into_inner())
    }
}

/// The search for unknown keys.
struct Unknown<'k> {
    keys: &'k BTreeSet<String>,
    sections: BTreeSet<&'k str>,
}

impl Unknown<'_> {
    fn report_in(&self, section: &Section<'_>) {
        let mut entries: Vec<_> = section.entries().collect();
        entries.sort_by_key(|(key, _)| *key);
        for (key, value) in entries {
            let full = join(section.pattern(), key);
            if self.sections.contains(full.as_str()) {
                self.report_below(section, key, value);
            } else if !self.keys.contains(&full) {
                // Without the value, which may be a secret under a misspelt key.
                section.report(key, None, self.complaint(section.pattern(), key));
            }
        }
    }

    /// A section of the wrong shape was reported when it was read.
    fn report_below(&self, section: &Section<'_>, key: &str, value: &Value) {
        match &value.kind {
            ValueKind::Table(table) => self.report_in(&section.child(key, Some(table))),
            ValueKind::Array(items) => {
                for (index, item) in items.iter().enumerate() {
                    if let ValueKind::Table(table) = &item.kind {
                        self.report_in(&section.item(key, index, table));
                    }
                }
            }
            _ => {}
        }
    }

    fn complaint(&self, section: &str, key: &str) -> Complaint {
        let names = self.sections.iter().copied().chain(self.keys.iter().map(String::as_str));
        let near = nearest_key(section, key, names).unwrap_or("timezone");
        Complaint::new("is not a known key", format!("the nearest known key is {near}"))
    }
}
