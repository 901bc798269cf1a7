//! The budget: calls of one boot, whatever the wall clock says.

use super::cases;
use chrono::{DateTime, TimeDelta, Utc};
use chrono_tz::Tz;
use poskeeper::model::{BootInstant, Moment, day_of};
use poskeeper::rules::budget::{LedgerMark, spare_for_backfill, spent_today};
use proptest::prelude::*;
use std::collections::BTreeMap;

/// True time passes, somebody sets our clock, and a call is made if the budget allows.
#[derive(Debug, Clone, Copy)]
struct Turn {
    passes: i64,
    step: i64,
    /// Whether the vendor's answer, with its `Date`, arrives; the call counts there in any case.
    is_answered: bool,
}

fn turn() -> impl Strategy<Value = Turn> {
    let passes = prop_oneof![5 => 1..7_200_000_i64, 1 => 7_200_000..200_000_000_i64];
    let step = prop_oneof![
        12 => Just(0_i64),
        1 => -90_000_000..90_000_000_i64,
        1 => -2_000_000_000_000..1_000_000_000_000_i64,
        1 => -100_000..100_000_i64,
    ];
    (passes, step, any::<bool>()).prop_map(|(passes, step, is_answered)| Turn { passes, step, is_answered })
}

fn zone() -> impl Strategy<Value = Tz> {
    prop::sample::select(vec![chrono_tz::Asia::Shanghai, chrono_tz::Europe::Berlin, chrono_tz::Pacific::Apia])
}

proptest! {
    #![proptest_config(cases(500))]

    #[test]
    fn on_no_day_of_the_vendor_are_more_calls_made_than_the_budget_has(
        timezone in zone(), budget in 1..8_u32, turns in prop::collection::vec(turn(), 1..80), is_clock_right in any::<bool>(),
    ) {
        // A clock that is set wrong shows by the answers alone.
        let turns = turns.into_iter().map(|turn| match is_clock_right {
            true => Turn { step: 0, ..turn },
            false => Turn { is_answered: true, ..turn },
        });
        let start: DateTime<Utc> = "2026-11-21T00:00:00Z".parse().expect("a time");
        let (mut truth, mut wrong) = (0_i64, 0_i64);
        // Newest first, as the ledger is read.
        let mut marks: Vec<LedgerMark> = Vec::new();
        let mut made: BTreeMap<_, u32> = BTreeMap::new();
        for turn in turns {
            truth += turn.passes;
            // A vendor whose date lies further behind ours than this is not believed.
            wrong = (wrong + turn.step).min(TimeDelta::days(30).num_milliseconds());
            let theirs = start + TimeDelta::milliseconds(truth);
            let boot = BootInstant { boot_id: "a".into(), uptime_ms: truth };
            let now = Moment { wall: theirs + TimeDelta::milliseconds(wrong), boot };
            let known = &marks[..marks.len().min(budget as usize)];
            let spent = spent_today(&now, timezone, known, known);
            prop_assert_eq!(spent_today(&now, timezone, known, known), spent);
            prop_assert!(spent <= budget);
            if spent < budget {
                let calls = made.entry(day_of(theirs, timezone)).or_default();
                *calls += 1;
                prop_assert!(*calls <= budget, "{calls} calls on one day of the vendor, not {budget}");
                let skew = turn.is_answered.then(|| TimeDelta::milliseconds(wrong));
                let vendor_day = day_of(now.wall, timezone);
                marks.insert(0, LedgerMark { started_at: now.clone(), vendor_day, skew });
                prop_assert!(spent_today(&now, timezone, &marks[..1], &marks[..1]) == 1, "a call that was just made counts");
            }
        }
    }

    #[test]
    fn a_day_of_silence_brings_the_whole_budget_back(timezone in zone(), turns in prop::collection::vec(turn(), 1..40)) {
        let start: DateTime<Utc> = "2026-11-21T00:00:00Z".parse().expect("a time");
        let (mut truth, mut wrong, mut marks) = (0_i64, 0_i64, Vec::new());
        let moment = |truth: i64, wrong: i64| Moment {
            wall: start + TimeDelta::milliseconds(truth + wrong),
            boot: BootInstant { boot_id: "a".into(), uptime_ms: truth },
        };
        for turn in turns {
            truth += turn.passes;
            wrong += turn.step;
            let started_at = moment(truth, wrong);
            let vendor_day = day_of(started_at.wall, timezone);
            let skew = turn.is_answered.then(|| TimeDelta::milliseconds(wrong));
            marks.insert(0, LedgerMark { started_at, vendor_day, skew });
        }
        let silence = TimeDelta::hours(24) + TimeDelta::minutes(2);
        prop_assert_eq!(spent_today(&moment(truth + silence.num_milliseconds(), wrong), timezone, &marks, &marks), 0);
    }

    #[test]
    fn backfill_gets_no_more_than_is_left_and_leaves_the_slots_theirs(budget in 0..1_000_000_u32, left in any::<u32>(), slots in any::<u32>()) {
        let left = left.min(budget);
        let spare = spare_for_backfill(budget, left, slots);
        prop_assert!(spare <= left);
        prop_assert!(spare == 0 || left - spare >= slots.min(budget / 2));
    }
}
