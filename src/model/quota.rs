//! What Pospal says about an account's quota.

use super::AppId;
use chrono::NaiveDate;
use std::sync::Arc;

/// One row of `queryDailyAccessTimesLog`: calls made on a day, and the limit of that day.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UsageReading {
    /// The store, ours or a sister.
    pub app_id: AppId,
    /// In the vendor's calendar.
    pub day: NaiveDate,
    /// Calls allowed on that day.
    pub limit_times: i64,
    /// Calls made (the vendor's `haveAcessTimes`).
    pub used_times: i64,
}

/// One row of `queryAccessTimes`: a quota package.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Package {
    /// The store, ours or a sister.
    pub app_id: AppId,
    /// Calls per day.
    pub limit_times: i64,
    /// The vendor's own text, `yyyy-MM-dd HH:mm:ss`; `None`: the default quota.
    pub start_date: Option<Arc<str>>,
    /// The vendor's own text; `None`: the default quota.
    pub end_date: Option<Arc<str>>,
}
