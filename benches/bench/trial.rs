//! A pass into a database, by whatever program: what it starts from, and what must be in it at the end.

use crate::database::{copy, number, remove};
use crate::measure::{Usage, measure};
use anyhow::ensure;
use std::path::{Path, PathBuf};
use std::process::Command;

pub struct Trial {
    pub command: Command,
    /// What it writes.
    pub database: PathBuf,
    /// A query for the number of days that it has stored, and that number.
    pub stored: (&'static str, i64),
}

pub const BY_POSKEEPER: &str = "SELECT count(*) FROM usage_daily";
pub const BY_PEER: &str = "SELECT count(*) FROM usage";

impl Trial {
    /// Without a database.
    pub fn first(&self) -> anyhow::Result<Usage> {
        remove(&self.database)?;
        self.measure()
    }

    /// With a copy of this database.
    pub fn after(&self, before: &Path) -> anyhow::Result<Usage> {
        copy(before, &self.database)?;
        self.measure()
    }

    /// The database after a first pass, kept.
    pub fn seen(&self) -> anyhow::Result<PathBuf> {
        self.first()?;
        let kept = self.database.with_extension("seen");
        copy(&self.database, &kept)?;
        Ok(kept)
    }

    fn measure(&self) -> anyhow::Result<Usage> {
        let usage = measure(&self.command)?;
        let (query, expected) = self.stored;
        let found = number(&self.database, query)?;
        ensure!(found == expected, "{found} days are stored, not {expected}");
        Ok(usage)
    }
}
