//! A call as the ledger has it: what is known before it, and how it ended.

use crate::model::{CallFailure, Endpoint, Moment, Outcome};
use chrono::{DateTime, NaiveDate, TimeDelta, Utc};

/// A Pospal call that is about to be made.
#[derive(Debug, Clone)]
pub struct NewPoll {
    /// Whose quota it costs.
    pub app_key: i64,
    /// Which of the two.
    pub endpoint: Endpoint,
    /// The cron slot that it serves; `None`: a backfill.
    pub slot: Option<DateTime<Utc>>,
    /// Now.
    pub started_at: Moment,
    /// The vendor's day.
    pub vendor_day: NaiveDate,
}

/// A Pospal call in the ledger.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OpenPoll {
    /// Its row.
    pub call_id: i64,
    /// Requests for its slot so far, this one included.
    pub attempts: u32,
}

/// How a call ended.
#[derive(Debug, Clone)]
pub struct CallEnd {
    /// Its outcome.
    pub outcome: Outcome,
    /// Where an HTTP answer came.
    pub http_status: Option<u16>,
    /// The vendor's own.
    pub error_code: Option<String>,
    /// For people.
    pub error_message: Option<String>,
    /// From sending to the last byte.
    pub duration: TimeDelta,
    /// Our clock minus the vendor's `Date`.
    pub skew: Option<TimeDelta>,
}

impl CallEnd {
    /// The end of a call that brought nothing.
    pub fn failed(failure: &CallFailure, duration: TimeDelta, skew: Option<TimeDelta>) -> Self {
        Self {
            outcome: failure.outcome,
            http_status: failure.http_status,
            error_code: failure.error_code.clone(),
            error_message: Some(failure.message.clone()),
            duration,
            skew,
        }
    }
}

/// Rows of a good answer, and how many of them were news.
#[derive(Debug, Clone, Copy)]
pub(super) struct RowCounts {
    pub(super) rows: usize,
    pub(super) changed: usize,
}
