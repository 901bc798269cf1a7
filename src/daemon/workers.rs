//! Turns settings into workers: the daemon's, and those of the commands that make one pass.

use crate::clock;
use crate::events;
use crate::jobs::{
    AlertPlan, CallTally, DeviceLogin, Judge, LoginCaller, LoginKeeper, Observations, ProgressBoard, QuotaApp,
    QuotaCaller, QuotaPoller, StoreHealth,
};
use crate::rules::agenda::PollPlan;
use crate::settings::{App, Coverage, Device, Settings};
use crate::status::StatusPlan;
use crate::store::{Apps, Owner, PublishedKey, Retention, SessionFile, Store, StoreError};
use crate::vendors::{Client, ClientError, ClientOptions};
use chrono::TimeDelta;
use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;
use tokio::sync::{Notify, Semaphore};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

/// Why settings cannot be put to work, though they were good when they were read.
#[derive(Debug, thiserror::Error)]
pub enum BuildError {
    /// The extra roots are gone.
    #[error("network.ca_file: cannot read {path}: {error}")]
    CaFile {
        /// The file.
        path: PathBuf,
        /// What the system said.
        error: std::io::Error,
    },
    /// The HTTP client does not take them.
    #[error("network.ca_file: {0}")]
    Client(#[from] ClientError),
    /// The database failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// What building workers can fail on: done while the workers before them still run, so that settings
/// which cannot be put to work disturb nobody.
pub(super) struct Groundwork {
    client: Client,
    device_keys: HashMap<String, i64>,
    known_apps: Apps,
}

impl Groundwork {
    /// Writes down in the database which devices and accounts there are.
    pub(super) async fn lay(settings: &Settings, store: &Store) -> Result<Self, BuildError> {
        let client = client(settings)?;
        let names: Vec<_> = settings.devices.iter().map(|device| device.name.clone()).collect();
        let device_keys = store.sync_devices(&names).await?;
        let named = settings.apps.iter().map(|app| (app.app_id.clone(), Some(app.name.clone())));
        store.sync_apps(&named.collect::<Vec<_>>(), clock::wall()).await?;
        Ok(Self { client, device_keys, known_apps: store.apps().await? })
    }
}

/// The workers of one set of settings, not yet running.
pub struct Workers {
    /// One for each device.
    pub keepers: Vec<LoginKeeper>,
    /// One for all accounts; absent where there is none.
    pub poller: Option<QuotaPoller>,
    /// Judges what they all saw.
    pub judge: Judge,
    /// For the commands that make calls of their own.
    pub caller: QuotaCaller,
    /// The accounts.
    pub apps: Vec<Arc<QuotaApp>>,
    names: Vec<String>,
}

impl Workers {
    /// Builds them, and writes down in the database which devices and accounts there are.
    ///
    /// # Errors
    /// The database or `network.ca_file` failed.
    pub async fn build(settings: &Settings, store: &Store, stop: &CancellationToken) -> Result<Self, BuildError> {
        let groundwork = Groundwork::lay(settings, store).await?;
        Ok(Self::build_on(groundwork, settings, store, &CallTally::default(), stop).await?)
    }

    /// Once the workers before have ended: what they did last counts. `tally` counts their calls.
    pub(super) async fn build_on(
        groundwork: Groundwork,
        settings: &Settings,
        store: &Store,
        tally: &CallTally,
        stop: &CancellationToken,
    ) -> Result<Self, StoreError> {
        let Groundwork { client, device_keys, known_apps } = groundwork;
        let health = Arc::new(StoreHealth::new(settings.database.path.clone(), settings.alerts.remind_after));
        let observations = Arc::new(Observations::default());
        let login_caller = LoginCaller {
            client: client.clone(),
            store: store.clone(),
            health: Arc::clone(&health),
            observations: Arc::clone(&observations),
            tally: tally.clone(),
            timezone: settings.timezone,
            renew_share: settings.login.renew_after,
            fallback: settings.login.fallback,
            stop: stop.clone(),
        };
        let sessions = SessionFile::beside(&settings.database.path);
        sessions.remove_leftovers();
        let owner = Owner::of(&settings.database.path);
        let names: Vec<_> = settings.devices.iter().map(|device| device.name.clone()).collect();
        if let Err(error) = sessions.keep_only(&names) {
            events::session_failing("all devices", &error);
        }
        let mut keepers = Vec::with_capacity(settings.devices.len());
        for device in &settings.devices {
            let device_key = device_keys.get(&device.name).copied().unwrap_or_default();
            let past = store.past_logins(device_key).await?;
            let login = device_login(device, device_key);
            let published =
                device.api_key_file.clone().map(|path| PublishedKey { path, mode: device.api_key_file_mode, owner });
            published.iter().for_each(PublishedKey::remove_leftovers);
            keepers.push(LoginKeeper::new(login, login_caller.clone(), sessions.clone(), published, past));
        }

        let mut hosts = HashMap::new();
        let apps: Vec<_> = settings
            .apps
            .iter()
            .map(|app| {
                let host = hosts
                    .entry(host_of(app))
                    .or_insert_with(|| Arc::new(Semaphore::new(settings.pospal.max_concurrency)));
                Arc::new(QuotaApp {
                    app_key: known_apps.get(&app.app_id).map_or(0, |known| known.app_key),
                    app_id: app.app_id.clone(),
                    name: app.name.clone(),
                    app_key_secret: app.app_key.clone(),
                    base_url: app.base_url.clone(),
                    host: Arc::clone(host),
                })
            })
            .collect();
        let caller = QuotaCaller {
            client,
            store: store.clone(),
            health: Arc::clone(&health),
            observations: Arc::clone(&observations),
            tally: tally.clone(),
            timezone: settings.timezone,
            configured: Arc::new(settings.apps.iter().map(|app| app.app_id.clone()).collect()),
            calls_per_app_per_day: settings.pospal.calls_per_app_per_day,
            keep_free: settings.pospal.keep_free,
            serves_sisters: settings.pospal.coverage == Coverage::Chain,
            stop: stop.clone(),
        };
        let judge = Judge::new(
            store.clone(),
            health,
            observations,
            settings.timezone,
            poll_plan(settings),
            alert_plan(settings),
            retention(settings),
        );
        let poller = (!apps.is_empty()).then(|| {
            QuotaPoller::new(caller.clone(), apps.clone(), poll_plan(settings), settings.pospal.backfill_days)
        });
        Ok(Self { keepers, poller, judge, caller, apps, names })
    }

    /// Starts them all. They end when their stop is told.
    pub fn start(self, wake: &Arc<Notify>) -> (Arc<ProgressBoard>, JoinSet<()>) {
        let names = self.names.iter().map(|device| format!("the logins of {device}"));
        let poller = self.poller.is_some().then(|| "the polls".to_owned());
        let (board, lines) = ProgressBoard::new(names.chain(poller).chain(["the alerts".to_owned()]).collect());
        let mut lines = lines.into_iter();
        let mut running = JoinSet::new();
        for (keeper, line) in self.keepers.into_iter().zip(&mut lines) {
            running.spawn(keeper.run(line));
        }
        if let Some(poller) = self.poller
            && let Some(line) = lines.next()
        {
            running.spawn(poller.run(Arc::clone(wake), line));
        }
        if let Some(line) = lines.next() {
            running.spawn(self.judge.run(Arc::clone(&board), self.caller.stop.clone(), line));
        }
        (board, running)
    }
}

/// What the settings want polled.
pub fn poll_plan(settings: &Settings) -> PollPlan {
    PollPlan {
        access_config: settings.pospal.access_config_cron.clone(),
        daily_access: settings.pospal.daily_access_cron.clone(),
        splay: TimeDelta::from_std(settings.pospal.splay).unwrap_or_default(),
        seed: fastrand::u64(..),
        is_chain: settings.pospal.coverage == Coverage::Chain,
    }
}

/// What the settings say about the status; the sister stores as far as they are watched.
pub fn status_plan(settings: &Settings) -> StatusPlan {
    StatusPlan {
        timezone: settings.timezone,
        devices: settings.devices.iter().map(|device| device.name.clone()).collect(),
        apps: settings.apps.iter().map(|app| (app.app_id.clone(), app.name.clone())).collect(),
        calls_per_app_per_day: settings.pospal.calls_per_app_per_day,
        polls: poll_plan(settings),
        sisters: settings.alerts.sisters,
    }
}

fn alert_plan(settings: &Settings) -> AlertPlan {
    let alerts = &settings.alerts;
    AlertPlan {
        sisters: alerts.sisters,
        usage_percent: alerts.usage_percent.clone(),
        package_days_left: alerts.package_days_left.clone(),
        stale_after: alerts.stale_after,
        clock_skew: alerts.clock_skew,
        remind_after: alerts.remind_after,
    }
}

fn retention(settings: &Settings) -> Retention {
    Retention { samples_days: settings.database.keep_samples_days, calls_days: settings.database.keep_calls_days }
}

fn client(settings: &Settings) -> Result<Client, BuildError> {
    let extra_roots_pem = match &settings.network.ca_file {
        Some(path) => Some(std::fs::read(path).map_err(|error| BuildError::CaFile { path: path.clone(), error })?),
        None => None,
    };
    Ok(Client::new(&ClientOptions {
        timeout: settings.network.timeout,
        connect_timeout: settings.network.connect_timeout,
        extra_roots_pem,
        max_response_bytes: settings.network.max_response_bytes,
        secrets: settings.secrets().into_iter().cloned().collect(),
    })?)
}

/// A device of the settings as the workers know it.
pub fn device_login(device: &Device, device_key: i64) -> DeviceLogin {
    DeviceLogin {
        name: device.name.clone(),
        device_key,
        base_url: device.base_url.clone(),
        program_name: device.program_name.clone(),
        location_code: device.location_code.clone(),
        device_id: device.device_id.clone(),
        activation_code: device.activation_code.clone(),
        login_api_key: device.login_api_key.clone(),
    }
}

fn host_of(app: &App) -> String {
    app.base_url.host_str().unwrap_or_default().to_owned()
}
