//! The bare tick: tokio-cron-scheduler with nothing to do until next year.

use crate::shop::RARELY;
use std::future::pending;
use tokio_cron_scheduler::{Job, JobScheduler};

/// The helper's name.
pub const TICK: &str = "tick";

pub fn run() -> anyhow::Result<()> {
    tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(async {
        let scheduler = JobScheduler::new().await?;
        for _ in 0..2 {
            scheduler.add(Job::new_async(RARELY, |_, _| Box::pin(async {}))?).await?;
        }
        scheduler.start().await?;
        pending().await
    })
}
