//! `poskeeper run`: the daemon, and what signals tell it.

use super::Place;
use super::failure::Failure;
use crate::daemon::{self, Control};
use crate::logging;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::mpsc;

/// What may wait until the daemon listens again: it does not while its workers end for a reload, a few
/// seconds at most.
const PENDING: usize = 16;

pub(super) async fn run(place: &Place) -> Result<(), Failure> {
    let settings = place.settings()?;
    logging::start(settings.log.level, settings.log.format);
    let mut stop = signal(SignalKind::terminate()).map_err(Failure::failed)?;
    let mut interrupt = signal(SignalKind::interrupt()).map_err(Failure::failed)?;
    let mut reload = signal(SignalKind::hangup()).map_err(Failure::failed)?;
    let (tell, told) = mpsc::channel(PENDING);
    let mut daemon = std::pin::pin!(daemon::run(settings, told));
    let mut is_stopping = false;
    loop {
        tokio::select! {
            result = &mut daemon => return result.map_err(Failure::failed),
            _ = reload.recv() => {
                let control = match place.settings() {
                    Ok(settings) => Control::Reload(Box::new(settings)),
                    Err(Failure::Settings(faults)) => Control::RefuseReload(faults.to_string()),
                    Err(_) => continue,
                };
                // The last place is the stop's.
                if tell.capacity() > 1 {
                    let _ = tell.try_send(control);
                }
            }
            _ = async { tokio::select! { _ = stop.recv() => {}, _ = interrupt.recv() => {} } } => {
                if is_stopping {
                    return Err(Failure::Failed("stopped at once, on the second signal".into()));
                }
                is_stopping = true;
                let _ = tell.try_send(Control::Stop);
            }
        }
    }
}
