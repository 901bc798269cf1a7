//! Since when each account has had no good answer, told by the boot clock: a step of the wall clock makes
//! nobody's silence longer or shorter.

use crate::model::{Endpoint, Moment};
use crate::rules::alarms::PollFacts;
use chrono::{DateTime, TimeDelta, Utc};
use std::collections::HashMap;

/// What the judge has seen of it, as long as the process lives.
#[derive(Debug, Default)]
pub(super) struct Silences {
    of: HashMap<(String, Endpoint), Silence>,
}

#[derive(Debug)]
struct Silence {
    /// As the database has it, by the wall clock of then: tells one silence from the next.
    begun: DateTime<Utc>,
    /// When it was first seen …
    seen: Moment,
    /// … and how long it was then, by the wall clock.
    lasted: TimeDelta,
}

impl Silences {
    /// The same facts by the wall clock of now.
    pub(super) fn restate(&mut self, now: &Moment, mut fact: PollFacts) -> PollFacts {
        let begun = fact.last_ok_at.unwrap_or(fact.configured_at);
        let fresh = || Silence { begun, seen: now.clone(), lasted: (now.wall - begun).max(TimeDelta::zero()) };
        let silence = self.of.entry((fact.app_id.clone(), fact.endpoint)).or_insert_with(fresh);
        if silence.begun != begun {
            *silence = fresh();
        }
        let restated = now.wall - silence.lasted - now.since(&silence.seen);
        match &mut fact.last_ok_at {
            Some(at) => *at = restated,
            None => fact.configured_at = restated,
        }
        fact
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::BootInstant;

    fn at(wall: &str, uptime_s: i64) -> Moment {
        let wall = wall.parse().expect("a test's time");
        Moment { wall, boot: BootInstant { boot_id: "a".into(), uptime_ms: uptime_s * 1000 } }
    }

    fn fact(last_ok_at: Option<&str>) -> PollFacts {
        PollFacts {
            app_id: "A".into(),
            name: "Store A".into(),
            endpoint: Endpoint::DailyAccess,
            last_ok_at: last_ok_at.map(|at| at.parse().expect("a test's time")),
            configured_at: "1970-01-01T00:01:00Z".parse().expect("a test's time"),
            last_slot: None,
            tried_slot: None,
        }
    }

    #[test]
    fn a_silence_grows_with_the_boot_clock_alone() {
        let mut silences = Silences::default();
        let since = |fact: PollFacts| fact.last_ok_at.unwrap_or(fact.configured_at).to_rfc3339();
        let never = |silences: &mut Silences, now| since(silences.restate(&now, fact(None)));
        assert_eq!(never(&mut silences, at("1970-01-01T00:01:10Z", 10)), "1970-01-01T00:01:00+00:00");
        assert_eq!(never(&mut silences, at("2026-11-21T04:30:00Z", 20)), "2026-11-21T04:29:40+00:00");

        let ok = |silences: &mut Silences, now| since(silences.restate(&now, fact(Some("2026-11-21T04:31:00Z"))));
        assert_eq!(ok(&mut silences, at("2026-11-21T04:31:00Z", 80)), "2026-11-21T04:31:00+00:00");
        assert_eq!(ok(&mut silences, at("2036-11-21T04:31:00Z", 140)), "2036-11-21T04:30:00+00:00");
        assert_eq!(ok(&mut silences, at("2026-11-22T04:31:00Z", 86_480)), "2026-11-21T04:31:00+00:00");
    }

    #[test]
    fn what_lies_in_the_future_when_it_is_first_seen_begins_then() {
        let mut silences = Silences::default();
        let restated = silences.restate(&at("2026-11-21T04:30:00Z", 10), fact(Some("2036-01-01T00:00:00Z")));
        assert_eq!(restated.last_ok_at, "2026-11-21T04:30:00Z".parse().ok());
    }
}
