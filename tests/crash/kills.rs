//! kill -9 at random moments of a busy life: polls each second, a login every few seconds, reloads, stops,
//! backups, backfills and housekeeping.

use crate::harness::{Daemon, FAST, Shop, query};
use crate::life::command;
use crate::verdict::{Known, faults_after_restart, faults_as_found};
use crate::{random, wanted};
use chrono::TimeDelta;
use poskeeper::sandbox::{SandboxOptions, Scenario};
use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

/// What the program is doing when it dies.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Moment {
    FirstStart,
    Start,
    Running,
    Reload,
    Stop,
    Backup,
    Backfill,
    Housekeeping,
}

use Moment::{Backfill, Backup, FirstStart, Housekeeping, Reload, Running, Start, Stop};
const MOMENTS: [Moment; 10] =
    [Running, Start, Running, FirstStart, Running, Reload, Stop, Backup, Backfill, Housekeeping];

/// A login every five seconds, and a key that dies soon: both files change often.
fn options() -> SandboxOptions {
    let span = TimeDelta::seconds(6);
    SandboxOptions { scenario: Scenario::Steady, live: span, relogin: span, ..SandboxOptions::default() }
}

#[tokio::test]
async fn kills_at_random_moments_lose_nothing_and_hide_no_call() {
    let mut random = random();
    let shop = Shop::open_with(options(), &FAST.replace("*/2 ", "* ")).await;
    let mut known = Known::nothing(shop.world());
    let mut died = BTreeMap::<Moment, usize>::new();
    let kills = wanted("KILLS", 100);
    for kill in 0..kills {
        let moment = MOMENTS[kill % MOMENTS.len()];
        if moment == FirstStart {
            die_at_the_first_start(&shop, &mut random).await;
            known = known.of_a_copy(shop.world());
        } else {
            let process = die(&shop, moment, &mut random).await;
            process.log.iter().for_each(|line| known.hear(line));
            known.ask(shop.world()).await;
            let faults = faults_as_found(shop.folder.path(), &known);
            assert!(faults.is_empty(), "kill {kill}, {moment:?}: {faults:#?}\n{}", process.printed());
        }
        *died.entry(moment).or_default() += 1;
    }
    let mut daemon = shop.daemon();
    daemon.wait_for("daemon.ready").await;
    daemon.wait_for("poll.done").await;
    assert!(shop.run(&["backup", "copy.db"]).await.status.success());
    assert!(daemon.stop().await.success());
    daemon.log.iter().for_each(|line| known.hear(line));
    known.ask(shop.world()).await;
    let faults = faults_after_restart(shop.folder.path(), &known);
    assert!(faults.is_empty(), "{faults:#?}");
    assert_eq!(shop.query("SELECT count(*) FROM calls WHERE outcome IS NULL"), ["0"]);
    assert_eq!(shop.query("SELECT count(DISTINCT app_id) FROM usage_daily"), ["5"]);
    assert_eq!(shop.query("SELECT count(*) FROM usage_gaps"), ["0"]);
    assert!(known.polls > kills / 2, "the kills hit something: {} calls", known.polls);
    println!("{kills} kills: {died:?}; {} Pospal calls, {} logins, nothing lost", known.polls, known.logins);
}

/// One life in the shop's folder, and its sudden end.
async fn die(shop: &Shop, moment: Moment, random: &mut fastrand::Rng) -> Daemon {
    let mut pause = |longest: u64| tokio::time::sleep(Duration::from_millis(random.u64(0..longest)));
    match moment {
        Backfill => {
            // Asked for before is not asked for again: each time another day is missing.
            forget_what_was_asked(&shop.path("poskeeper.db"));
            let mut backfill = Daemon::start(shop.command(&["backfill", "--from", "2000-01-01"]));
            pause(400).await;
            backfill.signal("KILL");
            backfill.ended().await;
            return backfill;
        }
        Housekeeping => add_what_is_past_its_time(&shop.path("poskeeper.db")),
        _ => {}
    }
    let mut daemon = shop.daemon();
    match moment {
        Start => pause(80).await,
        Reload => {
            daemon.wait_for("daemon.ready").await;
            daemon.signal("HUP");
            pause(80).await;
        }
        Stop => {
            daemon.wait_for("daemon.started").await;
            pause(300).await;
            daemon.signal("TERM");
            pause(30).await;
        }
        Backup => {
            daemon.wait_for("daemon.ready").await;
            let copy = shop.path("copy.db");
            let mut backup = Daemon::start(shop.command(&["backup", &copy.to_string_lossy()]));
            pause(150).await;
            backup.signal("KILL");
            backup.ended().await;
            if copy.exists() {
                assert_eq!(query(&copy, "PRAGMA integrity_check"), ["ok"], "a backup is whole or absent");
                assert_eq!(query(&copy, "SELECT count(*) > 0 FROM calls"), ["1"]);
                std::fs::remove_file(copy).expect("removed");
            }
        }
        // Right after the first answer the house is kept.
        Housekeeping => {
            daemon.wait_for("daemon.ready").await;
            pause(60).await;
        }
        _ => {
            daemon.wait_for("daemon.started").await;
            pause(400).await;
        }
    }
    daemon.signal("KILL");
    daemon.ended().await;
    daemon
}

/// In a folder of its own, where there is no database yet.
async fn die_at_the_first_start(shop: &Shop, random: &mut fastrand::Rng) {
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::copy(shop.path("settings.toml"), folder.path().join("settings.toml")).expect("copied");
    let mut known = Known::nothing(shop.world());
    for is_last in [false, true] {
        let mut daemon = Daemon::start(command(folder.path(), None));
        if is_last {
            daemon.wait_for("daemon.started").await;
            assert!(daemon.stop().await.success());
        } else {
            tokio::time::sleep(Duration::from_millis(random.u64(0..120))).await;
            daemon.signal("KILL");
            daemon.ended().await;
        }
        daemon.log.iter().for_each(|line| known.hear(line));
        known.ask(shop.world()).await;
        let faults = if is_last { faults_after_restart } else { faults_as_found }(folder.path(), &known);
        assert!(faults.is_empty(), "{faults:#?}\n{}", daemon.printed());
    }
}

fn write(database: &Path, sql: &str) {
    let output = Command::new("sqlite3").args(["-cmd", ".timeout 5000"]).arg(database).arg(sql).output();
    let output = output.expect("sqlite3 is installed");
    assert!(output.status.success(), "{sql}: {}", String::from_utf8_lossy(&output.stderr));
}

fn forget_what_was_asked(database: &Path) {
    write(database, "DELETE FROM asked");
}

fn add_what_is_past_its_time(database: &Path) {
    let calls = "INSERT INTO call (started_at, boot_id, uptime_ms, vendor_day, endpoint, app_key, outcome)
        SELECT 0, 'another', 0, 0, 'daily_access', 1, 'ok' FROM json_each(json_array(1, 2, 3, 4, 5, 6, 7, 8))";
    write(database, calls);
}
