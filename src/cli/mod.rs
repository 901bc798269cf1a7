//! The command line (contract section 1): one file per command.
//!
//! Results go to stdout, log lines and errors to stderr. A command returns what went wrong as a
//! `Failure`; this file alone turns that into words and an exit code.

mod apikey;
mod backfill;
mod backup;
mod check;
mod demo;
mod failure;
mod html;
mod objects;
mod once;
mod output;
mod overview;
mod report;
mod run;
mod sandbox;
mod spoken;
mod status;
mod table;

use crate::settings::{Settings, Surroundings, locate};
use crate::store::{Schema, Store, StoreError};
use clap::{CommandFactory, Parser, Subcommand};
use failure::Failure;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// Keeps a shop's V8STD device login alive and the history of its Pospal API quota.
#[derive(Debug, Parser)]
#[command(version, about, max_term_width = 100)]
struct Arguments {
    /// Settings file [default: $POSKEEPER_CONFIG, ./settings.toml, /etc/poskeeper/settings.toml]
    #[arg(long, global = true, value_name = "FILE")]
    config: Option<PathBuf>,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// The daemon, in the foreground, until SIGTERM or SIGINT; SIGHUP reloads the settings
    Run,
    /// One pass: log in where due, poll both endpoints for every app now, within the call budget
    Once,
    /// Read and validate settings, secrets, file permissions, database and cron lines
    Check(check::Options),
    /// Tell how the logins and the accounts stand, and what comes next; while the daemon runs or not
    Status(status::Options),
    /// Print a view of the database, whole or filtered, or write all of it as one HTML page
    Report(report::Options),
    /// Fetch older days in 8-day windows within the call budget; goes on where it was
    Backfill(backfill::Options),
    /// Print the live API key of a device
    Apikey(apikey::Options),
    /// Make a consistent copy of the database, while the daemon runs or not
    Backup(backup::Options),
    /// Simulated V8STD and Pospal servers for trials and tests; prints a ready settings file
    Sandbox(sandbox::Options),
    /// The real daemon against its own sandbox, for people who want to see what it does
    Demo(demo::Options),
}

/// The whole command line as clap knows it: the manual page and the shell completions are made from it.
pub fn command() -> clap::Command {
    Arguments::command()
}

/// Runs the command that the process was started with.
pub fn main() -> ExitCode {
    let arguments = Arguments::parse();
    match run_command(arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => failure.report(),
    }
}

fn run_command(arguments: Arguments) -> Result<(), Failure> {
    // One thread is enough for a program that waits most of the time, and costs the least.
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(Failure::failed)?;
    let place = Place { config: arguments.config, surroundings: Surroundings::of_process() };
    let result = runtime.block_on(async {
        match arguments.command {
            Command::Run => run::run(&place).await,
            Command::Once => once::run(&place).await,
            Command::Check(options) => check::run(&place, &options).await,
            Command::Status(options) => status::run(&place, &options).await,
            Command::Report(options) => report::run(&place, &options).await,
            Command::Backfill(options) => backfill::run(&place, options).await,
            Command::Apikey(options) => apikey::run(&place, &options),
            Command::Backup(options) => backup::run(&place, &options).await,
            Command::Sandbox(options) => sandbox::run(&place, &options).await,
            Command::Demo(options) => demo::run(&place, &options).await,
        }
    });
    runtime.shutdown_background();
    result
}

/// Where the packaged unit has its database.
const SERVICE_DATABASE: &str = "/var/lib/poskeeper/poskeeper.db";

/// What to say where a command typed by hand looks at another database than the service writes: systemd
/// names the folder of the service's files to the service alone.
fn service_database(used: &Path) -> Option<String> {
    let service = Path::new(SERVICE_DATABASE);
    let is_other = service.exists() && used.canonicalize().ok() != service.canonicalize().ok();
    is_other.then(|| {
        format!(
            "this is not the database of the service, {SERVICE_DATABASE}; for that one set \
             STATE_DIRECTORY=/var/lib/poskeeper, or write its place into database.path"
        )
    })
}

/// Where the settings come from.
struct Place {
    config: Option<PathBuf>,
    surroundings: Surroundings,
}

impl Place {
    fn settings(&self) -> Result<Settings, Failure> {
        let file = locate(self.config.as_deref(), &self.surroundings);
        Settings::load(&file, &self.surroundings).map_err(Failure::Settings)
    }

    /// For commands that read no settings: naming some is a misunderstanding to clear up.
    fn refuse_config(&self, why: &str) -> Result<(), Failure> {
        match &self.config {
            Some(file) => Err(Failure::Usage(format!("{why}; leave out --config {}", file.display()))),
            None => Ok(()),
        }
    }

    /// The database, for reading: no more than read permission is needed, and no lock.
    async fn database(&self, settings: &Settings) -> Result<Store, Failure> {
        let path = &settings.database.path;
        let store = Store::open_for_reading(path).await.map_err(|error| match service_database(path) {
            Some(other) if matches!(error, StoreError::Missing(_)) => Failure::Failed(format!("{error}; {other}")),
            _ => Failure::failed(error),
        })?;
        match store.schema().await.map_err(Failure::failed)? {
            Schema::Empty => Err(Failure::failed(StoreError::Missing(path.clone()))),
            Schema::Foreign => Err(Failure::Failed(format!(
                "database.path: {}: {}",
                path.display(),
                Schema::Foreign.refusal().unwrap_or_default()
            ))),
            Schema::Current | Schema::Older | Schema::Newer => Ok(store),
        }
    }
}
