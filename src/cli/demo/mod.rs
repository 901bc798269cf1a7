//! `poskeeper demo`: the real daemon against its own sandbox, for people who want to see what it does.
//!
//! What runs is [`daemon::run`], as in `poskeeper run`, in this process and with settings read from a
//! file; the simulated vendors have a port of their own, so that every call goes over a real socket.

mod folder;
mod prose;
mod story;
mod summary;

use super::Place;
use super::failure::Failure;
use super::once::stop_on_signal;
use crate::daemon::{self, Control, DaemonError};
use crate::logging;
use crate::sandbox::{Sandbox, SandboxOptions, Scenario};
use crate::settings::{Settings, Surroundings};
use folder::DemoFolder;
use std::path::PathBuf;
use std::pin::pin;
use std::time::Duration;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

#[derive(Debug, clap::Args)]
pub(super) struct Options {
    /// How long the daemon runs; the story that the demo has to tell takes 45 seconds
    #[arg(long, value_name = "N", default_value_t = 45, value_parser = clap::value_parser!(u64).range(1..=86_400))]
    seconds: u64,
    /// A folder of the demo's own: made if there is none, started afresh if an earlier demo made it
    #[arg(long, value_name = "DIR", default_value = "poskeeper-demo")]
    dir: PathBuf,
}

pub(super) async fn run(place: &Place, options: &Options) -> Result<(), Failure> {
    place.refuse_config("the demo writes settings of its own into --dir")?;
    let stop = stop_on_signal();
    let folder = DemoFolder::prepare(&options.dir)?;
    let sandbox = Sandbox::start(SandboxOptions {
        scenario: Scenario::BusyDay,
        live: story::LIVE,
        relogin: story::RELOGIN,
        ..SandboxOptions::default()
    })
    .await
    .map_err(|error| Failure::Failed(format!("cannot open a port for the simulated vendors: {error}")))?;
    folder.write_settings(&sandbox.fast_settings_toml())?;
    // Nothing of the caller's environment: a variable meant for a real daemon must not reach this one.
    let settings = Settings::load(&folder.settings(), &Surroundings::default()).map_err(Failure::Settings)?;
    logging::start(settings.log.level, settings.log.format);
    story::introduce(&sandbox, &folder, options.seconds);
    let end = keep_running(settings.clone(), &sandbox, Duration::from_secs(options.seconds), &stop).await;
    sandbox.stop().await;
    end.map_err(Failure::failed)?;
    summary::print(&settings, &folder).await
}

/// The daemon, for so long or until ctrl-c, while the vendors do what the story wants.
async fn keep_running(
    settings: Settings,
    sandbox: &Sandbox,
    time: Duration,
    stop: &CancellationToken,
) -> Result<(), DaemonError> {
    let (tell, told) = mpsc::channel(1);
    let mut daemon = pin!(daemon::run(settings, told));
    let mut story = pin!(story::unfold(sandbox.world()));
    let mut is_told = false;
    let time_is_up = async {
        tokio::select! {
            () = tokio::time::sleep(time) => story::say("Time is up: the daemon is told to stop."),
            () = stop.cancelled() => story::say("A signal came: the daemon is told to stop."),
        }
    };
    let mut time_is_up = pin!(time_is_up);
    let mut is_stopping = false;
    loop {
        tokio::select! {
            result = &mut daemon => return result,
            () = &mut time_is_up, if !is_stopping => {
                is_stopping = true;
                let _ = tell.try_send(Control::Stop);
            }
            () = &mut story, if !is_told && !is_stopping => is_told = true,
        }
    }
}
