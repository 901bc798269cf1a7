//! One call to each server, with these settings and secrets: in the ledger, within the budget.

use super::plan::cron;
use crate::cli::failure::Failure;
use crate::cli::once::stop_on_signal;
use crate::cli::output;
use crate::cli::spoken::Spoken;
use crate::daemon::Workers;
use crate::jobs::{CallResult, Purpose, QuotaApp, QuotaCaller};
use crate::logging;
use crate::model::{CallFailure, Endpoint};
use crate::settings::Settings;
use crate::store::{DatabaseLock, Store};
use tracing::level_filters::LevelFilter;

pub(super) async fn run(settings: &Settings, spoken: &Spoken) -> Result<(), Failure> {
    // The lines on stdout tell what goes well.
    logging::start(settings.log.level.min(LevelFilter::WARN), settings.log.format);
    let _lock = DatabaseLock::take(&settings.database.path).map_err(Failure::failed)?;
    let store = Store::open(&settings.database.path).await.map_err(Failure::failed)?;
    let result = call_all(settings, spoken, &store).await;
    store.close().await;
    if result? { Ok(()) } else { Err(Failure::Told) }
}

/// `false`: something failed, and was told.
async fn call_all(settings: &Settings, spoken: &Spoken, store: &Store) -> Result<bool, Failure> {
    store.interrupt_open_calls().await.map_err(Failure::failed)?;
    let stop = stop_on_signal();
    let workers = Workers::build(settings, store, &stop).await.map_err(Failure::failed)?;
    let mut all_good = true;
    for (device, mut keeper) in settings.devices.iter().zip(workers.keepers) {
        if stop.is_cancelled() {
            return Ok(false);
        }
        let result = match keeper.log_in_now().await {
            Ok(expires_at) => format!("ok, key lives until {}", spoken.time(expires_at)),
            Err(failure) => {
                all_good = false;
                told(&failure)
            }
        };
        output::print(&format!("login {}: {result}\n", device.name))?;
    }
    let mut caller = workers.caller;
    // Somebody asked: what is kept free for others does not matter now.
    caller.keep_free = 0;
    for (app, quota_app) in settings.apps.iter().zip(&workers.apps) {
        let name = if app.name.is_empty() { app.app_id.as_str() } else { &app.name };
        for endpoint in [Endpoint::DailyAccess, Endpoint::AccessConfig] {
            if stop.is_cancelled() {
                return Ok(false);
            }
            let (is_good, result) = call(settings, &caller, quota_app, endpoint, spoken).await;
            all_good &= is_good;
            output::print(&format!("{endpoint} {name}: {result}\n"))?;
        }
    }
    Ok(all_good)
}

async fn call(
    settings: &Settings,
    caller: &QuotaCaller,
    app: &QuotaApp,
    endpoint: Endpoint,
    spoken: &Spoken,
) -> (bool, String) {
    let (key, line) = cron(settings, endpoint);
    // A call costs quota: none for what is not wanted.
    let Some(line) = line else { return (true, format!("not asked: {key} is empty")) };
    let slot = line.last_slot(spoken.now).unwrap_or(spoken.now);
    match caller.call(app, Purpose::Slot(endpoint, slot)).await {
        CallResult::Done => (true, "ok".into()),
        CallResult::Skipped(reason) => (true, format!("not asked: the calls of today are used up ({})", reason.name())),
        CallResult::Failed(failure) => (false, told(&failure)),
        CallResult::StoreFailed => (false, "the database failed; the log line above tells why".into()),
    }
}

fn told(failure: &CallFailure) -> String {
    format!("{}: {failure}", failure.outcome)
}
