//! The first start ever, with a dead battery: the clock begins in 1970.

use crate::machine::{BEGIN_OF_1970, HOURLY, Machine, count, instant, opened, wait_for_total};
use chrono::TimeDelta;
use poskeeper::sandbox::SandboxOptions;
use serde_json::Value;

const NOW: &str = "2026-11-21T04:30:00Z";
const LIVE: TimeDelta = TimeDelta::hours(240);

async fn machine() -> Machine {
    let mut machine = Machine::at(NOW, SandboxOptions::default(), HOURLY).await;
    machine.step_to_time(BEGIN_OF_1970);
    machine
}

#[tokio::test]
async fn in_1970_without_a_network_it_waits_and_works_as_soon_as_clock_and_network_are_there() {
    let mut machine = machine().await;
    machine.shop.world().set_dark(true);
    let mut daemon = machine.daemon();
    daemon.wait_for("login.failed").await;
    daemon.wait_for("poll.failed").await;

    machine.step_to(TimeDelta::zero());
    // The slot of today is tried, in vain, and judged; which comes first is nobody's business.
    let is_of_today = |line: &Value| line["timestamp"].as_str().is_some_and(|at| at > "2026");
    daemon.wait_for_line("poll.failed", is_of_today).await;
    wait_for_total(&mut daemon, "clock.wrong", 1).await;
    let wrong = daemon.log.iter().find(|line| line["event"] == "clock.wrong").expect("a line");
    assert!(wrong["skew_seconds"].as_i64() > Some(1_700_000_000), "stepped forward: {wrong}");

    machine.shop.world().set_dark(false);
    for (event, total) in [("login.renewed", 1), ("clock.wrong.resolved", 1), ("poll.done", 6)] {
        wait_for_total(&mut daemon, event, total).await;
    }
    machine.assert_serves_the_good_key().await;
    machine.deadlines_follow_the_clock(&daemon, LIVE).await;
    machine.assert_history_is_whole();
    assert!(daemon.stop().await.success());
    assert_eq!(opened(&daemon, "clock.wrong"), 1);
    assert_eq!(opened(&daemon, "poll.stale"), 0, "seconds are not a day:\n{}", daemon.printed());
    assert_eq!(count(&daemon, "poll.done"), 6, "each slot is served once:\n{}", daemon.printed());
}

#[tokio::test]
async fn in_1970_with_a_network_it_works_and_says_that_the_clock_is_wrong_until_it_is_set_right() {
    let mut machine = machine().await;
    let mut daemon = machine.daemon();
    daemon.wait_for("login.renewed").await;
    let wrong = daemon.wait_for("clock.wrong").await;
    assert!(wrong["skew_seconds"].as_i64() < Some(-1_700_000_000), "behind: {wrong}");
    wait_for_total(&mut daemon, "poll.done", 6).await;
    machine.assert_serves_the_good_key().await;
    machine.deadlines_follow_the_clock(&daemon, LIVE).await;

    machine.step_to(TimeDelta::zero());
    // Each account's slot of 1970 was another one than that of today.
    wait_for_total(&mut daemon, "poll.done", 12).await;
    wait_for_total(&mut daemon, "clock.wrong.resolved", 1).await;
    machine.assert_serves_the_good_key().await;
    machine.deadlines_follow_the_clock(&daemon, LIVE).await;
    machine.assert_history_is_whole();
    machine.assert_calls_are_counted(24);
    assert_eq!(machine.shop.world().logins().len(), 1, "the key's age is known: no second login");
    let alert = machine.shop.query("SELECT opened_at, resolved_at FROM alerts").remove(0);
    let (opened_at, resolved_at) = alert.split_once('|').expect("two columns");
    assert!(instant(opened_at) >= instant(NOW), "an alert is not open for 56 years: {alert}");
    assert!(instant(opened_at) <= instant(resolved_at), "{alert}");
    assert!(daemon.stop().await.success());
    assert_eq!((opened(&daemon, "clock.wrong"), opened(&daemon, "poll.stale")), (1, 0), "{}", daemon.printed());
    assert_eq!(count(&daemon, "poll.done"), 12, "{}", daemon.printed());
}
