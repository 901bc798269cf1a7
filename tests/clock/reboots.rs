//! A reboot: the boot clock begins anew, and the wall clock may be anything.

use crate::machine::{
    BEGIN_OF_1970, HOURLY, Machine, assert_all_is_well, count, instant, opened, until, wait_for_more,
};
use chrono::TimeDelta;
use poskeeper::sandbox::SandboxOptions;

const NOW: &str = "2026-11-21T04:30:00Z";

async fn machine(live: TimeDelta) -> Machine {
    Machine::at(NOW, SandboxOptions { live, ..SandboxOptions::default() }, HOURLY).await
}

#[tokio::test]
async fn with_a_right_clock_a_reboot_costs_neither_a_login_nor_a_call() {
    let mut machine = machine(TimeDelta::hours(240)).await;
    let mut daemon = machine.daemon();
    wait_for_more(&mut daemon, "poll.done", 6).await;
    daemon.wait_for("daemon.ready").await;
    machine.reboot(&mut daemon).await;
    machine.pass(TimeDelta::minutes(10));
    let mut daemon = machine.daemon();
    daemon.wait_for("daemon.ready").await;
    machine.assert_serves_the_good_key().await;
    assert!(daemon.stop().await.success());
    assert_eq!(machine.shop.world().logins().len(), 1);
    assert_eq!(machine.shop.world().charged_in_all(), 6);
    machine.assert_calls_are_counted(24);
    assert_all_is_well(&daemon);
}

#[tokio::test]
async fn in_1970_the_kept_key_is_served_a_login_is_tried_at_once_and_the_clock_is_told_to_be_wrong() {
    let mut machine = machine(TimeDelta::hours(240)).await;
    let mut daemon = machine.daemon();
    wait_for_more(&mut daemon, "poll.done", 6).await;
    daemon.wait_for("daemon.ready").await;
    machine.reboot(&mut daemon).await;
    machine.step_to_time(BEGIN_OF_1970);
    machine.shop.world().set_dark(true);
    let mut daemon = machine.daemon();
    daemon.wait_for("login.failed").await;
    let wrong = daemon.wait_for("clock.wrong").await;
    assert!(wrong["skew_seconds"].as_i64() < Some(-1_700_000_000), "behind: {wrong}");
    machine.assert_serves_the_good_key().await;

    // The clock is set right before there is a network.
    machine.step_to(TimeDelta::zero());
    daemon.wait_for("poll.failed").await;
    machine.assert_serves_the_good_key().await;
    machine.shop.world().set_dark(false);
    daemon.wait_for("clock.wrong.resolved").await;
    machine.assert_serves_the_good_key().await;
    machine.deadlines_follow_the_clock(&daemon, TimeDelta::hours(240)).await;
    assert!(daemon.stop().await.success());
    assert_eq!((opened(&daemon, "clock.wrong"), opened(&daemon, "poll.stale")), (1, 0), "{}", daemon.printed());
    let worst = ["login.failing", "login.overdue", "login.expired"].map(|rule| count(&daemon, rule));
    assert_eq!(worst, [0; 3], "the key is good:\n{}", daemon.printed());
}

#[tokio::test]
async fn in_1970_with_a_network_one_login_makes_the_key_certain() {
    let mut machine = machine(TimeDelta::hours(240)).await;
    let mut daemon = machine.daemon();
    wait_for_more(&mut daemon, "poll.done", 6).await;
    machine.reboot(&mut daemon).await;
    machine.step_to_time(BEGIN_OF_1970);
    let mut daemon = machine.daemon();
    daemon.wait_for("login.renewed").await;
    daemon.wait_for("clock.wrong").await;
    machine.assert_serves_the_good_key().await;
    machine.step_to(TimeDelta::zero());
    daemon.wait_for("clock.wrong.resolved").await;
    machine.assert_serves_the_good_key().await;
    machine.deadlines_follow_the_clock(&daemon, TimeDelta::hours(240)).await;
    assert!(daemon.stop().await.success());
    assert_eq!(machine.shop.world().logins().len(), 2);
    assert_eq!(opened(&daemon, "clock.wrong"), 1);
}

/// Without a battery many a machine begins where it was switched off.
#[tokio::test]
async fn a_key_that_died_while_the_machine_was_off_is_withdrawn_when_the_clock_is_set_right() {
    let mut machine = machine(TimeDelta::hours(2)).await;
    let mut daemon = machine.daemon();
    wait_for_more(&mut daemon, "poll.done", 6).await;
    machine.shop.world().set_dark(true);
    machine.reboot(&mut daemon).await;
    machine.pass(TimeDelta::hours(3));
    machine.step_to(TimeDelta::hours(-3));
    let mut daemon = machine.daemon();
    daemon.wait_for("daemon.ready").await;
    assert!(machine.published().is_some(), "nothing can tell that it is dead");

    machine.step_to(TimeDelta::zero());
    until("the dead key is withdrawn", &daemon, || machine.published().is_none()).await;
    assert_eq!(machine.apikey().await, None);
    machine.shop.world().set_dark(false);
    daemon.wait_for("login.renewed").await;
    machine.assert_serves_the_good_key().await;
    assert!(daemon.stop().await.success());
}

#[tokio::test]
async fn a_good_key_that_a_clock_ahead_hides_is_served_again_when_the_clock_is_set_right() {
    let mut machine = machine(TimeDelta::hours(240)).await;
    let mut daemon = machine.daemon();
    wait_for_more(&mut daemon, "poll.done", 6).await;
    machine.shop.world().set_dark(true);
    machine.reboot(&mut daemon).await;
    machine.step_to(TimeDelta::days(365));
    let mut daemon = machine.daemon();
    daemon.wait_for("login.expired").await;
    assert_eq!((machine.published(), machine.apikey().await), (None, None));
    machine.step_to(TimeDelta::zero());
    until("the good key is served", &daemon, || machine.published().is_some()).await;
    machine.assert_serves_the_good_key().await;
    daemon.wait_for("login.expired.resolved").await;
    assert!(daemon.stop().await.success());
    let told = machine.shop.query("SELECT opened_at FROM alerts WHERE rule = 'login.expired'");
    assert!((instant(&told[0]) - machine.now()).abs() < TimeDelta::hours(1), "opened next year: {told:?}");
}
