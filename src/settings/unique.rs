//! Values that no two devices or apps may share.

use super::faults::Complaint;
use super::section::Section;

/// The values seen so far, each with the key that gave it.
#[derive(Debug, Default)]
pub(super) struct Unique {
    seen: Vec<(String, String)>,
}

impl Unique {
    /// Reports `key` of `section` if its value was seen before. `value`: in a form in which equal
    /// things are equal.
    pub(super) fn claim(&mut self, section: &Section<'_>, key: &str, value: String) {
        match self.seen.iter().find(|(seen, _)| *seen == value) {
            Some((_, first)) => {
                section.report(key, None, Complaint::new(format!("is the same as {first}"), "give each its own"));
            }
            None => self.seen.push((value, format!("{}.{key}", section.path()))),
        }
    }
}
