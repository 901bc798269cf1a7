//! What goes wrong in a simulated world: a pure function of scenario, seed, request number and time.

use crate::model::Endpoint;
use chrono::{DateTime, Timelike, Utc};
use chrono_tz::Tz;
use std::fmt;
use std::str::FromStr;
use std::time::Duration;

/// The vendor is off the air from this local hour …
const DARK_FROM: u32 = 22;
/// … until this one.
const DARK_UNTIL: u32 = 6;

/// A kind of world to try poskeeper in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Scenario {
    /// Nothing is wrong.
    Steady,
    /// One configured store reaches its limit within a minute of the start, and every evening after;
    /// another one's package ends soon.
    BusyDay,
    /// About one request in five ends badly, each time in another way.
    Flaky,
    /// No answer from 22:00 to 06:00 in the vendor's calendar.
    DownAtNight,
    /// Logins are refused, and so is every third Pospal call.
    Refusing,
    /// 500 sister stores in every answer.
    ChainOf500,
}

/// What happens to one request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Act {
    /// The vendor's true answer.
    Answer,
    /// The same, late.
    AnswerAfter(Duration),
    /// An HTTP error with a page of a proxy.
    Broken(u16),
    /// Somebody else's page with HTTP 200.
    Html,
    /// The true answer, cut off half-way.
    Cut,
    /// The connection is closed without a word, after the vendor has counted the call.
    Close,
    /// The connection is closed without a word, and the vendor knows of nothing.
    Dark,
    /// A well-formed no.
    Refuse,
}

impl Scenario {
    /// Every scenario, for help texts and tests.
    pub const ALL: [Self; 6] =
        [Self::Steady, Self::BusyDay, Self::Flaky, Self::DownAtNight, Self::Refusing, Self::ChainOf500];

    /// The name on the command line.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Steady => "steady",
            Self::BusyDay => "busy-day",
            Self::Flaky => "flaky",
            Self::DownAtNight => "down-at-night",
            Self::Refusing => "refusing",
            Self::ChainOf500 => "chain-of-500",
        }
    }

    /// What happens to the request that is number `number` (from 1) of its vendor.
    pub(super) fn act(self, seed: u64, number: u64, now: DateTime<Utc>, timezone: Tz, endpoint: Endpoint) -> Act {
        match self {
            Self::Steady | Self::BusyDay | Self::ChainOf500 => Act::Answer,
            Self::Flaky => mishap(seed, number, endpoint),
            Self::DownAtNight => {
                let hour = now.with_timezone(&timezone).hour();
                if (DARK_UNTIL..DARK_FROM).contains(&hour) { Act::Answer } else { Act::Dark }
            }
            Self::Refusing if endpoint == Endpoint::Login || number.is_multiple_of(3) => Act::Refuse,
            Self::Refusing => Act::Answer,
        }
    }
}

/// One request in five ends badly.
fn mishap(seed: u64, number: u64, endpoint: Endpoint) -> Act {
    let vendor = u64::from(endpoint == Endpoint::Login);
    let mut dice = fastrand::Rng::with_seed(seed.rotate_left(32) ^ (number << 1) ^ vendor);
    if dice.u32(0..5) != 0 {
        return Act::Answer;
    }
    match dice.u32(0..6) {
        0 => Act::Broken(500),
        1 => Act::Broken(503),
        2 => Act::Close,
        3 => Act::Cut,
        4 => Act::Html,
        _ => Act::AnswerAfter(Duration::from_millis(dice.u64(1_000..4_000))),
    }
}

impl fmt::Display for Scenario {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A name that is no scenario's.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("there is no scenario `{0}`; there are {names}", names = Scenario::ALL.map(Scenario::name).join(", "))]
pub struct UnknownScenario(String);

impl FromStr for Scenario {
    type Err = UnknownScenario;

    fn from_str(name: &str) -> Result<Self, UnknownScenario> {
        Self::ALL.into_iter().find(|scenario| scenario.name() == name).ok_or_else(|| UnknownScenario(name.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use chrono_tz::Asia::Shanghai;

    fn acts(scenario: Scenario, seed: u64, now: &str, endpoint: Endpoint) -> Vec<Act> {
        let now = now.parse().expect("a test's time");
        (1..=3000).map(|number| scenario.act(seed, number, now, Shanghai, endpoint)).collect()
    }

    const NOON: &str = "2026-11-21T04:00:00Z";

    #[test]
    fn every_scenario_is_found_by_its_name_and_others_are_told_the_names() {
        for scenario in Scenario::ALL {
            assert_eq!(scenario.to_string().parse(), Ok(scenario));
        }
        let error = "sunny".parse::<Scenario>().expect_err("no scenario").to_string();
        assert!(error.contains("sunny") && error.contains("down-at-night"), "{error}");
    }

    #[test]
    fn a_flaky_vendor_fails_one_call_in_five_in_every_way_and_the_same_way_again() {
        let acts_of = |seed| acts(Scenario::Flaky, seed, NOON, Endpoint::DailyAccess);
        let bad = acts_of(7).into_iter().filter(|act| *act != Act::Answer).collect::<Vec<_>>();
        assert!((500..700).contains(&bad.len()), "{}", bad.len());
        for way in [Act::Broken(500), Act::Broken(503), Act::Close, Act::Cut, Act::Html] {
            assert!(bad.contains(&way), "{way:?}");
        }
        assert!(bad.iter().any(|act| matches!(act, Act::AnswerAfter(_))));
        assert_eq!(acts_of(7), acts_of(7));
        assert_ne!(acts_of(7), acts_of(8));
    }

    #[test]
    fn a_vendor_that_is_down_at_night_keeps_its_own_hours() {
        for (now, act) in [
            ("2026-11-21T13:59:59Z", Act::Answer), // 21:59:59 in Shanghai
            ("2026-11-21T14:00:00Z", Act::Dark),
            ("2026-11-21T21:59:59Z", Act::Dark),
            ("2026-11-21T22:00:00Z", Act::Answer),
        ] {
            assert_eq!(acts(Scenario::DownAtNight, 1, now, Endpoint::Login)[0], act, "{now}");
        }
    }

    #[test]
    fn a_refusing_vendor_refuses_all_logins_and_every_third_query() {
        assert!(acts(Scenario::Refusing, 1, NOON, Endpoint::Login).iter().all(|act| *act == Act::Refuse));
        let queries = acts(Scenario::Refusing, 1, NOON, Endpoint::AccessConfig);
        assert_eq!(queries[..4], [Act::Answer, Act::Answer, Act::Refuse, Act::Answer]);
    }
}
