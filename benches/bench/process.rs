//! Processes that stay: started, waited for, looked at, stopped.

use crate::machine::Bench;
use anyhow::{Context, bail};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use std::os::unix::net::UnixDatagram;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// A start that takes longer has failed.
const PATIENCE: Duration = Duration::from_secs(120);

/// A running process; ends with its owner.
pub struct Process(Child);

impl Process {
    pub fn start(command: &mut Command) -> anyhow::Result<Self> {
        let command = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        Ok(Self(command.spawn().with_context(|| format!("{command:?}"))?))
    }

    /// Starts a daemon and waits until it says that it is ready, as systemd does; also returns how long
    /// that took.
    pub fn start_until_ready(command: &mut Command, folder: &Path) -> anyhow::Result<(Self, Duration)> {
        let socket = folder.join("notify");
        let _ = std::fs::remove_file(&socket);
        let notified = UnixDatagram::bind(&socket)?;
        notified.set_read_timeout(Some(PATIENCE))?;
        let start = Instant::now();
        let process = Self::start(command.env("NOTIFY_SOCKET", &socket))?;
        let mut message = [0; 4096];
        loop {
            let size = notified.recv(&mut message).context("it never said READY")?;
            if message[..size].split(|byte| *byte == b'\n').any(|line| line == b"READY=1") {
                return Ok((process, start.elapsed()));
            }
        }
    }

    pub fn look(&self) -> anyhow::Result<Look> {
        Look::at(self.0.id())
    }

    /// SIGTERM, then the end.
    pub fn stop(mut self) -> anyhow::Result<()> {
        kill(Pid::from_raw(i32::try_from(self.0.id())?), Signal::SIGTERM)?;
        self.0.wait()?;
        Ok(())
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// What the kernel says of a running process.
#[derive(Debug, Clone, Copy)]
pub struct Look {
    pub rss_kb: f64,
    /// What is shared with other processes counts in part.
    pub pss_kb: f64,
    pub cpu_ms: f64,
    pub switches: f64,
    pub written_kb: f64,
}

impl Look {
    fn at(pid: u32) -> anyhow::Result<Self> {
        let read = |name: &str| std::fs::read_to_string(format!("/proc/{pid}/{name}"));
        let memory = read("smaps_rollup")?;
        let mut look = Self {
            rss_kb: field(&memory, "Rss:")?,
            pss_kb: field(&memory, "Pss:")?,
            written_kb: field(&read("io")?, "write_bytes:")? / 1024.0,
            cpu_ms: 0.0,
            switches: 0.0,
        };
        for task in std::fs::read_dir(format!("/proc/{pid}/task"))? {
            let task = task?.path();
            // In nanoseconds; the sums of the process itself are in hundredths of a second.
            let schedule = std::fs::read_to_string(task.join("schedstat"))?;
            look.cpu_ms += schedule.split_whitespace().next().context("schedstat")?.parse::<f64>()? / 1e6;
            let status = std::fs::read_to_string(task.join("status"))?;
            look.switches +=
                field(&status, "voluntary_ctxt_switches:")? + field(&status, "nonvoluntary_ctxt_switches:")?;
        }
        Ok(look)
    }
}

fn field(text: &str, name: &str) -> anyhow::Result<f64> {
    let line = text.lines().find_map(|line| line.strip_prefix(name));
    let value = line.and_then(|line| line.split_whitespace().next()).with_context(|| format!("no {name}"))?;
    Ok(value.parse()?)
}

/// The memory of the daemon when it has started and nothing is due.
pub fn idle_daemon(bench: &Bench, settings: &Path) -> anyhow::Result<Look> {
    let folder = settings.parent().context("a folder")?;
    let (process, _) = Process::start_until_ready(&mut bench.poskeeper(settings, &["run"]), folder)?;
    std::thread::sleep(Duration::from_secs(2));
    let look = process.look()?;
    process.stop()?;
    Ok(look)
}

/// Waits until a process has come to rest: no CPU used for a second.
pub fn wait_until_idle(process: &Process) -> anyhow::Result<()> {
    let start = Instant::now();
    let mut last = process.look()?.cpu_ms;
    while start.elapsed() < PATIENCE {
        std::thread::sleep(Duration::from_secs(1));
        let now = process.look()?.cpu_ms;
        if now - last < 5.0 {
            return Ok(());
        }
        last = now;
    }
    bail!("it does not come to rest")
}
