//! What one process cost, from its start to its end.

use anyhow::{Context, bail, ensure};
use nix::sys::resource::{UsageWho, getrusage};
use nix::sys::time::TimeValLike;
use std::process::{Command, Stdio};
use std::time::Instant;

/// Of one process and those that it waited for.
#[derive(Debug, Clone, Copy, Default, serde::Serialize, serde::Deserialize)]
pub struct Usage {
    pub wall_ms: f64,
    pub user_ms: f64,
    pub system_ms: f64,
    /// The most memory that it had at a time.
    pub peak_kb: f64,
    /// Handed to the disk.
    pub written_kb: f64,
}

impl Usage {
    pub fn cpu_ms(&self) -> f64 {
        self.user_ms + self.system_ms
    }
}

/// Runs a command to its end.
///
/// The kernel counts the memory of a process from before its `exec`: a large parent would be taken for
/// the child's. So a small process of this harness stands between, which also has no other children.
pub fn measure(command: &Command) -> anyhow::Result<Usage> {
    let mut between = Command::new(std::env::current_exe()?);
    between.arg(MEASURE).arg(command.get_program()).args(command.get_args()).stdin(Stdio::null());
    if let Some(folder) = command.get_current_dir() {
        between.current_dir(folder);
    }
    for (name, value) in command.get_envs() {
        match value {
            Some(value) => between.env(name, value),
            None => between.env_remove(name),
        };
    }
    let output = between.output()?;
    if !output.status.success() {
        bail!("{}", String::from_utf8_lossy(&output.stderr).trim());
    }
    serde_json::from_slice(&output.stdout).context("a measurement")
}

/// The helper that stands between.
pub const MEASURE: &str = "measure-one";

pub fn measure_one(arguments: &[String]) -> anyhow::Result<()> {
    let (program, rest) = arguments.split_first().context("a program")?;
    let start = Instant::now();
    let mut command = Command::new(program);
    let quiet = command.args(rest).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    let status = quiet.status()?;
    let wall_ms = start.elapsed().as_secs_f64() * 1e3;
    ensure!(status.success(), "{status}; start it by hand to see why: {arguments:?}");
    let used = getrusage(UsageWho::RUSAGE_CHILDREN)?;
    let usage = Usage {
        wall_ms,
        user_ms: used.user_time().num_microseconds() as f64 / 1e3,
        system_ms: used.system_time().num_microseconds() as f64 / 1e3,
        peak_kb: used.max_rss() as f64,
        // In sectors of 512 bytes.
        written_kb: used.block_writes() as f64 / 2.0,
    };
    println!("{}", serde_json::to_string(&usage)?);
    Ok(())
}
