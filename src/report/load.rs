//! Reads a report from the database.

use super::data::{App, Report, Spent, SpentDay};
use super::span::Span;
use crate::model::start_of;
use crate::rules::alarms::{Alarm, Rule};
use crate::store::{AppHistory, Store, StoreError, UsageDay};
use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use chrono_tz::Tz;
use std::collections::{BTreeMap, HashMap};

/// Login attempts are counted in this many slices of the span: as fine as a drawing can show.
const SLICES: i64 = 240;
/// Failed logins that are told one by one.
const MOST_FAILURES: i64 = 20;

/// Reads all of it. A span that begins before the history begins with the history instead.
///
/// # Errors
/// The database cannot be read.
pub async fn load(store: &Store, span: Span, now: DateTime<Utc>, timezone: Tz) -> Result<Report, StoreError> {
    let known = store.app_histories().await?;
    let first_days = known.iter().filter_map(|app| Some(app.known_days?.0));
    let first_call = store.first_call_day().await?;
    let since =
        |first: Option<NaiveDate>| Span { from: first.map_or(span.from, |day| day.clamp(span.from, span.to)), ..span };
    // A chart of one day alone is a wall.
    let ledger_span = since(first_call.map(|day| day.min(span.to - TimeDelta::days(6))));
    let span = since(first_days.chain(first_call).min());
    let mut days = store.usage_days(span.from, span.to).await?;
    let mut curves = store.usage_points(span.to).await?;
    let mut packages = store.package_rows().await?;
    let mut spent_by_app: HashMap<i64, Spent> = HashMap::new();
    let mut spent_by_day: BTreeMap<NaiveDate, Spent> = BTreeMap::new();
    for row in store.spending(span.from, span.to).await? {
        for spent in [spent_by_app.entry(row.app_key).or_default(), spent_by_day.entry(row.day).or_default()] {
            spent.calls += row.calls;
            spent.failed += row.failed;
        }
    }
    let forecasts = forecasts(store, span.to).await?;
    let apps = known.into_iter().map(|known| {
        let key = known.app_key;
        let days = days.remove(&key).unwrap_or_default();
        let curve = curves.remove(&key).unwrap_or_default();
        App {
            gaps: gaps(span, &known, &days),
            days,
            curve,
            forecast: forecasts.get(&known.app_id.to_lowercase()).copied(),
            packages: packages.remove(&key).unwrap_or_default(),
            spent: spent_by_app.remove(&key).unwrap_or_default(),
            known,
        }
    });
    let apps = apps.collect();
    let end = start_of(span.to, timezone) + TimeDelta::days(1);
    let start = start_of(ledger_span.from, timezone);
    Ok(Report {
        span,
        ledger_span,
        now,
        timezone,
        apps,
        spending: spent_by_day.into_iter().map(|(day, spent)| SpentDay { day, spent }).collect(),
        devices: store.device_histories(start, end, SLICES, MOST_FAILURES).await?,
        alerts: store.open_alerts().await?,
    })
}

/// When the open alerts say that the quota of `day` runs out, by app id in small letters: the page tells
/// the same as the log.
async fn forecasts(store: &Store, day: NaiveDate) -> Result<HashMap<String, DateTime<Utc>>, StoreError> {
    let of_day = |alarm: &Alarm| alarm.rule == Rule::QuotaForecast && alarm.subject.ends_with(&day.to_string());
    let open = store.open_alarms().await?.into_iter().map(|known| known.alarm).filter(of_day);
    Ok(open
        .filter_map(|alarm| Some((alarm.fields.app_id?.to_lowercase(), alarm.fields.exhausted_at?.parse().ok()?)))
        .collect())
}

/// As the view `usage_gaps` has them, within the span: only of configured accounts, between their first
/// and their newest day.
fn gaps(span: Span, app: &AppHistory, days: &[UsageDay]) -> Vec<(NaiveDate, NaiveDate)> {
    let Some((first, newest)) = app.known_days.filter(|_| app.configured) else { return Vec::new() };
    let (from, to) = (first.max(span.from), newest.min(span.to));
    let mut gaps = Vec::new();
    let mut expected = from;
    for row in days {
        if row.day > expected {
            gaps.push((expected, row.day - TimeDelta::days(1)));
        }
        expected = row.day + TimeDelta::days(1);
    }
    if expected <= to {
        gaps.push((expected, to));
    }
    gaps
}

#[cfg(test)]
mod tests {
    use super::*;

    fn day(text: &str) -> NaiveDate {
        text.parse().expect("a day")
    }

    #[test]
    fn gaps_lie_between_the_first_and_the_newest_day_of_a_configured_account() {
        let span = Span { from: day("2026-11-01"), to: day("2026-11-20") };
        let mut app = AppHistory {
            app_key: 1,
            app_id: "A".into(),
            app_name: None,
            configured: true,
            known_days: Some((day("2026-11-05"), day("2026-11-25"))),
        };
        let row = |text| UsageDay { day: day(text), limit: 300, used: 1 };
        let days = [row("2026-11-05"), row("2026-11-06"), row("2026-11-09"), row("2026-11-18")];
        let expected = [("2026-11-07", "2026-11-08"), ("2026-11-10", "2026-11-17"), ("2026-11-19", "2026-11-20")];
        assert_eq!(gaps(span, &app, &days), expected.map(|(first, last)| (day(first), day(last))));
        app.configured = false;
        assert_eq!(gaps(span, &app, &days), []);
    }
}
