//! A cron line of the settings, and the slots it names.

use super::offset::{first_change, last_change};
use chrono::{DateTime, DurationRound, NaiveDateTime, TimeDelta, TimeZone, Utc};
use chrono_tz::Tz;
use croner::Cron;
use croner::parser::{CronParser, Seconds};

/// Why a cron line cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct CronLineError(String);

/// A checked cron line (`sec min hour day month weekday`) in the vendor's time zone.
///
/// croner finds the times of day, in a calendar without time zones; where clocks are put forward or
/// back, the rule of cron(8) holds. A line with a `*` or `*/n` for its seconds, minutes or hours goes by
/// what the clock shows: through a repeated hour twice, and not through one that is left out. Any other
/// line names times of its own, and each counts once: the first of the two, or, where there is no such
/// time on that day, the moment at which the clock goes on.
#[derive(Debug, Clone)]
pub struct CronLine {
    text: String,
    cron: Cron,
    timezone: Tz,
}

impl CronLine {
    /// Reads a line of six fields.
    ///
    /// # Errors
    /// Names what is wrong with the line, or that it never comes true (30 February).
    pub fn parse(text: &str, timezone: Tz) -> Result<Self, CronLineError> {
        let fields = text.split_whitespace().count();
        if fields != 6 && !text.trim_start().starts_with('@') {
            return Err(CronLineError(format!("has {fields} fields, not the six: sec min hour day month weekday")));
        }
        // croner takes these for a day or a second that there never is, and looks for it for many seconds.
        if text.split_whitespace().any(|field| field.split(',').any(|item| item.is_empty() || item == "+")) {
            return Err(CronLineError("has a list with an empty item".into()));
        }
        let parser = CronParser::builder().seconds(Seconds::Required).build();
        let cron = parser.parse(text).map_err(|e| CronLineError(e.to_string()))?;
        let line = Self { text: text.to_owned(), cron, timezone };
        let some_time = DateTime::from_timestamp(1_700_000_000, 0).unwrap_or_default();
        if line.next_after(some_time).is_none() {
            return Err(CronLineError("never comes true".into()));
        }
        Ok(line)
    }

    /// The line as the operator wrote it.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The time zone whose calendar the line speaks of.
    pub fn timezone(&self) -> Tz {
        self.timezone
    }

    /// The newest slot at or before `now`.
    pub fn last_slot(&self, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
        let (mut until, mut inclusive) = (whole_second(now), true);
        loop {
            let local = self.local(until);
            let found = self.cron.find_previous_occurrence(&local.and_utc(), inclusive).ok()?.naive_utc();
            let slot = until - (local - found);
            let Some(change) = last_change(self.timezone, slot, until) else {
                if self.counts(slot, found) {
                    return Some(slot);
                }
                (until, inclusive) = (slot, false);
                continue;
            };
            if self.is_left_out(found, change.at, change.jump) {
                return Some(change.at);
            }
            (until, inclusive) = (change.at - TimeDelta::seconds(1), true);
        }
    }

    /// The first slot after `now`.
    pub fn next_after(&self, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
        let (mut from, mut inclusive) = (whole_second(now), false);
        loop {
            let local = self.local(from);
            let found = self.cron.find_next_occurrence(&local.and_utc(), inclusive).ok()?.naive_utc();
            let slot = from + (found - local);
            let Some(change) = first_change(self.timezone, from, slot) else {
                if self.counts(slot, found) {
                    return Some(slot);
                }
                (from, inclusive) = (slot, false);
                continue;
            };
            if self.is_left_out(found, change.at, change.jump) {
                return Some(change.at);
            }
            (from, inclusive) = (change.at, true);
        }
    }

    /// How many slots lie after `now` and before `end`, counted up to `most`.
    pub fn slots_between(&self, now: DateTime<Utc>, end: DateTime<Utc>, most: u32) -> u32 {
        let mut count = 0;
        let mut at = now;
        while count < most {
            match self.next_after(at) {
                Some(slot) if slot < end => {
                    count += 1;
                    at = slot;
                }
                _ => break,
            }
        }
        count
    }

    fn local(&self, at: DateTime<Utc>) -> NaiveDateTime {
        at.with_timezone(&self.timezone).naive_local()
    }

    /// Goes by what the clock shows.
    fn is_running(&self) -> bool {
        let pattern = &self.cron.pattern;
        [&pattern.seconds, &pattern.minutes, &pattern.hours].iter().any(|field| field.from_wildcard)
    }

    /// Whether a time that the line names is a slot: not where the clock shows it for the second time.
    fn counts(&self, slot: DateTime<Utc>, local: NaiveDateTime) -> bool {
        self.is_running() || self.timezone.from_local_datetime(&local).earliest().is_none_or(|first| first == slot)
    }

    /// Whether a time that the line names is one that the clock does not show, as it jumps over it.
    fn is_left_out(&self, local: NaiveDateTime, change: DateTime<Utc>, jump: TimeDelta) -> bool {
        let after = self.local(change);
        !self.is_running() && after - jump <= local && local < after
    }
}

/// Slots are whole seconds.
fn whole_second(at: DateTime<Utc>) -> DateTime<Utc> {
    at.duration_trunc(TimeDelta::seconds(1)).unwrap_or(at)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn utc(text: &str) -> DateTime<Utc> {
        text.parse().expect("a test's time")
    }

    #[test]
    fn slots_are_counted_in_the_vendors_calendar() {
        let line = CronLine::parse("0 10 0,8-22/2 * * *", chrono_tz::Asia::Shanghai).expect("a line");
        let now = utc("2026-11-21T16:09:59.999Z"); // 00:09:59 in Shanghai
        assert_eq!(line.last_slot(now), Some(utc("2026-11-21T14:10:00Z")));
        assert_eq!(line.next_after(now), Some(utc("2026-11-21T16:10:00Z")));
        assert_eq!(line.last_slot(utc("2026-11-21T16:10:00Z")), Some(utc("2026-11-21T16:10:00Z")));
        assert_eq!(line.slots_between(now, utc("2026-11-22T16:00:00Z"), 100), 9);
    }

    #[test]
    fn a_slot_keeps_its_local_hour_over_daylight_saving_time() {
        let line = CronLine::parse("0 30 9 * * *", chrono_tz::Europe::Berlin).expect("a line");
        assert_eq!(line.next_after(utc("2026-03-28T12:00:00Z")), Some(utc("2026-03-29T07:30:00Z")));
        assert_eq!(line.next_after(utc("2026-10-24T12:00:00Z")), Some(utc("2026-10-25T08:30:00Z")));
        assert_eq!(line.last_slot(utc("2026-03-29T12:00:00Z")), Some(utc("2026-03-29T07:30:00Z")));
        assert_eq!(line.last_slot(utc("2026-10-25T12:00:00Z")), Some(utc("2026-10-25T08:30:00Z")));
    }

    /// The slots between two instants, told forwards, and the same backwards.
    fn slots(text: &str, timezone: Tz, from: &str, to: &str) -> Vec<String> {
        let line = CronLine::parse(text, timezone).expect("a line");
        let forwards: Vec<_> = std::iter::successors(line.next_after(utc(from)), |slot| line.next_after(*slot))
            .take_while(|slot| *slot <= utc(to))
            .collect();
        let mut backwards: Vec<_> =
            std::iter::successors(line.last_slot(utc(to)), |slot| line.last_slot(*slot - TimeDelta::milliseconds(1)))
                .take_while(|slot| *slot > utc(from))
                .collect();
        backwards.reverse();
        assert_eq!(forwards, backwards);
        forwards.into_iter().map(|slot| slot.format("%d %H:%M").to_string()).collect()
    }

    #[test]
    fn a_line_that_goes_by_the_clock_runs_through_the_repeated_hour_twice() {
        let berlin = |text| slots(text, chrono_tz::Europe::Berlin, "2026-10-24T23:30:00Z", "2026-10-25T02:30:00Z");
        let every_half_hour = ["25 00:00", "25 00:30", "25 01:00", "25 01:30", "25 02:00", "25 02:30"];
        assert_eq!(berlin("0 */30 * * * *"), every_half_hour);
        assert_eq!(berlin("0 */30 0-4 * * *"), every_half_hour, "0 to 4 o'clock has an hour more on that day");
        assert_eq!(berlin("0 0 * * * *"), ["25 00:00", "25 01:00", "25 02:00"]);
        let lord_howe =
            |text| slots(text, chrono_tz::Australia::Lord_Howe, "2026-04-04T14:15:00Z", "2026-04-04T16:00:00Z");
        let half_an_hour_more = ["04 14:20", "04 14:30", "04 14:40", "04 14:50", "04 15:00", "04 15:10", "04 15:20"];
        assert_eq!(lord_howe("0 */10 1 * * *"), half_an_hour_more);
    }

    #[test]
    fn a_time_that_a_line_names_counts_once_where_it_is_repeated_or_left_out() {
        let berlin = |text, from, to| slots(text, chrono_tz::Europe::Berlin, from, to);
        let autumn = |text| berlin(text, "2026-10-24T12:00:00Z", "2026-10-25T12:00:00Z");
        assert_eq!(autumn("0 30 2 * * *"), ["25 00:30"]);
        assert_eq!(
            autumn("0 10,40 1-3 * * *"),
            ["24 23:10", "24 23:40", "25 00:10", "25 00:40", "25 02:10", "25 02:40"]
        );
        let spring = |text| berlin(text, "2026-03-28T12:00:00Z", "2026-03-29T12:00:00Z");
        assert_eq!(spring("0 30 2 * * *"), ["29 01:00"], "when the clock goes on");
        assert_eq!(spring("0 10,40 1-3 * * *"), ["29 00:10", "29 00:40", "29 01:00", "29 01:10", "29 01:40"]);
        assert_eq!(spring("0 */30 2 * * *"), [""; 0], "a clock that never shows two o'clock");
        let apia = slots("0 30 9 * * *", chrono_tz::Pacific::Apia, "2011-12-29T12:00:00Z", "2011-12-31T12:00:00Z");
        assert_eq!(apia, ["29 19:30", "30 10:00", "30 19:30"], "a day that was left out");
    }

    #[test]
    fn all_through_the_two_changes_now_lies_between_its_last_and_its_next_slot() {
        for text in ["0 30 2 * * *", "0 */20 * * * *", "0 0 */3 * * *", "30 59 1,2,3 * * *"] {
            let line = CronLine::parse(text, chrono_tz::Europe::Berlin).expect("a line");
            for start in ["2026-03-28T20:00:00Z", "2026-10-24T20:00:00Z"] {
                let mut served = None;
                for minute in (0..24 * 60).step_by(7) {
                    let now = utc(start) + TimeDelta::minutes(minute);
                    let last = line.last_slot(now).unwrap_or_else(|| panic!("{text}: no slot before {now}"));
                    let next = line.next_after(now).unwrap_or_else(|| panic!("{text}: no slot after {now}"));
                    assert!(last <= now && now < next, "{text}: {last} {now} {next}");
                    assert!(served.is_none_or(|served| served <= last), "{text}: the last slot went back at {now}");
                    served = Some(last);
                }
            }
        }
    }

    #[test]
    fn a_line_with_an_empty_item_is_refused_without_a_search() {
        for text in
            [", 1 12 L JAN-JUN FRI#3", "0 , 0 * * *", "1 1 , 15W 2 *", "0 0 2 , 2 *", "0 0 2 1 5 +", "0 1,,2 * * * *"]
        {
            let error = CronLine::parse(text, chrono_tz::UTC).expect_err(text).to_string();
            assert!(error.contains("empty item"), "{text}: {error}");
        }
    }

    #[test]
    fn a_line_that_cannot_work_says_why() {
        for (text, why) in [("*/5 * * * *", "six"), ("0 61 * * * *", ""), ("0 0 0 30 2 *", ""), ("hello", "six")] {
            let error = CronLine::parse(text, chrono_tz::UTC).expect_err(text).to_string();
            assert!(error.contains(why), "{text}: {error}");
        }
    }
}
