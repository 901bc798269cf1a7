//! A good answer that is to be stored, and what became of it.

use super::call::CallEnd;
use crate::model::{AppId, Package};
use crate::rules::history::{News, Observation};
use chrono::{DateTime, NaiveDate, Utc};

/// A good answer of either Pospal endpoint, ready to be stored.
#[derive(Debug, Clone)]
pub struct Answer<T> {
    /// The call's end, for the ledger.
    pub end: CallEnd,
    /// Who asked.
    pub asker: AppId,
    /// When, and which day was not yet over.
    pub observation: Observation,
    /// The good rows.
    pub rows: Vec<T>,
    /// The cron slot that it serves; `None`: a backfill.
    pub slot: Option<DateTime<Utc>>,
    /// It serves all configured sisters that it contains (`coverage = "chain"`).
    pub serves_sisters: bool,
}

/// A final day that the vendor changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Correction {
    /// Whose.
    pub app_id: AppId,
    /// Which day.
    pub day: NaiveDate,
    /// Calls before.
    pub from: i64,
    /// Calls now.
    pub to: i64,
}

/// What became of an answer about daily usage.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct UsageRecord {
    /// Days with a new or changed number.
    pub changed: usize,
    /// Sister stores seen for the first time.
    pub discovered: News<AppId>,
    /// Final days that changed.
    pub corrections: News<Correction>,
    /// Configured sisters that this answer served.
    pub covered: Vec<AppId>,
    /// Rows of stores that there is no room for.
    pub left_out: usize,
}

/// What became of an answer about quota packages.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PackageRecord {
    /// Packages that came.
    pub added: News<Package>,
    /// Packages that the vendor lists no more.
    pub removed: News<Package>,
    /// Sister stores seen for the first time.
    pub discovered: News<AppId>,
    /// Configured sisters that this answer served.
    pub covered: Vec<AppId>,
    /// Rows of stores that there is no room for.
    pub left_out: usize,
}
