//! Other programs that have the database to themselves, or read it without an end.

use crate::harness::{FAST, PATIENCE, Shop};
use crate::mounted::{output, text};
use chrono::TimeDelta;
use poskeeper::sandbox::SandboxOptions;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// The stock sqlite3, in the midst of a transaction.
struct Hung(Child);

impl Hung {
    /// `begin` must print a line at its end.
    fn with(database: &Path, begin: &str) -> Self {
        let mut child = Command::new("sqlite3")
            .args(["-cmd", ".timeout 5000"])
            .arg(database)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("sqlite3 is installed");
        writeln!(child.stdin.as_mut().expect("stdin"), "{begin}").expect("written");
        let mut line = String::new();
        BufReader::new(child.stdout.as_mut().expect("stdout")).read_line(&mut line).expect("read");
        assert!(!line.is_empty(), "{begin} came to nothing");
        Self(child)
    }
}

impl Drop for Hung {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn memory_kb(pid: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).expect("readable");
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).expect("a line");
    line.split_whitespace().nth(1).and_then(|number| number.parse().ok()).expect("a number")
}

#[tokio::test]
async fn a_lock_stops_no_login_and_what_was_kept_meanwhile_is_written_when_it_ends() {
    let options = SandboxOptions { relogin: TimeDelta::seconds(9), ..SandboxOptions::default() };
    let shop = Shop::open_with(options, FAST).await;
    let mut daemon = shop.daemon();
    daemon.wait_for("daemon.ready").await;
    let lock = Hung::with(&shop.path("poskeeper.db"), "BEGIN EXCLUSIVE; SELECT 1;");
    let locked = Instant::now();
    let before = memory_kb(daemon.pid());
    let failing = daemon.wait_for("store.failing").await;
    assert!(locked.elapsed() < Duration::from_secs(12), "{:?}", locked.elapsed());
    assert!(failing["message"].as_str().is_some_and(|text| text.contains("fuser -v")), "{failing}");
    for _ in 0..2 {
        daemon.wait_for("login.renewed").await;
    }
    let grown = memory_kb(daemon.pid()).saturating_sub(before);
    assert!(grown < 8_000, "{grown} kB in {:?}", locked.elapsed());
    drop(lock);
    daemon.wait_for("store.failing.resolved").await;
    daemon.wait_for("poll.done").await;
    assert!(daemon.stop().await.success());
    assert!(!daemon.events().contains(&"store.damaged"), "a lock is no damage");
    let logins = shop.world().logins().len();
    assert_eq!(shop.query("SELECT count(*) FROM logins WHERE outcome = 'ok'"), [logins.to_string()]);
}

#[tokio::test]
async fn a_reader_that_hangs_is_told_of_once_when_the_log_has_grown_and_the_log_is_cut_when_it_ends() {
    let shop = Shop::open(FAST).await;
    let mut daemon = shop.daemon();
    daemon.wait_for("daemon.ready").await;
    let (database, log) = (shop.path("poskeeper.db"), shop.path("poskeeper.db-wal"));
    let reader = Hung::with(&database, "BEGIN; SELECT count(*) FROM call;");
    // What a year of polls would write.
    let sql = "CREATE TABLE ballast (bytes); INSERT INTO ballast VALUES (zeroblob(70000000)); DROP TABLE ballast";
    output("sqlite3", &["-cmd", ".timeout 5000", text(&database), sql]);
    let told = daemon.wait_for("store.wal_large").await;
    assert_eq!((&told["level"], told["file"].as_str()), (&"WARN".into(), Some(text(&log))));
    assert!(told["bytes"].as_u64() > Some(64 << 20), "{told}");
    for _ in 0..6 {
        daemon.wait_for("poll.done").await;
    }
    drop(reader);
    let deadline = Instant::now() + PATIENCE;
    while std::fs::metadata(&log).expect("metadata").len() > 8 << 20 {
        assert!(Instant::now() < deadline, "it is not cut");
        daemon.wait_for("poll.done").await;
    }
    assert_eq!(daemon.events().iter().filter(|event| **event == "store.wal_large").count(), 1);
    assert!(daemon.stop().await.success());
    assert_eq!(shop.query("PRAGMA quick_check"), ["ok"]);
}
