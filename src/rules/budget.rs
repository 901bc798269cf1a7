//! How many calls an app may still make today.
//!
//! The ceiling must hold on the *vendor's* days, and this machine's clock may be wrong or may have been
//! stepped since a call was made. So a call counts as today's unless it can be shown that it is not. An
//! answer of the same boot shows it: its `Date` tells what the vendor's clock said then, and the boot
//! clock how long before or after that a call was made. Where the account itself had no such answer, one
//! to another account or to a login tells as much: the witnesses. Without any the wall clock is taken at
//! its word only where nothing contradicts it.

use crate::model::{Moment, day_of};
use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use chrono_tz::Tz;

/// A day has no more than this, so a call that is older, and had the time to arrive, was not made today.
const DAY: TimeDelta = TimeDelta::hours(24);
/// Clock disagreement that is ordinary drift, and more than a request needs to arrive.
const DRIFT: TimeDelta = TimeDelta::seconds(120);
/// A vendor's `Date` that lies further behind our clock than this says more about that server, unless it
/// goes on from what an earlier answer said. Our own clock may be any time behind: a dead battery begins
/// in 1970.
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
/// `witnesses`: the newest answers with a `Date`, whoever asked; the vendor's own first.
pub fn spent_today(now: &Moment, timezone: Tz, marks: &[LedgerMark], witnesses: &[LedgerMark]) -> u32 {
    let counts = |mark: &&LedgerMark| may_be_of_today(now, timezone, marks, witnesses, mark);
    u32::try_from(marks.iter().filter(counts).count()).unwrap_or(u32::MAX)
}

fn may_be_of_today(
    now: &Moment,
    timezone: Tz,
    marks: &[LedgerMark],
    witnesses: &[LedgerMark],
    mark: &LedgerMark,
) -> bool {
    let started = &mark.started_at;
    let age = now.boot.since(&started.boot);
    // A call of an earlier boot is at least as old as this boot.
    let least_age = age.unwrap_or(if started.boot.boot_id == now.boot.boot_id {
        TimeDelta::zero()
    } else {
        TimeDelta::milliseconds(now.boot.uptime_ms)
    });
    if least_age >= DAY + DRIFT {
        return false;
    }
    // A request that leaves just before midnight may be counted after it.
    let is_day_of_call = |day, at| day_of(at, timezone) == day || day_of(at + DRIFT, timezone) == day;
    let by_theirs = |at| by_vendors_clock(at, marks, marks).or_else(|| by_vendors_clock(at, witnesses, marks));
    let (started_by_theirs, now_by_theirs) = (by_theirs(started), by_theirs(now));
    if let (Some(started), Some(now)) = (started_by_theirs, now_by_theirs) {
        return is_day_of_call(day_of(now, timezone), started);
    }
    let readings = started_by_theirs.map_or_else(|| by_wall_clocks(started, marks), |proven| vec![proven]);
    // Nothing of this boot proves the clock: it may be right, or as wrong as when it was last seen.
    let last_skew = marks.iter().find_map(|mark| plausible(mark, marks)).unwrap_or_default();
    let todays = now_by_theirs.map_or_else(|| vec![now.wall, now.wall - last_skew], |proven| vec![proven]);
    let stepped_since = age.is_some_and(|age| (now.wall - started.wall - age).abs() > DRIFT);
    let is_in_the_future = now_by_theirs.is_none() && readings.iter().any(|at| *at > now.wall);
    let is_today = |at: &DateTime<Utc>| todays.iter().any(|today| is_day_of_call(day_of(*today, timezone), *at));
    stepped_since || is_in_the_future || mark.vendor_day == day_of(now.wall, timezone) || readings.iter().any(is_today)
}

/// What the vendor's clock said at a moment, by the newest plausible answer of that boot.
fn by_vendors_clock(at: &Moment, answers: &[LedgerMark], marks: &[LedgerMark]) -> Option<DateTime<Utc>> {
    answers.iter().find_map(|told| {
        let skew = plausible(told, marks)?;
        Some(told.started_at.wall - skew + elapsed(&told.started_at, at)?)
    })
}

/// What the wall clock said at a moment, and would have said as it was set for other calls of that boot.
fn by_wall_clocks(at: &Moment, marks: &[LedgerMark]) -> Vec<DateTime<Utc>> {
    let others = marks.iter().filter_map(|mark| Some(mark.started_at.wall + elapsed(&mark.started_at, at)?));
    others.chain([at.wall]).collect()
}

/// From one moment to another of the same boot; negative where the other is the earlier one.
fn elapsed(from: &Moment, to: &Moment) -> Option<TimeDelta> {
    to.boot.since(&from.boot).or_else(|| from.boot.since(&to.boot).map(|since| -since))
}

fn plausible(told: &LedgerMark, marks: &[LedgerMark]) -> Option<TimeDelta> {
    let is_ordinary = |skew: &TimeDelta| *skew <= PLAUSIBLE_SKEW;
    let goes_on = |skew: &TimeDelta| {
        let theirs = told.started_at.wall - *skew;
        let known = marks.iter().filter_map(|mark| Some(mark.started_at.wall - mark.skew.filter(is_ordinary)?));
        known.max().is_some_and(|known| theirs >= known - DRIFT)
    };
    told.skew.filter(|skew| is_ordinary(skew) || goes_on(skew))
}

/// What of the budget may go to old days: all that the slots which are left today do not need, so that
/// filling in the past never starves today's polls. Where there are more slots than calls, half of the
/// budget is theirs.
pub fn spare_for_backfill(budget: u32, budget_left: u32, slots_left_today: u32) -> u32 {
    budget_left.saturating_sub(slots_left_today.min(budget / 2))
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
        let marks = [mark(moment("2026-11-21T15:50:00Z", "a", 10), None)];
        let mut now = moment("2026-11-21T15:59:59Z", "a", 10);
        now.boot.uptime_ms += 599_000;
        assert_eq!(spent_today(&now, SHANGHAI, &marks, &[]), 1);
        now.wall += TimeDelta::seconds(1);
        now.boot.uptime_ms += 1000;
        assert_eq!(spent_today(&now, SHANGHAI, &marks, &[]), 0);
    }

    #[test]
    fn a_call_a_moment_before_midnight_counts_for_both_days_because_the_vendor_decides() {
        let marks = [mark(moment("2026-11-21T15:59:59Z", "a", 10), None)];
        assert_eq!(spent_today(&moment("2026-11-21T15:59:59.5Z", "a", 10), SHANGHAI, &marks, &[]), 1);
        assert_eq!(spent_today(&moment("2026-11-22T01:59:59Z", "a", 20), SHANGHAI, &marks, &[]), 1);
        assert_eq!(spent_today(&moment("2026-11-22T15:59:59Z", "a", 34), SHANGHAI, &marks, &[]), 1);
        assert_eq!(spent_today(&moment("2026-11-22T16:59:59Z", "a", 35), SHANGHAI, &marks, &[]), 0);
    }

    #[test]
    fn a_call_without_an_answer_is_dated_by_an_answer_to_another_call_of_that_boot() {
        // Three hours ahead: our midnight came between the two; the vendor's did not.
        let ahead = Some(TimeDelta::hours(3));
        let unanswered = mark(moment("2026-11-21T15:00:00Z", "a", 10), None);
        let answered = mark(moment("2026-11-21T17:00:00Z", "a", 12), ahead);
        let marks = [answered, unanswered];
        assert_eq!(spent_today(&moment("2026-11-21T17:00:00Z", "a", 12), SHANGHAI, &marks, &[]), 2);
        assert_eq!(spent_today(&moment("2026-11-21T19:00:00Z", "a", 14), SHANGHAI, &marks, &[]), 0);
    }

    #[test]
    fn calls_under_a_wrong_clock_still_count_after_a_reboot_that_sets_it_right() {
        for behind in [TimeDelta::days(3), TimeDelta::days(20_000)] {
            let mut wrong = moment("2026-11-21T04:00:00Z", "a", 10);
            wrong.wall -= behind;
            let mut later = moment("2026-11-21T05:00:00Z", "a", 11);
            later.wall -= behind;
            let marks = [mark(later, Some(-behind)), mark(wrong, None)];
            assert_eq!(spent_today(&moment("2026-11-21T06:00:00Z", "b", 0), SHANGHAI, &marks, &[]), 2);
            assert_eq!(spent_today(&moment("2026-11-22T06:00:00Z", "b", 1), SHANGHAI, &marks, &[]), 0);
        }
    }

    #[test]
    fn a_clock_that_a_reboot_leaves_as_wrong_as_it_was_brings_no_fresh_budget() {
        let ahead = Some(TimeDelta::days(1));
        let marks = [mark(moment("2026-11-22T15:00:00Z", "a", 10), ahead)];
        assert_eq!(spent_today(&moment("2026-11-22T16:30:00Z", "b", 0), SHANGHAI, &marks, &[]), 0);
        let marks = [mark(moment("2026-11-22T12:00:00Z", "a", 10), Some(TimeDelta::hours(6)))];
        assert_eq!(spent_today(&moment("2026-11-22T16:30:00Z", "b", 0), SHANGHAI, &marks, &[]), 1);
    }

    #[test]
    fn an_answer_that_proves_another_day_overrules_a_step_and_our_own_calendar() {
        // A day ahead until it was set right: the ledger has yesterday's call under today's date.
        let marks = [
            mark(moment("2026-11-22T01:00:00Z", "a", 20), Some(TimeDelta::zero())),
            mark(moment("2026-11-22T15:00:00Z", "a", 10), Some(TimeDelta::days(1))),
        ];
        assert_eq!(spent_today(&moment("2026-11-22T02:00:00Z", "a", 21), SHANGHAI, &marks, &[]), 1);
    }

    #[test]
    fn a_step_into_tomorrow_brings_no_fresh_budget_until_a_true_day_has_passed() {
        let marks = [mark(moment("2026-11-21T04:00:00Z", "a", 10), None)];
        assert_eq!(spent_today(&moment("2026-11-22T05:00:00Z", "a", 11), SHANGHAI, &marks, &[]), 1);
        assert_eq!(spent_today(&moment("2026-11-23T05:00:00Z", "a", 35), SHANGHAI, &marks, &[]), 0);
    }

    #[test]
    fn calls_recorded_in_the_future_count_after_a_reboot_into_1970_for_a_day_of_uptime() {
        let marks = [mark(moment("2026-11-21T04:00:00Z", "a", 10), None)];
        assert_eq!(spent_today(&moment("1970-01-01T00:01:00Z", "b", 0), SHANGHAI, &marks, &[]), 1);
        assert_eq!(spent_today(&moment("1970-01-02T01:01:00Z", "b", 25), SHANGHAI, &marks, &[]), 0);
    }

    #[test]
    fn a_clock_that_is_hours_off_does_not_move_the_vendors_midnight() {
        // Three hours ahead: our midnight comes at 21:00 of the vendor's day.
        let ahead = Some(TimeDelta::hours(3));
        let marks = [mark(moment("2026-11-21T15:00:00Z", "a", 10), ahead)];
        assert_eq!(spent_today(&moment("2026-11-21T17:00:00Z", "a", 12), SHANGHAI, &marks, &[]), 1);
        assert_eq!(spent_today(&moment("2026-11-21T19:00:00Z", "a", 14), SHANGHAI, &marks, &[]), 0);
    }

    #[test]
    fn any_answer_of_this_boot_tells_that_the_clock_is_a_day_ahead() {
        let marks = [mark(moment("2026-11-21T04:00:00Z", "a", 10), Some(TimeDelta::zero()))];
        let ahead = moment("2026-11-22T04:10:00Z", "b", 0);
        assert_eq!(spent_today(&ahead, SHANGHAI, &marks, &[]), 0, "nothing tells");
        let login = mark(moment("2026-11-22T04:09:00Z", "b", 0), Some(TimeDelta::days(1)));
        assert_eq!(spent_today(&ahead, SHANGHAI, &marks, &[login]), 1);
        let earlier = mark(moment("2026-11-21T04:00:00Z", "a", 10), Some(TimeDelta::zero()));
        assert_eq!(spent_today(&ahead, SHANGHAI, &marks, &[earlier]), 0, "another boot's answer tells nothing");
    }

    #[test]
    fn a_date_years_behind_our_clock_is_believed_where_it_goes_on_from_an_earlier_one() {
        let marks = [mark(moment("2026-11-21T04:00:00Z", "a", 10), Some(TimeDelta::zero()))];
        let now = moment("2036-11-21T04:10:00Z", "b", 0);
        let told = |date: &str| {
            let date: DateTime<Utc> = date.parse().expect("a test's time");
            [mark(now.clone(), Some(now.wall - date))]
        };
        assert_eq!(spent_today(&now, SHANGHAI, &marks, &told("2026-11-21T04:10:00Z")), 1);
        assert_eq!(spent_today(&now, SHANGHAI, &marks, &told("2026-11-22T04:10:00Z")), 0, "the next day");
        assert_eq!(spent_today(&now, SHANGHAI, &marks, &told("2006-01-01T00:00:00Z")), 0, "that server's clock");
    }

    #[test]
    fn backfill_leaves_todays_polls_their_calls() {
        assert_eq!(spare_for_backfill(24, 24, 10), 14);
        assert_eq!(spare_for_backfill(24, 12, 10), 2);
        assert_eq!(spare_for_backfill(24, 10, 10), 0);
        assert_eq!(spare_for_backfill(24, 20, 17_280), 8);
        assert_eq!(spare_for_backfill(24, 0, 0), 0);
    }
}
