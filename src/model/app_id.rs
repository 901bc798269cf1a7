//! The vendor's identifier of a store's account.

use super::text::is_format;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

/// A Pospal appId. Compares without regard to letter case (vendor/pospal.md), keeps its spelling.
#[derive(Clone)]
pub struct AppId(Text);

/// A real appId has 32 hex digits. It stands in every row of an answer: a block of memory for each would cost
/// more than the rows, and leave holes behind.
#[derive(Clone)]
enum Text {
    Short(u8, [u8; AppId::SHORT_BYTES]),
    Long(Arc<str>),
}

impl AppId {
    /// More than any real appId (32 hex digits) needs, little enough for a log line.
    pub const MAX_CHARS: usize = 128;

    /// One that is longer takes memory besides its own.
    const SHORT_BYTES: usize = 38;

    /// Takes the vendor's or the operator's text; `None` where it cannot be an appId: empty, longer
    /// than [`AppId::MAX_CHARS`] or with control or invisible characters.
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        let usable = !text.is_empty()
            && text.chars().count() <= Self::MAX_CHARS
            && !text.chars().any(|c| c.is_control() || is_format(c));
        usable.then(|| Self(Text::of(text)))
    }

    /// The spelling it was given with.
    pub fn as_str(&self) -> &str {
        match &self.0 {
            Text::Short(..) => std::str::from_utf8(self.bytes()).unwrap_or_default(),
            Text::Long(text) => text,
        }
    }

    /// What it takes besides its own size.
    pub fn heap_bytes(&self) -> usize {
        match &self.0 {
            Text::Short(..) => 0,
            Text::Long(text) => text.len(),
        }
    }

    /// One of some hundred groups, whatever the letter case.
    pub fn shard(&self) -> u16 {
        self.folded().fold(0_u16, |sum, byte| sum.wrapping_mul(31).wrapping_add(byte.into())) % 509
    }

    fn bytes(&self) -> &[u8] {
        match &self.0 {
            Text::Short(length, bytes) => &bytes[..usize::from(*length)],
            Text::Long(text) => text.as_bytes(),
        }
    }

    fn folded(&self) -> impl Iterator<Item = u8> {
        self.bytes().iter().map(u8::to_ascii_lowercase)
    }
}

impl Text {
    fn of(text: &str) -> Self {
        let mut bytes = [0; AppId::SHORT_BYTES];
        match (u8::try_from(text.len()), bytes.get_mut(..text.len())) {
            (Ok(length), Some(place)) => {
                place.copy_from_slice(text.as_bytes());
                Self::Short(length, bytes)
            }
            _ => Self::Long(text.into()),
        }
    }
}

impl PartialEq for AppId {
    fn eq(&self, other: &Self) -> bool {
        self.bytes().eq_ignore_ascii_case(other.bytes())
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
        self.folded().cmp(other.folded())
    }
}

impl Hash for AppId {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.folded().for_each(|byte| state.write_u8(byte));
        state.write_u8(0xff);
    }
}

impl fmt::Display for AppId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for AppId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "AppId({})", self.as_str())
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

    #[test]
    fn an_id_of_any_length_keeps_its_spelling() {
        for text in ["a".into(), "aB".repeat(19), "é".repeat(19), "aB".repeat(19) + "c", "é".repeat(128)] {
            let id = AppId::parse(&text).expect("an id");
            assert_eq!((id.as_str(), &id), (text.as_str(), &AppId::parse(&text.to_ascii_uppercase()).expect("an id")));
        }
    }
}
