//! What the simulated vendors do in a demo, told beforehand on stderr, so that a reader understands the
//! log lines that follow.

use super::folder::DemoFolder;
use super::prose::wrapped;
use crate::model::Endpoint;
use crate::sandbox::{Reply, Sandbox, World};
use chrono::TimeDelta;
use std::io::{IsTerminal, Write};
use std::time::Duration;

/// The key's lifetime.
pub(super) const LIVE: TimeDelta = TimeDelta::seconds(60);
/// The shorter lifetime, which sets the deadline. A refused login is tried again after 30 s at most; the
/// demo's settings start the renewal early enough for that.
pub(super) const RELOGIN: TimeDelta = TimeDelta::seconds(40);

/// Between what the vendors saw and the daemon's log line about it.
const A_MOMENT: Duration = Duration::from_millis(400);
/// Time to read what went before.
const TO_READ: Duration = Duration::from_secs(4);
/// Longer than from one poll to the next, so that one at least falls into it.
const OUTAGE: Duration = Duration::from_secs(8);

/// Says one thing on stderr, told apart from the log lines.
pub(super) fn say(text: &str) {
    let (bold, plain) = if std::io::stderr().is_terminal() { ("\u{1b}[1;36m", "\u{1b}[0m") } else { ("", "") };
    for line in wrapped(text, 74) {
        // A closed stderr is no reason to panic.
        let _ = writeln!(std::io::stderr(), "{bold}demo: {line}{plain}");
    }
}

/// Who and what there is, before the first log line.
pub(super) fn introduce(sandbox: &Sandbox, folder: &DemoFolder, seconds: u64) {
    let relogin = RELOGIN.num_seconds();
    say(&format!("Both vendors are simulated at {}; nothing else is called.", sandbox.base_url()));
    say(&format!("All files are in {}/.", folder.path().display()));
    say("There are one till, till-1, and three stores: A, B and C. Their appIds begin with A, B and C, too.");
    say(&format!(
        "Here a login holds for {relogin} s and usage is asked for every 6 s; in a shop it is hours. \
         Store C has a busy day: its calls of today will be used up within 40 s. The package of Store B ends in some days."
    ));
    say(&format!("The daemon runs for {seconds} s now; ctrl-c ends it earlier. Its log lines, times in UTC:"));
}

/// Goes on as the daemon does, whatever the pace of this machine.
pub(super) async fn unfold(world: &World) {
    world.wait_until(|world| world.requests_to(Endpoint::DailyAccess).len() >= 3).await;
    tokio::time::sleep(A_MOMENT).await;
    world.reply(Endpoint::DailyAccess, Reply::Refuse);
    say("Pospal refuses the next daily_access call. Calls cost quota: it is not repeated before its next slot.");

    world.wait_until(|world| granted(world) >= 2).await;
    tokio::time::sleep(A_MOMENT).await;
    world.reply(Endpoint::Login, Reply::Refuse);
    say("The login was renewed, long before its deadline. The POS server refuses the next renewal, which is \
         due in about 6 s: the key in use is kept, and there is time to try again.");

    world.wait_until(|world| world.replies_left(Endpoint::Login) == 0).await;
    tokio::time::sleep(TO_READ).await;
    world.set_dark(true);
    say(&format!("For {} s neither server can be reached. Polls are tried again shortly.", OUTAGE.as_secs()));
    tokio::time::sleep(OUTAGE).await;
    world.set_dark(false);
    say("Both servers answer again.");

    world.wait_until(|world| granted(world) >= 3).await;
    tokio::time::sleep(A_MOMENT).await;
    say("The refused renewal is made up for. From here on all goes its usual way.");
}

fn granted(world: &World) -> usize {
    world.keys().len()
}
