//! The days that the history covers, from the first to the newest without a hole: the views take their
//! dates from here, and every row of usage refers to it.

use super::columns::day_number;
use super::error::StoreError;
use chrono::NaiveDate;
use sqlx::{Sqlite, Transaction};

/// Sees to it that the calendar reaches from `first` to `last`.
pub(super) async fn reach(
    transaction: &mut Transaction<'_, Sqlite>,
    first: NaiveDate,
    last: NaiveDate,
) -> Result<(), StoreError> {
    let (first, last) = (day_number(first), day_number(last));
    let (oldest, newest): (Option<i64>, Option<i64>) =
        sqlx::query_as("SELECT (SELECT min(day) FROM calendar), (SELECT max(day) FROM calendar)")
            .fetch_one(&mut **transaction)
            .await?;
    let missing: Vec<i64> = match oldest.zip(newest) {
        Some((oldest, newest)) => (first..oldest).chain(newest + 1..=last).collect(),
        None => (first..=last).collect(),
    };
    if missing.is_empty() {
        return Ok(());
    }
    sqlx::query("INSERT INTO calendar SELECT value, date(value * 86400, 'unixepoch') FROM json_each(?)")
        .bind(serde_json::to_string(&missing).unwrap_or_default())
        .execute(&mut **transaction)
        .await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::Store;

    #[tokio::test]
    async fn the_calendar_grows_at_both_ends_and_has_no_hole() {
        let folder = tempfile::tempdir().expect("a folder");
        let store = Store::open(&folder.path().join("poskeeper.db")).await.expect("a database");
        let date = |day| NaiveDate::from_ymd_opt(2028, 2, day).expect("a day");
        let mut transaction = store.begin().await.expect("begun");
        for (first, last) in [(27, 27), (28, 29), (20, 21), (27, 28), (22, 22)] {
            reach(&mut transaction, date(first), date(last)).await.expect("written");
        }
        let dates: Vec<String> = sqlx::query_scalar("SELECT access_date FROM calendar ORDER BY day")
            .fetch_all(&mut *transaction)
            .await
            .expect("dates");
        let wanted: Vec<String> = (20..=29).map(|day| date(day).to_string()).collect();
        assert_eq!(dates, wanted);
    }
}
