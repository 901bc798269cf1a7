//! Where everything happens: folders, programs, processor cores.

use crate::options::Options;
use anyhow::{Context, ensure};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// One run of the harness.
pub struct Bench {
    pub options: Options,
    /// The binary that is measured.
    pub poskeeper: PathBuf,
    /// Of the repository.
    pub root: PathBuf,
    /// For databases and settings; on a disk, as a memory file system writes nothing.
    pub scratch: PathBuf,
    /// Of the peers: a Python environment and Node packages.
    pub peers: PathBuf,
    /// The core that the simulated vendor has for itself.
    pub vendor_core: Option<usize>,
}

impl Bench {
    pub fn set_up(options: Options) -> anyhow::Result<Self> {
        let root = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
        // …/target/PROFILE/deps/bench-HASH
        let own = std::env::current_exe()?;
        let target = own.ancestors().nth(3).context("this harness is started by cargo")?;
        let poskeeper = match std::env::var_os("POSKEEPER_BIN") {
            Some(path) => path.into(),
            None => target.join("release/poskeeper"),
        };
        ensure!(poskeeper.exists(), "{} is not there: cargo build --release", poskeeper.display());
        let (scratch, peers) = (target.join("bench"), target.join("peers"));
        std::fs::create_dir_all(&scratch)?;
        for (program, package) in [("sqlite3", "sqlite3"), ("cp", "coreutils")] {
            ensure!(is_installed(program), "{program} is not there: apt install {package}");
        }
        let bench = Self { options, poskeeper, root, scratch, peers, vendor_core: give_away_a_core() };
        bench.print_head();
        Ok(bench)
    }

    fn print_head(&self) {
        let first_line = |program: &str, argument: &str| {
            let output = Command::new(program).arg(argument).stdin(Stdio::null()).output().ok()?;
            String::from_utf8(output.stdout).ok()?.lines().next().map(str::to_owned)
        };
        let load = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
        println!(
            "poskeeper: {}\nsqlite3: {}\nload of the machine: {} (over 1 means that others disturb)\n{}",
            self.poskeeper.display(),
            first_line("sqlite3", "--version").unwrap_or_default(),
            load.split_whitespace().next().unwrap_or("?"),
            match self.vendor_core {
                Some(core) => format!("the simulated vendor has core {core} for itself"),
                None => "the simulated vendor shares its core: taskset is missing, or there is only one".into(),
            }
        );
    }

    /// An empty folder.
    pub fn folder(&self, name: &str) -> anyhow::Result<PathBuf> {
        let folder = self.scratch.join(name);
        if folder.exists() {
            std::fs::remove_dir_all(&folder)?;
        }
        std::fs::create_dir_all(&folder)?;
        Ok(folder)
    }

    /// poskeeper with these settings, not yet started.
    pub fn poskeeper(&self, settings: &Path, arguments: &[&str]) -> Command {
        let mut command = Command::new(&self.poskeeper);
        command.arg("--config").arg(settings).args(arguments).stdin(Stdio::null()).stdout(Stdio::null());
        command.stderr(Stdio::null());
        for (name, _) in std::env::vars_os() {
            let text = name.to_string_lossy().into_owned();
            if text.starts_with("POSKEEPER") || text.ends_with("_DIRECTORY") || text.to_lowercase().ends_with("_proxy")
            {
                command.env_remove(name);
            }
        }
        command.env_remove("NOTIFY_SOCKET").env_remove("JOURNAL_STREAM");
        command
    }
}

pub fn is_installed(program: &str) -> bool {
    let folders = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&folders).any(|folder| folder.join(program).is_file())
}

/// Moves this process, and so all that it will start, off the last core; returns that core.
fn give_away_a_core() -> Option<usize> {
    let cores = std::thread::available_parallelism().ok()?.get();
    if cores < 2 || !is_installed("taskset") {
        return None;
    }
    let own = std::process::id().to_string();
    let moved = Command::new("taskset").args(["-pc", &format!("0-{}", cores - 2), &own]).stdout(Stdio::null()).status();
    moved.is_ok_and(|status| status.success()).then_some(cores - 1)
}
