//! The shape of a day: which share of its calls was made by each time of day, and what one watched day
//! shows of it.

use super::PastDay;
use chrono::TimeDelta;

const HOURS_PER_DAY: f64 = 24.0;
/// The grid on which shapes are averaged: a quarter of an hour.
const STEPS: usize = 96;
/// A day shows its shape if it was sampled so often …
const LEAST_SAMPLES_OF_A_SHAPE: usize = 3;
/// … and never went unwatched for longer. A night between 00:10 and 08:00 is ordinary.
const LONGEST_GAP_HOURS: f64 = 10.0;
/// A day that was cut off is thought to go on at its own pace of its last hours, within bounds.
const PACE_HOURS: f64 = 3.0;
const SLOWEST_PACE: f64 = 0.7;
const FASTEST_PACE: f64 = 1.5;
/// A day whose shares are off from the median day's by this much at some hour counts half; it fades
/// with the fourth power.
const ODD_DAY: f64 = 0.25;

pub(super) fn hours(at: TimeDelta) -> f64 {
    (at.as_seconds_f64() / 3600.0).clamp(0.0, HOURS_PER_DAY)
}

/// Shares below this are noise.
pub(super) const LEAST_SHARE: f64 = 0.002;

fn grid(step: usize) -> f64 {
    step as f64 * HOURS_PER_DAY / STEPS as f64
}

pub(super) fn position(hours: f64) -> f64 {
    hours / HOURS_PER_DAY * STEPS as f64
}

/// Which share of a day's calls has been made by each time of day; rises from 0 to 1.
pub(super) struct Shape([f64; STEPS + 1]);

impl Shape {
    pub(super) fn line() -> Self {
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

    pub(super) fn at(&self, hours: f64) -> f64 {
        on_the_way(&self.0, position(hours)).unwrap_or(1.0)
    }

    /// When a day that had `used` at `since` and will have `total` in the end has `limit`.
    pub(super) fn reaches(&self, limit: f64, since: f64, used: f64, total: f64) -> Option<f64> {
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
pub(super) struct ShownDay {
    pub(super) weight: f64,
    /// Counts on the grid, from midnight on; of a day that was cut off, only those before.
    counts: Vec<f64>,
    /// How it ended, if at the limit.
    pub(super) cut: Option<Cut>,
    /// The day's total, for a day that was cut off: what it would have been.
    pub(super) total: f64,
}

/// The end of a day that reached its limit between two samples.
#[derive(Clone, Copy)]
pub(super) struct Cut {
    /// Hour and count of the last sample before.
    after: (f64, f64),
    /// Hour by which the limit had been reached.
    by: f64,
    limit: f64,
}

impl ShownDay {
    pub(super) fn of(day: &PastDay, weight: f64) -> Option<Self> {
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
    pub(super) fn share(&self, position: f64) -> Option<f64> {
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

/// Completes days that were cut off, and takes weight from days that are unlike the others.
pub(super) fn learn_shape(days: &mut [ShownDay]) -> Shape {
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
