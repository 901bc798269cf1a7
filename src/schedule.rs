//! The cron lines as wake-ups: the only file that names tokio-cron-scheduler.
//!
//! All that a job does is wake the poller, which then decides from the database and the wall clock what
//! is due. So it does no harm that the scheduler starts a job again while it runs, forgets everything
//! in a restart, keeps the offset of a time zone over a change to daylight saving time, and stays silent
//! after the clock was stepped back: the poller also looks by itself (see `jobs/poll_quota.rs`).
//!
//! The scheduler wakes twice a second as long as it runs, which would be nearly all that an idle daemon
//! costs. It cannot pause, so it runs only while a slot is near, in a runtime of its own: with that end
//! the tasks which its own `shutdown` leaves behind.

use crate::clock;
use crate::model::CronLine;
use chrono::TimeDelta;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Notify;
use tokio_cron_scheduler::{Job, JobScheduler, JobSchedulerError};
use tokio_util::sync::{CancellationToken, DropGuard};

/// How long before a slot the scheduler is started.
const NEAR: Duration = Duration::from_secs(5);
/// How long it runs at a time: until after the slot for which it was started.
const TERM: Duration = Duration::from_secs(7);
/// Between two looks at the clock, which may be stepped.
const LONGEST_SLEEP: Duration = Duration::from_secs(30);

/// The lines that wake the poller, until this is dropped.
#[derive(Default)]
pub struct Schedule {
    running: Option<DropGuard>,
}

impl Schedule {
    /// Replaces the lines that wake `poller`. Without a line nothing ticks.
    ///
    /// # Errors
    /// The scheduler would not take a line; it is checked before, so this is a mistake in it or in us.
    pub fn set(&mut self, lines: Vec<CronLine>, poller: &Arc<Notify>) -> Result<(), JobSchedulerError> {
        lines.iter().try_for_each(|line| wake_up(line, poller).map(|_| ()))?;
        let stop = CancellationToken::new();
        self.running = Some(stop.clone().drop_guard());
        if !lines.is_empty() {
            tokio::spawn(watch(lines.into(), Arc::clone(poller), stop));
        }
        Ok(())
    }
}

async fn watch(lines: Arc<[CronLine]>, poller: Arc<Notify>, stop: CancellationToken) {
    while !stop.is_cancelled() {
        let left = until_next_slot(&lines);
        if left > NEAR {
            stop.run_until_cancelled(tokio::time::sleep((left - NEAR).min(LONGEST_SLEEP))).await;
            continue;
        }
        let (lines, poller, stop) = (Arc::clone(&lines), Arc::clone(&poller), stop.clone());
        let ticking = tokio::task::spawn_blocking(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build();
            runtime.is_ok_and(|runtime| {
                let ended = runtime.block_on(stop.run_until_cancelled(tick(&lines, &poller)));
                !matches!(ended, Some(Err(_)))
            })
        });
        // Where it cannot run, the poller looks by itself.
        if !ticking.await.unwrap_or(false) {
            tokio::time::sleep(LONGEST_SLEEP).await;
        }
    }
}

/// Runs the scheduler until no slot is near.
async fn tick(lines: &[CronLine], poller: &Arc<Notify>) -> Result<(), JobSchedulerError> {
    let scheduler = JobScheduler::new().await?;
    for line in lines {
        scheduler.add(wake_up(line, poller)?).await?;
    }
    scheduler.start().await?;
    while until_next_slot(lines) <= NEAR {
        tokio::time::sleep(TERM).await;
    }
    Ok(())
}

fn wake_up(line: &CronLine, poller: &Arc<Notify>) -> Result<Job, JobSchedulerError> {
    let poller = Arc::clone(poller);
    Job::new_async_tz(line.as_str(), line.timezone(), move |_, _| {
        let poller = Arc::clone(&poller);
        Box::pin(async move { poller.notify_one() })
    })
}

fn until_next_slot(lines: &[CronLine]) -> Duration {
    let now = clock::wall();
    let next = lines.iter().filter_map(|line| line.next_after(now)).min();
    next.map_or(TimeDelta::MAX, |next| next - now).to_std().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use chrono_tz::Tz;

    #[tokio::test]
    async fn a_line_wakes_the_poller_again_and_again_and_not_after_its_end() {
        let poller = Arc::new(Notify::new());
        let every_second = CronLine::parse("* * * * * *", Tz::UTC).expect("a line");
        let mut schedule = Schedule::default();
        schedule.set(vec![every_second], &poller).expect("set");
        for _ in 0..3 {
            poller.notified().await;
        }
        schedule.set(Vec::new(), &poller).expect("set");
        let after_the_end = async {
            poller.notified().await; // may have been on its way
            poller.notified().await;
        };
        assert!(tokio::time::timeout(Duration::from_millis(1500), after_the_end).await.is_err());
    }
}
