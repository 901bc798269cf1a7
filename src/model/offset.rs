//! When a time zone's clocks are put forward or back.

use chrono::{DateTime, Offset, TimeDelta, TimeZone, Utc};
use chrono_tz::Tz;

/// No zone has ever changed its clocks twice within this.
const STEP: TimeDelta = TimeDelta::hours(12);

/// A moment at which all clocks of a zone jump.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct ClockChange {
    /// The first second of the new time.
    pub(super) at: DateTime<Utc>,
    /// By how much; negative: an hour is repeated.
    pub(super) jump: TimeDelta,
}

/// The first change after `after` and not after `until`.
pub(super) fn first_change(timezone: Tz, after: DateTime<Utc>, until: DateTime<Utc>) -> Option<ClockChange> {
    let mut low = after;
    while low < until {
        let high = low.checked_add_signed(STEP).map_or(until, |high| high.min(until));
        if offset(timezone, low) != offset(timezone, high) {
            return Some(change_between(timezone, low, high));
        }
        low = high;
    }
    None
}

/// The last change after `after` and not after `until`.
pub(super) fn last_change(timezone: Tz, after: DateTime<Utc>, until: DateTime<Utc>) -> Option<ClockChange> {
    let mut high = until;
    while after < high {
        let low = high.checked_sub_signed(STEP).map_or(after, |low| low.max(after));
        if offset(timezone, low) != offset(timezone, high) {
            return Some(change_between(timezone, low, high));
        }
        high = low;
    }
    None
}

/// The one change after `low` and not after `high`: whole seconds are halved until it is found.
fn change_between(timezone: Tz, low: DateTime<Utc>, high: DateTime<Utc>) -> ClockChange {
    let before = offset(timezone, low);
    let jump = offset(timezone, high) - before;
    let (mut low, mut high) = (low, high);
    while high - low > TimeDelta::seconds(1) {
        let middle = low + TimeDelta::seconds((high - low).num_seconds() / 2);
        if offset(timezone, middle) == before { low = middle } else { high = middle }
    }
    ClockChange { at: high, jump }
}

fn offset(timezone: Tz, at: DateTime<Utc>) -> TimeDelta {
    TimeDelta::seconds(timezone.offset_from_utc_datetime(&at.naive_utc()).fix().local_minus_utc().into())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn utc(text: &str) -> DateTime<Utc> {
        text.parse().expect("a test's time")
    }

    #[test]
    fn both_changes_of_a_year_are_found_from_either_side() {
        let (start, end) = (utc("2026-01-01T00:00:00Z"), utc("2027-01-01T00:00:00Z"));
        let change = |at, minutes| Some(ClockChange { at: utc(at), jump: TimeDelta::minutes(minutes) });
        let berlin = chrono_tz::Europe::Berlin;
        assert_eq!(first_change(berlin, start, end), change("2026-03-29T01:00:00Z", 60));
        assert_eq!(last_change(berlin, start, end), change("2026-10-25T01:00:00Z", -60));
        let lord_howe = chrono_tz::Australia::Lord_Howe;
        assert_eq!(first_change(lord_howe, start, end), change("2026-04-04T15:00:00Z", -30));
        assert_eq!(first_change(chrono_tz::Asia::Shanghai, start, end), None);
        let spring = utc("2026-03-29T01:00:00Z");
        assert_eq!(first_change(berlin, spring - TimeDelta::seconds(1), spring), change("2026-03-29T01:00:00Z", 60));
        assert_eq!(first_change(berlin, spring, spring + TimeDelta::days(1)), None);
    }
}
