//! The vendor's identifier of a store's account.

use super::text::is_format;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

/// A Pospal appId. Compares without regard to letter case (vendor/pospal.md), keeps its spelling.
/// Clones share the text: it stands in every row of an answer.
#[derive(Clone)]
pub struct AppId(Arc<str>);

impl AppId {
    /// More than any real appId (32 hex digits) needs, little enough for a log line.
    pub const MAX_CHARS: usize = 128;

    /// Takes the vendor's or the operator's text; `None` where it cannot be an appId: empty, longer
    /// than [`AppId::MAX_CHARS`] or with control or invisible characters.
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        let usable = !text.is_empty()
            && text.chars().count() <= Self::MAX_CHARS
            && !text.chars().any(|c| c.is_control() || is_format(c));
        usable.then(|| Self(text.into()))
    }

    /// The spelling it was given with.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl PartialEq for AppId {
    fn eq(&self, other: &Self) -> bool {
        self.0.eq_ignore_ascii_case(&other.0)
    }
}

impl Eq for AppId {}

impl PartialOrd for AppId {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for AppId {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        let [ours, theirs] = [self, other].map(|id| id.0.bytes().map(|b| b.to_ascii_lowercase()));
        ours.cmp(theirs)
    }
}

impl Hash for AppId {
    fn hash<H: Hasher>(&self, state: &mut H) {
        for byte in self.0.bytes() {
            state.write_u8(byte.to_ascii_lowercase());
        }
        state.write_u8(0xff);
    }
}

impl fmt::Display for AppId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for AppId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "AppId({})", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn app_ids_that_differ_in_letter_case_are_one() {
        let set: HashSet<_> = ["abCD", "ABcd", "abce"].iter().filter_map(|t| AppId::parse(t)).collect();
        assert_eq!(set.len(), 2);
    }

    #[test]
    fn text_that_could_forge_a_log_line_is_no_app_id() {
        for bad in ["", "  ", "a\nb", "a\0", "\u{1b}[31m", "a\u{202e}b", &"x".repeat(1_000_000)] {
            assert!(AppId::parse(bad).is_none());
        }
    }
}
