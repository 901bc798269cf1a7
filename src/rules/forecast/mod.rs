//! When does today's quota run out?
//!
//! A shop's calls do not come evenly: little at night, much at lunch and dinner. So a straight line
//! warns of nothing in the morning and of everything in the evening. Instead:
//!
//! 1. **The day's shape** is learned from the account's own past days: which share of a day's calls was
//!    made by each time of day. The same weekday counts most, the same kind of day (Monday to Friday,
//!    the weekend) less, others little; old days fade, and days unlike the rest hardly count. Days that
//!    ended at the limit were cut off, so they only tell of the time before; their true total is made
//!    up for by what the others did after that time. Without a week of history: a line from midnight.
//! 2. **Today's total** is what has been used, divided by the share of the day that is over at the last
//!    sample. That is noisy early on, so it is averaged with the totals of past days, each weighted by
//!    how far it can be trusted; the past loses its say where today plainly contradicts it.
//! 3. **The margin** by which that total must exceed the limit is as wide as past days would have been
//!    mispredicted from the same time of day, so it shrinks to nothing towards midnight. A warning that
//!    is open stands until the total falls below the limit by a margin of the same kind.
//!
//! What this cannot foresee: a program that goes wild between two polls, and days that end within a few
//! per cent of the limit. `tests/forecast.rs` says how often it is right.

mod past;
mod shape;
#[cfg(test)]
mod tests;

use chrono::{TimeDelta, Weekday};
use past::Past;
use shape::hours;

/// Nothing is said in the first hour of a day.
const SILENCE: TimeDelta = TimeDelta::hours(1);
/// Nor with fewer samples of today.
const LEAST_SAMPLES: usize = 2;
/// What is expected later is told as this time: the answer is a time of today.
const LAST_MINUTE: TimeDelta = TimeDelta::minutes(24 * 60 - 1);
/// The margin in units of the expected error at which a warning opens, and at which it closes.
const OPENS_ABOVE: f64 = 0.5;
const STAYS_ABOVE: f64 = -0.5;

/// One observed count of a day.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sample {
    /// Since the vendor's midnight.
    pub at: TimeDelta,
    /// Calls made by then.
    pub used: i64,
}

/// A past day of the same account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PastDay {
    /// Its weekday.
    pub weekday: Weekday,
    /// Yesterday is 1.
    pub age_days: u32,
    /// What was observed on that day, in order of time; may be empty (a day filled in later).
    pub samples: Vec<Sample>,
    /// The day's final count.
    pub total: i64,
    /// What it was allowed.
    pub limit: i64,
}

/// When today's count reaches `limit`, as time since midnight, if a warning is in order; never before
/// `now_of_day`. A count that has reached the limit already is no forecast.
///
/// `today`: the counts observed today in order of time, the last one where it was last *confirmed*,
/// changed or not. `history`: final days only. `is_open`: a warning stands, which lowers the bar.
pub fn exhausted_at(
    now_of_day: TimeDelta,
    today: &[Sample],
    limit: i64,
    weekday: Weekday,
    history: &[PastDay],
    is_open: bool,
) -> Option<TimeDelta> {
    let last = today.last()?;
    if now_of_day < SILENCE || today.len() < LEAST_SAMPLES || last.used <= 0 || last.used >= limit {
        return None;
    }
    let past = Past::learn(weekday, history);
    let sampled_at = hours(last.at);
    let outlook = past.outlook(sampled_at, last.used as f64);

    let bar = if is_open { STAYS_ABOVE } else { OPENS_ABOVE };
    if outlook.log_total - bar * outlook.error <= (limit as f64).ln() {
        return None;
    }
    let at = past.shape.reaches(limit as f64, sampled_at, last.used as f64, outlook.log_total.exp());
    // A stale sample may say "an hour ago": then it is now.
    let at = at.map_or(LAST_MINUTE, |hours| TimeDelta::seconds((hours * 3600.0) as i64));
    Some(at.min(LAST_MINUTE).max(now_of_day))
}
