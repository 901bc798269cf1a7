//! A disk without space.

use crate::harness::{Daemon, FAST, PATIENCE, Shop, query};
use crate::mounted::{Filled, Mounted, move_database};
use chrono::TimeDelta;
use poskeeper::model::Endpoint;
use poskeeper::sandbox::{Reply, SandboxOptions};
use std::time::Duration;

/// Only the first start polls.
pub const ONCE: &str =
    "access_config_cron = \"\"\ndaily_access_cron = \"0 0 0 1 1 *\"\nsplay_seconds = 0\nbackfill_days = 0\n";

/// A shop that renews its login every few seconds, with its database on a small disk.
async fn busy_shop(pospal: &str) -> (Shop, Mounted) {
    let options =
        SandboxOptions { live: TimeDelta::hours(1), relogin: TimeDelta::seconds(9), ..SandboxOptions::default() };
    let shop = Shop::open_with(options, pospal).await;
    let disk = Mounted::tmpfs(&shop);
    move_database(&shop);
    (shop, disk)
}

fn published(shop: &Shop, name: &str) -> Option<String> {
    std::fs::read_to_string(shop.path(name)).ok().map(|line| line.trim_end().to_owned())
}

#[tokio::test]
async fn on_a_full_disk_logins_go_on_and_all_are_in_the_ledger_when_there_is_space_again() {
    let (shop, disk) = busy_shop(FAST).await;
    let mut daemon = shop.daemon();
    daemon.wait_for("daemon.ready").await;
    let full = disk.fill();
    let failing = daemon.wait_for("store.failing").await;
    assert!(failing["message"].as_str().is_some_and(|text| text.contains("free space on its disk")), "{failing}");
    for _ in 0..3 {
        daemon.wait_for("login.renewed").await;
        assert_eq!(published(&shop, "till-1.apikey"), shop.world().keys().pop());
    }
    full.free();
    daemon.wait_for("store.failing.resolved").await;
    daemon.wait_for("poll.done").await;
    daemon.wait_for("login.renewed").await;
    assert!(daemon.stop().await.success());
    let opened = daemon.events().iter().filter(|event| **event == "store.failing").count();
    assert_eq!(opened, 1, "{}", daemon.printed());
    let database = disk.path("poskeeper.db");
    assert_eq!(
        query(&database, "SELECT count(*), count(DISTINCT key_fingerprint) FROM logins WHERE outcome = 'ok'"),
        [format!("{0}|{0}", shop.world().logins().len())]
    );
    let calls: u32 =
        query(&database, "SELECT count(*) FROM calls WHERE endpoint <> 'login'")[0].parse().expect("count");
    assert!(calls >= shop.world().charged_in_all());
    assert_eq!(
        query(&database, "SELECT count(*) FROM alerts WHERE rule = 'store.failing' AND resolved_at > opened_at"),
        ["1"]
    );
    assert_eq!(query(&database, "PRAGMA integrity_check"), ["ok"]);
}

#[tokio::test]
async fn a_key_file_on_the_full_disk_gets_each_new_key_all_the_same() {
    let (shop, disk) = busy_shop(ONCE).await;
    shop.edit_settings("till-1.apikey", "disk/till-1.apikey");
    let mut daemon = shop.daemon();
    daemon.wait_for("daemon.ready").await;
    let _full = disk.fill();
    for _ in 0..2 {
        daemon.wait_for("login.renewed").await;
        assert_eq!(published(&shop, "disk/till-1.apikey"), shop.world().keys().pop(), "{}", daemon.printed());
        let output = shop.run(&["apikey"]).await;
        assert_eq!(String::from_utf8_lossy(&output.stdout).trim_end(), shop.world().keys().pop().expect("a key"));
    }
    assert!(daemon.stop().await.success());
}

#[tokio::test]
async fn a_key_file_that_fails_is_told_of_once_and_again_when_it_is_over() {
    let (shop, disk) = busy_shop(ONCE).await;
    shop.edit_settings("till-1.apikey", "disk/till-1.apikey");
    let full = disk.fill();
    shop.edit_settings("path = \"disk/poskeeper.db\"", "path = \"poskeeper.db\"");
    let mut daemon = shop.daemon();
    daemon.wait_for("key_file.failing").await;
    daemon.wait_for("login.renewed").await;
    full.free();
    daemon.wait_for("key_file.failing.resolved").await;
    assert_eq!(published(&shop, "disk/till-1.apikey"), shop.world().keys().pop());
    assert!(daemon.stop().await.success());
    assert_eq!(daemon.events().iter().filter(|event| event.starts_with("key_file")).count(), 2, "{}", daemon.printed());
}

/// The daemon has asked for usage, and gets its answers on a full disk.
async fn with_answers_on_a_full_disk(reply: &Reply) -> (Shop, Mounted, Filled, Daemon) {
    let shop = Shop::open(ONCE).await;
    let disk = Mounted::tmpfs(&shop);
    move_database(&shop);
    shop.edit_settings("[database]", "[network]\ntimeout_seconds = 3\n[database]");
    shop.world().reply_times(3, Endpoint::DailyAccess, reply);
    let mut daemon = shop.daemon();
    daemon.wait_for("login.renewed").await;
    let asked = shop.world().wait_until(|world| world.requests_to(Endpoint::DailyAccess).len() == 3);
    tokio::time::timeout(PATIENCE, asked).await.expect("three calls under way");
    let full = disk.fill();
    daemon.wait_for("store.failing").await;
    (shop, disk, full, daemon)
}

#[tokio::test]
async fn an_answer_that_came_on_a_full_disk_is_stored_when_there_is_space() {
    let (_shop, disk, full, mut daemon) = with_answers_on_a_full_disk(&Reply::Delay(Duration::from_secs(2))).await;
    full.free();
    for _ in 0..3 {
        daemon.wait_for("poll.done").await;
    }
    assert!(daemon.stop().await.success());
    assert_eq!(
        query(&disk.path("poskeeper.db"), "SELECT count(DISTINCT app_id), count(*) > 30 FROM usage_daily"),
        ["5|1"]
    );
    assert_eq!(
        query(&disk.path("poskeeper.db"), "SELECT outcome, count(*) FROM calls WHERE endpoint <> 'login' GROUP BY 1"),
        ["ok|3"]
    );
}

#[tokio::test]
async fn an_answer_that_a_stop_comes_too_early_for_is_counted_as_lost() {
    let (shop, disk, full, mut daemon) = with_answers_on_a_full_disk(&Reply::Delay(Duration::from_secs(2))).await;
    assert!(daemon.stop().await.success());
    let lost: Vec<_> = daemon.log.iter().filter_map(|line| line["lost_rows"].as_u64()).collect();
    assert!(lost.len() == 3 && lost.iter().all(|rows| *rows >= 30), "{}", daemon.printed());
    full.free();
    let mut daemon = shop.daemon();
    daemon.wait_for("daemon.ready").await;
    assert!(daemon.stop().await.success());
    let calls = query(
        &disk.path("poskeeper.db"),
        "SELECT outcome FROM calls WHERE endpoint <> 'login' ORDER BY started_at LIMIT 3",
    );
    assert_eq!(calls, ["interrupted"; 3]);
}

#[tokio::test]
async fn a_call_that_failed_is_not_made_again_before_that_is_written_down() {
    let (shop, disk, full, mut daemon) = with_answers_on_a_full_disk(&Reply::Hang).await;
    // Longer than the pause before a call that was not answered is made again.
    tokio::time::sleep(Duration::from_secs(12)).await;
    assert_eq!(shop.world().requests_to(Endpoint::DailyAccess).len(), 3, "{}", daemon.printed());
    full.free();
    for _ in 0..3 {
        daemon.wait_for("poll.done").await;
    }
    assert!(daemon.stop().await.success());
    let calls = query(
        &disk.path("poskeeper.db"),
        "SELECT outcome, count(*) FROM calls WHERE endpoint <> 'login' GROUP BY 1 ORDER BY 1",
    );
    assert_eq!(calls, ["ok|3", "unreachable|3"]);
}

#[tokio::test]
async fn a_first_start_on_a_full_disk_says_so_and_one_with_a_database_serves_its_key() {
    let (shop, disk) = busy_shop(ONCE).await;
    let full = disk.fill();
    let output = shop.run(&["run"]).await;
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.contains("free space"), "{said}");
    let output = shop.run(&["check"]).await;
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.contains("database.path: nothing can be written") && said.contains("free some space"), "{said}");
    full.free();
    let mut daemon = shop.daemon();
    daemon.wait_for("daemon.ready").await;
    assert!(daemon.stop().await.success());

    let full = disk.fill();
    std::fs::remove_file(shop.path("till-1.apikey")).expect("removed");
    let mut daemon = shop.daemon();
    daemon.wait_for("store.failing").await;
    assert_eq!(published(&shop, "till-1.apikey"), shop.world().keys().pop(), "{}", daemon.printed());
    full.free();
    daemon.wait_for("store.failing.resolved").await;
    assert!(daemon.stop().await.success());
    assert_eq!(query(&disk.path("poskeeper.db"), "PRAGMA integrity_check"), ["ok"]);
    let output = shop.run(&["check"]).await;
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert!(String::from_utf8_lossy(&output.stdout).contains("MB free"));
}
