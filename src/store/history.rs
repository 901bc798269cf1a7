//! The history of a range of days in bulk, for the HTML report: straight from the tables, because the
//! views turn every number into text first.

use super::columns::{day, day_number, instant};
use super::database::Store;
use super::error::StoreError;
use chrono::{DateTime, NaiveDate, Utc};
use sqlx::Row;
use std::collections::HashMap;

/// An account as the report knows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AppHistory {
    /// Its key in the tables.
    pub app_key: i64,
    /// The vendor's id.
    pub app_id: String,
    /// The operator's name.
    pub app_name: Option<String>,
    /// In the settings.
    pub configured: bool,
    /// The first and the newest day with a row, of all time.
    pub known_days: Option<(NaiveDate, NaiveDate)>,
}

/// Use of one day.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UsageDay {
    /// In the vendor's calendar.
    pub day: NaiveDate,
    /// Calls allowed.
    pub limit: i64,
    /// Calls made.
    pub used: i64,
}

/// What was seen within a day.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UsagePoint {
    /// When.
    pub at: DateTime<Utc>,
    /// Calls made by then.
    pub used: i64,
}

/// A package, gone or not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PackageRow {
    /// Calls per day.
    pub limit: i64,
    /// The vendor's own text; `None`: the default quota.
    pub start_date: Option<String>,
    /// The vendor's own text; `None`: the default quota.
    pub end_date: Option<String>,
    /// Since when it is known here.
    pub first_seen_at: DateTime<Utc>,
    /// Since when the vendor lists it no more.
    pub removed_at: Option<DateTime<Utc>>,
}

impl Store {
    /// Every account, configured ones first.
    ///
    /// # Errors
    /// The database cannot be read.
    pub async fn app_histories(&self) -> Result<Vec<AppHistory>, StoreError> {
        let rows = sqlx::query(
            "SELECT app_key, app_id, app_name, configured, first_day, newest_day
             FROM app ORDER BY configured DESC, app_name IS NULL, app_name, app_id",
        )
        .fetch_all(self.pool())
        .await?;
        rows.iter()
            .map(|row| {
                let (first, newest): (Option<i64>, Option<i64>) = (row.try_get(4)?, row.try_get(5)?);
                Ok(AppHistory {
                    app_key: row.try_get(0)?,
                    app_id: row.try_get(1)?,
                    app_name: row.try_get(2)?,
                    configured: row.try_get(3)?,
                    known_days: first.map(day).zip(newest.map(day)),
                })
            })
            .collect()
    }

    /// Use per day of every account, days in order, by `app_key`.
    ///
    /// # Errors
    /// The database cannot be read.
    pub async fn usage_days(&self, from: NaiveDate, to: NaiveDate) -> Result<HashMap<i64, Vec<UsageDay>>, StoreError> {
        // One row per day: fetching each account's as a row of its own takes three times as long.
        let rows = sqlx::query(
            "SELECT day, group_concat(app_key || ' ' || limit_times || ' ' || used_times, ' ')
             FROM daily_usage WHERE day BETWEEN ? AND ? GROUP BY day ORDER BY day",
        )
        .bind(day_number(from))
        .bind(day_number(to))
        .fetch_all(self.pool())
        .await?;
        let mut days: HashMap<i64, Vec<UsageDay>> = HashMap::new();
        for row in rows {
            let day = day(row.try_get(0)?);
            for of_app in numbers(row.try_get(1)?).chunks_exact(3) {
                let usage = UsageDay { day, limit: of_app[1], used: of_app[2] };
                days.entry(of_app[0]).or_default().push(usage);
            }
        }
        Ok(days)
    }

    /// What was seen within one day, in order, by `app_key`.
    ///
    /// # Errors
    /// The database cannot be read.
    pub async fn usage_points(&self, of: NaiveDate) -> Result<HashMap<i64, Vec<UsagePoint>>, StoreError> {
        let rows = sqlx::query(
            "SELECT app_key, group_concat(observed_at || ' ' || used_times, ' ' ORDER BY observed_at, call_id)
             FROM usage_sample WHERE day = ? GROUP BY app_key",
        )
        .bind(day_number(of))
        .fetch_all(self.pool())
        .await?;
        let mut points = HashMap::with_capacity(rows.len());
        for row in rows {
            let numbers = numbers(row.try_get(1)?);
            let whole = numbers.chunks_exact(2);
            let of_app = whole.map(|row| UsagePoint { at: instant(row[0]), used: row[1] }).collect();
            points.insert(row.try_get(0)?, of_app);
        }
        Ok(points)
    }

    /// All packages that were ever listed, by `app_key`.
    ///
    /// # Errors
    /// The database cannot be read.
    pub async fn package_rows(&self) -> Result<HashMap<i64, Vec<PackageRow>>, StoreError> {
        let rows = sqlx::query(
            "SELECT app_key, limit_times, start_date, end_date, first_seen_at, removed_at FROM package
             ORDER BY app_key, removed_at IS NOT NULL, start_date, first_seen_at",
        )
        .fetch_all(self.pool())
        .await?;
        let mut packages: HashMap<i64, Vec<PackageRow>> = HashMap::new();
        for row in rows {
            packages.entry(row.try_get(0)?).or_default().push(PackageRow {
                limit: row.try_get(1)?,
                start_date: row.try_get(2)?,
                end_date: row.try_get(3)?,
                first_seen_at: instant(row.try_get(4)?),
                removed_at: row.try_get::<Option<i64>, _>(5)?.map(instant),
            });
        }
        Ok(packages)
    }
}

fn numbers(text: &str) -> Vec<i64> {
    text.split(' ').filter_map(|number| number.parse().ok()).collect()
}
