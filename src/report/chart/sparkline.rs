//! A store's days in the height of a line of text.

use crate::report::data::{is_exhausted, percent};
use crate::report::span::Span;
use crate::store::UsageDay;
use maud::{Markup, html};
use std::fmt::Write;

/// All of it, in pixels; the limit lies 4 below the top.
const HEIGHT: i64 = 28;
const LIMIT: i64 = 4;

/// Share of the limit per day: all stores on the same scale. Exhausted days reach over the limit line
/// and have a tick above it.
pub(in crate::report) fn sparkline(span: Span, days: &[UsageDay], description: &str) -> Markup {
    let mut area = format!("M0 {HEIGHT}");
    let mut ticks = String::new();
    let (mut x, mut y) = (0, HEIGHT);
    let mut run = 0;
    for day in days {
        let offset = span.offset(day.day);
        let top = HEIGHT - ((HEIGHT - LIMIT) as f64 * percent(day).min(100.0) / 100.0).round() as i64;
        if offset > x + run {
            flush(&mut area, &mut run, &mut x);
            if y != HEIGHT {
                let _ = write!(area, "V{HEIGHT}");
                y = HEIGHT;
            }
            run = offset - x;
        }
        if top != y {
            flush(&mut area, &mut run, &mut x);
            let _ = write!(area, "V{top}");
            y = top;
        }
        run += 1;
        if is_exhausted(day) {
            let _ = write!(ticks, "M{offset} 0h1v3h-1z");
        }
    }
    flush(&mut area, &mut run, &mut x);
    let _ = write!(area, "V{HEIGHT}z");
    html! {
        svg.spark height=(HEIGHT) viewBox=(format!("0 0 {} {HEIGHT}", span.days())) preserveAspectRatio="none" role="img" {
            title { (description) }
            path.bar d=(area) {}
            path.limit d=(format!("M0 {LIMIT}h{}", span.days())) {}
            @if !ticks.is_empty() { path.full d=(ticks) {} }
        }
    }
}

fn flush(path: &mut String, run: &mut i64, x: &mut i64) {
    if *run > 0 {
        let _ = write!(path, "h{run}");
        *x += *run;
        *run = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_days_are_one_step_and_missing_ones_lie_on_the_ground() {
        let from = "2026-11-15".parse().expect("a day");
        let span = Span { from, to: "2026-11-21".parse().expect("a day") };
        let day = |offset: i64, used| UsageDay { day: from + chrono::TimeDelta::days(offset), limit: 300, used };
        let svg = sparkline(span, &[day(1, 150), day(2, 150), day(5, 900), day(6, 0)], "a < b").into_string();
        assert!(svg.contains(r#"d="M0 28h1V16h2V28h2V4h1V28h1V28z""#), "{svg}");
        assert!(svg.contains(r#"<path class="full" d="M5 0h1v3h-1z">"#), "{svg}");
        assert!(svg.contains("a &lt; b"));
    }
}
