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

use chrono::{TimeDelta, Weekday};

/// Nothing is said in the first hour of a day.
const SILENCE: TimeDelta = TimeDelta::hours(1);
/// Nor with fewer samples of today.
const LEAST_SAMPLES: usize = 2;
/// What is expected later is told as this time: the answer is a time of today.
const LAST_MINUTE: TimeDelta = TimeDelta::minutes(24 * 60 - 1);

const HOURS_PER_DAY: f64 = 24.0;
/// The grid on which shapes are averaged: a quarter of an hour.
const STEPS: usize = 96;

/// A shape is learned once so many days were observed …
const LEAST_DAYS: usize = 5;
/// … the oldest of them at least a week ago, so that each kind of day may have been seen.
const LEAST_AGE_DAYS: u32 = 7;
/// Older days say nothing of today.
const OLDEST_DAYS: u32 = 70;
/// A day shows its shape if it was sampled so often …
const LEAST_SAMPLES_OF_A_SHAPE: usize = 3;
/// … and never went unwatched for longer. A night between 00:10 and 08:00 is ordinary.
const LONGEST_GAP_HOURS: f64 = 10.0;

/// A day this old counts half.
const HALF_LIFE_DAYS: f64 = 21.0;
/// A day that was cut off is thought to go on at its own pace of its last hours, within bounds.
const PACE_HOURS: f64 = 3.0;
const SLOWEST_PACE: f64 = 0.7;
const FASTEST_PACE: f64 = 1.5;
/// What another weekday of the same kind counts, and one of the other kind.
const SAME_KIND: f64 = 0.5;
const OTHER_KIND: f64 = 0.03;
/// A day whose shares are off from the median day's by this much at some hour counts half; it fades
/// with the fourth power.
const ODD_DAY: f64 = 0.25;

/// How far off a total is that was predicted when the share `s` of the day was over, in logarithms,
/// before experience: this times `1 - s`.
const ERROR_OF_SHAPE: f64 = 0.3;
const ERROR_OF_LINE: f64 = 0.6;
/// For how many days of experience that assumption counts.
const ASSUMED_DAYS: f64 = 2.0;
/// One odd day does not silence the rule for weeks.
const WORST_ERROR: f64 = 0.7;
/// Totals of days differ by at least this: an ordinary past does not rule out a busy today.
const LEAST_SPREAD: f64 = 0.25;
/// Shares below this are noise.
const LEAST_SHARE: f64 = 0.002;

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

fn hours(at: TimeDelta) -> f64 {
    (at.as_seconds_f64() / 3600.0).clamp(0.0, HOURS_PER_DAY)
}

fn grid(step: usize) -> f64 {
    step as f64 * HOURS_PER_DAY / STEPS as f64
}

fn position(hours: f64) -> f64 {
    hours / HOURS_PER_DAY * STEPS as f64
}

/// Which share of a day's calls has been made by each time of day; rises from 0 to 1.
struct Shape([f64; STEPS + 1]);

impl Shape {
    fn line() -> Self {
        Self(std::array::from_fn(|step| step as f64 / STEPS as f64))
    }

    /// The weighted mean of what each day shows; beyond what any day shows, a line to midnight.
    fn mean(days: &[ShownDay]) -> Self {
        let mut shares = [0.0; STEPS + 1];
        let mut known = 0;
        while let Some(mean) = (known < STEPS).then(|| mean_share(days, (known + 1) as f64)).flatten() {
            shares[known + 1] = mean.clamp(shares[known], 1.0);
            known += 1;
        }
        for step in known + 1..=STEPS {
            let part = (step - known) as f64 / (STEPS - known) as f64;
            shares[step] = shares[known] + (1.0 - shares[known]) * part;
        }
        Self(shares)
    }

    fn at(&self, hours: f64) -> f64 {
        on_the_way(&self.0, position(hours)).unwrap_or(1.0)
    }

    /// When a day that had `used` at `since` and will have `total` in the end has `limit`.
    fn reaches(&self, limit: f64, since: f64, used: f64, total: f64) -> Option<f64> {
        if total <= limit {
            return None;
        }
        let gone = self.at(since);
        let wanted = gone + (1.0 - gone) * (limit - used) / (total - used);
        let step = (1..=STEPS).find(|step| self.0[*step] >= wanted && grid(*step) > since)?;
        let (from, to) = (self.0[step - 1], self.0[step]);
        let part = if to > from { ((wanted - from) / (to - from)).clamp(0.0, 1.0) } else { 1.0 };
        Some((grid(step - 1) + part * (grid(step) - grid(step - 1))).max(since))
    }
}

/// A past day that was watched closely enough to show its shape.
struct ShownDay {
    weight: f64,
    /// Counts on the grid, from midnight on; of a day that was cut off, only those before.
    counts: Vec<f64>,
    /// How it ended, if at the limit.
    cut: Option<Cut>,
    /// The day's total, for a day that was cut off: what it would have been.
    total: f64,
}

/// The end of a day that reached its limit between two samples.
#[derive(Clone, Copy)]
struct Cut {
    /// Hour and count of the last sample before.
    after: (f64, f64),
    /// Hour by which the limit had been reached.
    by: f64,
    limit: f64,
}

impl ShownDay {
    fn of(day: &PastDay, weight: f64) -> Option<Self> {
        let is_cut = day.limit > 0 && day.total >= day.limit;
        let mut by = HOURS_PER_DAY;
        let mut points = Vec::with_capacity(day.samples.len() + 2);
        // The vendor's newest word counts: what was taken back later was never used.
        let mut least = day.total;
        for sample in day.samples.iter().rev() {
            least = least.min(sample.used.max(0));
            if is_cut && least >= day.limit {
                by = hours(sample.at);
            } else {
                points.push((hours(sample.at), least as f64));
            }
        }
        if points.len() < LEAST_SAMPLES_OF_A_SHAPE || day.total <= 0 {
            return None;
        }
        points.push((0.0, 0.0));
        points.reverse();
        if !is_cut {
            points.push((HOURS_PER_DAY, day.total as f64));
        }
        let is_watched = points.windows(2).all(|pair| (0.0..=LONGEST_GAP_HOURS).contains(&(pair[1].0 - pair[0].0)));
        let after = points.last().copied().filter(|_| is_cut);
        let cut = after.map(|after| Cut { after, by, limit: day.limit as f64 });
        is_watched.then(|| Self { weight, counts: on_the_grid(&points), cut, total: day.total as f64 })
    }

    /// Which share of the day's calls was made by this place on the grid.
    fn share(&self, position: f64) -> Option<f64> {
        Some(on_the_way(&self.counts, position)? / self.total)
    }

    /// Goes on with a day that was cut off as the others did, at its own pace of the last hours, up to
    /// the limit, which was reached at the latest when that was seen; then its total is known as well.
    fn complete(&mut self, others: &Shape) {
        let Some(Cut { after: (from, used), by, limit }) = self.cut else { return };
        let gone = others.at(from).max(LEAST_SHARE);
        let earlier = (from - PACE_HOURS).max(0.0);
        let others_grew = (gone - others.at(earlier)) / gone;
        let grew = 1.0 - on_the_way(&self.counts, position(earlier)).unwrap_or(used) / used.max(1.0);
        let pace = if others_grew > 0.0 { (grew / others_grew).clamp(SLOWEST_PACE, FASTEST_PACE) } else { 1.0 };
        let total = used + used * (1.0 - gone) / gone * pace;
        let reached = others.reaches(limit, from, used, total).unwrap_or(by).min(by);
        continue_on_the_grid(&mut self.counts, (from, used), (reached, limit));
        let to_come = (1.0 - others.at(reached)) * (used / gone) * pace;
        self.total = (limit + to_come).max(limit / others.at(reached).max(LEAST_SHARE));
    }
}

/// The counts at the steps of the grid, as far as `points` reach.
fn on_the_grid(points: &[(f64, f64)]) -> Vec<f64> {
    let mut counts = Vec::with_capacity(STEPS + 1);
    for pair in points.windows(2) {
        continue_on_the_grid(&mut counts, pair[0], pair[1]);
    }
    counts
}

fn continue_on_the_grid(counts: &mut Vec<f64>, from: (f64, f64), to: (f64, f64)) {
    while counts.len() <= STEPS && grid(counts.len()) <= to.0 {
        let part = if to.0 > from.0 { (grid(counts.len()) - from.0) / (to.0 - from.0) } else { 1.0 };
        counts.push(from.1 + (to.1 - from.1) * part);
    }
}

/// The value between two steps of the grid.
fn on_the_way(values: &[f64], position: f64) -> Option<f64> {
    let step = position as usize;
    let part = position - step as f64;
    let from = values.get(step)?;
    if part <= 0.0 { Some(*from) } else { Some(from + (values.get(step + 1)? - from) * part) }
}

fn mean_share(days: &[ShownDay], position: f64) -> Option<f64> {
    let (sum, weight) = days
        .iter()
        .filter_map(|day| Some((day.weight, day.share(position)?)))
        .fold((0.0, 0.0), |(sum, all), (weight, share)| (sum + weight * share, all + weight));
    (weight > 0.0).then(|| sum / weight)
}

fn median_share(days: &[ShownDay], position: f64) -> Option<f64> {
    let mut shares: Vec<_> = days.iter().filter_map(|day| Some((day.share(position)?, day.weight))).collect();
    shares.sort_by(|a, b| a.0.total_cmp(&b.0));
    let half = shares.iter().map(|(_, weight)| weight).sum::<f64>() / 2.0;
    let mut passed = 0.0;
    shares.into_iter().find_map(|(share, weight)| {
        passed += weight;
        (passed >= half).then_some(share)
    })
}

/// What a day of history counts for a day of `weekday`.
fn weight(weekday: Weekday, day: &PastDay) -> f64 {
    let is_weekend = |weekday| matches!(weekday, Weekday::Sat | Weekday::Sun);
    let kind = match day.weekday {
        same if same == weekday => 1.0,
        other if is_weekend(other) == is_weekend(weekday) => SAME_KIND,
        _ => OTHER_KIND,
    };
    kind * 0.5_f64.powf(f64::from(day.age_days) / HALF_LIFE_DAYS)
}

/// Today's total as a logarithm, and how far off that may be.
struct Outlook {
    log_total: f64,
    error: f64,
}

/// What the account's past teaches.
struct Past {
    shape: Shape,
    /// Days that show a shape; empty where there are too few.
    days: Vec<ShownDay>,
    /// Logarithm of a usual day's total, and its spread.
    usual: Option<(f64, f64)>,
}

impl Past {
    fn learn(weekday: Weekday, history: &[PastDay]) -> Self {
        let (mut shown, mut totals, mut oldest) = (Vec::new(), Vec::new(), 0);
        for day in history.iter().filter(|day| day.total > 0 && (1..=OLDEST_DAYS).contains(&day.age_days)) {
            let weight = weight(weekday, day);
            if let Some(day_shown) = ShownDay::of(day, weight) {
                shown.push(day_shown);
                oldest = oldest.max(day.age_days);
            } else {
                totals.push((day.total as f64, weight));
            }
        }
        let is_enough = shown.len() >= LEAST_DAYS && oldest >= LEAST_AGE_DAYS;
        let shape = if is_enough { learn_shape(&mut shown) } else { Shape::line() };
        totals.extend(shown.iter().map(|day| (day.total, day.weight)));
        let days = if is_enough { shown } else { Vec::new() };
        Self { shape, days, usual: usual_total(&totals) }
    }

    fn outlook(&self, sampled_at: f64, used: f64) -> Outlook {
        let gone = self.shape.at(sampled_at).max(LEAST_SHARE);
        let by_pace = (used / gone).ln();
        let counting = (1.0 - gone) / used;
        let variance = (self.variance(sampled_at, gone) + counting).max(1e-6);
        let Some((usual, spread)) = self.usual else {
            return Outlook { log_total: by_pace, error: variance.sqrt() };
        };
        let contradiction = (by_pace - usual).powi(2) / (variance + spread * spread);
        let say = 1.0 / (spread * spread * (1.0 + contradiction));
        let all = say + 1.0 / variance;
        Outlook { log_total: (by_pace / variance + usual * say) / all, error: all.recip().sqrt() }
    }

    /// How far off past days' totals would have been, predicted from the same time by the other days.
    fn variance(&self, sampled_at: f64, gone: f64) -> f64 {
        let assumed = if self.days.is_empty() { ERROR_OF_LINE } else { ERROR_OF_SHAPE } * (1.0 - gone);
        let mut sum = assumed * assumed * ASSUMED_DAYS;
        let mut weights = ASSUMED_DAYS;
        let mut shares = Vec::with_capacity(self.days.len());
        shares.extend(self.days.iter().filter_map(|day| Some((day, day.share(position(sampled_at))?))));
        let all_weight: f64 = shares.iter().map(|(day, _)| day.weight).sum();
        let all: f64 = shares.iter().map(|(day, share)| day.weight * share).sum();
        for (day, share) in shares {
            let others = all_weight - day.weight;
            if others <= 0.0 {
                continue;
            }
            let expected = (all - day.weight * share) / others;
            let error = (share.max(LEAST_SHARE) / expected.max(LEAST_SHARE)).ln();
            // A day that was cut off would have had at least its total.
            let error = if day.cut.is_some() { error.min(0.0) } else { error };
            sum += day.weight * error.clamp(-WORST_ERROR, WORST_ERROR).powi(2);
            weights += day.weight;
        }
        sum / weights
    }
}

/// Completes days that were cut off, and takes weight from days that are unlike the others.
fn learn_shape(days: &mut [ShownDay]) -> Shape {
    days.sort_by_key(|day| day.cut.is_some());
    let (whole, cut) = days.split_at_mut(days.partition_point(|day| day.cut.is_none()));
    let others = if whole.is_empty() { Shape::line() } else { Shape::mean(whole) };
    cut.iter_mut().for_each(|day| day.complete(&others));

    let every_hour = (1..24).map(|hour| position(f64::from(hour)));
    let median: Vec<_> = every_hour.map(|at| (at, median_share(days, at))).collect();
    for day in &mut *days {
        let off = |(at, median): &(f64, Option<f64>)| Some((day.share(*at)? - (*median)?).abs());
        let oddness = median.iter().filter_map(off).fold(0.0, f64::max) / ODD_DAY;
        day.weight /= 1.0 + oddness.powi(4);
    }
    Shape::mean(days)
}

/// Weighted mean and spread of the logarithms of totals; nothing while there are few.
fn usual_total(totals: &[(f64, f64)]) -> Option<(f64, f64)> {
    let weights: f64 = totals.iter().map(|(_, weight)| weight).sum();
    let mean = totals.iter().map(|(total, weight)| total.ln() * weight).sum::<f64>() / weights;
    let variance = totals.iter().map(|(total, weight)| (total.ln() - mean).powi(2) * weight).sum::<f64>() / weights;
    (totals.len() >= LEAST_DAYS).then(|| (mean, variance.sqrt().max(LEAST_SPREAD)))
}

#[cfg(test)]
mod tests {
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
            let sample =
                |rng: &mut fastrand::Rng| Sample { at: TimeDelta::minutes(rng.i64(-100..2000)), used: any(rng) };
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
}
