//! The rule on days whose end is known.

use super::*;
use Weekday::{Fri, Mon, Sat, Sun, Thu, Tue, Wed};

const BACK_FROM_FRIDAY: [Weekday; 7] = [Thu, Wed, Tue, Mon, Sun, Sat, Fri];
const POLLS: [f64; 9] = [0.17, 8.17, 10.17, 12.17, 14.17, 16.17, 18.17, 20.17, 22.17];

/// Share of a day's calls: asleep until 8, lunch, dinner, quiet after 21.
fn shop(hours: f64) -> f64 {
    let marks = [(0.0, 0.0), (8.0, 0.04), (11.0, 0.16), (14.0, 0.46), (17.0, 0.6), (21.0, 0.95), (24.0, 1.0)];
    let after = marks.iter().position(|mark| mark.0 >= hours).unwrap_or(6).max(1);
    let [(from, before), (to, share)] = [marks[after - 1], marks[after]];
    before + (share - before) * (hours - from) / (to - from)
}

fn at(hours: f64) -> TimeDelta {
    TimeDelta::seconds((hours * 3600.0).round() as i64)
}

/// The samples until `until` of a day on which `wanted` calls would be made.
fn watched(wanted: f64, limit: i64, until: f64) -> Vec<Sample> {
    let polls = POLLS.iter().filter(|poll| **poll <= until);
    polls.map(|poll| Sample { at: at(*poll), used: ((wanted * shop(*poll)) as i64).min(limit) }).collect()
}

fn past(age_days: u32, wanted: f64, limit: i64) -> PastDay {
    let weekday = BACK_FROM_FRIDAY[(age_days as usize - 1) % 7];
    let total = (wanted as i64).min(limit);
    PastDay { weekday, age_days, samples: watched(wanted, limit, 24.0), total, limit }
}

fn weeks(wanted: f64) -> Vec<PastDay> {
    (1..=28).map(|age| past(age, wanted * (1.0 + 0.1 * f64::from(age % 3)), 1000)).collect()
}

fn ask(until: f64, wanted: f64, history: &[PastDay]) -> Option<f64> {
    exhausted_at(at(until), &watched(wanted, 1000, until), 1000, Fri, history, false).map(hours)
}

#[test]
fn nothing_is_said_in_the_first_hour_or_on_one_sample() {
    let today = [Sample { at: at(0.1), used: 300 }, Sample { at: at(0.9), used: 900 }];
    let said = |now, today: &[Sample]| exhausted_at(at(now), today, 1000, Fri, &weeks(500.0), false);
    assert_eq!(said(0.95, &today), None);
    assert_eq!(said(1.0, &today[1..]), None);
    assert_eq!(said(1.0, &[]), None);
    assert!(said(1.0, &today).is_some());
}

#[test]
fn without_a_week_of_history_it_is_a_line_from_midnight_with_a_margin() {
    let said = |used, is_open| {
        let today = [Sample { at: at(0.2), used: 1 }, Sample { at: at(12.0), used }];
        exhausted_at(at(12.0), &today, 1000, Fri, &weeks(500.0)[..4], is_open).map(hours)
    };
    assert_eq!(said(750, false), Some(16.0));
    assert_eq!(said(520, false), None);
    assert!(said(520, true).is_some_and(|hours| hours > 23.0), "it stands");
    assert_eq!(said(400, true), None);
}

#[test]
fn a_busy_day_is_seen_in_the_morning_and_told_to_the_hour() {
    let (noon, true_end) = (ask(12.2, 1400.0, &weeks(600.0)), 18.3);
    assert!(noon.is_some_and(|hours| (hours - true_end).abs() < 1.0), "{noon:?}");
    let line = straight(12.17, 1400.0);
    assert!(line > 24.0, "a line sees nothing yet: {line}");
}

fn straight(hours: f64, wanted: f64) -> f64 {
    hours * 1000.0 / (wanted * shop(hours))
}

#[test]
fn the_evening_of_an_ordinary_day_is_no_cause_for_alarm() {
    let line = straight(20.17, 970.0);
    assert!(line < 24.0, "a line cries: {line}");
    for poll in POLLS {
        assert_eq!(ask(poll, 970.0, &weeks(850.0)), None, "at {poll}");
    }
}

#[test]
fn the_margin_shrinks_as_the_day_goes_on() {
    let least = |poll| (1000..3000).find(|wanted| ask(poll, f64::from(*wanted), &weeks(800.0)).is_some());
    let bars: Vec<_> = [8.17, 12.17, 16.17, 20.17].into_iter().map(|poll| least(poll).unwrap_or(3000)).collect();
    assert!(bars.is_sorted_by(|a, b| a > b), "{bars:?}");
    assert!(bars[3] < 1020, "{bars:?}");
}

#[test]
fn days_that_ended_at_noon_do_not_teach_that_all_happens_in_the_morning() {
    let mut history = weeks(700.0);
    for day in history.iter_mut().filter(|day| day.age_days % 2 == 0) {
        *day = past(day.age_days, 2200.0, 1000);
    }
    assert_eq!(ask(14.2, 900.0, &history), None);
    let busy = ask(12.2, 2200.0, &history);
    assert!(busy.is_some_and(|hours| (hours - 14.0).abs() < 1.0), "{busy:?}");
}

#[test]
fn where_every_day_ends_exhausted_today_is_expected_to() {
    let history: Vec<_> = (1..=28).map(|age| past(age, 1300.0, 1000)).collect();
    let said = ask(12.2, 1300.0, &history);
    assert!(said.is_some_and(|hours| (hours - 18.9).abs() < 1.5), "{said:?}");
    assert_eq!(ask(18.2, 700.0, &history), None, "but a quiet day is not");
}

#[test]
fn weekends_have_a_shape_of_their_own() {
    let mut history = weeks(850.0);
    for day in history.iter_mut().filter(|day| matches!(day.weekday, Sat | Sun)) {
        // All calls of a weekend are made before 10.
        day.samples.iter_mut().skip(2).for_each(|sample| sample.used = day.total - 10);
    }
    let today = [Sample { at: at(8.2), used: 30 }, Sample { at: at(10.2), used: 800 }];
    let said = |weekday| exhausted_at(at(10.2), &today, 1000, weekday, &history, false);
    assert_eq!(said(Sun), None);
    assert!(said(Fri).is_some());
}

#[test]
fn one_wild_night_weeks_ago_is_forgotten() {
    let mut history = weeks(600.0);
    let night = history[6].total - 5;
    history[6].samples.iter_mut().for_each(|sample| sample.used = night);
    let (with, without) = (ask(14.2, 1300.0, &history), ask(14.2, 1300.0, &weeks(600.0)));
    assert!(with.zip(without).is_some_and(|(a, b)| (a - b).abs() < 0.5), "{with:?} {without:?}");
}

#[test]
fn a_stale_sample_is_continued_from_its_own_time_and_never_into_the_past() {
    let today = watched(1500.0, 1000, 14.2);
    let said = |now| exhausted_at(at(now), &today, 1000, Fri, &weeks(600.0), false);
    assert_eq!(said(14.2), said(16.0));
    assert_eq!(said(21.0), Some(at(21.0)));
}

#[test]
fn a_raised_limit_ends_the_warning_and_old_limits_do_not_count() {
    let history: Vec<_> = (1..=28).map(|age| past(age, 1300.0, 1000)).collect();
    let today = watched(1300.0, 1000, 16.2);
    assert!(exhausted_at(at(16.2), &today, 1000, Fri, &history, true).is_some());
    assert_eq!(exhausted_at(at(16.2), &today, 3000, Fri, &history, true), None);
}

#[test]
fn closed_days_missing_days_and_corrections_change_little() {
    let mut history = weeks(600.0);
    for day in &mut history {
        match day.age_days {
            5 | 12 => (day.total, day.samples) = (0, vec![Sample { at: at(0.2), used: 0 }]),
            6 | 13 => day.samples.clear(),
            7 => day.samples[4].used += 300,
            14 => day.samples[4].used -= 100,
            _ => {}
        }
    }
    history.retain(|day| day.age_days % 9 != 0);
    let (with, without) = (ask(14.2, 1400.0, &history), ask(14.2, 1400.0, &weeks(600.0)));
    assert!(with.zip(without).is_some_and(|(a, b)| (a - b).abs() < 0.5), "{with:?} {without:?}");
    assert_eq!(ask(16.2, 900.0, &history), None);
}

#[test]
fn whatever_the_numbers_the_answer_is_a_time_of_today_that_is_still_to_come() {
    let mut rng = fastrand::Rng::with_seed(1);
    let any = |rng: &mut fastrand::Rng| match rng.u8(0..8) {
        0 => rng.i64(..),
        1 => -rng.i64(0..100),
        2 => i64::MAX,
        _ => rng.i64(0..1500),
    };
    let samples = |rng: &mut fastrand::Rng| -> Vec<Sample> {
        let sample = |rng: &mut fastrand::Rng| Sample { at: TimeDelta::minutes(rng.i64(-100..2000)), used: any(rng) };
        (0..rng.usize(0..12)).map(|_| sample(rng)).collect()
    };
    let mut said = 0;
    for _ in 0..2000 {
        let past = |rng: &mut fastrand::Rng| PastDay {
            weekday: BACK_FROM_FRIDAY[rng.usize(0..7)],
            age_days: rng.u32(0..80),
            samples: {
                let mut samples = samples(rng);
                if rng.u8(0..9) > 0 {
                    samples.sort_by_key(|sample| sample.at);
                }
                samples
            },
            total: any(rng),
            limit: any(rng),
        };
        let history: Vec<_> = (0..rng.usize(0..30)).map(|_| past(&mut rng)).collect();
        let (now, today, limit) = (TimeDelta::minutes(rng.i64(0..1440)), samples(&mut rng), any(&mut rng));
        if let Some(at) = exhausted_at(now, &today, limit, Sat, &history, rng.bool()) {
            assert!(now <= at && at < TimeDelta::hours(24), "{now} {at} {today:?} {limit} {history:?}");
            said += 1;
        }
    }
    assert!(said > 50, "{said}");
}
