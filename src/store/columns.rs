//! How values stand in the columns: instants as milliseconds, days as numbers.

use chrono::{DateTime, NaiveDate, TimeDelta, Utc};

const DAY_MS: i64 = 86_400_000;

pub(super) fn millis(at: DateTime<Utc>) -> i64 {
    at.timestamp_millis()
}

pub(super) fn instant(millis: i64) -> DateTime<Utc> {
    DateTime::from_timestamp_millis(millis).unwrap_or(DateTime::UNIX_EPOCH)
}

/// An instant of a day's history: milliseconds after its 00:00 UTC.
pub(super) fn millis_after(day: NaiveDate, at: DateTime<Utc>) -> i64 {
    millis(at) - day_number(day) * DAY_MS
}

pub(super) fn instant_after(day: NaiveDate, millis: i64) -> DateTime<Utc> {
    instant(day_number(day) * DAY_MS + millis)
}

pub(super) fn day_number(day: NaiveDate) -> i64 {
    (day - NaiveDate::default()).num_days()
}

pub(super) fn day(number: i64) -> NaiveDate {
    NaiveDate::default() + TimeDelta::days(number)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_are_counted_from_1970() {
        let date = NaiveDate::from_ymd_opt(2026, 11, 21).expect("a date");
        assert_eq!(day_number(date), 20_778);
        assert_eq!(day(day_number(date)), date);
    }

    #[test]
    fn an_instant_before_during_and_after_its_day_comes_back() {
        let date = NaiveDate::from_ymd_opt(2026, 11, 21).expect("a date");
        for at in ["1970-01-01T00:00:00Z", "2026-11-20T16:00:00.001Z", "2027-11-21T15:59:59.999Z"] {
            let at = at.parse().expect("an instant");
            assert_eq!(instant_after(date, millis_after(date, at)), at);
        }
        let midnight = date.and_time(chrono::NaiveTime::MIN).and_utc();
        assert_eq!(millis_after(date, midnight), 0);
    }
}
