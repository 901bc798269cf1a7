//! What the poller does now, and when it looks again.

use super::coverage::{Candidate, whose_turn};
use super::polling::{Due, PollState, due, splay};
use crate::model::{AppId, CronLine, Endpoint, Moment};
use chrono::{DateTime, TimeDelta, Utc};
use std::collections::BTreeMap;

/// What the operator wants polled, and when.
#[derive(Debug, Clone)]
pub struct PollPlan {
    /// `None`: not polled.
    pub access_config: Option<CronLine>,
    /// `None`: not polled.
    pub daily_access: Option<CronLine>,
    /// Longest random delay of a poll.
    pub splay: TimeDelta,
    /// Makes that delay another one in each store.
    pub seed: u64,
    /// One answer serves the configured sisters that it contains.
    pub is_chain: bool,
}

impl PollPlan {
    /// The cron line of one endpoint.
    pub fn line(&self, endpoint: Endpoint) -> Option<&CronLine> {
        match endpoint {
            Endpoint::DailyAccess => self.daily_access.as_ref(),
            Endpoint::AccessConfig => self.access_config.as_ref(),
            Endpoint::Login => None,
        }
    }

    /// Decides about one endpoint of one app.
    pub fn due(&self, now: &Moment, app_id: &AppId, endpoint: Endpoint, state: &PollState) -> Due {
        let line = self.line(endpoint);
        let slot = line.and_then(|line| line.last_slot(now.wall)).unwrap_or(now.wall);
        due(now, line, state.progress.as_ref(), splay(self.seed, app_id, endpoint, slot, self.splay))
    }
}

/// One configured account.
#[derive(Debug, Clone)]
pub struct Account<'a> {
    /// Its key in the database.
    pub app_key: i64,
    /// Its name at the vendor.
    pub app_id: &'a AppId,
    /// A call of its own is under way.
    pub is_busy: bool,
    /// What the database says of the usage endpoint.
    pub daily_access: PollState,
    /// What the database says of the package endpoint.
    pub access_config: PollState,
}

/// The polls of one account to make now, one after the other: usage comes before packages, since it
/// tells what quota is left.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Start {
    /// Whose.
    pub app_key: i64,
    /// Which endpoints, and for which slot of each.
    pub polls: Vec<(Endpoint, DateTime<Utc>)>,
}

/// The decision.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Agenda {
    /// At most one entry per account.
    pub start: Vec<Start>,
    /// The next moment at which something else is due.
    pub next: Option<DateTime<Utc>>,
}

/// Decides about all accounts.
pub fn agenda(now: &Moment, plan: &PollPlan, accounts: &[Account<'_>], sightings: &[(i64, i64)]) -> Agenda {
    let mut next: Option<DateTime<Utc>> = None;
    let mut start: BTreeMap<i64, Vec<(Endpoint, DateTime<Utc>)>> = BTreeMap::new();
    for endpoint in [Endpoint::DailyAccess, Endpoint::AccessConfig] {
        let mut candidates = Vec::new();
        let mut slots = BTreeMap::new();
        for account in accounts {
            let state = match endpoint {
                Endpoint::DailyAccess => &account.daily_access,
                _ => &account.access_config,
            };
            let candidate = |busy| Candidate { app_key: account.app_key, last_asked: state.last_asked, busy };
            match plan.due(now, account.app_id, endpoint, state) {
                Due::Now(slot) => {
                    candidates.push(candidate(account.is_busy));
                    slots.insert(account.app_key, slot);
                }
                Due::At(at) => {
                    next = Some(next.map_or(at, |next| next.min(at)));
                    if state.progress.as_ref().is_some_and(|progress| !progress.done) {
                        candidates.push(candidate(true));
                    }
                }
                Due::Never => {}
            }
        }
        let chosen = if plan.is_chain {
            whose_turn(&candidates, sightings)
        } else {
            candidates.iter().filter(|candidate| !candidate.busy).map(|candidate| candidate.app_key).collect()
        };
        for app_key in chosen {
            start.entry(app_key).or_default().extend(slots.get(&app_key).map(|slot| (endpoint, *slot)));
        }
    }
    let start = start.into_iter().map(|(app_key, polls)| Start { app_key, polls }).collect();
    Agenda { start, next }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::BootInstant;
    use crate::rules::polling::SlotProgress;

    fn now() -> Moment {
        let wall = "2026-11-21T02:10:30Z".parse().expect("a time");
        Moment { wall, boot: BootInstant { boot_id: "a".into(), uptime_ms: 1_000_000 } }
    }

    fn plan(is_chain: bool) -> PollPlan {
        let line = |text| CronLine::parse(text, chrono_tz::UTC).ok();
        PollPlan {
            access_config: line("0 0 * * * *"),
            daily_access: line("0 10 * * * *"),
            splay: TimeDelta::zero(),
            seed: 1,
            is_chain,
        }
    }

    fn account(app_key: i64, app_id: &AppId) -> Account<'_> {
        let (daily_access, access_config) = Default::default();
        Account { app_key, app_id, is_busy: false, daily_access, access_config }
    }

    fn served(slot: &str, done: bool) -> PollState {
        let slot = slot.parse().expect("a time");
        let last_attempt = Some(now());
        PollState { progress: Some(SlotProgress { slot, attempts: 1, done, last_attempt }), ..PollState::default() }
    }

    fn started(agenda: &Agenda) -> Vec<(i64, Endpoint)> {
        let polls =
            |start: &Start| start.polls.iter().map(|(endpoint, _)| (start.app_key, *endpoint)).collect::<Vec<_>>();
        agenda.start.iter().flat_map(polls).collect()
    }

    #[test]
    fn each_account_asks_for_its_usage_first_and_for_its_packages_afterwards() {
        let (a, b) = (AppId::parse("A").expect("an id"), AppId::parse("B").expect("an id"));
        let mut accounts = [account(1, &a), account(2, &b)];
        let first = agenda(&now(), &plan(false), &accounts, &[]);
        let both = [Endpoint::DailyAccess, Endpoint::AccessConfig];
        assert_eq!(started(&first), [(1, both[0]), (1, both[1]), (2, both[0]), (2, both[1])]);
        accounts[0].daily_access = served("2026-11-21T02:10:00Z", true);
        accounts[1].is_busy = true;
        let second = agenda(&now(), &plan(false), &accounts, &[]);
        assert_eq!(started(&second), [(1, Endpoint::AccessConfig)]);
        assert_eq!(second.next, "2026-11-21T03:10:00Z".parse().ok());
    }

    #[test]
    fn of_a_chain_one_asks_and_nobody_while_it_retries() {
        let (a, b) = (AppId::parse("A").expect("an id"), AppId::parse("B").expect("an id"));
        let mut accounts = [account(1, &a), account(2, &b)];
        let first = agenda(&now(), &plan(true), &accounts, &[]);
        assert_eq!(started(&first), [(1, Endpoint::DailyAccess), (1, Endpoint::AccessConfig)]);
        accounts[0].daily_access = served("2026-11-21T02:10:00Z", false);
        accounts[0].access_config = served("2026-11-21T02:00:00Z", true);
        accounts[1].access_config = served("2026-11-21T02:00:00Z", true);
        assert_eq!(started(&agenda(&now(), &plan(true), &accounts, &[])), []);
    }
}
