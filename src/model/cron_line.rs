//! A cron line of the settings, and the slots it names.

use chrono::{DateTime, DurationRound, TimeDelta, Utc};
use chrono_tz::Tz;
use croner::Cron;
use croner::parser::{CronParser, Seconds};

/// Why a cron line cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct CronLineError(String);

/// A checked cron line (`sec min hour day month weekday`) in the vendor's time zone.
///
/// croner does the arithmetic, each time anew, because the scheduler freezes a time zone to the offset
/// it had when the job was made and is an hour off after a change to or from daylight saving time.
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
        let from = whole_second(now).with_timezone(&self.timezone);
        let mut slot = self.cron.find_previous_occurrence(&from, true).ok()?.with_timezone(&Utc);
        // In the hour that daylight saving time repeats, the search back may have gone too far.
        while let Some(next) = self.next_after(slot).filter(|next| *next <= now) {
            slot = next;
        }
        Some(slot).filter(|slot| *slot <= now)
    }

    /// The first slot after `now`.
    pub fn next_after(&self, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
        let find = |minute| {
            let from = (whole_second(now) + TimeDelta::minutes(minute)).with_timezone(&self.timezone);
            Some(self.cron.find_next_occurrence(&from, false).ok()?.with_timezone(&Utc))
        };
        // In the hour that daylight saving time repeats, croner may name the first of the two, which
        // is over; asked from a little later it goes on to the next.
        let first = find(0)?;
        if first > now { Some(first) } else { (1..=120).filter_map(find).find(|slot| *slot > now) }
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
}

/// croner keeps the sub-second part of its start time in the result.
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
    fn a_line_that_cannot_work_says_why() {
        for (text, why) in [("*/5 * * * *", "six"), ("0 61 * * * *", ""), ("0 0 0 30 2 *", ""), ("hello", "six")] {
            let error = CronLine::parse(text, chrono_tz::UTC).expect_err(text).to_string();
            assert!(error.contains(why), "{text}: {error}");
        }
    }
}
