//! How many calls a shop's own programs make in the course of a day: a pure function.

use crate::model::AppId;
use chrono::{DateTime, Datelike, NaiveDate, NaiveTime, TimeDelta, TimeZone, Utc, Weekday};
use chrono_tz::Tz;

/// How busy a shop is in each hour: asleep at night, lunch from 11 to 13, dinner from 17 to 20.
const HOURS: [f64; 24] = [
    0.2, 0.1, 0.1, 0.1, 0.1, 0.2, 0.3, 0.6, 1.0, 1.3, 1.8, 3.0, 3.4, 2.6, 1.5, 1.3, 1.6, 2.6, 3.2, 3.0, 2.4, 1.4, 0.7,
    0.3,
];

/// From the start of a busy-day sandbox until its busy store is at the limit.
const CLIMB: TimeDelta = TimeDelta::seconds(35);
/// Where that climb begins, as a share of the limit.
const CLIMB_FROM: f64 = 0.4;

/// The share of `day` that is over at `now`: 0 before it, 1 after it.
pub(super) fn share_of_day(day: NaiveDate, now: DateTime<Utc>, timezone: Tz) -> f64 {
    let (Some(start), Some(end)) = (midnight(day, timezone), day.succ_opt().and_then(|d| midnight(d, timezone))) else {
        return 1.0;
    };
    let gone = (now - start).as_seconds_f64() / (end - start).as_seconds_f64();
    gone.clamp(0.0, 1.0)
}

/// The first instant of a day; an hour later where daylight saving time skips midnight.
fn midnight(day: NaiveDate, timezone: Tz) -> Option<DateTime<Utc>> {
    let local = day.and_time(NaiveTime::MIN);
    let first = |at| timezone.from_local_datetime(&at).earliest();
    first(local).or_else(|| first(local + TimeDelta::hours(1))).map(|at| at.with_timezone(&Utc))
}

/// Calls of an ordinary day, up to the point where `share` of it is over. Never falls within a day and
/// stays under half of the limit, also if the busiest hour lasted all day: nothing to warn of.
pub(super) fn ordinary(seed: u64, app: &AppId, day: NaiveDate, share: f64, limit: i64) -> i64 {
    let mut shop = fastrand::Rng::with_seed(hash(seed, app, 0));
    let mut today = fastrand::Rng::with_seed(hash(seed, app, day.num_days_from_ce()));
    let usual = 0.10 + 0.12 * shop.f64();
    let weekend = if matches!(day.weekday(), Weekday::Sat | Weekday::Sun) { 1.2 } else { 1.0 };
    let of_the_day = usual * weekend * (0.8 + 0.4 * today.f64());
    let busy = HOURS.map(|hour| hour * (0.9 + 0.2 * today.f64()));
    let hours_gone = share * 24.0;
    let done: f64 =
        busy.iter().zip(0u8..).map(|(busy, hour)| busy * (hours_gone - f64::from(hour)).clamp(0.0, 1.0)).sum();
    share_of(limit, of_the_day * done / busy.iter().sum::<f64>())
}

/// Calls of the busy store on the sandbox's first day: at its limit [`CLIMB`] after the start.
pub(super) fn climbing(since_start: TimeDelta, limit: i64) -> i64 {
    let climbed = (since_start.as_seconds_f64() / CLIMB.as_seconds_f64()).clamp(0.0, 1.0);
    share_of(limit, CLIMB_FROM + (1.0 - CLIMB_FROM) * climbed)
}

/// Calls of the busy store on every later day: at its limit in the evening.
pub(super) fn busy(seed: u64, app: &AppId, day: NaiveDate, share: f64, limit: i64) -> i64 {
    let whole_day = ordinary(seed, app, day, 1.0, limit).max(1);
    let by_now = ordinary(seed, app, day, share, limit);
    (by_now * limit * 5 / 4 / whole_day).min(limit)
}

#[expect(clippy::cast_possible_truncation, clippy::cast_precision_loss, reason = "a share of a small positive number")]
fn share_of(limit: i64, share: f64) -> i64 {
    (limit as f64 * share) as i64
}

/// FNV-1a over everything that makes one shop's day another's.
fn hash(seed: u64, app: &AppId, day: i32) -> u64 {
    let folded = app.as_str().bytes().map(|byte| byte.to_ascii_lowercase());
    seed.to_le_bytes()
        .into_iter()
        .chain(folded)
        .chain(day.to_le_bytes())
        .fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
}

#[cfg(test)]
mod tests {
    use super::*;
    use chrono_tz::{Asia::Shanghai, Europe::Berlin};

    fn day(text: &str) -> NaiveDate {
        text.parse().expect("a test's day")
    }

    fn app() -> AppId {
        AppId::parse("EC48AD85DCDDF5D69567C82E4565B127").expect("an app")
    }

    #[test]
    fn a_shops_day_rises_with_its_meals_and_never_falls() {
        for seed in 0..50 {
            let at = |minute: u32| ordinary(seed, &app(), day("2026-11-21"), f64::from(minute) / 1440.0, 3000);
            assert_eq!(at(0), 0);
            assert!((1..=1440).all(|minute| at(minute - 1) <= at(minute)), "falls with seed {seed}");
            let (night, lunch) = (at(5 * 60) - at(2 * 60), at(14 * 60) - at(11 * 60));
            assert!(lunch > 10 * night && at(1440) > 200, "{night} {lunch} {}", at(1440));
        }
    }

    #[test]
    fn an_ordinary_day_stays_under_the_limit_even_if_lunch_lasted_until_midnight() {
        for seed in 0..200 {
            let at = |hour: u32| ordinary(seed, &app(), day("2026-11-21"), f64::from(hour) / 24.0, 3000);
            for hour in 1..24 {
                let to_come = (at(hour) - at(hour - 1)) * i64::from(24 - hour);
                assert!(at(hour) + to_come < 3000 * 3 / 4, "seed {seed}, hour {hour}");
            }
        }
    }

    #[test]
    fn a_busy_store_reaches_its_limit_while_people_watch_and_every_evening_after() {
        assert_eq!(climbing(TimeDelta::zero(), 300), 120);
        assert!(climbing(TimeDelta::seconds(24), 300) > 240);
        assert_eq!(climbing(TimeDelta::seconds(35), 300), 300);
        assert!(busy(1, &app(), day("2026-11-22"), 0.5, 300) < 300);
        assert_eq!(busy(1, &app(), day("2026-11-22"), 0.95, 300), 300);
    }

    #[test]
    fn the_share_of_a_day_is_right_on_days_of_23_and_25_hours() {
        let utc = |text: &str| text.parse::<DateTime<Utc>>().expect("a test's time");
        assert_eq!(share_of_day(day("2026-11-21"), utc("2026-11-21T04:00:00Z"), Shanghai), 0.5);
        assert_eq!(share_of_day(day("2026-10-25"), utc("2026-10-25T10:30:00Z"), Berlin), 0.5);
        assert_eq!(share_of_day(day("2026-03-29"), utc("2026-03-29T22:00:00Z"), Berlin), 1.0);
        assert_eq!(share_of_day(day("2026-11-22"), utc("2026-11-21T04:00:00Z"), Shanghai), 0.0);
    }
}
