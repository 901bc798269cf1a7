//! How the use of one day grew.

use super::axis::{hours, percent, round_values};
use super::frame::{Frame, TOP};
use crate::store::UsagePoint;
use chrono::{DateTime, Utc};
use chrono_tz::Tz;
use maud::{Markup, html};
use std::fmt::Write;

const HEIGHT: i64 = 110;
/// Columns of the drawing: about two minutes each.
const COLUMNS: f64 = 720.0;

/// The chart.
pub(in crate::report) struct Curve<'a> {
    /// The day's first instant, and the next day's.
    pub(in crate::report) day: (DateTime<Utc>, DateTime<Utc>),
    pub(in crate::report) timezone: Tz,
    pub(in crate::report) points: &'a [UsagePoint],
    pub(in crate::report) limit: Option<i64>,
    pub(in crate::report) now: DateTime<Utc>,
    /// When the limit will be reached.
    pub(in crate::report) forecast: Option<DateTime<Utc>>,
    pub(in crate::report) title: &'a str,
    pub(in crate::report) description: &'a str,
    pub(in crate::report) keys: &'a [(&'a str, &'a str)],
}

impl Curve<'_> {
    /// From 0 (the day's beginning) to 1 (its end).
    fn part(&self, at: DateTime<Utc>) -> f64 {
        let (start, end) = self.day;
        ((at - start).num_seconds() as f64 / (end - start).num_seconds().max(1) as f64).clamp(0.0, 1.0)
    }

    fn x(&self, at: DateTime<Utc>) -> i64 {
        (self.part(at) * COLUMNS).round() as i64
    }

    pub(in crate::report) fn draw(&self) -> Markup {
        let highest = self.points.iter().map(|point| point.used).chain(self.limit).max();
        let frame = Frame {
            title: self.title,
            description: self.description,
            keys: self.keys,
            height: HEIGHT,
            values: round_values(highest.unwrap_or_default()),
            ticks: hours(self.day.0, self.day.1, self.timezone),
        };
        // The vendor counts from zero at midnight.
        let mut line = format!("M0 {HEIGHT}");
        let mut dots = String::new();
        for point in self.points {
            let (x, y) = (self.x(point.at), frame.y(point.used));
            let _ = write!(line, "L{x} {y}");
            let _ = write!(dots, "M{x} {y}h0");
        }
        let forecast = self.points.last().zip(self.limit).zip(self.forecast).map(|((last, limit), at)| {
            let path = format!("M{} {}L{} {}", self.x(last.at), frame.y(last.used), self.x(at), frame.y(limit));
            (path, at)
        });
        let is_now = self.day.0 <= self.now && self.now < self.day.1;
        let drawing = html! {
            path.curve d=(line) {}
            path.dots d=(dots) {}
            @if let Some(limit) = self.limit { path.limit d=(format!("M0 {}H{COLUMNS}", frame.y(limit))) {} }
            @if let Some((path, _)) = &forecast { path.forecast d=(path) {} }
            @if is_now { path.now d=(format!("M{} 0V{HEIGHT}", self.x(self.now))) {} }
        };
        let marks = html! {
            @if let Some((_, at)) = &forecast {
                @let part = self.part(*at);
                @let anchor = if part < 0.1 { "start" } else if part > 0.9 { "end" } else { "middle" };
                text.mark x=(percent(part)) y=(TOP - 5) text-anchor=(anchor) {
                    "▼ " (at.with_timezone(&self.timezone).format("%H:%M"))
                }
            }
        };
        frame.around(COLUMNS as i64, &drawing, &marks)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use chrono::TimeDelta;

    fn drawn(forecast: Option<i64>) -> String {
        let start: DateTime<Utc> = "2026-11-20T16:00:00Z".parse().expect("a time");
        let at = |hours| start + TimeDelta::hours(hours);
        let points = [UsagePoint { at: at(6), used: 75 }, UsagePoint { at: at(12), used: 150 }];
        Curve {
            day: (start, at(24)),
            timezone: chrono_tz::Asia::Shanghai,
            points: &points,
            limit: Some(300),
            now: at(13),
            forecast: forecast.map(at),
            title: "Today",
            description: "",
            keys: &[],
        }
        .draw()
        .into_string()
    }

    #[test]
    fn the_curve_begins_with_nothing_at_midnight() {
        let svg = drawn(None);
        assert!(svg.contains(r#"<path class="curve" d="M0 110L180 82L360 55">"#), "{svg}");
        assert!(svg.contains(r#"<path class="limit" d="M0 0H720">"#), "{svg}");
        assert!(svg.contains(">06:00</text>") && svg.contains(">24:00</text>") && !svg.contains("forecast"), "{svg}");
    }

    #[test]
    fn a_forecast_is_a_line_from_the_last_point_to_the_limit_with_its_time() {
        let svg = drawn(Some(20));
        assert!(svg.contains(r#"<path class="forecast" d="M360 55L600 0">"#), "{svg}");
        assert!(svg.contains("▼ 20:00"), "{svg}");
    }
}
