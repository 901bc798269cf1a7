//! How values stand in the columns: instants as milliseconds, days as numbers.

use chrono::{DateTime, NaiveDate, TimeDelta, Utc};

pub(super) fn millis(at: DateTime<Utc>) -> i64 {
    at.timestamp_millis()
}

pub(super) fn instant(millis: i64) -> DateTime<Utc> {
    DateTime::from_timestamp_millis(millis).unwrap_or(DateTime::UNIX_EPOCH)
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
}
