//! Days that are longer, shorter or rarer than others, in the vendor's calendar. Time is passed by
//! suspending the machine.

use crate::harness::Daemon;
use crate::machine::{Machine, assert_all_is_well, instant, until, wait_for_more, wait_for_total};
use chrono::TimeDelta;
use chrono_tz::Tz;
use poskeeper::model::Endpoint;
use poskeeper::sandbox::SandboxOptions;

/// Packages are asked for all the time: after some of those answers a poll of the usage would have come.
const AT_HALF_PAST_TWO: &str = "daily_access_cron = \"0 30 2 * * *\"\naccess_config_cron = \"*/2 * * * * *\"\n\
                                splay_seconds = 0\nkeep_free = 0\nbackfill_days = 0\n\
                                calls_per_app_per_day = 100000\n";

async fn machine(timezone: Tz, now: &str, pospal: &str) -> Machine {
    let (live, relogin) = (TimeDelta::days(300), TimeDelta::days(300));
    Machine::at(now, SandboxOptions { timezone, live, relogin, ..SandboxOptions::default() }, pospal).await
}

fn usage_polls(machine: &Machine) -> usize {
    machine.shop.world().requests_to(Endpoint::DailyAccess).len()
}

/// Two more rounds of the other endpoint, and then some.
async fn watch(daemon: &mut Daemon) {
    wait_for_more(daemon, "poll.done", 7).await;
}

#[tokio::test]
async fn the_hour_that_summer_time_repeats_brings_no_second_poll() {
    let mut machine = machine(chrono_tz::Europe::Berlin, "2026-10-24T12:00:00Z", AT_HALF_PAST_TWO).await;
    let mut daemon = machine.daemon();
    watch(&mut daemon).await;
    assert_eq!(usage_polls(&machine), 3, "the first start");
    machine.suspend_until(&daemon, "2026-10-25T00:29:59Z");
    for _ in 0..3 {
        daemon.wait_for_line("poll.done", |line| line["endpoint"] == "daily_access").await;
    }
    assert!(machine.now() >= instant("2026-10-25T00:30:00Z"), "not before half past two");
    machine.suspend_until(&daemon, "2026-10-25T01:29:59Z");
    until("it is half past two again", &daemon, || machine.now() > instant("2026-10-25T01:30:02Z")).await;
    machine.suspend_until(&daemon, "2026-10-25T02:00:00Z");
    watch(&mut daemon).await;
    assert_eq!(usage_polls(&machine), 6, "half past two is twice, its poll is once");
    machine.suspend_until(&daemon, "2026-10-26T01:30:01Z");
    watch(&mut daemon).await;
    assert_eq!(usage_polls(&machine), 9);
    machine.assert_history_is_whole();
    assert!(daemon.stop().await.success());
    machine.assert_calls_are_counted(u32::MAX);
}

#[tokio::test]
async fn the_hour_that_summer_time_skips_loses_no_poll() {
    let mut machine = machine(chrono_tz::Europe::Berlin, "2027-03-27T12:00:00Z", AT_HALF_PAST_TWO).await;
    let mut daemon = machine.daemon();
    watch(&mut daemon).await;
    assert_eq!(usage_polls(&machine), 3, "the first start");
    // 05:00 in Berlin.
    machine.suspend_until(&daemon, "2027-03-28T03:00:00Z");
    watch(&mut daemon).await;
    assert_eq!(usage_polls(&machine), 6, "half past two was skipped, its poll is not");
    // 02:30 in Berlin is 00:30 of UTC from now on.
    machine.suspend_until(&daemon, "2027-03-29T00:30:01Z");
    watch(&mut daemon).await;
    assert_eq!(usage_polls(&machine), 9);
    machine.assert_history_is_whole();
    assert!(daemon.stop().await.success());
    machine.assert_calls_are_counted(u32::MAX);
}

/// Midnight in Shanghai is 16:00 of UTC, and before noon where the machine thinks it is.
#[tokio::test]
async fn the_leap_day_and_the_new_year_begin_at_the_vendors_midnight_with_a_fresh_budget() {
    tokio::join!(
        over_midnight("2028-02-28T15:00:00Z", "2028-02-28T16:00:05Z", ["2028-02-28", "2028-02-29"]),
        over_midnight("2028-02-29T15:30:00Z", "2028-02-29T16:10:00Z", ["2028-02-29", "2028-03-01"]),
        over_midnight("2026-12-31T15:00:00Z", "2026-12-31T16:00:05Z", ["2026-12-31", "2027-01-01"]),
    );
}

async fn over_midnight(evening: &str, night: &str, [old_day, new_day]: [&str; 2]) {
    let pospal = "daily_access_cron = \"*/2 * * * * *\"\naccess_config_cron = \"0 0 0 * * *\"\nsplay_seconds = 0\n\
                  keep_free = 0\nbackfill_days = 0\ncalls_per_app_per_day = 3\n";
    let mut machine = machine(chrono_tz::Asia::Shanghai, evening, pospal).await;
    let mut daemon = machine.daemon();
    // Two calls for usage and one for packages, and the budget of each account is used up.
    wait_for_total(&mut daemon, "poll.done", 9).await;
    wait_for_more(&mut daemon, "poll.skipped", 6).await;
    assert_eq!(machine.shop.world().charged_in_all(), 9, "{old_day}");
    machine.assert_history_is_whole();
    machine.suspend_until(&daemon, night);
    wait_for_total(&mut daemon, "poll.done", 18).await;
    wait_for_more(&mut daemon, "poll.skipped", 6).await;
    assert_eq!(machine.shop.world().today().to_string(), new_day);
    machine.assert_history_is_whole();
    machine.assert_calls_are_counted(3);
    let by_day = machine.shop.query("SELECT vendor_date, sum(calls) FROM calls_daily GROUP BY 1 ORDER BY 1");
    assert_eq!(by_day, [format!("{old_day}|9"), format!("{new_day}|9")]);
    machine.assert_serves_the_good_key().await;
    assert!(daemon.stop().await.success());
    assert_all_is_well(&daemon);
}
