//! `poskeeper check`: reads and validates everything, and changes nothing; with `--online` it also
//! calls each server once.

mod disk;
mod files;
mod online;
mod plan;
mod verdict;

use super::failure::Failure;
use super::spoken::Spoken;
use super::{Place, output};
use crate::clock;
use verdict::Verdict;

#[derive(Debug, clap::Args)]
pub(super) struct Options {
    /// Log in once per device and poll once per endpoint and app, in the ledger and within the budget
    #[arg(long)]
    online: bool,
}

pub(super) async fn run(place: &Place, options: &Options) -> Result<(), Failure> {
    let settings = place.settings()?;
    let spoken = Spoken { now: clock::wall(), timezone: settings.timezone };
    let mut verdict = Verdict::default();
    plan::inspect(&settings, &spoken, &mut verdict);
    files::inspect(&settings, &mut verdict).await;
    output::print(&verdict.page())?;
    verdict.result()?;
    if options.online { online::run(&settings, &spoken).await } else { Ok(()) }
}
