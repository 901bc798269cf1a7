//! One run of the program in a folder, from its start until an orderly stop, or until it is killed.

use crate::harness::{Daemon, binary};
use crate::shim::{Orders, preload};
use crate::verdict::Known;
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::Command;

/// The daemon in this folder, not yet started.
pub fn command(folder: &Path, orders: Option<&Orders<'_>>) -> Command {
    let mut command = binary(folder);
    command.arg("--config").arg(folder.join("settings.toml")).arg("run");
    if let Some(orders) = orders {
        preload(&mut command, folder, orders);
    }
    command
}

/// Runs it until every worker has done what was due, and stops it. `false`: it was killed before.
pub async fn live(folder: &Path, orders: Option<&Orders<'_>>, known: &mut Known) -> bool {
    let mut daemon = Daemon::start(command(folder, orders));
    let mut is_alive = daemon.next_line("daemon.ready", |_| true).await.is_some();
    if is_alive && !folder.join("till-1.apikey").exists() {
        // The login before was cut off: no two come closer than five seconds.
        is_alive = daemon.next_line("login.renewed", |_| true).await.is_some();
    }
    if is_alive {
        daemon.signal("TERM");
    }
    let status = daemon.ended().await;
    let is_killed = status.signal() == Some(9);
    assert!(is_killed || status.success(), "{status}\n{}", daemon.printed());
    daemon.log.iter().for_each(|line| known.hear(line));
    !is_killed
}
