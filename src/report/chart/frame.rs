//! What charts have around them: heading, axes, grid.

use super::axis::{Tick, brief, percent};
use maud::{Markup, html};

/// Above the drawing: half a label, and marks.
pub(super) const TOP: i64 = 18;
/// Below it: dates or hours.
pub(super) const BOTTOM: i64 = 22;

/// A chart without its drawing.
pub(super) struct Frame<'a> {
    /// What it shows, with the unit.
    pub(super) title: &'a str,
    /// What can be seen in it, for those who cannot see.
    pub(super) description: &'a str,
    /// What the colours mean: class and words.
    pub(super) keys: &'a [(&'a str, &'a str)],
    /// Of the drawing, in pixels.
    pub(super) height: i64,
    /// Values beside it, the last one at its top.
    pub(super) values: Vec<i64>,
    /// Dates or hours under it.
    pub(super) ticks: Vec<Tick>,
}

impl Frame<'_> {
    /// Pixels from the drawing's top to a value.
    pub(super) fn y(&self, value: i64) -> i64 {
        let max = self.values.last().copied().unwrap_or(1).max(1);
        let up = (value.clamp(0, max) as f64 / max as f64 * self.height as f64).round();
        self.height - up as i64
    }

    /// `drawing` is stretched: `columns` wide, `height` high. `marks` are not: percentages wide.
    pub(super) fn around(&self, columns: i64, drawing: &Markup, marks: &Markup) -> Markup {
        let height = self.height + TOP + BOTTOM;
        html! {
            figure.chart {
                (caption(self.title, self.keys))
                div.plot {
                    svg.y width="56" height=(height) aria-hidden="true" {
                        @for value in &self.values {
                            text x="50" y=(TOP + self.y(*value) + 4) text-anchor="end" { (brief(*value)) }
                        }
                    }
                    svg.x height=(height) role="img" {
                        title { (self.title) }
                        desc { (self.description) }
                        @for value in &self.values {
                            @let y = format!("{}.5", TOP + self.y(*value));
                            line.grid x1="0" x2="100%" y1=(y) y2=(y) {}
                        }
                        svg y=(TOP) width="100%" height=(self.height)
                            viewBox=(format!("0 0 {columns} {}", self.height)) preserveAspectRatio="none" { (drawing) }
                        (marks)
                        (tick_labels(&self.ticks, height - 6))
                    }
                }
            }
        }
    }
}

/// Heading and legend.
pub(super) fn caption(title: &str, keys: &[(&str, &str)]) -> Markup {
    html! {
        figcaption {
            b { (title) }
            @for (class, words) in keys { " " span.key { i class=(class) {} (words) } }
        }
    }
}

/// Words under a chart, kept inside its width.
pub(super) fn tick_labels(ticks: &[Tick], y: i64) -> Markup {
    html! {
        @for tick in ticks {
            @let anchor = if tick.at < 0.08 { "start" } else if tick.at > 0.92 { "end" } else { "middle" };
            @let class = if tick.is_minor { "minor" } else { "" };
            text class=[Some(class).filter(|class| !class.is_empty())] x=(percent(tick.at)) y=(y) text-anchor=(anchor) {
                (tick.label)
            }
        }
    }
}
