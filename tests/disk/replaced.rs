//! Something else in the database's place.

use crate::full::ONCE;
use crate::harness::{Daemon, FAST, Shop};
use crate::mounted::{run, text};
use std::os::unix::fs::{PermissionsExt, chown};
use std::path::Path;
use std::process::Command;

fn sqlite(database: &Path, sql: &str) {
    run("sqlite3", &[text(database), sql]);
}

/// Of a file: a pipe would never end.
fn content(path: &Path) -> Option<Vec<u8>> {
    path.is_file().then(|| std::fs::read(path).expect("readable"))
}

#[tokio::test]
async fn what_is_no_database_of_ours_is_named_and_left_alone() {
    type Make = fn(&Path);
    let cases: [(&str, Make, &str); 8] = [
        ("a folder", |path| std::fs::create_dir(path).expect("made"), "a folder"),
        ("a pipe", |path| run("mkfifo", &[text(path)]), "a pipe"),
        (
            "a link to nowhere",
            |path| std::os::unix::fs::symlink("/nowhere/at/all.db", path).expect("made"),
            "a link to a file that is not there",
        ),
        ("a text", |path| std::fs::write(path, "my notes\n".repeat(99)).expect("written"), "not a SQLite file"),
        ("zeros", |path| std::fs::write(path, [0; 8192]).expect("written"), "not a SQLite file"),
        ("another program's tables", |path| sqlite(path, "CREATE TABLE recipe (name)"), "another program's tables"),
        (
            "another program's empty file",
            |path| sqlite(path, "PRAGMA application_id = 7; PRAGMA user_version = 1"),
            "another program's tables",
        ),
        (
            "a newer version's",
            |path| {
                sqlite(
                    path,
                    "CREATE VIEW usage_daily AS SELECT 1; CREATE TABLE _sqlx_migrations (version, checksum BLOB);
                     INSERT INTO _sqlx_migrations VALUES (99, x'00')",
                );
            },
            "a newer poskeeper",
        ),
    ];
    let shop = Shop::open(ONCE).await;
    let database = shop.path("poskeeper.db");
    for (what, make, words) in cases {
        make(&database);
        let before = content(&database);
        for command in ["run", "run", "once", "check"] {
            let output = shop.run(&[command]).await;
            let said = String::from_utf8_lossy(&output.stderr).into_owned();
            assert_eq!(output.status.code(), Some(1), "{what}, {command}: {said}");
            assert!(said.contains(words), "{what}, {command}: {said}");
            assert_eq!(content(&database), before, "{what}");
        }
        if database.is_dir() { std::fs::remove_dir(&database) } else { std::fs::remove_file(&database) }
            .expect("removed");
    }
    assert!(shop.world().requests().is_empty(), "nobody was asked");
    // An empty file is a beginning.
    std::fs::write(&database, "").expect("written");
    let mut daemon = shop.daemon();
    daemon.wait_for("poll.done").await;
    assert!(daemon.stop().await.success());
}

#[tokio::test]
async fn a_database_that_is_moved_away_is_missed_and_found_again() {
    let shop = Shop::open(FAST).await;
    std::fs::create_dir(shop.path("disk")).expect("a folder");
    crate::mounted::move_database(&shop);
    let mut daemon = shop.daemon();
    daemon.wait_for("daemon.ready").await;
    std::fs::rename(shop.path("disk"), shop.path("elsewhere")).expect("moved");
    let failing = daemon.wait_for("store.failing").await;
    let message = failing["message"].as_str().unwrap_or_default();
    assert!(message.contains("deleted, moved or replaced") && message.contains("put the file back"), "{message}");
    std::fs::rename(shop.path("elsewhere"), shop.path("disk")).expect("moved back");
    daemon.wait_for("store.failing.resolved").await;
    daemon.wait_for("poll.done").await;
    assert!(daemon.stop().await.success());
}

#[tokio::test]
async fn another_file_in_its_place_is_not_written_to() {
    let shop = Shop::open(FAST).await;
    let mut daemon = shop.daemon();
    daemon.wait_for("daemon.ready").await;
    std::fs::rename(shop.path("poskeeper.db"), shop.path("first.db")).expect("moved");
    std::fs::write(shop.path("poskeeper.db"), "something else").expect("written");
    let failing = daemon.wait_for("store.failing").await;
    assert!(failing["error"].as_str().is_some_and(|error| error.contains("replaced")), "{failing}");
    assert!(daemon.stop().await.success());
    assert_eq!(std::fs::read_to_string(shop.path("poskeeper.db")).expect("readable"), "something else");
}

/// The daemon as a user without rights of its own.
fn daemon_as_nobody(shop: &Shop) -> Command {
    let mut command = Command::new("setpriv");
    command.args(["--reuid=65534", "--regid=65534", "--clear-groups"]);
    let inner = shop.command(&["run"]);
    command.current_dir(shop.folder.path()).arg(inner.get_program()).args(inner.get_args());
    command
}

#[tokio::test]
async fn rights_that_are_taken_away_end_nothing_before_the_next_start_and_then_are_named() {
    let shop = Shop::open(FAST).await;
    for path in [shop.folder.path().to_owned(), shop.path("settings.toml")] {
        chown(&path, Some(65534), Some(65534)).expect("root may");
    }
    let mut daemon = Daemon::start(daemon_as_nobody(&shop));
    daemon.wait_for("daemon.ready").await;
    let database = shop.path("poskeeper.db");
    chown(&database, Some(0), Some(0)).expect("root may");
    std::fs::set_permissions(&database, PermissionsExt::from_mode(0o600)).expect("root may");
    for _ in 0..6 {
        daemon.wait_for("poll.done").await;
    }
    assert!(daemon.stop().await.success());
    let mut daemon = Daemon::start(daemon_as_nobody(&shop));
    assert_eq!(daemon.ended().await.code(), Some(1));
    assert!(daemon.printed().contains("must belong to the user that poskeeper runs as"), "{}", daemon.printed());
    chown(&database, Some(65534), Some(65534)).expect("root may");
    let mut daemon = Daemon::start(daemon_as_nobody(&shop));
    daemon.wait_for("poll.done").await;
    assert!(daemon.stop().await.success());
}
