//! Anybody who may read the file can query it: while the daemon runs, after a clean stop, after a kill.

use crate::harness::{FAST, Shop};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;

/// Queries as another user that has read permission only, through the group.
fn query_as_reader(database: &Path) -> Result<String, String> {
    let output = Command::new("setpriv")
        .args(["--reuid=65534", "--regid=0", "--clear-groups", "sqlite3", "-readonly", "-cmd", ".timeout 5000"])
        .arg(database)
        .arg("SELECT count(*) > 0, (SELECT count(*) FROM usage_latest) FROM calls")
        .output()
        .expect("setpriv is installed");
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).trim().to_owned();
    if output.status.success() { Ok(text(&output.stdout)) } else { Err(text(&output.stderr)) }
}

#[tokio::test]
async fn a_reader_without_write_permission_can_query_while_it_runs_after_a_stop_and_after_a_kill() {
    if !nix::unistd::geteuid().is_root() {
        eprintln!("NOT TESTED: only root can become another user");
        return;
    }
    let shop = Shop::open(FAST).await;
    let folder = std::fs::Permissions::from_mode(0o750);
    std::fs::set_permissions(shop.folder.path(), folder).expect("the folder lets its group in");
    let database = shop.path("poskeeper.db");
    let expected = Ok("1|5".to_owned());

    let mut daemon = shop.daemon();
    daemon.wait_for("daemon.ready").await;
    assert_eq!(std::fs::metadata(&database).expect("metadata").permissions().mode() & 0o777, 0o640);
    assert_eq!(query_as_reader(&database), expected, "while it runs");

    assert!(daemon.stop().await.success());
    assert_eq!(query_as_reader(&database), expected, "after a clean stop");
    assert!(!shop.path("poskeeper.db-wal").exists(), "a stopped database is one file");

    let mut daemon = shop.daemon();
    daemon.wait_for("poll.done").await;
    daemon.signal("KILL");
    daemon.ended().await;
    assert!(shop.path("poskeeper.db-wal").exists(), "the kill left work to do");
    assert_eq!(query_as_reader(&database), expected, "after a kill");
}

#[tokio::test]
async fn a_reader_that_stays_connected_over_a_stop_takes_nothing_from_the_next_one() {
    let shop = Shop::open(FAST).await;
    let mut daemon = shop.daemon();
    daemon.wait_for("poll.done").await;
    let mut reader = Command::new("sqlite3")
        .args(["-readonly".as_ref(), shop.path("poskeeper.db").as_os_str()])
        .stdin(std::process::Stdio::piped())
        .stdout(std::process::Stdio::piped())
        .spawn()
        .expect("sqlite3");
    {
        use std::io::{BufRead, BufReader, Write};
        let stdin = reader.stdin.as_mut().expect("stdin");
        writeln!(stdin, "BEGIN; SELECT count(*) > 0 FROM calls;").expect("written");
        let mut answer = String::new();
        BufReader::new(reader.stdout.as_mut().expect("stdout")).read_line(&mut answer).expect("read");
        assert_eq!(answer, "1\n", "the reader holds a snapshot");
    }
    assert!(daemon.stop().await.success(), "{}", daemon.printed());
    assert_eq!(shop.query("SELECT count(*) > 0 FROM calls"), ["1"]);
    reader.kill().expect("killed");
    reader.wait().expect("ended");
    assert_eq!(shop.query("SELECT count(*) > 0 FROM calls"), ["1"]);
    let mut daemon = shop.daemon();
    daemon.wait_for("poll.done").await;
}
