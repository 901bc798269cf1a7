//! The HTML report: one file without scripts and without network that reads on a phone, on a screen and
//! on paper, in light and dark, in English and Chinese.
//!
//! ```text
//! span.rs      which days
//! load.rs      the database → data.rs
//! data.rs      what there is to tell, as plain values
//! words/       the two languages
//! page.rs      the whole page; chain.rs, stores.rs, devices.rs, spending.rs, alerts.rs: its parts
//! chart/       drawings as plain SVG
//! style.css    looks; classes only, so that a strict Content-Security-Policy can name its hash
//! ```

mod alerts;
mod chain;
mod chart;
mod data;
mod devices;
mod load;
mod packages;
mod page;
mod span;
mod spending;
mod stores;
mod told;
mod words;

pub use data::{App, ChainDay, Report, Spent, SpentDay, is_exhausted, percent};
pub use load::load;
pub use page::{live_page, page, style};
pub use span::Span;
pub use words::Lang;
