//! The workers. Each pass has the same shape: load → due? → call → save → log line.

mod backfill;
mod judge;
mod keep_login;
mod login_call;
mod observations;
mod outlook;
mod poll_quota;
mod progress;
mod quota_call;
mod silence;
mod store_health;
mod tally;

pub use backfill::{Backfill, BackfillEnd};
pub use judge::{AlertPlan, Judge};
pub use keep_login::LoginKeeper;
pub use login_call::{DeviceLogin, LoginCaller};
pub use observations::Observations;
pub use poll_quota::QuotaPoller;
pub use progress::{Progress, ProgressBoard};
pub use quota_call::{CallResult, Purpose, QuotaApp, QuotaCaller};
pub use store_health::StoreHealth;
pub use tally::CallTally;

use crate::model::{CallFailure, Moment, Outcome};
use chrono::{DateTime, TimeDelta, Utc};
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// How long a request under way may go on after the stop.
const STOP_GRACE: Duration = Duration::from_millis(2500);

/// How long after that what was fetched waits for a locked database: the daemon gives its workers 4 s.
const LAST_WRITE_GRACE: Duration = Duration::from_millis(1000);

/// Awaits something until it ends, or the stop and a short grace are over.
async fn until_stopped<T>(stop: &CancellationToken, grace: Duration, work: impl Future<Output = T>) -> Option<T> {
    let patience = async {
        stop.cancelled().await;
        tokio::time::sleep(grace).await;
    };
    tokio::select! {
        biased;
        done = work => Some(done),
        () = patience => None,
    }
}

fn interrupted() -> CallFailure {
    CallFailure {
        outcome: Outcome::Interrupted,
        http_status: None,
        error_code: None,
        message: "poskeeper was stopped before the answer came".into(),
    }
}

fn outcome_of<T>(result: &Result<T, CallFailure>) -> Outcome {
    result.as_ref().map_or_else(|failure| failure.outcome, |_| Outcome::Ok)
}

/// Our clock, as it was set when a request left, minus the `Date` that came back `duration` later: a step
/// in between is no part of what the ledger says of that call.
fn skew_at_start(started: &Moment, duration: TimeDelta, date: DateTime<Utc>) -> TimeDelta {
    started.wall + duration - date
}

/// For a sleep: never negative, at most `cap`.
fn sleep_time(wait: TimeDelta, cap: Duration) -> Duration {
    wait.to_std().unwrap_or_default().min(cap)
}
