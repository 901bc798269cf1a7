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
//!    is open stands until the total falls below the limit by a smaller margin of the same kind.

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
/// What another weekday of the same kind counts, and one of the other kind.
const SAME_KIND: f64 = 0.5;
const OTHER_KIND: f64 = 0.1;
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
const OPENS_ABOVE: f64 = 1.2;
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

/// When today's count reaches `limit`, as time since midnight, if a warning is in order.
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
    Some(at.max(now_of_day).min(LAST_MINUTE))
}

fn hours(at: TimeDelta) -> f64 {
    (at.as_seconds_f64() / 3600.0).clamp(0.0, HOURS_PER_DAY)
}

fn grid(step: usize) -> f64 {
    step as f64 * HOURS_PER_DAY / STEPS as f64
}

/// Which share of a day's calls has been made by each time of day; rises from 0 to 1.
struct Shape([f64; STEPS + 1]);

impl Shape {
    fn line() -> Self {
        Self(std::array::from_fn(|step| step as f64 / STEPS as f64))
    }

    /// The weighted mean of what each day shows; beyond what any day shows, a line to midnight.
    fn mean(days: &[ShownDay]) -> Self {
        let mut known = vec![(0.0, 0.0)];
        let mut floor = 0.0_f64;
        for step in 1..=STEPS {
            let Some(mean) = mean_share(days, grid(step)) else { break };
            floor = floor.max(mean.min(1.0));
            known.push((grid(step), floor));
        }
        known.push((HOURS_PER_DAY, 1.0));
        Self(std::array::from_fn(|step| interpolate(&known, grid(step))))
    }

    fn at(&self, hours: f64) -> f64 {
        let position = hours / HOURS_PER_DAY * STEPS as f64;
        let step = (position as usize).min(STEPS - 1);
        self.0[step] + (self.0[step + 1] - self.0[step]) * (position - step as f64)
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
    /// Hours and counts, both rising, from midnight on.
    points: Vec<(f64, f64)>,
    /// The day's total, for a day that was cut off: what it would have been.
    total: f64,
    /// It ended at the limit: `points` ends before.
    is_cut: bool,
}

impl ShownDay {
    fn of(day: &PastDay, weight: f64) -> Option<Self> {
        let is_cut = is_cut(day);
        let mut points = Vec::with_capacity(day.samples.len() + 2);
        // The vendor's newest word counts: what was taken back later was never used.
        let mut least = day.total;
        for sample in day.samples.iter().rev() {
            least = least.min(sample.used.max(0));
            if !(is_cut && least >= day.limit) {
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
        let is_watched = points.windows(2).all(|pair| pair[1].0 - pair[0].0 <= LONGEST_GAP_HOURS);
        is_watched.then_some(Self { weight, points, total: day.total as f64, is_cut })
    }

    fn last(&self) -> (f64, f64) {
        self.points.last().copied().unwrap_or_default()
    }

    fn share(&self, hours: f64) -> Option<f64> {
        (hours <= self.last().0).then(|| interpolate(&self.points, hours) / self.total)
    }

    /// The total that a day which was cut off would have had, had it gone on like the others.
    fn complete(&mut self, shape: &Shape) {
        let (until, used) = self.last();
        self.total = self.total.max(used / shape.at(until).max(LEAST_SHARE));
    }
}

fn is_cut(day: &PastDay) -> bool {
    day.limit > 0 && day.total >= day.limit
}

/// The value of a line through `points` at `x`.
fn interpolate(points: &[(f64, f64)], x: f64) -> f64 {
    let after = points.partition_point(|point| point.0 < x);
    match (after.checked_sub(1).and_then(|before| points.get(before)), points.get(after)) {
        (Some(a), Some(b)) => a.1 + (b.1 - a.1) * (x - a.0) / (b.0 - a.0),
        (Some(only), None) | (None, Some(only)) => only.1,
        (None, None) => 0.0,
    }
}

fn mean_share(days: &[ShownDay], hours: f64) -> Option<f64> {
    let (sum, weight) = days
        .iter()
        .filter_map(|day| Some((day.weight, day.share(hours)?)))
        .fold((0.0, 0.0), |(sum, all), (weight, share)| (sum + weight * share, all + weight));
    (weight > 0.0).then(|| sum / weight)
}

fn median_share(days: &[ShownDay], hours: f64) -> Option<f64> {
    let mut shares: Vec<_> = days.iter().filter_map(|day| Some((day.share(hours)?, day.weight))).collect();
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
        let recent = || history.iter().filter(|day| (1..=OLDEST_DAYS).contains(&day.age_days));
        let shown = || recent().filter_map(|day| Some((day, ShownDay::of(day, weight(weekday, day))?)));
        let is_enough = shown().count() >= LEAST_DAYS && shown().any(|(day, _)| day.age_days >= LEAST_AGE_DAYS);
        let (shape, days) = if is_enough {
            learn_shape(shown().map(|(_, shown)| shown).collect())
        } else {
            (Shape::line(), Vec::new())
        };
        let usual = usual_total(recent().filter(|day| day.total > 0).map(|day| {
            let weight = weight(weekday, day);
            let total = match ShownDay::of(day, weight) {
                Some(mut shown) if is_enough && shown.is_cut => {
                    shown.complete(&shape);
                    shown.total
                }
                _ => day.total as f64,
            };
            (total.ln(), weight)
        }));
        Self { shape, days, usual }
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
        shares.extend(self.days.iter().filter_map(|day| Some((day, day.share(sampled_at)?))));
        let all_weight: f64 = shares.iter().map(|(day, _)| day.weight).sum();
        let all: f64 = shares.iter().map(|(day, share)| day.weight * share).sum();
        for (day, share) in shares {
            let others = all_weight - day.weight;
            if day.is_cut || others <= 0.0 {
                continue;
            }
            let expected = (all - day.weight * share) / others;
            let error = (share.max(LEAST_SHARE) / expected.max(LEAST_SHARE)).ln();
            sum += day.weight * error.clamp(-WORST_ERROR, WORST_ERROR).powi(2);
            weights += day.weight;
        }
        sum / weights
    }
}

fn learn_shape(days: Vec<ShownDay>) -> (Shape, Vec<ShownDay>) {
    let (mut cut, mut days): (Vec<_>, Vec<_>) = days.into_iter().partition(|day| day.is_cut);
    let whole = if days.is_empty() { Shape::line() } else { Shape::mean(&days) };
    cut.iter_mut().for_each(|day| day.complete(&whole));
    days.append(&mut cut);

    let median: Vec<_> = (1..24).map(|hour| (f64::from(hour), median_share(&days, f64::from(hour)))).collect();
    for day in &mut days {
        let off = |(hour, median): &(f64, Option<f64>)| Some((day.share(*hour)? - (*median)?).abs());
        let oddness = median.iter().filter_map(off).fold(0.0, f64::max) / ODD_DAY;
        day.weight /= 1.0 + oddness.powi(4);
    }
    (Shape::mean(&days), days)
}

/// Weighted mean and spread of the logarithms of totals.
fn usual_total(totals: impl Iterator<Item = (f64, f64)>) -> Option<(f64, f64)> {
    let totals: Vec<_> = totals.collect();
    let weights: f64 = totals.iter().map(|(_, weight)| weight).sum();
    if totals.len() < LEAST_DAYS {
        return None;
    }
    let mean = totals.iter().map(|(total, weight)| total * weight).sum::<f64>() / weights;
    let variance = totals.iter().map(|(total, weight)| (total - mean).powi(2) * weight).sum::<f64>() / weights;
    Some((mean, variance.sqrt().max(LEAST_SPREAD)))
}
