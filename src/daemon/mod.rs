//! The daemon: builds the workers, says READY, reloads, stops in order.

mod opening;
mod port;
mod workers;

pub use opening::open_store;
pub use port::PortError;
pub use workers::{BuildError, Workers, device_login, poll_plan, status_plan};

use crate::clock;
use crate::events;
use crate::jobs::{CallTally, ProgressBoard, QuotaCaller};
use crate::logging;
use crate::schedule::Schedule;
use crate::settings::Settings;
use crate::store::{DatabaseLock, Fault, LockError, PublishedKey, Store, StoreError};
use opening::Database;
use port::Port;
use sd_notify::NotifyState;
use std::collections::HashSet;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{Notify, mpsc};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use workers::Groundwork;

/// READY is said when every worker's first pass is over, but not later than this: a server that is down
/// must not keep the machine from booting.
const READY_AT_LATEST: Duration = Duration::from_secs(10);
/// Workers stop within their grace; one that does not is left behind.
const STOP_AT_LATEST: Duration = Duration::from_secs(4);

/// What the daemon is told to do while it runs.
#[derive(Debug)]
pub enum Control {
    /// Work by these settings from now on.
    Reload(Box<Settings>),
    /// The settings could not be read: go on by the old ones.
    RefuseReload(String),
    /// End.
    Stop,
}

/// Why the daemon ended.
#[derive(Debug, thiserror::Error)]
pub enum DaemonError {
    /// Another one runs.
    #[error(transparent)]
    Lock(#[from] LockError),
    /// The database cannot be used.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The settings cannot be put to work.
    #[error(transparent)]
    Build(#[from] BuildError),
    /// The HTTP port cannot be opened.
    #[error(transparent)]
    Port(#[from] PortError),
    /// The scheduler would not start.
    #[error("the scheduler failed: {0}")]
    Schedule(#[from] tokio_cron_scheduler::JobSchedulerError),
    /// A worker ended, which none does by itself.
    #[error("a worker ended by itself; this is a mistake in poskeeper, please report the log lines above")]
    WorkerEnded,
    /// A new database was damaged as soon as it was begun.
    #[error(
        "the database {path} was damaged again: {reason}; the disk or the memory of this machine fails, see `dmesg`"
    )]
    DamagedAgain {
        /// Its place.
        path: PathBuf,
        /// How that shows.
        reason: String,
    },
}

/// Runs until it is told to stop, or can go on no more.
///
/// # Errors
/// Says why it could not start or go on.
pub async fn run(mut settings: Settings, mut control: mpsc::Receiver<Control>) -> Result<(), DaemonError> {
    let lock = DatabaseLock::take(&settings.database.path)?;
    let mut database = Database::open(&settings, lock).await?;
    let mut port = Port::closed(clock::wall());
    let result = keep_running(&mut settings, &mut database, &mut port, &mut control).await;
    port.close().await;
    database.close().await;
    result
}

async fn keep_running(
    settings: &mut Settings,
    database: &mut Database,
    port: &mut Port,
    control: &mut mpsc::Receiver<Control>,
) -> Result<(), DaemonError> {
    events::daemon_started(&settings.database.path, settings.devices.len(), settings.apps.len());
    port.open(settings).await?;
    // On a full disk that waits for the next start: the logins must not.
    let _ = database.store.interrupt_open_calls().await;
    let mut schedule = Schedule::default();
    let tally = CallTally::default();
    let mut told_hosts = HashSet::new();
    let mut is_ready = false;
    let mut is_reload = false;
    let mut laid = None;
    loop {
        warn_of_exposure(settings, &mut told_hosts);
        let stop = CancellationToken::new();
        let workers = match build(laid.take(), settings, &database.store, &tally, &stop).await {
            Err(BuildError::Store(error)) if error.fault() == Fault::Damaged => {
                database.begin_anew(settings, &error.to_string()).await?;
                continue;
            }
            built => built?,
        };
        let store = &database.store;
        let wake = Arc::new(Notify::new());
        let lines: Vec<_> = match settings.apps.is_empty() {
            true => Vec::new(),
            false => [&settings.pospal.access_config_cron, &settings.pospal.daily_access_cron]
                .into_iter()
                .flatten()
                .cloned()
                .collect(),
        };
        schedule.set(lines, &wake)?;
        let caller = workers.caller.clone();
        let (board, mut running) = workers.start(&wake);
        port.show(settings, &caller, &board);
        if is_reload {
            logging::set_level(settings.log.level);
            events::daemon_reloaded(settings.devices.len(), settings.apps.len());
        }
        let mut next = supervise(&board, &mut running, control, settings, &caller, &mut is_ready).await;
        if matches!(next, Ok(Next::Stop)) {
            say_stopping();
        }
        stop.cancel();
        let all_stopped = async { while running.join_next().await.is_some() {} };
        let _ = tokio::time::timeout(STOP_AT_LATEST, all_stopped).await;
        // What was told meanwhile comes before new workers make new calls.
        while matches!(next, Ok(Next::Reload(..)))
            && let Ok(told) = control.try_recv()
        {
            match next_step(told, control, settings, store).await {
                Some(Next::Stop) => {
                    say_stopping();
                    next = Ok(Next::Stop);
                }
                Some(newer) => next = Ok(newer),
                None => {}
            }
        }
        match next? {
            Next::Stop => return Ok(()),
            Next::Reload(new, groundwork) => {
                withdraw_abandoned_keys(settings, &new);
                *settings = *new;
                laid = Some(groundwork);
                if let Err(error) = port.open(settings).await {
                    events::http_failing(&error);
                }
                is_reload = true;
            }
            Next::BeginAnew(reason) => {
                database.begin_anew(settings, &reason).await?;
                caller.health.is_over(&database.store).await;
                is_reload = false;
            }
        }
    }
}

async fn build(
    laid: Option<Groundwork>,
    settings: &Settings,
    store: &Store,
    tally: &CallTally,
    stop: &CancellationToken,
) -> Result<Workers, BuildError> {
    let groundwork = match laid {
        Some(groundwork) => groundwork,
        None => Groundwork::lay(settings, store).await?,
    };
    Ok(Workers::build_on(groundwork, settings, store, tally, stop).await?)
}

/// What follows on the workers that run now.
enum Next {
    Stop,
    Reload(Box<Settings>, Groundwork),
    /// The database is damaged.
    BeginAnew(String),
}

/// Feeds the watchdog and waits for what comes next.
async fn supervise(
    board: &ProgressBoard,
    running: &mut JoinSet<()>,
    control: &mut mpsc::Receiver<Control>,
    settings: &Settings,
    caller: &QuotaCaller,
    is_ready: &mut bool,
) -> Result<Next, DaemonError> {
    let first_passes = async {
        let _ = tokio::time::timeout(READY_AT_LATEST, board.all_first_passes()).await;
    };
    let mut first_passes = std::pin::pin!(first_passes);
    loop {
        tokio::select! {
            () = &mut first_passes, if !*is_ready => {
                *is_ready = true;
                let _ = sd_notify::notify(&[NotifyState::Ready]);
                events::daemon_ready();
            }
            () = board.full_round() => feed_watchdog(),
            Some(_) = running.join_next() => return Err(DaemonError::WorkerEnded),
            reason = caller.health.damage() => return Ok(Next::BeginAnew(reason)),
            told = control.recv() => {
                if let Some(next) = next_step(told.unwrap_or(Control::Stop), control, settings, &caller.store).await {
                    return Ok(next);
                }
            }
        }
    }
}

/// What a message asks for; `None`: to go on as before. A newer message does not wait for a database
/// that somebody else has locked: least of all the stop.
async fn next_step(
    mut told: Control,
    control: &mut mpsc::Receiver<Control>,
    settings: &Settings,
    store: &Store,
) -> Option<Next> {
    loop {
        let new = match told {
            Control::Stop => return Some(Next::Stop),
            Control::RefuseReload(reason) => {
                events::daemon_reload_refused(&reason);
                return None;
            }
            Control::Reload(new) => new,
        };
        let kept = [
            ("database.path", new.database.path == settings.database.path),
            ("log.format", new.log.format == settings.log.format),
        ];
        if let Some((key, _)) = kept.iter().find(|(_, is_same)| !is_same) {
            events::daemon_reload_refused(&format!("{key} is another one; that takes a restart"));
            return None;
        }
        let keeps_nothing = |settings: &Settings| settings.devices.is_empty() && settings.apps.is_empty();
        if keeps_nothing(&new) && !keeps_nothing(settings) {
            // A file that a full disk has cut to nothing looks like this.
            events::daemon_reload_refused(&format!(
                "{} names no device and no app any more; if that is meant, restart",
                new.file.display()
            ));
            return None;
        }
        tokio::select! {
            biased;
            laid = Groundwork::lay(&new, store) => {
                return laid
                    .inspect_err(|error| events::daemon_reload_refused(error))
                    .ok()
                    .map(|groundwork| Next::Reload(new, groundwork));
            }
            newer = control.recv() => told = newer.unwrap_or(Control::Stop),
        }
    }
}

/// A key file that the new settings do not name would keep its key when that is long dead.
fn withdraw_abandoned_keys(old: &Settings, new: &Settings) {
    for device in &old.devices {
        let Some(path) = &device.api_key_file else { continue };
        if new.devices.iter().all(|device| device.api_key_file.as_ref() != Some(path)) {
            let published = PublishedKey { path: path.clone(), mode: device.api_key_file_mode, owner: None };
            if let Err(error) = published.withdraw() {
                events::key_file_failing(&device.name, &error);
            }
        }
    }
}

fn say_stopping() {
    let _ = sd_notify::notify(&[NotifyState::Stopping]);
    events::daemon_stopping();
}

fn feed_watchdog() {
    let _ = sd_notify::notify(&[NotifyState::Watchdog]);
}

fn warn_of_exposure(settings: &Settings, told_hosts: &mut HashSet<String>) {
    for exposure in &settings.exposed {
        events::settings_exposed(&exposure.file, exposure.mode);
    }
    for host in settings.plaintext_hosts() {
        if told_hosts.insert(host.clone()) {
            events::transport_plaintext(&host);
        }
    }
}
