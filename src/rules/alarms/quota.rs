//! Quota that runs out: `quota.high`, `quota.exhausted`, `quota.forecast`.

use super::{Alarm, Fields, OpenAlarm, Rule, utc};
use chrono::{DateTime, NaiveDate, Utc};

/// An alarm stays until the use is this many per cent below its threshold, so that a number which the
/// vendor moves back and forth does not open and close it.
const HYSTERESIS_PERCENT: f64 = 2.0;

/// What is known of an account's use of today.
#[derive(Debug, Clone, PartialEq)]
pub struct QuotaFacts {
    /// Whose.
    pub app_id: String,
    /// For people; the appId where there is no name.
    pub name: String,
    /// The vendor's today.
    pub day: NaiveDate,
    /// Calls allowed.
    pub limit: i64,
    /// Calls made.
    pub used: i64,
    /// When the limit will be reached, if the day goes on like this.
    pub exhausted_at: Option<DateTime<Utc>>,
}

/// The alarms about today's quota. Those of yesterday stand no more: their subjects have its date.
pub fn quota_trouble(facts: &[QuotaFacts], thresholds: &[u32], open: &[OpenAlarm]) -> Vec<Alarm> {
    let mut alarms = Vec::new();
    for fact in facts {
        let percent = 100.0 * fact.used as f64 / fact.limit.max(1) as f64;
        for threshold in thresholds.iter().filter(|_| fact.limit > 0) {
            let alarm = high(fact, *threshold, percent);
            if percent >= f64::from(*threshold) || is_held_open(fact, &alarm, percent, open) {
                alarms.push(alarm);
            }
        }
        if fact.used >= fact.limit {
            alarms.push(exhausted(fact));
        } else if let Some(at) = fact.exhausted_at {
            alarms.push(forecast(fact, at));
        }
    }
    alarms
}

/// Hysteresis, unless the limit itself was changed.
fn is_held_open(fact: &QuotaFacts, alarm: &Alarm, percent: f64, open: &[OpenAlarm]) -> bool {
    let threshold = alarm.fields.threshold.unwrap_or_default() as f64;
    open.iter().any(|known| {
        known.alarm.rule == Rule::QuotaHigh
            && known.alarm.subject == alarm.subject
            && known.alarm.fields.limit == Some(fact.limit)
            && percent > threshold - HYSTERESIS_PERCENT
    })
}

fn fields(fact: &QuotaFacts) -> Fields {
    Fields {
        app_id: Some(fact.app_id.clone()),
        access_date: Some(fact.day.to_string()),
        used: Some(fact.used),
        limit: Some(fact.limit),
        ..Fields::default()
    }
}

fn high(fact: &QuotaFacts, threshold: u32, percent: f64) -> Alarm {
    let QuotaFacts { app_id, name, day, limit, used, .. } = fact;
    Alarm {
        rule: Rule::QuotaHigh,
        subject: format!("{app_id} {day} {threshold}"),
        stage: 0,
        message: format!(
            "{name} has used {used} of its {limit} calls of {day} ({percent:.1}%, {threshold}% is the mark); \
             see which program calls so often, or buy a larger package"
        ),
        fields: Fields {
            percent: Some((percent * 10.0).round() / 10.0),
            threshold: Some(i64::from(threshold)),
            ..fields(fact)
        },
    }
}

fn exhausted(fact: &QuotaFacts) -> Alarm {
    let QuotaFacts { app_id, name, day, limit, used, .. } = fact;
    Alarm {
        rule: Rule::QuotaExhausted,
        subject: format!("{app_id} {day}"),
        stage: 0,
        message: format!(
            "{name} has used up its {limit} calls of {day} ({used} used): its integrations stand still until the \
             vendor's midnight; a larger package takes effect at once"
        ),
        fields: fields(fact),
    }
}

fn forecast(fact: &QuotaFacts, at: DateTime<Utc>) -> Alarm {
    let QuotaFacts { app_id, name, day, limit, used, .. } = fact;
    Alarm {
        rule: Rule::QuotaForecast,
        subject: format!("{app_id} {day}"),
        stage: 0,
        message: format!(
            "{name} will have used up its {limit} calls of {day} at about {}, if the day goes on like this \
             ({used} used so far); stop what is not needed, or buy a larger package",
            utc(at)
        ),
        fields: Fields { exhausted_at: Some(utc(at)), access_date: None, ..fields(fact) },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fact(used: i64, limit: i64) -> QuotaFacts {
        let day = NaiveDate::from_ymd_opt(2026, 11, 21).expect("a date");
        QuotaFacts { app_id: "A".into(), name: "Store A".into(), day, limit, used, exhausted_at: None }
    }

    fn subjects(alarms: &[Alarm]) -> Vec<(&str, &str)> {
        alarms.iter().map(|alarm| (alarm.rule.name(), alarm.subject.as_str())).collect()
    }

    fn open(alarm: &Alarm) -> OpenAlarm {
        let at = DateTime::UNIX_EPOCH;
        OpenAlarm { alert_key: 1, alarm: alarm.clone(), opened_at: at, logged_at: at }
    }

    #[test]
    fn each_percentage_has_an_alarm_of_its_own_and_exhaustion_another() {
        assert_eq!(subjects(&quota_trouble(&[fact(239, 300)], &[80, 95], &[])), []);
        assert_eq!(subjects(&quota_trouble(&[fact(240, 300)], &[80, 95], &[])), [("quota.high", "A 2026-11-21 80")]);
        assert_eq!(
            subjects(&quota_trouble(&[fact(300, 300)], &[80, 95], &[])),
            [("quota.high", "A 2026-11-21 80"), ("quota.high", "A 2026-11-21 95"), ("quota.exhausted", "A 2026-11-21")]
        );
    }

    #[test]
    fn a_number_that_dances_on_a_threshold_does_not_flap() {
        let known = [open(&quota_trouble(&[fact(240, 300)], &[80], &[])[0])];
        assert_eq!(quota_trouble(&[fact(239, 300)], &[80], &known).len(), 1);
        assert_eq!(quota_trouble(&[fact(234, 300)], &[80], &known).len(), 0);
    }

    #[test]
    fn a_raised_limit_resolves_at_once() {
        let known: Vec<_> = quota_trouble(&[fact(300, 300)], &[80, 95], &[]).iter().map(open).collect();
        assert_eq!(subjects(&quota_trouble(&[fact(300, 310)], &[80, 95], &known)).len(), 2);
        assert_eq!(subjects(&quota_trouble(&[fact(300, 376)], &[80, 95], &known)), []);
    }

    #[test]
    fn a_forecast_stands_until_it_has_come_true() {
        let mut fact = fact(100, 300);
        fact.exhausted_at = Some(DateTime::UNIX_EPOCH);
        assert_eq!(
            subjects(&quota_trouble(std::slice::from_ref(&fact), &[80], &[])),
            [("quota.forecast", "A 2026-11-21")]
        );
        fact.used = 300;
        assert!(!subjects(&quota_trouble(&[fact], &[], &[])).contains(&("quota.forecast", "A 2026-11-21")));
    }
}
