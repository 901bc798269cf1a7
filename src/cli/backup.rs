//! `poskeeper backup`: a consistent copy of the database, whoever is writing it.

use super::failure::Failure;
use super::{Place, output};
use crate::store::Store;
use std::path::PathBuf;

#[derive(Debug, clap::Args)]
pub(super) struct Options {
    /// The copy; must not exist yet
    file: PathBuf,
}

pub(super) async fn run(place: &Place, options: &Options) -> Result<(), Failure> {
    let settings = place.settings()?;
    let store = Store::open_for_reading(&settings.database.path).await.map_err(Failure::failed)?;
    store.backup(&options.file).await.map_err(Failure::failed)?;
    output::print(&format!("{}\n", options.file.display()))
}
