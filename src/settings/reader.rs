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

    /// Reports every key that nobody asked for; call it when all has been read.
    pub(super) fn report_unknown(&self, tree: &Map<String, Value>) {
        self.report_unknown_in(&self.root(tree));
    }

    fn report_unknown_in(&self, section: &Section<'_>) {
        let mut entries: Vec<_> = section.entries().collect();
        entries.sort_by_key(|(key, _)| *key);
        for (key, value) in entries {
            let pattern = join(section.pattern(), key);
            if self.asked.borrow().contains(&pattern) {
                continue;
            }
            if !self.names_a_section(&pattern) {
                let known = self.names();
                let wrong = "is not a known key";
                let cure = match nearest_key(section.pattern(), key, known.iter().map(String::as_str)) {
                    Some(near) => format!("the nearest known key is {near}"),
                    None => "remove it".to_owned(),
                };
                self.report(Fault::of_key(section.key(key), Complaint::new(wrong, cure)));
                continue;
            }
            // A section of the wrong shape was reported when it was read.
            match &value.kind {
                ValueKind::Table(table) => self.report_unknown_in(&section.child(key, Some(table))),
                ValueKind::Array(items) => {
                    for (index, item) in items.iter().enumerate() {
                        if let ValueKind::Table(table) = &item.kind {
                            self.report_unknown_in(&section.item(key, index, table));
                        }
                    }
                }
                _ => {}
            }
        }
    }

    fn names_a_section(&self, pattern: &str) -> bool {
        self.asked.borrow().iter().any(|key| key.strip_prefix(pattern).is_some_and(|rest| rest.starts_with('.')))
    }

    /// Keys and sections.
    fn names(&self) -> BTreeSet<String> {
        let asked = self.asked.borrow();
        let sections = asked.iter().flat_map(|key| key.match_indices('.').map(|(dot, _)| key[..dot].to_owned()));
        sections.chain(asked.iter().cloned()).collect()
    }

    /// The faults, and the keys that were asked for.
    pub(super) fn into_parts(self) -> (Vec<Fault>, BTreeSet<String>) {
        (self.faults.into_inner(), self.asked.into_inner())
    }
}
