//! What has to be a process of its own: the vendor, and programs that do only the unavoidable.

mod fetch;
mod tick;

use crate::{measure, vendor};

pub use fetch::FETCH;
pub use tick::TICK;

/// Runs the helper of this name; `None`: there is none.
pub fn run(name: &str, arguments: &[String]) -> Option<anyhow::Result<()>> {
    Some(match name {
        measure::MEASURE => measure::measure_one(arguments),
        vendor::VENDOR => vendor::serve(arguments),
        FETCH => fetch::run(arguments),
        TICK => tick::run(),
        _ => return None,
    })
}
