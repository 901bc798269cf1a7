//! Writes an answer about daily usage: a few statements of many rows, in one transaction.

use super::answer::{Answer, Correction, UsageRecord};
use super::asked_days::write_asked;
use super::calendar;
use super::call::RowCounts;
use super::columns::{day, day_number, instant_after, millis, millis_after};
use super::database::Store;
use super::error::StoreError;
use super::known_apps::{Apps, discover};
use super::ledger::close_call;
use super::sightings::{confirmed_since, write_sightings};
use super::slots::serve_slots;
use super::statement::{ROWS_PER_STATEMENT, is_worth_keeping};
use crate::model::{AppId, Endpoint, UsageReading};
use crate::rules::history::{DayChange, News, Observation, StoredDay, day_changes, readings_that_count};
use crate::rules::windows::{DayRange, settled};
use chrono::NaiveDate;
use futures_util::TryStreamExt;
use sqlx::{QueryBuilder, Row, Sqlite, Transaction};
use std::collections::{BTreeSet, HashMap, HashSet};
use std::sync::Arc;

/// Rows that are compared with the database at a time: 1,000 stores, as answers come sorted.
const ROWS_PER_BATCH: usize = 8_000;

impl Store {
    /// Stores an answer that covered the days of `window`.
    ///
    /// # Errors
    /// Nothing of it is stored; it can be stored later.
    pub async fn record_usage(
        &self,
        answer: Arc<Answer<UsageReading>>,
        window: DayRange,
    ) -> Result<UsageRecord, StoreError> {
        self.groups.usage.submit((answer, window), |answers| self.record_usages(answers)).await
    }

    async fn record_usages(
        &self,
        answers: Vec<(Arc<Answer<UsageReading>>, DayRange)>,
    ) -> Result<Vec<UsageRecord>, StoreError> {
        let mut transaction = self.begin().await?;
        let (changes, mut apps) = self.groups.apps.take(&mut transaction).await?;
        let mut records = Vec::with_capacity(answers.len());
        for (answer, window) in &answers {
            records.push(record(&mut transaction, &mut apps, answer, *window).await?);
        }
        transaction.commit().await?;
        self.groups.apps.keep(changes, apps);
        Ok(records)
    }
}

async fn record(
    transaction: &mut Transaction<'_, Sqlite>,
    apps: &mut Apps,
    answer: &Answer<UsageReading>,
    window: DayRange,
) -> Result<UsageRecord, StoreError> {
    let now = answer.observation.observed_at;
    let seen = answer.rows.iter().map(|reading| &reading.app_id);
    let discovered = discover(transaction, apps, seen, now).await?;

    let left_out = answer.rows.iter().filter(|row| !apps.contains_key(&row.app_id)).count();
    let mut readings = readings_that_count(&answer.rows);
    readings.retain(|reading| left_out == 0 || apps.contains_key(&reading.app_id));

    let confirmed = confirmed_since(transaction, answer.observation.call_id).await?;
    let (mut changed, mut corrections) = (0, News::default());
    for batch in readings.chunks(ROWS_PER_BATCH) {
        let mut stored = stored_days(transaction, apps, batch).await?;
        for ((app_key, _), day) in &mut stored {
            // What a newer answer has confirmed is as new as that answer.
            day.changed_by = day.changed_by.max(confirmed.get(app_key).copied().unwrap_or_default());
        }
        let changes = day_changes(&answer.observation, batch, |app_id, day| {
            stored.get(&(apps.get(app_id)?.app_key, day)).copied()
        });
        let days = changes.iter().map(|change| change.reading.day);
        if let (Some(first), Some(last)) = (days.clone().min(), days.max()) {
            calendar::reach(transaction, first, last).await?;
        }
        write_days(transaction, apps, &changes).await?;
        write_samples(transaction, apps, &answer.observation, &changes).await?;
        changed += changes.iter().filter(|change| change.is_sample).count();
        corrections.extend(changes.iter().filter_map(correction));
    }
    let extents = extents(&readings);
    write_extents(transaction, apps, &extents).await?;

    let contained: HashSet<_> = extents.keys().copied().collect();
    if answer.slot.is_some() {
        let confirmed = extents.iter().filter_map(|(app_id, days)| {
            let known = apps.get(app_id)?;
            (known.newest_day <= Some(days.last)).then_some(known.app_key)
        });
        write_sightings(transaction, apps, answer, confirmed.collect()).await?;
    }
    let covered = serve_slots(transaction, apps, answer, Endpoint::DailyAccess, &contained).await?;
    if let Some(settled) = settled(window, answer.observation.today) {
        write_asked(transaction, apps, &answer.asker, &contained, settled).await?;
    }
    let counts = RowCounts { rows: answer.rows.len() - left_out, changed };
    close_call(transaction, answer.observation.call_id, &answer.end, Some(counts)).await?;
    Ok(UsageRecord { changed, discovered, corrections, covered, left_out })
}

fn correction(change: &DayChange<'_>) -> Option<Correction> {
    Some(Correction {
        app_id: change.reading.app_id.clone(),
        day: change.reading.day,
        from: change.corrected_from?,
        to: change.row.used_times,
    })
}

/// The first and the newest day of each store in the answer.
fn extents<'a>(rows: &[&'a UsageReading]) -> HashMap<&'a AppId, DayRange> {
    let mut extents: HashMap<&AppId, DayRange> = HashMap::new();
    for reading in rows {
        let days = extents.entry(&reading.app_id).or_insert(DayRange { first: reading.day, last: reading.day });
        days.first = days.first.min(reading.day);
        days.last = days.last.max(reading.day);
    }
    extents
}

/// The days that the database has of the stores in the answer.
async fn stored_days(
    transaction: &mut Transaction<'_, Sqlite>,
    apps: &Apps,
    rows: &[&UsageReading],
) -> Result<HashMap<(i64, NaiveDate), StoredDay>, StoreError> {
    // Day and app in one number, in the order of the table.
    let places = rows.iter().filter_map(|row| Some(day_number(row.day) << 32 | apps.get(&row.app_id)?.app_key));
    let places: BTreeSet<i64> = places.collect();
    // One row at a time: 40,000 of them at once take more memory than all the rest of the answer.
    let mut found = sqlx::query(
        "SELECT u.app_key, u.day, u.limit_times, u.used_times, u.is_final, u.first_observed_after, u.last_changed_after, u.changed_by
         FROM json_each(?) j CROSS JOIN daily_usage u ON u.day = j.value >> 32 AND u.app_key = j.value & 4294967295",
    )
    .bind(serde_json::to_string(&places).unwrap_or_default())
    .fetch(&mut **transaction);
    let mut days = HashMap::with_capacity(rows.len());
    while let Some(row) = found.try_next().await? {
        let day = day(row.try_get(1)?);
        let stored = StoredDay {
            limit_times: row.try_get(2)?,
            used_times: row.try_get(3)?,
            is_final: row.try_get(4)?,
            first_observed_at: instant_after(day, row.try_get(5)?),
            last_changed_at: instant_after(day, row.try_get(6)?),
            changed_by: row.try_get(7)?,
        };
        days.insert((row.try_get(0)?, day), stored);
    }
    Ok(days)
}

async fn write_days(
    transaction: &mut Transaction<'_, Sqlite>,
    apps: &Apps,
    changes: &[DayChange<'_>],
) -> Result<(), StoreError> {
    for chunk in changes.chunks(ROWS_PER_STATEMENT) {
        let mut upsert = QueryBuilder::<Sqlite>::new("INSERT INTO daily_usage ");
        upsert.push_values(chunk, |mut values, change| {
            let day = change.reading.day;
            values
                .push_bind(day_number(day))
                .push_bind(apps.get(&change.reading.app_id).map(|app| app.app_key))
                .push_bind(change.row.limit_times)
                .push_bind(change.row.used_times)
                .push_bind(change.row.is_final)
                .push_bind(millis_after(day, change.row.first_observed_at))
                .push_bind(millis_after(day, change.row.last_changed_at))
                .push_bind(change.row.changed_by);
        });
        upsert.push(
            " ON CONFLICT DO UPDATE SET limit_times = excluded.limit_times, used_times = excluded.used_times,
              is_final = excluded.is_final, last_changed_after = excluded.last_changed_after, changed_by = excluded.changed_by",
        );
        upsert.build().persistent(is_worth_keeping(chunk.len())).execute(&mut **transaction).await?;
    }
    Ok(())
}

async fn write_samples(
    transaction: &mut Transaction<'_, Sqlite>,
    apps: &Apps,
    observation: &Observation,
    changes: &[DayChange<'_>],
) -> Result<(), StoreError> {
    let samples: Vec<_> = changes.iter().filter(|change| change.is_sample).collect();
    for chunk in samples.chunks(ROWS_PER_STATEMENT) {
        let mut insert = QueryBuilder::<Sqlite>::new(
            "INSERT INTO usage_sample (day, app_key, call_id, observed_at, used_times, limit_times) ",
        );
        insert.push_values(chunk, |mut values, change| {
            values
                .push_bind(day_number(change.reading.day))
                .push_bind(apps.get(&change.reading.app_id).map(|app| app.app_key))
                .push_bind(observation.call_id)
                .push_bind(millis(observation.observed_at))
                .push_bind(change.row.used_times)
                .push_bind(change.row.limit_times);
        });
        insert.build().persistent(is_worth_keeping(chunk.len())).execute(&mut **transaction).await?;
    }
    Ok(())
}

async fn write_extents(
    transaction: &mut Transaction<'_, Sqlite>,
    apps: &mut Apps,
    extents: &HashMap<&AppId, DayRange>,
) -> Result<(), StoreError> {
    let mut wider = Vec::new();
    for (app_id, days) in extents {
        let Some(known) = apps.get_mut(app_id) else { continue };
        let first = known.first_day.map_or(days.first, |first| first.min(days.first));
        let last = known.newest_day.map_or(days.last, |newest| newest.max(days.last));
        if (known.first_day, known.newest_day) != (Some(first), Some(last)) {
            (known.first_day, known.newest_day) = (Some(first), Some(last));
            wider.push((known.app_key, day_number(first), day_number(last)));
        }
    }
    if wider.is_empty() {
        return Ok(());
    }
    sqlx::query(
        "UPDATE app SET first_day = j.value ->> 1, newest_day = j.value ->> 2
         FROM json_each(?) j WHERE app.app_key = j.value ->> 0",
    )
    .bind(serde_json::to_string(&wider).unwrap_or_default())
    .execute(&mut **transaction)
    .await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{BootInstant, Moment, Outcome};
    use crate::rules::windows::poll_window;
    use crate::store::{CallEnd, NewPoll};
    use chrono::{DateTime, TimeDelta};

    const TODAY: Option<NaiveDate> = NaiveDate::from_ymd_opt(2026, 11, 21);

    fn now() -> Moment {
        let wall = DateTime::from_timestamp(1_795_000_000, 0).expect("a time");
        Moment { wall, boot: BootInstant { boot_id: "this".into(), uptime_ms: 0 } }
    }

    async fn ask(store: &Store, app_id: &str) -> i64 {
        let apps = store.apps().await.expect("readable");
        let app_key = apps.get(&AppId::parse(app_id).expect("an id")).expect("known").app_key;
        let (started_at, vendor_day) = (now(), TODAY.expect("a day"));
        let slot = Some(started_at.wall);
        let poll = NewPoll { app_key, endpoint: Endpoint::DailyAccess, slot, started_at, vendor_day };
        store.open_poll_call(poll).await.expect("written").call_id
    }

    /// The answer to a call says that A has made so many calls today.
    async fn answer(store: &Store, call_id: i64, asker: &str, used_times: i64) -> UsageRecord {
        let app_id = AppId::parse("A").expect("an id");
        let (today, observed_at) = (TODAY.expect("a day"), now().wall);
        let answer = Answer {
            end: CallEnd {
                outcome: Outcome::Ok,
                http_status: Some(200),
                error_code: None,
                error_message: None,
                duration: TimeDelta::zero(),
                skew: None,
            },
            asker: AppId::parse(asker).expect("an id"),
            observation: Observation { call_id, observed_at, today },
            rows: vec![UsageReading { app_id, day: today, limit_times: 300, used_times }],
            slot: Some(observed_at),
            serves_sisters: false,
        };
        store.record_usage(Arc::new(answer), poll_window(today)).await.expect("stored")
    }

    #[tokio::test]
    async fn an_answer_older_than_one_that_only_confirmed_the_number_does_not_overwrite_it() {
        let folder = tempfile::tempdir().expect("a folder");
        let store = Store::open(&folder.path().join("poskeeper.db")).await.expect("a database");
        let app = |id| (AppId::parse(id).expect("an id"), None);
        store.sync_apps(&[app("A"), app("B")], now().wall).await.expect("written");
        let first = ask(&store, "A").await;
        assert_eq!(answer(&store, first, "A", 7).await.changed, 1);
        let slow = ask(&store, "A").await;
        let quick = ask(&store, "B").await;
        assert_eq!(answer(&store, quick, "B", 7).await.changed, 0);
        assert_eq!(answer(&store, slow, "A", 5).await.changed, 0, "older than what B's answer confirmed");
        let next = ask(&store, "A").await;
        assert_eq!(answer(&store, next, "A", 8).await.changed, 1);
    }
}
