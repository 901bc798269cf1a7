//! `poskeeper once`: one pass of everything, by hand or from a timer.

use super::Place;
use super::failure::Failure;
use crate::daemon::{Workers, open_store};
use crate::jobs::CallResult;
use crate::logging;
use crate::store::DatabaseLock;
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

pub(super) async fn run(place: &Place) -> Result<(), Failure> {
    let settings = place.settings()?;
    logging::start(settings.log.level, settings.log.format);
    let mut lock = DatabaseLock::take(&settings.database.path).map_err(Failure::failed)?;
    let store = open_store(&settings, &mut lock).await.map_err(Failure::failed)?;
    store.interrupt_open_calls().await.map_err(Failure::failed)?;
    let stop = stop_on_signal();
    let mut workers = Workers::build(&settings, &store, &stop).await.map_err(Failure::failed)?;
    let mut all_good = true;
    for keeper in &mut workers.keepers {
        all_good &= keeper.run_once().await;
    }
    if let Some(mut poller) = workers.poller {
        // Somebody asked: what is kept free for others does not matter now.
        poller.ignore_keep_free();
        for (_, _, result) in poller.run_once().await {
            all_good &= matches!(result, CallResult::Done | CallResult::Skipped(_));
        }
    }
    workers.judge.judge(&crate::clock::now()).await;
    store.close().await;
    // What failed stands in the log lines.
    if all_good && !stop.is_cancelled() { Ok(()) } else { Err(Failure::Told) }
}

/// Ends requests under way on ctrl-c or SIGTERM, so that the ledger says what became of them.
pub(super) fn stop_on_signal() -> CancellationToken {
    let stop = CancellationToken::new();
    for kind in [SignalKind::interrupt(), SignalKind::terminate()] {
        // Where it cannot be caught, the signal ends the process as it always does.
        if let Ok(mut caught) = signal(kind) {
            let told = stop.clone();
            tokio::spawn(async move {
                if caught.recv().await.is_some() {
                    told.cancel();
                }
            });
        }
    }
    stop
}
