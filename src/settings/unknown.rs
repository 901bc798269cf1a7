//! Keys of the settings file that nobody asked for.

use super::faults::Complaint;
use super::nearest::nearest_key;
use super::section::{Section, join};
use config::{Value, ValueKind};
use std::collections::BTreeSet;

/// Reports every key at or below `root` that is not one of `known`.
pub(super) fn report_unknown(root: &Section<'_>, known: &BTreeSet<String>) {
    let sections = known.iter().flat_map(|key| key.match_indices('.').map(|(dot, _)| &key[..dot])).collect();
    Unknown { keys: known, sections }.report_in(root);
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
