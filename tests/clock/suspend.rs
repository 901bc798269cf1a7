//! The machine sleeps for hours, and the daemon with it.

use crate::machine::{HOURLY, Machine, assert_all_is_well, count, opened, until, wait_for_more, wait_for_total};
use chrono::TimeDelta;
use poskeeper::sandbox::SandboxOptions;
use std::time::{Duration, Instant};

const NOW: &str = "2026-11-21T04:30:00Z";

async fn machine(live: TimeDelta) -> Machine {
    Machine::at(NOW, SandboxOptions { live, ..SandboxOptions::default() }, HOURLY).await
}

#[tokio::test]
async fn a_key_that_died_in_the_sleep_is_withdrawn_at_once_and_the_next_one_published() {
    let mut machine = machine(TimeDelta::hours(3)).await;
    let mut daemon = machine.daemon();
    wait_for_more(&mut daemon, "poll.done", 6).await;
    machine.assert_serves_the_good_key().await;
    machine.shop.world().set_dark(true);
    machine.suspend(&daemon, TimeDelta::hours(4));
    let resumed = Instant::now();
    assert_eq!(machine.apikey().await, None, "a dead key is not printed, whatever the daemon does");
    until("the dead key is withdrawn", &daemon, || machine.published().is_none()).await;
    assert!(resumed.elapsed() < Duration::from_secs(5), "it took {:?}", resumed.elapsed());
    let expired = daemon.wait_for("login.expired").await;
    assert_eq!(expired["expired_at"].as_str().map(|at| &at[..13]), Some("2026-11-21T07"), "{expired}");
    machine.shop.world().set_dark(false);
    daemon.wait_for("login.expired.resolved").await;
    machine.assert_serves_the_good_key().await;
    assert!(daemon.stop().await.success());
    assert_eq!(opened(&daemon, "login.expired"), 1);
}

#[tokio::test]
async fn after_a_night_each_missed_slot_is_caught_up_once_and_the_login_renewed() {
    let mut machine = machine(TimeDelta::hours(240)).await;
    let mut daemon = machine.daemon();
    wait_for_more(&mut daemon, "poll.done", 6).await;
    machine.suspend(&daemon, TimeDelta::hours(9));
    // Two thirds of six hours have passed.
    wait_for_total(&mut daemon, "login.renewed", 2).await;
    wait_for_total(&mut daemon, "poll.done", 12).await;
    machine.assert_serves_the_good_key().await;
    machine.assert_history_is_whole();
    machine.deadlines_follow_the_clock(&daemon, TimeDelta::hours(240)).await;
    assert!(daemon.stop().await.success());
    machine.assert_calls_are_counted(24);
    assert_eq!(count(&daemon, "poll.done"), 12, "nine slots were missed, the newest is served:\n{}", daemon.printed());
    assert_all_is_well(&daemon);
}
