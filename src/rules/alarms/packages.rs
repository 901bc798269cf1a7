//! Packages that end: `package.ending`, `package.ended`.

use super::{Alarm, Fields, Rule};
use chrono::{DateTime, NaiveDate, NaiveDateTime, NaiveTime, TimeDelta, Utc};
use chrono_tz::Tz;

/// A package that starts on the day after another's end follows it without a gap.
const LEAST_GAP: TimeDelta = TimeDelta::days(1);

/// The packages that the vendor lists for an account: start and end as its own text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PackageFacts {
    /// Whose.
    pub app_id: String,
    /// For people.
    pub name: String,
    /// Start and end of each; null in either means that the account is on the default quota.
    pub packages: Vec<(Option<String>, Option<String>)>,
}

/// The alarms about packages. `days_left`: falling numbers of days at which to warn.
pub fn package_trouble(now: DateTime<Utc>, timezone: Tz, facts: &[PackageFacts], days_left: &[u32]) -> Vec<Alarm> {
    facts.iter().filter_map(|fact| trouble(now.with_timezone(&timezone).naive_local(), fact, days_left)).collect()
}

/// When the packages end, by the vendor's clock and in its own words: the running ones, and those that
/// follow them without a gap. `None`: on the default quota, which has no end, and where there never was
/// a package.
pub fn last_end(packages: &[(Option<String>, Option<String>)], now: NaiveDateTime) -> Option<(NaiveDateTime, &String)> {
    let spans: Option<Vec<_>> = packages
        .iter()
        .map(|(start, end)| Some((instant(start.as_ref()?)?, instant(end.as_ref()?)?, end.as_ref()?)))
        .collect();
    let mut spans = spans?;
    spans.sort_unstable();
    let mut last: Option<(NaiveDateTime, &String)> = None;
    for (start, end, text) in spans {
        let covered_until = last.map_or(now, |(end, _)| end.max(now));
        if start <= covered_until + LEAST_GAP && last.is_none_or(|(last, _)| end > last) {
            last = Some((end, text));
        }
    }
    last
}

fn trouble(now: NaiveDateTime, fact: &PackageFacts, thresholds: &[u32]) -> Option<Alarm> {
    let (last_end, text) = last_end(&fact.packages, now)?;
    let PackageFacts { app_id, name, .. } = fact;
    let fields = Fields { app_id: Some(app_id.clone()), end_date: Some(text.clone()), ..Fields::default() };
    if last_end <= now {
        return Some(Alarm {
            rule: Rule::PackageEnded,
            subject: app_id.clone(),
            stage: 0,
            message: format!(
                "the last package of {name} ended at {text} (the vendor's time): it is back on the default quota; \
                 buy a new package if that is too little"
            ),
            fields,
        });
    }
    let left = (last_end.date() - now.date()).num_days();
    let passed = thresholds.iter().filter(|threshold| left <= i64::from(**threshold)).count();
    (passed > 0).then(|| Alarm {
        rule: Rule::PackageEnding,
        subject: app_id.clone(),
        stage: i64::try_from(passed).unwrap_or(i64::MAX),
        message: format!(
            "the last package of {name} ends at {text} (the vendor's time), in {left} day(s); renew it, else the \
             account falls back to the default quota"
        ),
        fields: Fields { days_left: Some(left), ..fields },
    })
}

/// `yyyy-MM-dd HH:mm:ss`, or a day alone, which ends when it is over.
fn instant(text: &str) -> Option<NaiveDateTime> {
    let day = NaiveDate::parse_from_str(text.get(..10)?, "%Y-%m-%d").ok()?;
    let time = text.get(10..).unwrap_or_default().trim_start_matches([' ', 'T']);
    let time = NaiveTime::parse_from_str(time.get(..8).unwrap_or(time), "%H:%M:%S").ok();
    Some(day.and_time(time.or(NaiveTime::from_hms_opt(23, 59, 59))?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str, packages: &[(Option<&str>, Option<&str>)]) -> Vec<(&'static str, Option<i64>, i64)> {
        let owned = |text: &Option<&str>| text.map(str::to_owned);
        let packages = packages.iter().map(|(start, end)| (owned(start), owned(end))).collect();
        let fact = PackageFacts { app_id: "A".into(), name: "Store A".into(), packages };
        let now = text.parse().expect("a time");
        package_trouble(now, chrono_tz::Asia::Shanghai, &[fact], &[30, 7, 1])
            .into_iter()
            .map(|alarm| (alarm.rule.name(), alarm.fields.days_left, alarm.stage))
            .collect()
    }

    const RUNNING: [(Option<&str>, Option<&str>); 2] = [
        (Some("2025-01-01 00:00:00"), Some("2026-12-01 23:59:59")),
        (Some("2026-01-01 00:00:00"), Some("2026-12-31 23:59:59")),
    ];

    #[test]
    fn the_last_package_to_end_counts_and_each_threshold_is_a_stage() {
        assert_eq!(at("2026-11-30T00:00:00Z", &RUNNING), []);
        assert_eq!(at("2026-12-01T00:00:00Z", &RUNNING), [("package.ending", Some(30), 1)]);
        assert_eq!(at("2026-12-24T00:00:00Z", &RUNNING), [("package.ending", Some(7), 2)]);
        assert_eq!(at("2026-12-30T15:59:59Z", &RUNNING), [("package.ending", Some(1), 3)]);
        assert_eq!(at("2026-12-31T15:59:58Z", &RUNNING), [("package.ending", Some(0), 3)]);
    }

    #[test]
    fn a_package_that_follows_counts_and_one_that_begins_after_a_gap_does_not() {
        let follows = [RUNNING[1], (Some("2027-01-01 00:00:00"), Some("2027-12-31 23:59:59"))];
        assert_eq!(at("2026-12-24T00:00:00Z", &follows), []);
        let after_a_gap = [RUNNING[1], (Some("2027-02-01 00:00:00"), Some("2027-12-31 23:59:59"))];
        assert_eq!(at("2026-12-24T00:00:00Z", &after_a_gap), [("package.ending", Some(7), 2)]);
        assert_eq!(at("2027-01-10T00:00:00Z", &after_a_gap), [("package.ended", None, 0)]);
        assert_eq!(at("2027-02-01T00:00:00Z", &after_a_gap), []);
    }

    #[test]
    fn it_has_ended_by_the_vendors_clock() {
        assert_eq!(at("2026-12-31T15:59:59Z", &RUNNING), [("package.ended", None, 0)]);
    }

    #[test]
    fn the_default_quota_never_ends() {
        assert_eq!(at("2026-12-31T16:00:00Z", &[(None, None)]), []);
        assert_eq!(at("2026-12-31T16:00:00Z", &[RUNNING[0], (Some("2020-01-01 00:00:00"), None)]), []);
        assert_eq!(at("2026-12-31T16:00:00Z", &[]), []);
    }
}
