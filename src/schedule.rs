//! The cron lines as wake-ups: the only file that names tokio-cron-scheduler.
//!
//! All that a job does is wake the poller, which then decides from the database and the wall clock what
//! is due. So it does no harm that the scheduler starts a job again while it runs, forgets everything
//! in a restart, keeps the offset of a time zone over a change to daylight saving time, and stays silent
//! after the clock was stepped back: the poller also looks by itself (see `jobs/poll_quota.rs`).

use crate::model::CronLine;
use std::sync::Arc;
use tokio::sync::Notify;
use tokio_cron_scheduler::{Job, JobScheduler, JobSchedulerError};

/// The running scheduler. Without a cron line there is none, and nothing ticks.
#[derive(Default)]
pub struct Schedule {
    running: Option<JobScheduler>,
    jobs: Vec<uuid::Uuid>,
}

impl Schedule {
    /// Replaces the lines that wake `poller`.
    ///
    /// # Errors
    /// The scheduler would not take a line; it is checked before, so this is a mistake in it or in us.
    pub async fn set(&mut self, lines: &[&CronLine], poller: &Arc<Notify>) -> Result<(), JobSchedulerError> {
        if let Some(running) = &self.running {
            for job in self.jobs.drain(..) {
                running.remove(&job).await?;
            }
        }
        if lines.is_empty() {
            return Ok(());
        }
        let is_new = self.running.is_none();
        let scheduler = match self.running.take() {
            Some(running) => running,
            None => JobScheduler::new().await?,
        };
        for line in lines {
            let poller = Arc::clone(poller);
            let job = Job::new_async_tz(line.as_str(), line.timezone(), move |_, _| {
                let poller = Arc::clone(&poller);
                Box::pin(async move { poller.notify_one() })
            })?;
            self.jobs.push(scheduler.add(job).await?);
        }
        if is_new {
            scheduler.start().await?;
        }
        self.running = Some(scheduler);
        Ok(())
    }
}
