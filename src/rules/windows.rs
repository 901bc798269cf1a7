//! Which days to ask for.
//!
//! One call covers at most eight calendar days and costs the same whatever it asks (vendor/pospal.md),
//! so every call asks for as many days as are wanted, up to eight.

use chrono::{Days, NaiveDate};

/// Days that one call can cover: `endDate - beginDate <= 7`.
pub const LONGEST_WINDOW: u64 = 8;

/// Consecutive days, both ends included.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct DayRange {
    /// Not after `last`.
    pub first: NaiveDate,
    /// Included.
    pub last: NaiveDate,
}

impl DayRange {
    /// `None` where `first` lies after `last`.
    pub fn new(first: NaiveDate, last: NaiveDate) -> Option<Self> {
        (first <= last).then_some(Self { first, last })
    }

    /// How many days.
    pub fn days(&self) -> u64 {
        (self.last - self.first).num_days().unsigned_abs() + 1
    }

    fn contains(&self, day: NaiveDate) -> bool {
        self.first <= day && day <= self.last
    }
}

/// What a scheduled poll asks for: today and the seven days before, so that a week of downtime heals
/// at no extra cost.
pub fn poll_window(today: NaiveDate) -> DayRange {
    DayRange { first: today - Days::new(LONGEST_WINDOW - 1), last: today }
}

/// The days of an answered window that were over when it was asked: their numbers are final, they need
/// not be asked for again.
pub fn settled(window: DayRange, today: NaiveDate) -> Option<DayRange> {
    DayRange::new(window.first, window.last.min(today - Days::new(1)))
}

/// Adds a range to others; ranges that touch become one. Sorted by day.
pub fn merge(ranges: &[DayRange], added: DayRange) -> Vec<DayRange> {
    let mut all: Vec<_> = ranges.iter().copied().chain([added]).collect();
    all.sort_unstable();
    let mut merged: Vec<DayRange> = Vec::with_capacity(all.len());
    for range in all {
        match merged.last_mut() {
            Some(before) if range.first <= before.last + Days::new(1) => before.last = before.last.max(range.last),
            _ => merged.push(range),
        }
    }
    merged
}

/// The windows that fetch what of `wanted` lies outside `asked`: newest first, because the vendor
/// forgets the oldest days first and people ask for the newest.
pub fn missing_windows(wanted: DayRange, asked: &[DayRange]) -> Vec<DayRange> {
    let mut windows = Vec::new();
    let mut day = wanted.last;
    loop {
        if let Some(known) = asked.iter().find(|range| range.contains(day)) {
            day = known.first;
        } else {
            let reach = day - Days::new(LONGEST_WINDOW - 1);
            let first = (0..LONGEST_WINDOW)
                .map(|back| reach.max(wanted.first) + Days::new(back))
                .find(|first| *first >= day || !asked.iter().any(|range| range.contains(*first)))
                .unwrap_or(day);
            windows.push(DayRange { first, last: day });
            day = first;
        }
        if day <= wanted.first {
            return windows;
        }
        day = day - Days::new(1);
    }
}

/// What the daemon fills in by itself: the `backfill_days` days before today that no answer has covered
/// since they ended. The newest seven are left to the scheduled polls, which cover them anyway.
pub fn backfill_range(today: NaiveDate, backfill_days: u32) -> Option<DayRange> {
    let last = today - Days::new(LONGEST_WINDOW);
    DayRange::new(today - Days::new(backfill_days.into()), last)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn day(offset: i64) -> NaiveDate {
        NaiveDate::from_ymd_opt(2026, 11, 21).expect("a date") + chrono::TimeDelta::days(offset)
    }

    fn range(first: i64, last: i64) -> DayRange {
        DayRange::new(day(first), day(last)).expect("a range")
    }

    #[test]
    fn a_poll_asks_for_today_and_the_seven_days_before() {
        assert_eq!(poll_window(day(0)), range(-7, 0));
        assert_eq!(poll_window(day(0)).days(), 8);
        assert_eq!(settled(poll_window(day(0)), day(0)), Some(range(-7, -1)));
        assert_eq!(settled(range(0, 0), day(0)), None);
    }

    #[test]
    fn ranges_that_touch_become_one() {
        assert_eq!(merge(&[range(-20, -10), range(-8, -5)], range(-9, -9)), vec![range(-20, -5)]);
        assert_eq!(merge(&[range(-20, -10)], range(-8, -5)), vec![range(-20, -10), range(-8, -5)]);
        assert_eq!(merge(&[range(-20, -1)], range(-8, -5)), vec![range(-20, -1)]);
    }

    #[test]
    fn missing_days_are_asked_for_newest_first_in_windows_of_eight() {
        assert_eq!(missing_windows(range(-30, -8), &[]), vec![range(-15, -8), range(-23, -16), range(-30, -24)]);
        assert_eq!(missing_windows(range(-30, -8), &[range(-40, -8)]), vec![]);
        assert_eq!(
            missing_windows(range(-30, -8), &[range(-12, -1), range(-29, -28)]),
            vec![range(-20, -13), range(-27, -21), range(-30, -30)]
        );
        assert_eq!(missing_windows(range(-3, -3), &[]), vec![range(-3, -3)]);
    }

    #[test]
    fn every_missing_day_is_in_a_window_and_no_window_is_too_long() {
        let mut random = fastrand::Rng::with_seed(7);
        for _ in 0..2000 {
            let mut asked = Vec::new();
            for _ in 0..random.u8(0..5) {
                let first = random.i64(-60..0);
                asked = merge(&asked, range(first, first + random.i64(0..12)));
            }
            let from = random.i64(-60..0);
            let wanted = range(from, from + random.i64(0..50));
            let windows = missing_windows(wanted, &asked);
            for offset in 0..i64::try_from(wanted.days()).expect("few") {
                let day = wanted.first + chrono::TimeDelta::days(offset);
                let known = asked.iter().any(|r| r.contains(day));
                assert!(known || windows.iter().any(|w| w.contains(day)), "{day} {wanted:?} {asked:?} {windows:?}");
            }
            for window in windows {
                assert!(window.days() <= LONGEST_WINDOW && wanted.first <= window.first && window.last <= wanted.last);
                assert!(!asked.iter().any(|r| r.contains(window.first) || r.contains(window.last)), "wasteful");
            }
        }
    }

    #[test]
    fn backfill_leaves_the_last_week_to_the_polls() {
        assert_eq!(backfill_range(day(0), 30), Some(range(-30, -8)));
        assert_eq!(backfill_range(day(0), 7), None);
        assert_eq!(backfill_range(day(0), 0), None);
    }
}
