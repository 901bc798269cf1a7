//! The header `Date` that the vendors send, against our clock.

use crate::harness::FAST;
use crate::machine::{Machine, assert_all_is_well, count, opened, wait_for_more};
use chrono::TimeDelta;
use poskeeper::sandbox::{DateHeader, SandboxOptions};

const NOW: &str = "2026-11-21T04:30:00Z";
const LIVE: TimeDelta = TimeDelta::hours(240);

#[tokio::test]
async fn a_date_that_is_hours_off_is_told_with_its_sign_and_spoils_nothing() {
    tokio::join!(with_a_date_that_is(TimeDelta::hours(5)), with_a_date_that_is(TimeDelta::hours(-5)));
}

async fn with_a_date_that_is(off: TimeDelta) {
    let machine = Machine::at(NOW, SandboxOptions::default(), FAST).await;
    machine.shop.world().set_date(DateHeader::Off(off));
    let mut daemon = machine.daemon();
    let wrong = daemon.wait_for("clock.wrong").await;
    let skew = wrong["skew_seconds"].as_i64().expect("a number");
    assert!((skew + off.num_seconds()).abs() < 60, "positive where we are ahead: {wrong}");
    wait_for_more(&mut daemon, "poll.done", 12).await;
    machine.assert_serves_the_good_key().await;
    machine.deadlines_follow_the_clock(&daemon, LIVE).await;
    machine.assert_history_is_whole();
    machine.shop.world().set_date(DateHeader::True);
    // The server of the login still says what it said: its next answer is hours away.
    wait_for_more(&mut daemon, "poll.done", 12).await;
    assert_eq!(count(&daemon, "clock.wrong.resolved"), 0, "{}", daemon.printed());
    assert!(daemon.stop().await.success());
    let mut daemon = machine.daemon();
    daemon.wait_for("clock.wrong.resolved").await;
    assert!(daemon.stop().await.success());
    assert_eq!(opened(&daemon, "clock.wrong"), 0, "a restart repeats nothing");
}

#[tokio::test]
async fn a_date_that_is_nonsense_or_absent_proves_nothing_and_spoils_nothing() {
    let nonsense = ["", "yesterday", "Sat, 99 Nov 2026 25:61:61 GMT", "Mon, 01 Jan 0001 00:00:00 GMT", "0"];
    let texts = nonsense.map(|text| DateHeader::Text(text.to_owned()));
    let machine = Machine::at(NOW, SandboxOptions::default(), FAST).await;
    machine.shop.world().set_date(DateHeader::Absent);
    let mut daemon = machine.daemon();
    daemon.wait_for("login.renewed").await;
    for date in texts {
        machine.shop.world().set_date(date);
        wait_for_more(&mut daemon, "poll.done", 7).await;
    }
    machine.assert_serves_the_good_key().await;
    machine.assert_history_is_whole();
    assert!(daemon.stop().await.success());
    machine.assert_calls_are_counted(u32::MAX);
    assert_all_is_well(&daemon);
}
