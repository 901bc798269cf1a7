//! How many calls an app may still make today.
//!
//! The ceiling must hold on the *vendor's* days, and this machine's clock may be wrong or may have been
//! stepped since a call was made. So a call counts as today's unless it can be shown that it is not.

use crate::model::{Moment, day_of};
use chrono::{NaiveDate, TimeDelta};
use chrono_tz::Tz;

/// A day has no more than this, so a call that is older was not made today.
const DAY: TimeDelta = TimeDelta::hours(24);
/// Clock disagreement that is ordinary drift.
const DRIFT: TimeDelta = TimeDelta::seconds(120);
/// A vendor's `Date` further off than this says more about that server than about our clock.
const PLAUSIBLE_SKEW: TimeDelta = TimeDelta::days(30);

/// What the ledger says of one call.
#[derive(Debug, Clone)]
pub struct LedgerMark {
    /// When the request left.
    pub started_at: Moment,
    /// The vendor's day by our clock at that time.
    pub vendor_day: NaiveDate,
    /// Our clock minus the vendor's `Date`, where an answer told.
    pub skew: Option<TimeDelta>,
}

/// Calls that count as made on the vendor's today. `marks`: the app's newest calls, newest first; no
/// more of them are needed than the budget has calls, since the ledger grows in true time order.
pub fn spent_today(now: &Moment, timezone: Tz, marks: &[LedgerMark]) -> u32 {
    let vendor_today = vendor_today(now, timezone, marks);
    let counts = |mark: &&LedgerMark| may_be_of_today(now, timezone, vendor_today, mark);
    u32::try_from(marks.iter().filter(counts).count()).unwrap_or(u32::MAX)
}

fn may_be_of_today(now: &Moment, timezone: Tz, vendor_today: Option<NaiveDate>, mark: &LedgerMark) -> bool {
    let started = &mark.started_at;
    let age = now.boot.since(&started.boot);
    // A call of an earlier boot is at least as old as this boot.
    let least_age = age.unwrap_or(if started.boot.boot_id == now.boot.boot_id {
        TimeDelta::zero()
    } else {
        TimeDelta::milliseconds(now.boot.uptime_ms)
    });
    if least_age >= DAY {
        return false;
    }
    let same_day_by_our_clock = mark.vendor_day == day_of(now.wall, timezone);
    let recorded_in_the_future = started.wall > now.wall;
    let stepped_since = age.is_some_and(|age| (now.wall - started.wall - age).abs() > DRIFT);
    let same_day_by_theirs = match (plausible(mark.skew), vendor_today) {
        (Some(skew), Some(today)) => day_of(started.wall - skew, timezone) == today,
        _ => false,
    };
    same_day_by_our_clock || recorded_in_the_future || stepped_since || same_day_by_theirs
}

/// The vendor's day by the vendor's own clock, as the newest answer of this boot told it.
fn vendor_today(now: &Moment, timezone: Tz, marks: &[LedgerMark]) -> Option<NaiveDate> {
    let told = marks.iter().find(|mark| plausible(mark.skew).is_some())?;
    let since = now.boot.since(&told.started_at.boot)?;
    Some(day_of(told.started_at.wall - plausible(told.skew)? + since, timezone))
}

fn plausible(skew: Option<TimeDelta>) -> Option<TimeDelta> {
    skew.filter(|skew| skew.abs() <= PLAUSIBLE_SKEW)
}

/// What of the budget may go to old days: half of what is left, or all that the day's remaining slots
/// leave over, whichever is more; so that filling in the past never starves the polls of today.
pub fn spare_for_backfill(budget_left: u32, slots_left_today: u32) -> u32 {
    budget_left.saturating_sub(slots_left_today).max(budget_left / 2)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::BootInstant;
    use chrono::{DateTime, Utc};

    const SHANGHAI: Tz = chrono_tz::Asia::Shanghai;

    fn moment(wall: &str, boot_id: &str, uptime_hours: i64) -> Moment {
        let wall: DateTime<Utc> = wall.parse().expect("a test's time");
        Moment { wall, boot: BootInstant { boot_id: boot_id.into(), uptime_ms: uptime_hours * 3_600_000 } }
    }

    fn mark(started_at: Moment, skew: Option<TimeDelta>) -> LedgerMark {
        LedgerMark { vendor_day: day_of(started_at.wall, SHANGHAI), started_at, skew }
    }

    #[test]
    fn the_budget_is_fresh_after_the_vendors_midnight() {
        let marks = [mark(moment("2026-11-21T15:59:59Z", "a", 10), None)];
        assert_eq!(spent_today(&moment("2026-11-21T15:59:59.5Z", "a", 10), SHANGHAI, &marks), 1);
        let mut midnight = moment("2026-11-21T16:00:00Z", "a", 10);
        midnight.boot.uptime_ms += 1000;
        assert_eq!(spent_today(&midnight, SHANGHAI, &marks), 0);
    }

    #[test]
    fn a_step_into_tomorrow_brings_no_fresh_budget_until_a_true_day_has_passed() {
        let marks = [mark(moment("2026-11-21T04:00:00Z", "a", 10), None)];
        assert_eq!(spent_today(&moment("2026-11-22T05:00:00Z", "a", 11), SHANGHAI, &marks), 1);
        assert_eq!(spent_today(&moment("2026-11-23T04:00:00Z", "a", 34), SHANGHAI, &marks), 0);
    }

    #[test]
    fn calls_recorded_in_the_future_count_after_a_reboot_into_1970_for_a_day_of_uptime() {
        let marks = [mark(moment("2026-11-21T04:00:00Z", "a", 10), None)];
        assert_eq!(spent_today(&moment("1970-01-01T00:01:00Z", "b", 0), SHANGHAI, &marks), 1);
        assert_eq!(spent_today(&moment("1970-01-02T00:01:00Z", "b", 24), SHANGHAI, &marks), 0);
    }

    #[test]
    fn a_clock_that_is_hours_off_does_not_move_the_vendors_midnight() {
        // Three hours ahead: our midnight comes at 21:00 of the vendor's day.
        let ahead = Some(TimeDelta::hours(3));
        let marks = [mark(moment("2026-11-21T15:00:00Z", "a", 10), ahead)];
        assert_eq!(spent_today(&moment("2026-11-21T17:00:00Z", "a", 12), SHANGHAI, &marks), 1);
        assert_eq!(spent_today(&moment("2026-11-21T19:00:00Z", "a", 14), SHANGHAI, &marks), 0);
    }

    #[test]
    fn backfill_leaves_todays_polls_their_calls() {
        assert_eq!(spare_for_backfill(24, 10), 14);
        assert_eq!(spare_for_backfill(12, 10), 6);
        assert_eq!(spare_for_backfill(24, 17_280), 12);
        assert_eq!(spare_for_backfill(0, 0), 0);
    }
}
