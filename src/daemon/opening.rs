//! The database of a daemon: opened, and begun anew where it is damaged, so that the shop's logins and
//! history go on.

use super::DaemonError;
use crate::clock;
use crate::events;
use crate::model::{AppId, Moment, day_of};
use crate::settings::Settings;
use crate::store::{CarriedCall, DatabaseLock, Note, Store, StoreError, set_aside};
use chrono::{NaiveDate, TimeDelta};
use std::path::Path;

/// Two databases that are damaged within this time are not the databases' fault.
const UNLIKELY: TimeDelta = TimeDelta::hours(1);

/// The one that is written, and the right to.
pub(super) struct Database {
    pub(super) store: Store,
    lock: DatabaseLock,
    begun_anew: Option<Moment>,
    is_damaged: bool,
}

impl Database {
    pub(super) async fn open(settings: &Settings, mut lock: DatabaseLock) -> Result<Self, StoreError> {
        Ok(Self { store: open_store(settings, &mut lock).await?, lock, begun_anew: None, is_damaged: false })
    }

    /// Lets go of it, sets it aside, and begins a new one.
    pub(super) async fn begin_anew(&mut self, settings: &Settings, reason: &str) -> Result<(), DaemonError> {
        self.is_damaged = true;
        let now = clock::now();
        if self.begun_anew.replace(now.clone()).is_some_and(|last| now.since(&last) < UNLIKELY) {
            let path = settings.database.path.clone();
            return Err(DaemonError::DamagedAgain { path, reason: reason.to_owned() });
        }
        self.store.clone().abandon();
        self.store = begin_anew(settings, &mut self.lock, reason).await?;
        self.is_damaged = false;
        Ok(())
    }

    /// In order, except where that would write into a damaged file.
    pub(super) async fn close(self) {
        if self.is_damaged { self.store.abandon() } else { self.store.close().await }
    }
}

/// Opens the database for those who write it on their own: a damaged one is set aside and a new one
/// begun, if it was ever poskeeper's.
///
/// # Errors
/// It can be neither used nor set aside.
pub async fn open_store(settings: &Settings, lock: &mut DatabaseLock) -> Result<Store, StoreError> {
    let store = match Store::open(&settings.database.path).await {
        Err(StoreError::Damaged { path, reason }) => {
            if lock.note() == Note::Unused {
                return Err(StoreError::Open {
                    path,
                    reason: format!(
                        "this is not a SQLite file, or it is damaged, and poskeeper never had one here ({reason}); name \
                         another file in database.path, or move it aside"
                    ),
                });
            }
            return begin_anew(settings, lock, &reason).await;
        }
        opened => opened?,
    };
    // The process that began it died before the budget was taken over.
    if lock.note() == Note::BeingReplaced {
        Budget::of(settings).take_over(&store, None).await?;
    }
    // On a full disk the note is made at a later start.
    let _ = lock.set_note(Note::InUse);
    Ok(store)
}

async fn begin_anew(settings: &Settings, lock: &mut DatabaseLock, reason: &str) -> Result<Store, StoreError> {
    let path = &settings.database.path;
    let _ = lock.set_note(Note::BeingReplaced);
    let budget = Budget::of(settings);
    let aside = set_aside(path, budget.now.wall).map_err(|error| StoreError::Open {
        path: path.clone(),
        reason: format!("it is damaged ({reason}) and cannot be set aside: {error}; move it aside by hand"),
    })?;
    let carried = budget.found_in(&aside).await;
    events::store_damaged(path, &aside, reason, carried.as_ref().map(Vec::len));
    let store = Store::open(path).await?;
    budget.take_over(&store, carried).await?;
    let _ = lock.set_note(Note::InUse);
    Ok(store)
}

/// What the vendor may count against the accounts today.
struct Budget {
    accounts: Vec<AppId>,
    calls_per_app_per_day: u32,
    now: Moment,
    today: NaiveDate,
}

impl Budget {
    fn of(settings: &Settings) -> Self {
        let now = clock::now();
        Self {
            accounts: settings.apps.iter().map(|app| app.app_id.clone()).collect(),
            calls_per_app_per_day: settings.pospal.calls_per_app_per_day,
            today: day_of(now.wall, settings.timezone),
            now,
        }
    }

    /// `None`: unknown.
    async fn found_in(&self, aside: &Path) -> Option<Vec<CarriedCall>> {
        let old = Store::open_for_reading(aside).await.ok()?;
        let found = old.calls_to_carry(&self.now, self.today).await;
        old.close_for_reading().await;
        found.ok().flatten()
    }

    async fn take_over(&self, store: &Store, carried: Option<Vec<CarriedCall>>) -> Result<(), StoreError> {
        let named: Vec<_> = self.accounts.iter().map(|app_id| (app_id.clone(), None)).collect();
        store.sync_apps(&named, self.now.wall).await?;
        match carried {
            Some(calls) => store.carry_over(&calls).await,
            None => store.count_as_spent(&self.accounts, self.calls_per_app_per_day, &self.now, self.today).await,
        }
    }
}
