//! What decides whether one more call may be made.

use crate::rules::budget::LedgerMark;
use crate::rules::polling::TodaysUsage;
use chrono::NaiveDate;
use std::sync::Arc;

/// Of one account.
#[derive(Debug, Clone)]
pub struct Allowance {
    /// Its newest calls, newest first.
    pub newest_calls: Vec<LedgerMark>,
    /// See [`Store::newest_dates`](super::Store::newest_dates).
    pub witnesses: Arc<[LedgerMark]>,
    /// What the newest answer says of its use of today.
    pub todays_usage: Option<TodaysUsage>,
}

/// Whose allowance is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Asked {
    pub(super) app_key: i64,
    pub(super) today: NaiveDate,
    pub(super) most: u32,
}
