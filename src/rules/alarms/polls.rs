//! History that is not written: `poll.stale`, `usage.lost`.

use super::{Alarm, Fields, Rule, utc};
use crate::model::Endpoint;
use chrono::{DateTime, NaiveDate, TimeDelta, Utc};

/// One polled endpoint of one configured account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PollFacts {
    /// Whose.
    pub app_id: String,
    /// For people.
    pub name: String,
    /// Which endpoint.
    pub endpoint: Endpoint,
    /// The newest good answer that served it.
    pub last_ok_at: Option<DateTime<Utc>>,
    /// When poskeeper first ran with this account.
    pub configured_at: DateTime<Utc>,
    /// The newest slot at or before now.
    pub last_slot: Option<DateTime<Utc>>,
    /// The newest slot that was asked for, or given up.
    pub tried_slot: Option<DateTime<Utc>>,
}

/// The accounts without a good answer for `stale_after`: one alarm each, for the endpoint that has been
/// silent longest. An endpoint that is polled more rarely than that is not stale before a slot passed.
/// Nor is one whose newest slot has not been tried yet.
pub fn stale_polls(now: DateTime<Utc>, facts: &[PollFacts], stale_after: TimeDelta) -> Vec<Alarm> {
    let mut stale: Vec<&PollFacts> = facts.iter().filter(|fact| is_stale(now, fact, stale_after)).collect();
    stale.sort_by_key(|fact| (fact.app_id.clone(), fact.last_ok_at));
    stale.dedup_by_key(|fact| fact.app_id.clone());
    stale.into_iter().map(alarm).collect()
}

fn is_stale(now: DateTime<Utc>, fact: &PollFacts, stale_after: TimeDelta) -> bool {
    let since = fact.last_ok_at.unwrap_or(fact.configured_at);
    let is_due = fact.last_ok_at.is_none() || fact.last_slot > fact.last_ok_at;
    // After a weekend off, the poll that is about to be made comes first.
    let has_tried = fact.tried_slot == fact.last_slot;
    now - since >= stale_after && is_due && has_tried
}

fn alarm(fact: &PollFacts) -> Alarm {
    let PollFacts { app_id, name, endpoint, .. } = fact;
    let since = fact.last_ok_at.map_or_else(
        || "was never polled with success".to_owned(),
        |at| format!("has had no good answer since {}", utc(at)),
    );
    Alarm {
        rule: Rule::PollStale,
        subject: app_id.clone(),
        stage: 0,
        message: format!("{endpoint} of {name} {since}; the lines poll.failed and poll.skipped tell why"),
        fields: Fields {
            app_id: Some(app_id.clone()),
            endpoint: Some(endpoint.name().to_owned()),
            last_ok_at: fact.last_ok_at.map(utc),
            ..Fields::default()
        },
    }
}

/// Days that the vendor was asked for after they ended and gave nothing for, though it gives days before
/// and after them.
pub fn lost_days(days: &[(String, NaiveDate)]) -> Vec<Alarm> {
    let alarm = |(app_id, day): &(String, NaiveDate)| Alarm {
        rule: Rule::UsageLost,
        subject: format!("{app_id} {day}"),
        stage: 0,
        message: format!("the vendor has no number for {app_id} on {day} any more: that day stays empty"),
        fields: Fields { app_id: Some(app_id.clone()), access_date: Some(day.to_string()), ..Fields::default() },
    };
    days.iter().map(alarm).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(hours: i64) -> DateTime<Utc> {
        DateTime::UNIX_EPOCH + TimeDelta::hours(hours)
    }

    fn fact(endpoint: Endpoint, last_ok: Option<i64>, last_slot: i64) -> PollFacts {
        PollFacts {
            app_id: "A".into(),
            name: "Store A".into(),
            endpoint,
            last_ok_at: last_ok.map(at),
            configured_at: at(0),
            last_slot: Some(at(last_slot)),
            tried_slot: Some(at(last_slot)),
        }
    }

    const LIMIT: TimeDelta = TimeDelta::hours(26);

    #[test]
    fn it_counts_from_the_last_good_answer_or_from_the_first_start() {
        assert_eq!(stale_polls(at(25), &[fact(Endpoint::DailyAccess, None, 24)], LIMIT).len(), 0);
        assert_eq!(stale_polls(at(26), &[fact(Endpoint::DailyAccess, None, 24)], LIMIT).len(), 1);
        assert_eq!(stale_polls(at(35), &[fact(Endpoint::DailyAccess, Some(10), 34)], LIMIT).len(), 0);
        assert_eq!(stale_polls(at(36), &[fact(Endpoint::DailyAccess, Some(10), 34)], LIMIT).len(), 1);
    }

    #[test]
    fn an_endpoint_that_is_polled_once_a_week_is_not_stale_between_its_slots() {
        assert_eq!(stale_polls(at(100), &[fact(Endpoint::AccessConfig, Some(10), 10)], LIMIT).len(), 0);
        assert_eq!(stale_polls(at(179), &[fact(Endpoint::AccessConfig, Some(10), 178)], LIMIT).len(), 1);
    }

    #[test]
    fn after_a_weekend_off_it_is_not_stale_before_the_poll_that_is_due_was_tried() {
        let untried = PollFacts { tried_slot: Some(at(10)), ..fact(Endpoint::DailyAccess, Some(10), 72) };
        assert_eq!(stale_polls(at(73), &[untried], LIMIT).len(), 0);
    }

    #[test]
    fn one_alarm_names_the_endpoint_that_has_been_silent_longest() {
        let facts = [fact(Endpoint::DailyAccess, Some(50), 98), fact(Endpoint::AccessConfig, Some(10), 98)];
        let alarms = stale_polls(at(100), &facts, LIMIT);
        assert_eq!(alarms.len(), 1);
        assert_eq!(alarms[0].fields.endpoint.as_deref(), Some("access_config"));
    }
}
