//! A database that is not whole: set aside, never written over, and a new one begun.

use crate::full::ONCE;
use crate::harness::{Daemon, FAST, Shop, query};
use crate::mounted::{output, run, text};
use std::fs::File;
use std::os::unix::fs::{FileExt, PermissionsExt};
use std::path::{Path, PathBuf};

/// A shop that has a history, and is closed.
async fn shop_with_history(pospal: &str) -> Shop {
    let shop = Shop::open(pospal).await;
    let mut daemon = shop.daemon();
    daemon.wait_for("daemon.ready").await;
    assert!(daemon.stop().await.success());
    shop
}

fn writable(file: &Path) -> File {
    File::options().write(true).open(file).expect("there")
}

/// Writes over a part of a file, as a failing disk or a careless program does.
fn scribble(file: &File, offset: u64, length: usize) {
    let mut random = fastrand::Rng::with_seed(offset);
    let bytes: Vec<u8> = std::iter::repeat_with(|| random.u8(..)).take(length).collect();
    file.write_all_at(&bytes, offset).expect("written");
}

fn aside(shop: &Shop) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(shop.folder.path()).expect("a folder").map(|entry| entry.expect("an entry").path());
    let mut aside: Vec<_> = entries.filter(|path| path.to_string_lossy().contains(".damaged-")).collect();
    aside.retain(|path| !path.to_string_lossy().ends_with("-shm"));
    aside.sort();
    aside
}

/// What is left of the calls that may be made today.
async fn budget_left(shop: &Shop) -> Vec<i64> {
    let status = shop.run(&["status", "--json"]).await;
    let status: serde_json::Value = serde_json::from_slice(&status.stdout).expect("JSON");
    let apps = status["apps"].as_array().expect("apps").iter();
    apps.filter_map(|app| app["budget_left"].as_i64()).collect()
}

/// Starts on a damaged file: it lies aside byte for byte, and the shop goes on with its old key.
async fn goes_on_with_a_new_one(shop: &Shop, what: &str) -> (Daemon, serde_json::Value) {
    let before = std::fs::read(shop.path("poskeeper.db")).expect("readable");
    let mut daemon = shop.daemon();
    let told = daemon.wait_for("store.damaged").await;
    daemon.wait_for("daemon.ready").await;
    let aside = aside(shop);
    assert_eq!(aside.len(), 1, "{what}: {aside:?}");
    assert_eq!(told["file"], aside[0].display().to_string(), "{what}");
    assert!(told["message"].as_str().is_some_and(|text| text.contains(".dump") && text.contains("backup")), "{told}");
    assert!(std::fs::read(&aside[0]).expect("readable") == before, "{what}: something was written to it");
    assert_eq!(std::fs::metadata(&aside[0]).expect("metadata").permissions().mode() & 0o777, 0o640);
    assert_eq!(shop.query("PRAGMA integrity_check"), ["ok"]);
    assert_eq!(shop.world().logins().len(), 1, "{what}: the kept session is good");
    (daemon, told)
}

#[tokio::test]
async fn a_damaged_database_is_set_aside_at_the_start_and_todays_budget_counts_as_spent() {
    for what in ["its header", "its schema", "cut to half"] {
        let shop = shop_with_history(ONCE).await;
        let database = shop.path("poskeeper.db");
        match what {
            "its header" => scribble(&writable(&database), 0, 100),
            "its schema" => scribble(&writable(&database), 100, 3996),
            _ => {
                let file = File::options().write(true).open(&database).expect("opened");
                file.set_len(file.metadata().expect("metadata").len() / 2).expect("cut");
            }
        }
        for command in ["status", "check"] {
            let output = shop.run(&[command]).await;
            assert_eq!(output.status.code(), Some(1), "{what}");
            assert!(aside(&shop).is_empty(), "{what}: only those who write it set it aside");
        }
        let charged = shop.world().charged_in_all();
        let (mut daemon, told) = goes_on_with_a_new_one(&shop, what).await;
        assert!(told["carried_calls"].is_null(), "{told}");
        assert_eq!(budget_left(&shop).await, [0, 0, 0], "{what}");
        assert_eq!(shop.world().charged_in_all(), charged, "{what}: no call beyond the budget");
        assert!(daemon.events().contains(&"poll.skipped"), "{}", daemon.printed());
        assert!(daemon.stop().await.success());
        let mut daemon = shop.daemon();
        daemon.wait_for("daemon.ready").await;
        assert!(daemon.stop().await.success());
        assert_eq!(aside(&shop).len(), 1, "{what}: once is enough");
        assert_eq!((budget_left(&shop).await, shop.world().charged_in_all()), (vec![0, 0, 0], charged), "{what}");
    }
}

/// Where a table begins in the file.
fn page_of(database: &Path, table: &str) -> u64 {
    let sql = format!("SELECT (rootpage - 1) * 4096 FROM sqlite_schema WHERE name = '{table}'");
    query(database, &sql)[0].parse().expect("an offset")
}

#[tokio::test]
async fn where_the_ledger_can_be_read_its_calls_are_taken_over_and_the_history_is_fetched_again() {
    let shop = shop_with_history(ONCE).await;
    let database = shop.path("poskeeper.db");
    let history = shop.query("SELECT app_id, access_date, used_times FROM usage_daily ORDER BY 1, 2");
    scribble(&writable(&database), page_of(&database, "daily_usage"), 4096);
    let (mut daemon, told) = goes_on_with_a_new_one(&shop, "usage").await;
    assert_eq!(told["carried_calls"], 3, "{told}");
    assert!(daemon.stop().await.success());
    assert_eq!(budget_left(&shop).await, [22, 22, 22], "one call each before, and one after");
    assert_eq!(
        shop.query("SELECT app_id, access_date, used_times FROM usage_daily ORDER BY 1, 2").len(),
        history.len()
    );
    let calls: u32 = shop.query("SELECT count(*) FROM calls WHERE endpoint <> 'login'")[0].parse().expect("a count");
    assert_eq!(calls, shop.world().charged_in_all());
    let (rescued, aside) = (shop.path("rescued.db"), aside(&shop).remove(0));
    // As the log line says.
    let message = told["message"].as_str().expect("a message");
    let advice = message.split('`').find(|part| part.contains(".dump")).expect("a command");
    assert!(advice.contains(&aside.display().to_string()), "{advice}");
    run("sh", &["-c", &advice.replace("rescued.db", &rescued.display().to_string())]);
    assert_eq!(query(&rescued, "SELECT endpoint, count(*) FROM calls GROUP BY 1"), ["daily_access|3", "login|1"]);
}

#[tokio::test]
async fn damage_that_shows_while_the_daemon_runs_is_set_aside_without_a_restart() {
    let shop = Shop::open(FAST).await;
    let mut daemon = shop.daemon();
    daemon.wait_for("daemon.ready").await;
    let database = shop.path("poskeeper.db");
    output("sqlite3", &[text(&database), "PRAGMA wal_checkpoint(TRUNCATE)"]);
    let pages = ["poll", "daily_usage", "usage_sample"].map(|table| page_of(&database, table));
    // Opened once: it may notice the first at once, and set the file aside.
    let file = writable(&database);
    pages.iter().for_each(|page| scribble(&file, *page, 4096));
    // Its own pages are in its memory: another's write makes it read them again.
    output("sqlite3", &[text(&database), "INSERT INTO app (app_id, first_seen_at) VALUES ('other', 0)"]);
    let told = daemon.wait_for("store.damaged").await;
    daemon.wait_for("store.failing.resolved").await;
    daemon.wait_for("poll.done").await;
    assert_eq!(shop.query("PRAGMA integrity_check"), ["ok"]);
    assert_eq!(shop.world().logins().len(), 1);
    let aside = aside(&shop);
    assert_eq!(told["file"], aside[0].display().to_string());
    assert!(aside.iter().any(|path| path.to_string_lossy().ends_with("-wal")), "{aside:?}");
    let calls: u32 = shop.query("SELECT count(*) FROM calls WHERE endpoint <> 'login'")[0].parse().expect("a count");
    assert!(calls >= shop.world().charged_in_all(), "{calls} in the ledger, {} charged", shop.world().charged_in_all());
    assert!(daemon.stop().await.success());
    assert_eq!(shop.query("SELECT count(*) FROM alerts WHERE rule = 'store.failing'"), ["1"]);
}

#[tokio::test]
async fn the_journal_of_another_database_beside_it_is_not_played_into_it() {
    let shop = shop_with_history(ONCE).await;
    let database = shop.path("poskeeper.db");
    let before = std::fs::read(&database).expect("readable");
    let other = shop.path("other.db");
    // The journal is copied while its writer still lives.
    let script = format!(
        "(echo 'PRAGMA journal_mode=WAL; CREATE TABLE recipe (name); INSERT INTO recipe VALUES (zeroblob(9000));'; \
          echo '.shell cp {0}-wal {1}-wal') | sqlite3 {0}",
        other.display(),
        database.display()
    );
    run("sh", &["-c", &script]);
    let output = shop.run(&["run"]).await;
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    if output.status.code() == Some(1) {
        assert!(said.contains("another program's tables"), "{said}");
    }
    assert!(std::fs::read(&database).expect("readable") == before, "the database was changed: {said}");
    std::fs::remove_file(shop.path("poskeeper.db-wal")).expect("the journal is still there");
    let mut daemon = shop.daemon();
    daemon.wait_for("daemon.ready").await;
    assert!(daemon.stop().await.success());
    assert!(aside(&shop).is_empty());
}

#[tokio::test]
async fn a_journal_whose_database_is_gone_is_kept() {
    let shop = Shop::open(ONCE).await;
    let mut daemon = shop.daemon();
    daemon.wait_for("daemon.ready").await;
    daemon.signal("KILL");
    daemon.ended().await;
    let journal = std::fs::read(shop.path("poskeeper.db-wal")).expect("a journal");
    std::fs::remove_file(shop.path("poskeeper.db")).expect("removed");
    let mut daemon = shop.daemon();
    daemon.wait_for("store.damaged").await;
    daemon.wait_for("daemon.ready").await;
    let kept = aside(&shop);
    assert_eq!(kept.len(), 1, "{kept:?}");
    assert_eq!(std::fs::read(&kept[0]).expect("readable"), journal);
    assert!(daemon.stop().await.success());
}
