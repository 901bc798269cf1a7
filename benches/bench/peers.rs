//! The peers: what people would write instead. `benches/peers/setup` installs what they need.

use crate::machine::{Bench, is_installed};
use std::path::Path;
use std::process::Command;

/// The part of that package that has to be compiled.
const BETTER_SQLITE3: &str = "node_modules/better-sqlite3/build/Release/better_sqlite3.node";

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Peer {
    Requests,
    RequestsThreads,
    Aiohttp,
    Undici,
}

impl Peer {
    pub const ALL: [Self; 4] = [Self::Requests, Self::RequestsThreads, Self::Aiohttp, Self::Undici];

    pub const fn name(self) -> &'static str {
        match self {
            Self::Requests => "Python requests",
            Self::RequestsThreads => "Python requests, 16 threads",
            Self::Aiohttp => "Python aiohttp",
            Self::Undici => "Node undici",
        }
    }

    /// Those of `wanted` that can be run; tells of the others.
    pub fn installed(bench: &Bench, wanted: &[Self]) -> Vec<Self> {
        if bench.options.alone {
            return Vec::new();
        }
        let (there, absent): (Vec<Self>, Vec<Self>) = wanted.iter().partition(|peer| peer.is_there(bench));
        for peer in absent {
            println!("absent: {} (bash benches/peers/setup)", peer.name());
        }
        there
    }

    fn is_there(self, bench: &Bench) -> bool {
        let packages = match self {
            Self::Undici => return is_installed("node") && bench.peers.join(BETTER_SQLITE3).exists(),
            Self::Requests | Self::RequestsThreads => "requests",
            Self::Aiohttp => "aiohttp",
        };
        let pythons = std::fs::read_dir(bench.peers.join("venv/lib")).into_iter().flatten().flatten();
        pythons.into_iter().any(|python| python.path().join("site-packages").join(packages).exists())
    }

    /// One pass, or with `stays` the program with its own scheduler, not yet started.
    pub fn command(self, bench: &Bench, settings: &Path, database: &Path, stays: bool) -> Command {
        let script = |name: &str| bench.root.join("benches/peers").join(name);
        let mut command = match self {
            Self::Undici => {
                // Node looks for packages beside the script.
                let mut command = Command::new("node");
                command.arg(bench.peers.join("undici_peer.mjs"));
                command
            }
            Self::Requests | Self::RequestsThreads | Self::Aiohttp => {
                let mut command = Command::new(bench.peers.join("venv/bin/python"));
                let name = if self == Self::Aiohttp { "aiohttp_peer.py" } else { "requests_peer.py" };
                // Compiled once, as an installed program's; not beside the script.
                command.env("PYTHONPYCACHEPREFIX", bench.peers.join("compiled")).arg(script(name));
                command
            }
        };
        command.arg(settings).arg(database);
        if self == Self::RequestsThreads {
            command.arg("--threads");
        }
        if stays {
            command.arg("--stay");
        }
        command
    }
}
