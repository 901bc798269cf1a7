//! Where an axis has its marks, and what they say.

use crate::report::span::Span;
use chrono::{DateTime, Datelike, Months, NaiveDate, TimeDelta, Utc};
use chrono_tz::Tz;

/// More would overlap on a screen; on a phone every second one is left out.
const MOST_DATES: i64 = 7;
/// Steps between marks of days, before months begin.
const DAY_STEPS: [i64; 6] = [1, 2, 3, 5, 7, 14];
/// Steps between marks of months.
const MONTH_STEPS: [u32; 7] = [1, 2, 3, 6, 12, 24, 60];

/// A mark.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Tick {
    /// From 0 (left) to 1 (right).
    pub(super) at: f64,
    /// What it says.
    pub(super) label: String,
    /// Left out where there is little room.
    pub(super) is_minor: bool,
}

/// A percentage for an attribute: two digits after the point, none where they are zeros.
pub(super) fn percent(part: f64) -> String {
    let text = format!("{:.2}", 100.0 * part);
    let text = text.trim_end_matches('0').trim_end_matches('.');
    format!("{}%", if text == "-0" { "0" } else { text })
}

/// A whole number in groups of three.
pub(in crate::report) fn grouped(number: i64) -> String {
    let digits = number.unsigned_abs().to_string();
    let mut text = String::from(if number < 0 { "-" } else { "" });
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// The same, short enough to stand beside an axis.
pub(super) fn brief(number: i64) -> String {
    let scaled = |unit: i64, name: &str| {
        let text = format!("{:.1}", number as f64 / unit as f64);
        format!("{}{name}", text.trim_end_matches(".0"))
    };
    match number {
        0..100_000 => grouped(number),
        100_000..1_000_000 => scaled(1000, "k"),
        1_000_000..1_000_000_000 => scaled(1_000_000, "M"),
        _ => format!("{:.0e}", number as f64),
    }
}

/// Round values from 0 to beyond `max`: two to five of them.
pub(super) fn round_values(max: i64) -> Vec<i64> {
    let max = max.max(1);
    let mut power = 1_i64;
    loop {
        for factor in [1, 2, 5] {
            let step = power.saturating_mul(factor);
            let steps = max / step + i64::from(max % step > 0);
            if steps <= 4 {
                return (0..=steps).map(|index| index.saturating_mul(step)).collect();
            }
        }
        power = power.saturating_mul(10);
    }
}

/// Dates under a chart with one column per day.
pub(super) fn dates(span: Span) -> Vec<Tick> {
    let days = span.days();
    let tick = |day: NaiveDate, shift: f64, format: &str| Tick {
        at: (span.offset(day) as f64 + shift) / days as f64,
        label: day.format(format).to_string(),
        is_minor: false,
    };
    let mut ticks: Vec<_> = match DAY_STEPS.into_iter().find(|step| (days - 1) / step < MOST_DATES) {
        Some(step) => {
            let offsets = (0..=(days - 1) / step).rev();
            offsets.map(|back| tick(span.to - TimeDelta::days(back * step), 0.5, "%m-%d")).collect()
        }
        None => months(span).into_iter().map(|day| tick(day, 0.0, "%Y-%m")).collect(),
    };
    thin_out(&mut ticks);
    ticks
}

/// Firsts of months in the span, some left out.
fn months(span: Span) -> Vec<NaiveDate> {
    let number = |day: NaiveDate| i64::from(day.year()) * 12 + i64::from(day.month0());
    let count = number(span.to) - number(span.from);
    let step = MONTH_STEPS.into_iter().find(|step| count / i64::from(*step) < MOST_DATES).unwrap_or(120);
    let first = span.from.with_day(1).unwrap_or(span.from);
    let firsts =
        (0..).map_while(|index| first.checked_add_months(Months::new(index))).take_while(|day| *day <= span.to);
    firsts.filter(|day| *day >= span.from && number(*day) % i64::from(step) == 0).collect()
}

/// Hours under a chart of one day.
pub(super) fn hours(start: DateTime<Utc>, end: DateTime<Utc>, timezone: Tz) -> Vec<Tick> {
    let length = (end - start).num_seconds().max(1) as f64;
    let marks = (0..=4).map(|quarter| start + (end - start) * quarter / 4);
    let mut ticks: Vec<_> = marks
        .map(|at| Tick {
            at: (at - start).num_seconds() as f64 / length,
            label: if at == end { "24:00".into() } else { at.with_timezone(&timezone).format("%H:%M").to_string() },
            is_minor: false,
        })
        .collect();
    thin_out(&mut ticks);
    ticks
}

fn thin_out(ticks: &mut [Tick]) {
    if ticks.len() > 4 {
        // The newest one stays.
        ticks.iter_mut().rev().skip(1).step_by(2).for_each(|tick| tick.is_minor = true);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn span(from: &str, to: &str) -> Span {
        Span { from: from.parse().expect("a day"), to: to.parse().expect("a day") }
    }

    fn labels(ticks: &[Tick]) -> Vec<&str> {
        ticks.iter().map(|tick| tick.label.as_str()).collect()
    }

    #[test]
    fn round_values_reach_over_the_largest_one() {
        assert_eq!(round_values(0), [0, 1]);
        assert_eq!(round_values(3), [0, 1, 2, 3]);
        assert_eq!(round_values(300), [0, 100, 200, 300]);
        assert_eq!(round_values(301), [0, 100, 200, 300, 400]);
        assert_eq!(round_values(3000), [0, 1000, 2000, 3000]);
        assert_eq!(round_values(7), [0, 2, 4, 6, 8]);
        assert!(round_values(i64::MAX).len() <= 6);
    }

    #[test]
    fn dates_are_few_and_end_with_the_last_day() {
        assert_eq!(labels(&dates(span("2026-11-21", "2026-11-21"))), ["11-21"]);
        let month = dates(span("2026-10-23", "2026-11-21"));
        assert_eq!(labels(&month), ["10-27", "11-01", "11-06", "11-11", "11-16", "11-21"]);
        assert!(month.iter().all(|tick| (0.0..=1.0).contains(&tick.at)));
        assert!(!month[5].is_minor && month[4].is_minor);
        let year = dates(span("2025-11-22", "2026-11-21"));
        assert_eq!(labels(&year), ["2026-01", "2026-03", "2026-05", "2026-07", "2026-09", "2026-11"]);
        assert!(dates(span("1900-01-01", "2026-11-21")).len() <= 16);
    }

    #[test]
    fn numbers_are_grouped_and_percentages_short() {
        assert_eq!([0, 999, 1000, -1_234_567].map(grouped), ["0", "999", "1,000", "-1,234,567"]);
        assert_eq!([50_000, 250_000, 1_500_000, 20_000_000].map(brief), ["50,000", "250k", "1.5M", "20M"]);
        assert_eq!([0.0, 0.5, 1.0, 1.0 / 3.0, -0.000_001].map(percent), ["0%", "50%", "100%", "33.33%", "0%"]);
    }
}
