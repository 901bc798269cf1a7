//! When today's quota will run out: reads what the forecast rule needs, and remembers what stays the same
//! all day.

use crate::model::{Moment, start_of};
use crate::rules::alarms::{OpenAlarm, QuotaFacts, Rule};
use crate::rules::forecast::{PastDay, Sample, exhausted_at};
use crate::store::{Store, StoreError, WatchedDay};
use chrono::{DateTime, Datelike, Days, NaiveDate, TimeDelta, Utc};
use chrono_tz::Tz;
use std::collections::HashMap;

/// Days that the rule learns from.
const HISTORY_DAYS: u64 = 42;
/// Below this share of the limit nothing is read: most accounts, most of the day.
const WORTH_A_LOOK: f64 = 0.2;

/// The past of each account, read once a day.
#[derive(Debug, Default)]
pub(super) struct Outlook {
    day: NaiveDate,
    past: HashMap<i64, Vec<PastDay>>,
}

impl Outlook {
    /// Fills in `exhausted_at` of each fact.
    pub(super) async fn forecast(
        &mut self,
        store: &Store,
        timezone: Tz,
        now: &Moment,
        facts: &mut [(i64, QuotaFacts)],
        open: &[OpenAlarm],
    ) -> Result<(), StoreError> {
        for (app_key, fact) in facts {
            if fact.used >= fact.limit || (fact.used as f64) < WORTH_A_LOOK * fact.limit as f64 {
                continue;
            }
            let midnight = start_of(fact.day, timezone);
            if self.day != fact.day {
                self.day = fact.day;
                self.past.clear();
            }
            if !self.past.contains_key(app_key) {
                let first = fact.day - Days::new(HISTORY_DAYS);
                let days = store.watched_days(*app_key, first).await?;
                let past = days.iter().filter_map(|day| past_day(day, fact.day, timezone)).collect();
                self.past.insert(*app_key, past);
            }
            let today = samples(&store.counts_of(*app_key, fact.day).await?, midnight);
            let is_open = open.iter().any(|known| {
                known.alarm.rule == Rule::QuotaForecast
                    && known.alarm.subject == format!("{} {}", fact.app_id, fact.day)
            });
            let history = self.past.get(app_key).map_or(&[][..], Vec::as_slice);
            let at = exhausted_at(now.wall - midnight, &today, fact.limit, fact.day.weekday(), history, is_open);
            fact.exhausted_at = at.map(|at| midnight + at);
        }
        Ok(())
    }
}

fn past_day(watched: &WatchedDay, today: NaiveDate, timezone: Tz) -> Option<PastDay> {
    Some(PastDay {
        weekday: watched.day.weekday(),
        age_days: u32::try_from((today - watched.day).num_days()).ok()?,
        samples: samples(&watched.counts, start_of(watched.day, timezone)),
        total: watched.total,
        limit: watched.limit,
    })
}

/// Counts seen within the day; what was seen after its end is its total.
fn samples(counts: &[(DateTime<Utc>, i64)], midnight: DateTime<Utc>) -> Vec<Sample> {
    let within = |at: &TimeDelta| (TimeDelta::zero()..TimeDelta::hours(24)).contains(at);
    let sample =
        |(at, used): &(DateTime<Utc>, i64)| Some(*at - midnight).filter(within).map(|at| Sample { at, used: *used });
    counts.iter().filter_map(sample).collect()
}
