//! The two vendors: when they can be reached, which keys they hold good, what they count and tell.

use crate::Time;
use crate::machine::{hours, seconds};
use chrono::{Datelike, NaiveDate, TimeDelta};
use fastrand::Rng;
use poskeeper::model::{AppId, UsageReading, day_of};
use poskeeper::rules::windows::DayRange;
use std::collections::HashMap;

/// The vendor's calendar.
pub(crate) const SHANGHAI: chrono_tz::Tz = chrono_tz::Asia::Shanghai;
/// Days that the vendor can still tell of.
pub(crate) const VENDOR_REMEMBERS: i64 = 60;
/// Calls that an account may make in a day.
const LIMIT: i64 = 300;

/// When a server is down: a fifth of the time, for up to 90 minutes, up for 2 minutes at least between.
pub(crate) struct Server {
    outages: Vec<(Time, Time)>,
}

/// Up or down, since when, and until when.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Reach {
    pub is_up: bool,
    pub since: Time,
    pub until: Time,
}

impl Server {
    pub(crate) fn new(rng: &mut Rng, start: Time, end: Time) -> Self {
        let mut outages = Vec::new();
        let mut at = start;
        while at < end {
            let up = TimeDelta::minutes(2) + hours(rng, 0.0, 1.0) * rng.i32(0..=11);
            let down = if rng.u8(0..4) == 0 { seconds(rng, 1, 300) } else { seconds(rng, 60, 90 * 60) };
            outages.push((at + up, at + up + down));
            at += up + down;
        }
        Self { outages }
    }

    pub(crate) fn reach(&self, at: Time) -> Reach {
        let next = self.outages.partition_point(|(_, to)| *to <= at);
        let since = next.checked_sub(1).map_or(Time::MIN_UTC, |before| self.outages[before].1);
        match self.outages.get(next) {
            Some((from, to)) if *from <= at => Reach { is_up: false, since: *from, until: *to },
            Some((from, _)) => Reach { is_up: true, since, until: *from },
            None => Reach { is_up: true, since, until: Time::MAX_UTC },
        }
    }

    pub(crate) fn share_down(&self, start: Time, end: Time) -> f64 {
        let down: TimeDelta = self.outages.iter().map(|(from, to)| *to.min(&end) - *from.min(&end)).sum();
        down.as_seconds_f64() / (end - start).as_seconds_f64()
    }
}

/// What the V8STD server says of its keys' lifetimes.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Hours {
    /// Live and relogin hours, as sent and as kept.
    Good(f64, f64),
    /// Nothing usable in one field or both; the keys live for two hours.
    Unusable,
}

impl Hours {
    /// Live and relogin hours as sent, and how long the key truly lives.
    pub(crate) fn draw(self, rng: &mut Rng) -> (Option<f64>, Option<f64>, TimeDelta) {
        match self {
            Self::Good(live, relogin) => {
                (Some(live), Some(relogin), TimeDelta::milliseconds((live * 3_600_000.0) as i64))
            }
            Self::Unusable => {
                let bad = [None, Some(0.0), Some(-6.0), Some(f64::NAN), Some(1e9), Some(1e-12)];
                let relogin = if rng.bool() { Some(6.0) } else { bad[rng.usize(0..bad.len())] };
                (bad[rng.usize(0..bad.len())], relogin, TimeDelta::hours(2))
            }
        }
    }
}

/// The quota server's books.
pub(crate) struct Books {
    apps: Vec<AppId>,
    seed: u64,
    charged: HashMap<(usize, NaiveDate), u32>,
}

impl Books {
    pub(crate) fn new(apps: Vec<AppId>, seed: u64) -> Self {
        Self { apps, seed, charged: HashMap::new() }
    }

    /// Counts a call on the vendor's day, and returns how many it makes.
    pub(crate) fn charge(&mut self, app: usize, at: Time) -> u32 {
        let count = self.charged.entry((app, day_of(at, SHANGHAI))).or_default();
        *count += 1;
        *count
    }

    /// All charged calls.
    pub(crate) fn charges(&self) -> &HashMap<(usize, NaiveDate), u32> {
        &self.charged
    }

    /// The whole chain's rows.
    pub(crate) fn rows(&self, window: DayRange, at: Time) -> Vec<UsageReading> {
        let today = day_of(at, SHANGHAI);
        let first = window.first.max(today - TimeDelta::days(VENDOR_REMEMBERS));
        let days = first.iter_days().take_while(|day| *day <= window.last.min(today));
        days.flat_map(|day| self.apps.iter().enumerate().map(move |(app, app_id)| (day, app, app_id)))
            .map(|(day, app, app_id)| UsageReading {
                app_id: app_id.clone(),
                day,
                limit_times: LIMIT,
                used_times: self.used(app, day, at),
            })
            .collect()
    }

    /// Calls of a day when it was over.
    pub(crate) fn of_whole_day(&self, app: usize, day: NaiveDate) -> i64 {
        let mut rng = Rng::with_seed(self.seed ^ (app as u64) << 40 ^ u64::from(day.num_days_from_ce().unsigned_abs()));
        // Now and then an account uses up its limit in the evening.
        if rng.u8(0..25) == 0 { LIMIT + 60 } else { rng.i64(20..200) }
    }

    fn used(&self, app: usize, day: NaiveDate, at: Time) -> i64 {
        let whole = self.of_whole_day(app, day);
        if day < day_of(at, SHANGHAI) {
            return whole.min(LIMIT);
        }
        let gone = at.with_timezone(&SHANGHAI).time() - chrono::NaiveTime::MIN;
        (whole * gone.num_seconds() / 86_400).min(LIMIT)
    }

    /// The number that the vendor tells of a day that is over.
    pub(crate) fn final_number(&self, app: usize, day: NaiveDate) -> i64 {
        self.of_whole_day(app, day).min(LIMIT)
    }
}
