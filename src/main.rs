//! The process edge: arguments in, exit code out.

#![forbid(unsafe_code)]

use nix::sys::prctl::set_dumpable;
use nix::sys::resource::{Resource, setrlimit};
use std::process::ExitCode;

fn main() -> ExitCode {
    keep_memory_private();
    poskeeper::cli::main()
}

/// From the first setting read on, memory holds secrets: no crash may write it to a disk, and no other
/// program of the same user may look into it. The limit is for core files; programs that the kernel hands
/// a core to (systemd-coredump) do not care for it, but for "dumpable", as do debuggers and
/// `/proc/PID/mem`. Under the unit's filter the first is refused, and `LimitCORE=0` stands in for it.
fn keep_memory_private() {
    let _ = setrlimit(Resource::RLIMIT_CORE, 0, 0);
    let _ = set_dumpable(false);
}
