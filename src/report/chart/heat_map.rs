//! Store × day: how much of its limit each store used on each day.

use super::axis::{dates, percent};
use super::frame::{caption, tick_labels};
use crate::report::span::Span;
use chrono::NaiveDate;
use maud::{Markup, html};
use std::fmt::Write;

/// Shares of the limit at which the next colour begins; the last one is for exhausted days.
const STEPS: [f64; 4] = [20.0, 40.0, 60.0, 80.0];
/// Classes of the colours.
const CLASSES: [&str; 6] = ["heat0", "heat1", "heat2", "heat3", "heat4", "full"];
/// As many stores have their names beside their rows.
const NAMED_ROWS: usize = 60;
/// Cells that stand apart and have marks and tool tips of their own.
const ROOMY_CELLS: usize = 3000;
const ROOMY_DAYS: i64 = 100;

/// One store on one day.
pub(in crate::report) struct Cell {
    pub(in crate::report) day: NaiveDate,
    /// Share of the limit.
    pub(in crate::report) percent: f64,
    pub(in crate::report) is_exhausted: bool,
}

/// The map.
pub(in crate::report) struct HeatMap<'a> {
    pub(in crate::report) span: Span,
    /// Name and cells of each store.
    pub(in crate::report) rows: Vec<(&'a str, Vec<Cell>)>,
    pub(in crate::report) title: &'a str,
    pub(in crate::report) description: &'a str,
    /// What the colours mean, in the order of the classes.
    pub(in crate::report) keys: [&'a str; 6],
    /// What a day without a cell means.
    pub(in crate::report) missing: &'a str,
    /// A cell in words.
    pub(in crate::report) tip: &'a dyn Fn(&str, &Cell) -> String,
}

impl HeatMap<'_> {
    /// The colours' classes with what they mean.
    fn legend(&self) -> Vec<(&'static str, &str)> {
        CLASSES.into_iter().zip(self.keys).chain([("empty", self.missing)]).collect()
    }

    /// Whether the rows have names beside them, or ranks only.
    pub(in crate::report) fn has_names(&self) -> bool {
        self.rows.len() <= NAMED_ROWS
    }

    pub(in crate::report) fn draw(&self) -> Markup {
        let is_named = self.has_names();
        let row_height = if is_named { 18 } else { 4 };
        let count = i64::try_from(self.rows.len()).unwrap_or(i64::MAX);
        let height = count * row_height;
        let days = self.span.days();
        let cells: usize = self.rows.iter().map(|(_, cells)| cells.len()).sum();
        let is_roomy = is_named && cells <= ROOMY_CELLS && days <= ROOMY_DAYS;
        let labels: Vec<_> = match is_named {
            true => self.rows.iter().enumerate().map(|(row, (name, _))| (row, shortened(name))).collect(),
            // Too many names: their ranks.
            false => (0..self.rows.len())
                .filter(|row| *row == 0 || (row + 1) % 25 == 0)
                .map(|row| (row, format!("{}", row + 1)))
                .collect(),
        };
        let width = if is_named { "112" } else { "40" };
        html! {
            figure.chart {
                (caption(self.title, &self.legend()))
                div class=(if is_named { "plot names" } else { "plot ranks" }) {
                    svg.y width=(width) height=(height + 22) aria-hidden="true" {
                        @for (row, label) in &labels {
                            @let y = i64::try_from(*row).unwrap_or_default() * row_height + row_height / 2 + 4;
                            text x=(if is_named { "106" } else { "34" }) y=(y.max(10)) text-anchor="end" { (label) }
                        }
                    }
                    svg.x height=(height + 22) role="img" {
                        title { (self.title) }
                        desc { (self.description) }
                        rect.empty width="100%" height=(height) {}
                        svg width="100%" height=(height) viewBox=(format!("0 0 {} {}", 10 * days, 10 * count)) preserveAspectRatio="none" {
                            @for (class, path) in CLASSES.into_iter().zip(self.paths(is_roomy)) {
                                @if !path.is_empty() { path class=(format!("cell {class}")) d=(path) {} }
                            }
                            @if is_roomy { (self.tips()) }
                        }
                        @if is_roomy { (self.marks(row_height)) }
                        (tick_labels(&dates(self.span), height + 16))
                    }
                }
            }
        }
    }

    /// One path per colour: horizontal strokes as long as runs of equal days. Relative steps keep a
    /// store-year at about 2 KB.
    fn paths(&self, is_roomy: bool) -> [String; 6] {
        let mut paths: [String; 6] = Default::default();
        for (row, (_, cells)) in self.rows.iter().enumerate() {
            // Where each colour's pen stands in this row.
            let mut pens: [Option<i64>; 6] = [None; 6];
            let mut cells = cells.iter().map(|cell| (self.span.offset(cell.day), colour(cell))).peekable();
            while let Some((first, colour)) = cells.next() {
                let mut days = 1;
                while !is_roomy && cells.next_if_eq(&(first + days, colour)).is_some() {
                    days += 1;
                }
                let path = &mut paths[colour];
                let length = if is_roomy { 9 } else { 10 * days };
                let _ = match pens[colour] {
                    None => write!(path, "M{} {}h{length}", 10 * first, 10 * row + 5),
                    Some(pen) => write!(path, "m{} 0h{length}", 10 * first - pen),
                };
                pens[colour] = Some(10 * first + length);
            }
        }
        paths
    }

    fn tips(&self) -> Markup {
        html! {
            @for (row, (name, cells)) in self.rows.iter().enumerate() {
                @for cell in cells {
                    rect.tip x=(10 * self.span.offset(cell.day)) y=(10 * row) width="10" height="10" {
                        title { ((self.tip)(name, cell)) }
                    }
                }
            }
        }
    }

    /// Crosses on exhausted days: not by colour alone.
    fn marks(&self, row_height: i64) -> Markup {
        html! {
            @for (row, (_, cells)) in self.rows.iter().enumerate() {
                @for cell in cells.iter().filter(|cell| cell.is_exhausted) {
                    @let at = (self.span.offset(cell.day) as f64 + 0.45) / self.span.days() as f64;
                    @let y = i64::try_from(row).unwrap_or_default() * row_height + row_height / 2 + 4;
                    text.cross x=(percent(at)) y=(y) text-anchor="middle" aria-hidden="true" { "×" }
                }
            }
        }
    }
}

fn colour(cell: &Cell) -> usize {
    if cell.is_exhausted { 5 } else { STEPS.iter().filter(|step| cell.percent >= **step).count() }
}

/// Fits beside a row: widths in tenths of a pixel, of the widest usual fonts.
fn shortened(name: &str) -> String {
    let mut room = 850_u32;
    let mut text = String::new();
    for c in name.chars() {
        let width = match c {
            'a'..='z' | ' ' | '.' | '-' => 72,
            c if c.is_ascii() => 86,
            _ => 125,
        };
        if width > room {
            text.push('…');
            return text;
        }
        room -= width;
        text.push(c);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn map(rows: usize, days: i64) -> String {
        let from: NaiveDate = "2026-01-01".parse().expect("a day");
        let span = Span { from, to: from + chrono::TimeDelta::days(days - 1) };
        let cell = |offset: i64| {
            let percent = if offset == 2 { 100.0 } else { 50.0 };
            Cell { day: from + chrono::TimeDelta::days(offset), percent, is_exhausted: offset == 2 }
        };
        let rows = (0..rows).map(|_| ("<name> that is too long", (0..days).map(cell).collect())).collect();
        let tip = |_: &str, cell: &Cell| format!("{}", cell.percent);
        HeatMap { span, rows, title: "", description: "", keys: [""; 6], missing: "", tip: &tip }.draw().into_string()
    }

    #[test]
    fn few_stores_have_names_marks_and_tips() {
        let svg = map(2, 4);
        assert!(svg.contains(r#"<path class="cell full" d="M20 5h9M20 15h9">"#), "{svg}");
        assert!(svg.contains(r#"<path class="cell heat2" d="M0 5h9m1 0h9m11 0h9M0 15"#), "{svg}");
        assert_eq!(svg.matches('×').count(), 2);
        assert!(svg.contains("&lt;name&gt; that…") && svg.contains("<title>100</title>"), "{svg}");
    }

    #[test]
    fn many_stores_have_ranks_and_runs_of_equal_days_are_one_stroke() {
        let svg = map(100, 365);
        assert!(svg.contains(r#"<path class="cell heat2" d="M0 5h20m10 0h3620M0 15h20"#), "{}", &svg[..3000]);
        assert!(svg.contains(">25</text>") && !svg.contains("name&gt;") && !svg.contains('×'));
    }
}
