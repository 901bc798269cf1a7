//! What an account's past teaches of today: the shape of its days, their usual total, and how far off a
//! prediction may be.

use super::PastDay;
use super::shape::{LEAST_SHARE, Shape, ShownDay, learn_shape, position};
use chrono::Weekday;

/// A shape is learned once so many days were observed …
const LEAST_DAYS: usize = 5;
/// … the oldest of them at least a week ago, so that each kind of day may have been seen.
const LEAST_AGE_DAYS: u32 = 7;
/// Older days say nothing of today.
const OLDEST_DAYS: u32 = 70;
/// A day this old counts half.
const HALF_LIFE_DAYS: f64 = 21.0;
/// What another weekday of the same kind counts, and one of the other kind.
const SAME_KIND: f64 = 0.5;
const OTHER_KIND: f64 = 0.03;
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
pub(super) struct Outlook {
    pub(super) log_total: f64,
    pub(super) error: f64,
}

/// What the account's past teaches.
pub(super) struct Past {
    pub(super) shape: Shape,
    /// Days that show a shape; empty where there are too few.
    days: Vec<ShownDay>,
    /// Logarithm of a usual day's total, and its spread.
    usual: Option<(f64, f64)>,
}

impl Past {
    pub(super) fn learn(weekday: Weekday, history: &[PastDay]) -> Self {
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

    pub(super) fn outlook(&self, sampled_at: f64, used: f64) -> Outlook {
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

/// Weighted mean and spread of the logarithms of totals; nothing while there are few.
fn usual_total(totals: &[(f64, f64)]) -> Option<(f64, f64)> {
    let weights: f64 = totals.iter().map(|(_, weight)| weight).sum();
    let mean = totals.iter().map(|(total, weight)| total.ln() * weight).sum::<f64>() / weights;
    let variance = totals.iter().map(|(total, weight)| (total.ln() - mean).powi(2) * weight).sum::<f64>() / weights;
    (totals.len() >= LEAST_DAYS).then(|| (mean, variance.sqrt().max(LEAST_SPREAD)))
}
