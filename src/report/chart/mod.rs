//! Charts as plain SVG. The drawing is stretched to the width that there is; text and marks are not,
//! because they stand beside it at percentages of that width. So one file fits a phone, a screen and a
//! sheet of paper, without a script.

mod axis;
mod bars;
mod curve;
mod frame;
mod heat_map;
mod sparkline;
mod time_line;

pub(super) use axis::grouped;
pub(super) use bars::{Bar, Bars};
pub(super) use curve::Curve;
pub(super) use heat_map::{Cell, HeatMap};
pub(super) use sparkline::sparkline;
pub(super) use time_line::{Piece, TimeLine, scale};
