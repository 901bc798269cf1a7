//! poskeeper keeps a shop's V8STD device login alive and the history of its Pospal API quota.
//!
//! # Layout
//!
//! ```text
//! main.rs        process edge: arguments, exit code
//! cli/           one file per command; each turns settings into constructor arguments
//! daemon/        builds the workers, says READY, reloads, stops in order
//! http/          the dashboard, /healthz and /metrics
//! status.rs      how everything stands, read from the database alone
//! schedule.rs    the cron lines as wake-ups; the only file that names tokio-cron-scheduler
//! report/        the HTML report: what there is to tell, its words, its charts, its markup
//! jobs/          the workers, one pass each: load → due? → call → save → log line
//! events.rs      every log line that somebody may alert on
//! store/         the SQLite file, the kept session, the published key
//! vendors/       V8STD and Pospal: request, and `parse` as a function of bytes
//! rules/         pure decisions: functions of `now` and of what the database says
//! logging.rs     where log lines go: text, JSON or journald
//! settings/      what an operator may set: read once, checked once, all faults named
//! sandbox/       both vendors simulated, for trials, tests and the demo
//! clock.rs       the only file that reads a clock
//! model/         plain values that all of the above speak of
//! ```
//!
//! # The way of a tick
//!
//! `schedule` wakes a worker in `jobs`; the worker loads what the `store` knows, asks `rules` what is
//! due at this `clock` moment, calls a `vendor`, hands the parsed answer to the `store`, and tells
//! `events` what happened. Imports point down this list only; `tests/layout.rs` holds that.
//!
//! # Decisions that shape the house
//!
//! * `now` is an argument everywhere below `jobs`: a year of shop life is tested in seconds.
//! * A moment is a wall-clock time *and* a reading of the boot clock, which no one can step. The life
//!   of a key is measured on the boot clock as long as the machine has not been rebooted.
//! * The cron slot is the watermark: downtime, suspend, a stepped clock and a restart are one case.
//! * The ledger row of a call is committed before the request leaves the machine.

#![forbid(unsafe_code)]

pub mod cli;
pub mod clock;
pub mod daemon;
pub mod events;
pub mod http;
pub mod jobs;
pub mod logging;
pub mod model;
pub mod report;
pub mod rules;
pub mod sandbox;
pub mod schedule;
pub mod settings;
pub mod status;
pub mod store;
pub mod vendors;
