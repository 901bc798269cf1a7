//! The workers. Each pass has the same shape: load → due? → call → save → log line.

mod keep_login;
mod poll_quota;
mod quota_call;
mod store_health;

pub use keep_login::{DeviceLogin, LoginKeeper, LoginSettings};
pub use poll_quota::{PollPlan, QuotaPoller};
pub use quota_call::{CallResult, Purpose, QuotaApp, QuotaCaller};
pub use store_health::StoreHealth;

use crate::model::CallFailure;
use crate::model::Outcome;
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// How long a request under way may go on after the stop.
const STOP_GRACE: Duration = Duration::from_millis(2500);

/// What a worker tells whoever runs it.
pub trait Progress: Send + Sync {
    /// It goes round its loop.
    fn beat(&self);
    /// Its first pass is over.
    fn first_pass_done(&self);
}

/// Awaits a request until it ends, or the stop and a short grace are over.
async fn until_stopped<T>(stop: &CancellationToken, request: impl Future<Output = T>) -> Option<T> {
    let patience = async {
        stop.cancelled().await;
        tokio::time::sleep(STOP_GRACE).await;
    };
    tokio::select! {
        biased;
        answer = request => Some(answer),
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
