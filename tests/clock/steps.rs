//! The wall clock is stepped under the running daemon.

use crate::harness::{Daemon, FAST, PATIENCE};
use crate::machine::{HOURLY, Machine, count, opened, until, wait_for_more, wait_for_total};
use chrono::TimeDelta;
use poskeeper::model::Endpoint;
use poskeeper::sandbox::{Reply, SandboxOptions};
use std::sync::Arc;
use std::time::Duration;
use tokio::net::UnixDatagram;

const NOW: &str = "2026-11-21T04:30:00Z";
const LIVE: TimeDelta = TimeDelta::hours(240);

#[tokio::test]
async fn a_step_of_days_or_years_loses_no_key_no_slot_and_no_history_and_is_told_with_its_sign() {
    let (day, ten_years) = (TimeDelta::days(1), TimeDelta::days(3653));
    tokio::join!(stepped_to_and_fro([day, -day]), stepped_to_and_fro([-ten_years, ten_years]));
}

async fn stepped_to_and_fro(steps: [TimeDelta; 2]) {
    let mut machine = Machine::at(NOW, SandboxOptions::default(), FAST).await;
    let notify = UnixDatagram::bind(machine.shop.path("notify")).expect("a socket");
    let mut command = machine.command(&["run"]);
    command.env("NOTIFY_SOCKET", machine.shop.path("notify"));
    let mut daemon = Daemon::start(command);
    daemon.wait_for("login.renewed").await;
    wait_for_more(&mut daemon, "poll.done", 6).await;
    for step in steps {
        let rows = rows_of_the_past(&machine);
        machine.step_to(step);
        let wrong = daemon.wait_for("clock.wrong").await;
        let skew = wrong["skew_seconds"].as_i64().expect("a number");
        assert!((skew - step.num_seconds()).abs() < 60, "{step}: {wrong}");
        machine.assert_serves_the_good_key().await;
        wait_for_more(&mut daemon, "poll.done", 6).await;
        machine.deadlines_follow_the_clock(&daemon, LIVE).await;
        until_fed(&notify).await;

        machine.step_to(TimeDelta::zero());
        daemon.wait_for("clock.wrong.resolved").await;
        wait_for_more(&mut daemon, "poll.done", 6).await;
        machine.assert_serves_the_good_key().await;
        machine.deadlines_follow_the_clock(&daemon, LIVE).await;
        until_fed(&notify).await;
        let left = rows_of_the_past(&machine);
        assert!(left.iter().zip(&rows).all(|(left, had)| left >= had), "{step}: {rows:?} became {left:?}");
    }
    assert!(daemon.stop().await.success());
    machine.assert_history_is_whole();
    machine.assert_calls_are_counted(u32::MAX);
    assert_eq!(machine.shop.world().logins().len(), 1, "no step makes a key older");
    assert_eq!(opened(&daemon, "clock.wrong"), steps.len());
    for silent in ["poll.stale", "poll.failed", "package.ended", "usage.lost", "usage.corrected", "login.failed"] {
        assert_eq!(count(&daemon, silent), 0, "{silent}:\n{}", daemon.printed());
    }
    let alerts =
        machine.shop.query("SELECT count(*) FROM alerts WHERE rule = 'clock.wrong' AND opened_at <= resolved_at");
    assert_eq!(alerts, [steps.len().to_string()], "{:?}", machine.shop.query("SELECT * FROM alerts"));
}

/// Days, samples and calls.
fn rows_of_the_past(machine: &Machine) -> Vec<u64> {
    let tables = ["usage_daily", "usage_samples", "calls"];
    tables.map(|view| machine.shop.query(&format!("SELECT count(*) FROM {view}"))[0].parse().expect("a count")).to_vec()
}

/// The watchdog is fed after now.
async fn until_fed(notify: &UnixDatagram) {
    let mut buffer = [0; 4096];
    while notify.try_recv(&mut buffer).is_ok() {}
    loop {
        let length = tokio::time::timeout(PATIENCE, notify.recv(&mut buffer)).await.expect("fed in time");
        if buffer[..length.expect("received")].starts_with(b"WATCHDOG=1") {
            return;
        }
    }
}

#[tokio::test]
async fn a_step_during_a_login_neither_loses_the_key_nor_moves_its_end() {
    let (day, ten_years) = (TimeDelta::days(1), TimeDelta::days(3653));
    tokio::join!(stepped_during_a_login(-day), stepped_during_a_login(-ten_years), stepped_during_a_login(ten_years));
}

async fn stepped_during_a_login(step: TimeDelta) {
    let mut machine = Machine::at(NOW, SandboxOptions::default(), HOURLY).await;
    let world = Arc::clone(machine.shop.sandbox.world());
    world.reply(Endpoint::Login, Reply::Delay(Duration::from_millis(1500)));
    let mut daemon = machine.daemon();
    until("a login is under way", &daemon, || world.requests_to(Endpoint::Login).len() == 1).await;
    machine.step_to(step);
    daemon.wait_for("login.renewed").await;
    machine.deadlines_follow_the_clock(&daemon, LIVE).await;
    machine.assert_serves_the_good_key().await;
    assert!(daemon.stop().await.success());
    assert_eq!(world.logins().len(), 1);
}

#[tokio::test]
async fn a_step_during_a_poll_spoils_neither_what_it_brings_nor_what_it_costs() {
    let mut machine =
        Machine::at(NOW, SandboxOptions::default(), &format!("{HOURLY}calls_per_app_per_day = 8\n")).await;
    machine.shop.edit_settings("daily_access_cron = \"0 0 * * * *\"", "daily_access_cron = \"*/2 * * * * *\"");
    let slow = Reply::Delay(Duration::from_millis(1500));
    machine.shop.world().reply_times(3, Endpoint::DailyAccess, &slow);
    let mut daemon = machine.daemon();
    let world = Arc::clone(machine.shop.sandbox.world());
    until("polls are under way", &daemon, || world.requests_to(Endpoint::DailyAccess).len() == 3).await;
    machine.step_to(TimeDelta::days(1));
    let done = daemon.wait_for_line("poll.done", |line| line["endpoint"] == "daily_access").await;
    assert!((1400..5000).contains(&done["duration_ms"].as_i64().expect("a number")), "{done}");
    // Until nothing is left to spend.
    wait_for_more(&mut daemon, "poll.skipped", 6).await;
    machine.step_to(TimeDelta::zero());
    wait_for_more(&mut daemon, "poll.skipped", 6).await;
    machine.assert_serves_the_good_key().await;
    machine.assert_history_is_whole();
    machine.assert_calls_are_counted(8);
    assert!(daemon.stop().await.success());
    assert_eq!(world.charged_in_all(), 24, "the whole budget, and no call more:\n{}", daemon.printed());
}

/// 18:30 at the vendor's, and 13:30 by the clock that is set wrong while the only call of the day is under
/// way. What that call's answer tells of the clock must not make the vendor's midnight come early.
#[tokio::test]
async fn a_step_of_hours_during_a_poll_does_not_move_the_vendors_midnight() {
    let pospal = "access_config_cron = \"\"\ndaily_access_cron = \"*/2 * * * * *\"\nsplay_seconds = 0\n\
                  keep_free = 0\nbackfill_days = 0\ncalls_per_app_per_day = 1\n";
    let mut machine = Machine::at("2026-11-21T10:30:00Z", SandboxOptions::default(), pospal).await;
    let world = Arc::clone(machine.shop.sandbox.world());
    world.reply_times(3, Endpoint::DailyAccess, &Reply::Delay(Duration::from_millis(1500)));
    let mut daemon = machine.daemon();
    until("polls are under way", &daemon, || world.requests_to(Endpoint::DailyAccess).len() == 3).await;
    machine.step_to(TimeDelta::hours(-5));
    wait_for_total(&mut daemon, "poll.done", 3).await;
    wait_for_more(&mut daemon, "poll.skipped", 3).await;
    machine.suspend(&daemon, TimeDelta::hours(1));
    wait_for_more(&mut daemon, "poll.skipped", 6).await;
    assert_eq!(world.charged_in_all(), 3, "it is the same day:\n{}", daemon.printed());
    machine.suspend(&daemon, TimeDelta::hours(5));
    wait_for_total(&mut daemon, "poll.done", 6).await;
    wait_for_more(&mut daemon, "poll.skipped", 6).await;
    machine.assert_calls_are_counted(1);
    assert!(daemon.stop().await.success());
}
