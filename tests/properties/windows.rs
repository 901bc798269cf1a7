//! Date windows: which days are asked for.

use super::cases;
use chrono::{Days, NaiveDate};
use poskeeper::rules::windows::{
    DayRange, LONGEST_WINDOW, backfill_range, merge, missing_windows, poll_window, settled,
};
use proptest::prelude::*;
use std::collections::BTreeSet;

fn day(number: u64) -> NaiveDate {
    NaiveDate::from_ymd_opt(2024, 1, 1).expect("a day") + Days::new(number)
}

fn range(most: u64) -> impl Strategy<Value = DayRange> {
    (0..400_u64, 0..most).prop_map(|(first, more)| DayRange { first: day(first), last: day(first + more) })
}

fn days(ranges: impl IntoIterator<Item = DayRange>) -> BTreeSet<NaiveDate> {
    ranges.into_iter().flat_map(|range| range.first.iter_days().take_while(move |day| *day <= range.last)).collect()
}

/// As the store keeps them: sorted, merged.
fn asked() -> impl Strategy<Value = Vec<DayRange>> {
    prop::collection::vec(range(20), 0..12)
        .prop_map(|ranges| ranges.iter().fold(Vec::new(), |merged, range| merge(&merged, *range)))
}

proptest! {
    #![proptest_config(cases(2000))]

    #[test]
    fn the_missing_windows_hold_every_wanted_day_once_and_no_other_that_need_not_be_asked(wanted in range(120), asked in asked()) {
        let windows = missing_windows(wanted, &asked);
        let known = days(asked.iter().copied());
        let mut covered = BTreeSet::new();
        for window in &windows {
            prop_assert!(window.first <= window.last && window.days() <= LONGEST_WINDOW, "{window:?}");
            prop_assert!(wanted.first <= window.first && window.last <= wanted.last, "{window:?} of {wanted:?}");
            for day in days([*window]) {
                prop_assert!(covered.insert(day), "{day} is asked for twice: {windows:?}");
            }
            // A call costs the same for one day as for eight; none is spent on what is known at its ends.
            prop_assert!(!known.contains(&window.first) && !known.contains(&window.last), "{window:?} {asked:?}");
        }
        let missing: BTreeSet<_> = days([wanted]).difference(&known).copied().collect();
        prop_assert!(missing.is_subset(&covered), "{missing:?} {windows:?}");
        prop_assert!(windows.is_sorted_by(|newer, older| newer.first > older.last), "newest first: {windows:?}");
    }

    #[test]
    fn a_backfill_that_is_cut_off_anywhere_and_goes_on_asks_for_the_same(wanted in range(120), asked in asked(), done in 0..20_usize) {
        let whole = missing_windows(wanted, &asked);
        let done = done.min(whole.len());
        let after = whole[..done].iter().fold(asked, |asked, window| merge(&asked, *window));
        prop_assert_eq!(&missing_windows(wanted, &after)[..], &whole[done..]);
    }

    #[test]
    fn merging_ranges_keeps_every_day_and_no_two_that_touch(ranges in prop::collection::vec(range(30), 1..15)) {
        let merged = ranges.iter().fold(Vec::new(), |merged, range| merge(&merged, *range));
        prop_assert_eq!(days(merged.iter().copied()), days(ranges));
        prop_assert!(merged.is_sorted_by(|one, next| next.first > one.last + Days::new(1)), "{merged:?}");
    }

    #[test]
    fn polls_and_backfills_share_the_days_before_today_without_a_gap_and_ask_for_no_future(today in 4000..8000_u64, backfill in 0..3700_u32) {
        let today = day(today);
        let poll = poll_window(today);
        prop_assert!(poll.last == today && poll.days() == LONGEST_WINDOW);
        prop_assert_eq!(settled(poll, today).map(|range| range.last), Some(today - Days::new(1)));
        match backfill_range(today, backfill) {
            Some(range) => {
                prop_assert_eq!(range.last + Days::new(1), poll.first);
                prop_assert_eq!(range.first, today - Days::new(backfill.into()));
            }
            None => prop_assert!(u64::from(backfill) < LONGEST_WINDOW),
        }
    }

    #[test]
    fn what_is_settled_is_over(window in range(8), today in 0..420_u64) {
        let today = day(today);
        let settled = days(settled(window, today));
        let expected: BTreeSet<_> = days([window]).into_iter().filter(|day| *day < today).collect();
        prop_assert_eq!(settled, expected);
    }
}
