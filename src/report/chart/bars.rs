//! A bar per day, with a limit line.

use super::axis::{dates, percent, round_values};
use super::frame::{Frame, TOP};
use crate::report::span::Span;
use chrono::NaiveDate;
use maud::{Markup, html};
use std::fmt::Write;

const HEIGHT: i64 = 140;
/// Gaps between bars, tool tips and one mark per day: not beyond this many.
const ROOMY_DAYS: i64 = 100;

/// One day.
pub(in crate::report) struct Bar {
    /// Its column.
    pub(in crate::report) day: NaiveDate,
    /// Its height.
    pub(in crate::report) value: i64,
    /// The part of it, from the bottom, that is drawn in another way.
    pub(in crate::report) part: i64,
    /// The line over it.
    pub(in crate::report) limit: Option<i64>,
    /// Drawn in another colour, with a mark on top.
    pub(in crate::report) is_marked: bool,
    /// In words.
    pub(in crate::report) tip: String,
}

/// The chart.
pub(in crate::report) struct Bars<'a> {
    pub(in crate::report) span: Span,
    pub(in crate::report) bars: Vec<Bar>,
    pub(in crate::report) title: &'a str,
    pub(in crate::report) description: &'a str,
    pub(in crate::report) keys: &'a [(&'a str, &'a str)],
    /// Class of the parts.
    pub(in crate::report) part: &'static str,
}

impl Bars<'_> {
    pub(in crate::report) fn draw(&self) -> Markup {
        let highest = self.bars.iter().map(|bar| bar.value.max(bar.part).max(bar.limit.unwrap_or_default())).max();
        let days = self.span.days();
        let is_roomy = days <= ROOMY_DAYS;
        let frame = Frame {
            title: self.title,
            description: self.description,
            keys: self.keys,
            height: HEIGHT,
            values: round_values(highest.unwrap_or_default()),
            ticks: dates(self.span),
        };
        // Tenths of a day, so that no number needs a point.
        let column = |bar: &Bar| 10 * self.span.offset(bar.day);
        let (lead, width) = if is_roomy { (1, 8) } else { (0, 10) };
        let (mut plain, mut marked, mut parts) = (String::new(), String::new(), String::new());
        for bar in &self.bars {
            let path = if bar.is_marked { &mut marked } else { &mut plain };
            column_of(path, column(bar) + lead, width, frame.y(bar.value));
            if bar.part > 0 {
                column_of(&mut parts, column(bar) + lead, width, frame.y(bar.part));
            }
        }
        let drawing = html! {
            @for (class, path) in [("bar", &plain), ("full", &marked), (self.part, &parts)] {
                @if !path.is_empty() { path class=(class) d=(path) {} }
            }
            path.limit d=(self.limit_line(&frame)) {}
            @if is_roomy {
                @for bar in &self.bars {
                    rect.tip x=(column(bar)) width="10" height=(HEIGHT) { title { (bar.tip) } }
                }
            }
        };
        let marks = if is_roomy { self.marks() } else { self.ticks() };
        frame.around(10 * days, &drawing, &marks)
    }

    /// Not by colour alone: a mark over each such day.
    fn marks(&self) -> Markup {
        html! {
            @for bar in self.bars.iter().filter(|bar| bar.is_marked) {
                @let at = (self.span.offset(bar.day) as f64 + 0.5) / self.span.days() as f64;
                text.mark x=(percent(at)) y=(TOP - 5) text-anchor="middle" aria-hidden="true" { "▼" }
            }
        }
    }

    /// The same where marks would overlap.
    fn ticks(&self) -> Markup {
        let mut path = String::new();
        for bar in self.bars.iter().filter(|bar| bar.is_marked) {
            let _ = write!(path, "M{} 0h10v6h-10z", 10 * self.span.offset(bar.day));
        }
        let view = format!("0 0 {} 6", 10 * self.span.days());
        html! {
            @if !path.is_empty() {
                svg y=(TOP - 9) width="100%" height="6" viewBox=(view) preserveAspectRatio="none" { path.full d=(path) {} }
            }
        }
    }

    /// A staircase over the days that have a limit; days without a row interrupt it.
    fn limit_line(&self, frame: &Frame<'_>) -> String {
        let mut path = String::new();
        let mut last: Option<(NaiveDate, i64)> = None;
        for bar in &self.bars {
            let Some(limit) = bar.limit else { continue };
            let (x, y) = (10 * self.span.offset(bar.day), frame.y(limit));
            let follows = last.is_some_and(|(day, _)| day.succ_opt() == Some(bar.day));
            let _ = match last {
                Some((_, before)) if follows && before == y => write!(path, "h10"),
                Some(_) if follows => write!(path, "V{y}h10"),
                _ => write!(path, "M{x} {y}h10"),
            };
            last = Some((bar.day, y));
        }
        path
    }
}

/// A column from the ground up; even the smallest can be seen, nothing cannot.
fn column_of(path: &mut String, x: i64, width: i64, y: i64) {
    let _ = write!(path, "M{x} {HEIGHT}V{y}h{width}V{HEIGHT}z");
}

#[cfg(test)]
mod tests {
    use super::*;

    fn day(text: &str) -> NaiveDate {
        text.parse().expect("a day")
    }

    fn bar(text: &str, value: i64, limit: i64) -> Bar {
        Bar { day: day(text), value, part: 0, limit: Some(limit), is_marked: value >= limit, tip: format!("<{value}>") }
    }

    fn drawn(bars: Vec<Bar>, from: &str) -> String {
        let span = Span { from: day(from), to: day("2026-11-21") };
        Bars { span, bars, title: "Calls per day", description: "", keys: &[], part: "failed" }.draw().into_string()
    }

    #[test]
    fn an_exhausted_day_has_its_own_colour_and_a_mark() {
        let svg = drawn(vec![bar("2026-11-19", 150, 300), bar("2026-11-21", 300, 300)], "2026-11-19");
        assert!(svg.contains(r#"<path class="bar" d="M1 140V70h8V140z">"#), "{svg}");
        assert!(svg.contains(r#"<path class="full" d="M21 140V0h8V140z">"#), "{svg}");
        assert_eq!(svg.matches("▼").count(), 1);
        assert!(svg.contains(r#"x="83.33%""#), "{svg}");
    }

    #[test]
    fn the_limit_line_follows_the_limit_and_leaves_out_missing_days() {
        let bars = vec![
            bar("2026-11-16", 0, 100),
            bar("2026-11-17", 0, 100),
            bar("2026-11-18", 0, 300),
            bar("2026-11-21", 0, 300),
        ];
        let svg = drawn(bars, "2026-11-16");
        assert!(svg.contains(r#"<path class="limit" d="M0 93h10h10V0h10M50 0h10">"#), "{svg}");
    }

    #[test]
    fn tips_are_escaped_and_left_out_where_there_are_too_many_days() {
        let bars = || vec![bar("2026-11-21", 1, 300)];
        assert!(drawn(bars(), "2026-11-01").contains("<title>&lt;1&gt;</title>"));
        let year = drawn(vec![bar("2026-11-21", 300, 300)], "2025-11-22");
        assert!(!year.contains("class=\"tip\"") && !year.contains('▼') && year.contains("M3640 0h10v6h-10z"), "{year}");
    }
}
