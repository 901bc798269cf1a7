//! A month of a chain of three stores, through the pure rules: how many lines of log do the alerts cost?

use chrono::{DateTime, Datelike, NaiveDate, TimeDelta, Utc, Weekday};
use chrono_tz::Asia::Shanghai;
use poskeeper::model::{CronLine, Endpoint, day_of};
use poskeeper::rules::alarms::{
    Alarm, Change, OpenAlarm, PackageFacts, PollFacts, QuotaFacts, package_trouble, quota_trouble, reconcile,
    stale_polls,
};
use poskeeper::rules::forecast::{PastDay, Sample, exhausted_at};
use std::collections::{BTreeMap, HashMap};

const REMIND_AFTER: TimeDelta = TimeDelta::hours(24);

/// Share of a day's calls made by an hour of the day: nothing at night, then evenly.
fn share(hour: f64) -> f64 {
    ((hour - 8.0) / 14.0).clamp(0.0, 1.0)
}

struct Store {
    name: &'static str,
    limit: i64,
    /// What a day would use without a limit.
    wanted: fn(NaiveDate) -> f64,
    package_end: Option<&'static str>,
}

/// A has a quiet month, B runs out every Saturday, C's package ends on the 20th.
const STORES: [Store; 3] = [
    Store { name: "A", limit: 3000, wanted: |_| 1200.0, package_end: Some("2027-12-31 23:59:59") },
    Store {
        name: "B",
        limit: 300,
        wanted: |day| if day.weekday() == Weekday::Sat { 400.0 } else { 150.0 },
        package_end: None,
    },
    Store { name: "C", limit: 3000, wanted: |_| 900.0, package_end: Some("2026-11-20 23:59:59") },
];

/// Two days in which the shop's line is down.
fn is_offline(at: DateTime<Utc>) -> bool {
    (10..12).contains(&day_of(at, Shanghai).day())
}

/// What the judge remembers, and what it said.
#[derive(Default)]
struct Judge {
    open: Vec<OpenAlarm>,
    lines: BTreeMap<String, u32>,
}

impl Judge {
    fn judge(&mut self, now: DateTime<Utc>, standing: Vec<Alarm>) {
        for change in reconcile(now, standing, &self.open, REMIND_AFTER) {
            let (name, suffix) = match &change {
                Change::Open(alarm) | Change::Repeat(_, alarm, _) => (alarm.rule.name(), ""),
                Change::Resolve(known, _) => (known.alarm.rule.name(), ".resolved"),
            };
            *self.lines.entry(format!("{name}{suffix}")).or_default() += 1;
            match change {
                Change::Open(alarm) => {
                    let alert_key = i64::from(self.lines.values().sum::<u32>());
                    self.open.push(OpenAlarm { alert_key, alarm, opened_at: now, logged_at: now });
                }
                Change::Repeat(key, alarm, _) => {
                    let known = self.open.iter_mut().find(|known| known.alert_key == key).expect("open");
                    (known.alarm, known.logged_at) = (alarm, now);
                }
                Change::Resolve(over, _) => self.open.retain(|known| known.alert_key != over.alert_key),
            }
        }
    }
}

#[test]
fn a_month_of_a_chain_costs_no_more_lines_than_its_troubles_are_worth() {
    let line = CronLine::parse("0 10 0,8-22/2 * * *", Shanghai).expect("a line");
    let start: DateTime<Utc> = "2026-10-31T16:00:00Z".parse().expect("a time");
    let mut judge = Judge::default();
    let mut samples: HashMap<(&str, NaiveDate), Vec<Sample>> = HashMap::new();
    let mut last_ok = start;
    for minute in (0..30 * 24 * 60).step_by(5) {
        let now = start + TimeDelta::minutes(minute);
        let today = day_of(now, Shanghai);
        let midnight = today
            .and_hms_opt(0, 0, 0)
            .and_then(|at| at.and_local_timezone(Shanghai).single())
            .expect("a midnight")
            .to_utc();
        let slot = line.last_slot(now).expect("a slot");
        let is_poll = now - slot < TimeDelta::minutes(5) && !is_offline(now);
        if is_poll {
            last_ok = now;
            for store in &STORES {
                let hour = (now - midnight).as_seconds_f64() / 3600.0;
                let used = (((store.wanted)(today) * share(hour)) as i64).min(store.limit);
                samples.entry((store.name, today)).or_default().push(Sample { at: now - midnight, used });
            }
        }
        let mut quota = Vec::new();
        for store in &STORES {
            let Some(seen) = samples.get(&(store.name, today)) else { continue };
            let history: Vec<_> = (1..=28)
                .filter_map(|age| {
                    let day = today - TimeDelta::days(age);
                    let samples = samples.get(&(store.name, day))?.clone();
                    let total = ((store.wanted)(day) as i64).min(store.limit);
                    Some(PastDay { weekday: day.weekday(), age_days: age as u32, samples, total, limit: store.limit })
                })
                .collect();
            let used = seen.last().map_or(0, |sample| sample.used);
            let is_open = judge.open.iter().any(|known| known.alarm.subject == format!("{} {today}", store.name));
            let at = exhausted_at(now - midnight, seen, store.limit, today.weekday(), &history, is_open);
            let (app_id, name) = (store.name.to_owned(), store.name.to_owned());
            quota.push(QuotaFacts {
                app_id,
                name,
                day: today,
                limit: store.limit,
                used,
                exhausted_at: at.map(|at| midnight + at),
            });
        }
        let packages: Vec<_> = STORES
            .iter()
            .filter_map(|store| {
                let package = (Some("2026-01-01 00:00:00".to_owned()), Some(store.package_end?.to_owned()));
                Some(PackageFacts { app_id: store.name.into(), name: store.name.into(), packages: vec![package] })
            })
            .collect();
        let polls: Vec<_> = STORES
            .iter()
            .map(|store| PollFacts {
                app_id: store.name.into(),
                name: store.name.into(),
                endpoint: Endpoint::DailyAccess,
                last_ok_at: Some(last_ok),
                configured_at: start,
                last_slot: Some(slot),
                tried_slot: Some(slot),
            })
            .collect();
        let mut standing = quota_trouble(&quota, &[80, 95], &judge.open);
        standing.extend(package_trouble(now, Shanghai, &packages, &[30, 7, 1]));
        standing.extend(stale_polls(now, &polls, TimeDelta::hours(26)));
        judge.judge(now, standing);
    }

    eprintln!("lines of a month: {:?}", judge.lines);
    // Trouble by trouble; a line a day reminds of what stays open.
    let at_most = BTreeMap::from([
        ("quota.forecast", 4),           // four Saturdays; the first is told by the straight line
        ("quota.forecast.resolved", 4),  // came true
        ("quota.high", 8),               // 80 and 95 per cent of each
        ("quota.high.resolved", 8),      // midnight
        ("quota.exhausted", 4),          // of each
        ("quota.exhausted.resolved", 4), // midnight
        ("package.ending", 22),          // 19 days, and two thresholds more
        ("package.ending.resolved", 1),  // it ended
        ("package.ended", 11),           // ten days
        ("poll.stale", 3),               // each store, once the line was down for 26 hours
        ("poll.stale.resolved", 3),      // the line is back
    ]);
    for (name, lines) in &judge.lines {
        let most = at_most.get(name.as_str()).unwrap_or_else(|| panic!("{name}: {lines} lines nobody wants"));
        assert!(lines <= most, "{name}: {lines} lines, not {most}");
    }
    for name in ["quota.exhausted", "package.ended", "poll.stale", "quota.forecast"] {
        assert!(judge.lines.contains_key(name), "{name} was worth a line");
    }
}
