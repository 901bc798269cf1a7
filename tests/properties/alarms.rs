//! Alarms: from standing troubles to lines of log, evaluated over and over.

use super::cases;
use chrono::{DateTime, TimeDelta};
use poskeeper::rules::alarms::{Alarm, Change, Fields, OpenAlarm, QuotaFacts, Rule, quota_trouble, reconcile};
use proptest::prelude::*;
use std::collections::HashSet;

const REMIND: TimeDelta = TimeDelta::hours(24);

fn alarm() -> impl Strategy<Value = Alarm> {
    let rules = [Rule::QuotaHigh, Rule::PackageEnding, Rule::PollStale, Rule::UsageLost, Rule::ClockWrong];
    (prop::sample::select(rules.to_vec()), 0..3_u8, 0..3_i64).prop_map(|(rule, subject, stage)| Alarm {
        rule,
        subject: format!("app {subject}"),
        stage,
        message: "wrong".into(),
        fields: Fields::default(),
    })
}

/// At most one alarm of a rule and subject stands.
fn standing() -> impl Strategy<Value = Vec<Alarm>> {
    prop::collection::vec(alarm(), 0..6).prop_map(|mut alarms| {
        let mut seen = HashSet::new();
        alarms.retain(|alarm| seen.insert((alarm.rule, alarm.subject.clone())));
        alarms
    })
}

/// As the database keeps them.
fn write_down(open: &mut Vec<OpenAlarm>, keys: &mut i64, now: DateTime<chrono::Utc>, changes: &[Change]) {
    for change in changes {
        match change {
            Change::Open(alarm) => {
                *keys += 1;
                open.push(OpenAlarm { alert_key: *keys, alarm: alarm.clone(), opened_at: now, logged_at: now });
            }
            Change::Repeat(key, alarm, _) => {
                let known = open.iter_mut().find(|known| known.alert_key == *key).expect("open");
                (known.alarm, known.logged_at) = (alarm.clone(), now);
            }
            Change::Resolve(over, _) => open.retain(|known| known.alert_key != over.alert_key),
        }
    }
}

proptest! {
    #![proptest_config(cases(1500))]

    #[test]
    fn each_is_opened_once_reminded_of_in_time_and_resolved_only_if_open(rounds in prop::collection::vec((0..172_800_i64, standing()), 1..25)) {
        let (mut now, mut keys, mut open) = (DateTime::UNIX_EPOCH, 0, Vec::<OpenAlarm>::new());
        for (seconds, standing) in rounds {
            now += TimeDelta::seconds(seconds);
            let changes = reconcile(now, standing.clone(), &open, REMIND);
            let is_open = |alarm: &Alarm| open.iter().find(|known| known.alarm.rule == alarm.rule && known.alarm.subject == alarm.subject);
            let mut touched = HashSet::new();
            for change in &changes {
                let (Change::Open(alarm) | Change::Repeat(_, alarm, _) | Change::Resolve(OpenAlarm { alarm, .. }, _)) = change;
                prop_assert!(touched.insert((alarm.rule, alarm.subject.clone())), "two changes of one alarm: {changes:?}");
                let known = is_open(alarm);
                match change {
                    Change::Open(_) => prop_assert!(known.is_none(), "opened twice: {alarm:?}"),
                    Change::Resolve(..) => {
                        prop_assert!(known.is_some() && !alarm.rule.is_told_once(), "{alarm:?}");
                        prop_assert!(!standing.iter().any(|other| (other.rule, &other.subject) == (alarm.rule, &alarm.subject)));
                    }
                    Change::Repeat(_, _, opened_at) => {
                        let known = known.expect("open before");
                        prop_assert!(now - known.logged_at >= REMIND || alarm.stage > known.alarm.stage, "{alarm:?}");
                        prop_assert!(*opened_at == known.opened_at && !alarm.rule.is_told_once());
                    }
                }
            }
            // Whatever stands is open afterwards, and what no longer stands is not.
            write_down(&mut open, &mut keys, now, &changes);
            for alarm in &standing {
                prop_assert!(open.iter().any(|known| (known.alarm.rule, &known.alarm.subject) == (alarm.rule, &alarm.subject)));
            }
            let stands = |known: &OpenAlarm| standing.iter().any(|alarm| (alarm.rule, &alarm.subject) == (known.alarm.rule, &known.alarm.subject));
            prop_assert!(open.iter().all(|known| known.alarm.rule.is_told_once() || stands(known)));
            prop_assert_eq!(reconcile(now, standing, &open, REMIND), vec![], "judged twice at the same time");
        }
    }

    #[test]
    fn quota_alarms_have_a_subject_each_and_do_not_flutter(limit in any::<i64>(), used in prop::collection::vec(any::<i64>().prop_map(|n| n.unsigned_abs() >> 1), 1..8), scale in 0..60_u32) {
        let day = DateTime::UNIX_EPOCH.date_naive();
        let limit = limit.unsigned_abs().checked_shr(scale).unwrap_or(0).cast_signed().max(0);
        let (mut now, mut keys, mut open) = (DateTime::UNIX_EPOCH, 0, Vec::<OpenAlarm>::new());
        for used in used {
            now += TimeDelta::minutes(5);
            let used = (used >> scale.min(62)).cast_signed();
            let facts = [QuotaFacts { app_id: "A".into(), name: "Store A".into(), day, limit, used, exhausted_at: None }];
            let standing = quota_trouble(&facts, &[80, 95], &open);
            let subjects: HashSet<_> = standing.iter().map(|alarm| (alarm.rule, &alarm.subject)).collect();
            prop_assert_eq!(subjects.len(), standing.len());
            prop_assert_eq!(standing.iter().any(|alarm| alarm.rule == Rule::QuotaExhausted), used >= limit);
            let percent = 100.0 * used as f64 / limit as f64;
            let high = |threshold: i64| standing.iter().any(|alarm| alarm.fields.threshold == Some(threshold));
            for threshold in [80, 95] {
                prop_assert!(limit == 0 || percent < threshold as f64 || high(threshold), "{percent}");
                prop_assert!(percent > threshold as f64 - 2.0 || !high(threshold), "{percent}");
            }
            let changes = reconcile(now, standing, &open, REMIND);
            write_down(&mut open, &mut keys, now, &changes);
            let again = quota_trouble(&facts, &[80, 95], &open);
            prop_assert_eq!(reconcile(now, again, &open, REMIND), vec![]);
        }
    }
}
