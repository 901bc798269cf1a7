//! What lasted from when to when: a row of pieces on a common scale.

use super::axis::{dates, percent};
use super::frame::tick_labels;
use crate::report::span::Span;
use maud::{Markup, html};

/// Something that lasted.
pub(in crate::report) struct Piece {
    /// From 0 (left) to 1 (right); what lies outside is cut off.
    pub(in crate::report) from: f64,
    pub(in crate::report) to: f64,
    pub(in crate::report) class: &'static str,
    /// In words; may be empty.
    pub(in crate::report) tip: String,
}

/// Pieces and marks over dates.
pub(in crate::report) struct TimeLine<'a> {
    pub(in crate::report) pieces: Vec<Piece>,
    /// Short strokes below the pieces.
    pub(in crate::report) strokes: Vec<f64>,
    /// Crosses below those.
    pub(in crate::report) crosses: Vec<(f64, String)>,
    /// Where now is.
    pub(in crate::report) now: Option<f64>,
    pub(in crate::report) description: &'a str,
}

const PIECE: i64 = 14;

impl TimeLine<'_> {
    pub(in crate::report) fn draw(&self) -> Markup {
        let strokes_at = PIECE + 4;
        let crosses_at = strokes_at + if self.strokes.is_empty() { 0 } else { 12 };
        let height = crosses_at + if self.crosses.is_empty() { 0 } else { 14 };
        html! {
            svg.track height=(height) role="img" {
                title { (self.description) }
                rect.empty width="100%" height=(PIECE) {}
                @for piece in &self.pieces {
                    @let (from, to) = (piece.from.clamp(0.0, 1.0), piece.to.clamp(0.0, 1.0));
                    @if to > from {
                        rect class=(piece.class) x=(percent(from)) width=(percent(to - from)) height=(PIECE) {
                            @if !piece.tip.is_empty() { title { (piece.tip) } }
                        }
                    }
                }
                @for at in &self.strokes {
                    @let x = percent(*at);
                    line.stroke x1=(x) x2=(x) y1=(strokes_at) y2=(strokes_at + 9) {}
                }
                @for (at, tip) in &self.crosses {
                    text.mark x=(percent(*at)) y=(crosses_at + 11) text-anchor="middle" { "×" title { (tip) } }
                }
                @if let Some(now) = self.now {
                    @let x = percent(now);
                    line.now x1=(x) x2=(x) y1="0" y2=(height) {}
                }
            }
        }
    }
}

/// Dates under several rows.
pub(in crate::report) fn scale(span: Span) -> Markup {
    html! { svg.track height="18" aria-hidden="true" { (tick_labels(&dates(span), 12)) } }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_are_cut_at_the_edges_and_marks_stand_below() {
        let piece = |from, to| Piece { from, to, class: "live", tip: "a & b".into() };
        let line = TimeLine {
            pieces: vec![piece(-1.0, 0.5), piece(1.5, 2.0)],
            strokes: vec![0.25],
            crosses: vec![(0.75, "<refused>".into())],
            now: None,
            description: "",
        };
        let svg = line.draw().into_string();
        assert!(svg.contains(r#"<rect class="live" x="0%" width="50%" height="14"><title>a &amp; b</title>"#), "{svg}");
        assert_eq!(svg.matches("class=\"live\"").count(), 1);
        assert!(svg.contains(r#"<line class="stroke" x1="25%""#) && svg.contains("&lt;refused&gt;"), "{svg}");
    }
}
