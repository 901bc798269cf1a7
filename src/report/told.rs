//! Numbers, days and times as the page tells them.

use super::chart::grouped;
use super::data::{Report, percent};
use super::words::Words;
use crate::store::UsageDay;
use chrono::{DateTime, Utc};

impl Report {
    /// `2026-11-22 04:45`, where the vendor lives.
    pub(super) fn time(&self, at: DateTime<Utc>) -> String {
        at.with_timezone(&self.timezone).format("%Y-%m-%d %H:%M").to_string()
    }
}

/// `76.7%`; `100%` only where nothing is left.
pub(super) fn share(percent: f64) -> String {
    if (99.95..100.0).contains(&percent) { "99.9%".into() } else { format!("{percent:.1}%").replace(".0%", "%") }
}

/// `230 of 300 calls (76.7%)`
pub(super) fn use_of(day: &UsageDay, words: &Words) -> String {
    (words.calls_of)(&grouped(day.used), &grouped(day.limit), &share(percent(day)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_share_is_a_hundred_only_where_nothing_is_left() {
        assert_eq!(
            [0.0, 76.66, 80.0, 99.96, 100.0, 120.5].map(share),
            ["0%", "76.7%", "80%", "99.9%", "100%", "120.5%"]
        );
    }
}
