//! A disk that may only be read.

use crate::full::ONCE;
use crate::harness::{FAST, Shop, query};
use crate::mounted::{Mounted, move_database, run, text};
use chrono::TimeDelta;
use poskeeper::sandbox::SandboxOptions;

#[tokio::test]
async fn a_disk_that_fails_and_turns_read_only_stops_no_login_and_says_what_it_is() {
    let options = SandboxOptions { relogin: TimeDelta::seconds(9), ..SandboxOptions::default() };
    let shop = Shop::open_with(options, FAST).await;
    let disk = Mounted::ext4(&shop);
    move_database(&shop);
    let mut daemon = shop.daemon();
    daemon.wait_for("daemon.ready").await;
    daemon.wait_for("poll.done").await;
    disk.fail();
    let failing = daemon.wait_for("store.failing").await;
    assert!(failing["message"].as_str().is_some_and(|text| text.contains("may only be read")), "{failing}");
    daemon.wait_for("session.failing").await;
    daemon.wait_for("login.renewed").await;
    let key = std::fs::read_to_string(shop.path("till-1.apikey")).expect("published");
    assert_eq!(Some(key.trim_end()), shop.world().keys().last().map(String::as_str));
    let charged = shop.world().charged_in_all();
    assert!(daemon.stop().await.success(), "{}", daemon.printed());
    assert!(!daemon.events().contains(&"store.damaged"), "a failing disk is no damaged database");

    // As after a repair: the same disk, checked.
    run("umount", &[text(&disk.place)]);
    let _ = std::process::Command::new("fsck.ext4").args(["-y", text(&shop.path("image"))]).output().expect("fsck");
    run("mount", &["-o", "loop", text(&shop.path("image")), text(&disk.place)]);
    assert_eq!(query(&disk.path("poskeeper.db"), "PRAGMA integrity_check"), ["ok"]);
    let mut daemon = shop.daemon();
    daemon.wait_for("poll.done").await;
    assert!(daemon.stop().await.success());
    let calls: u32 = query(&disk.path("poskeeper.db"), "SELECT count(*) FROM calls WHERE endpoint <> 'login'")[0]
        .parse()
        .expect("a count");
    assert!(calls >= charged, "the ledger has {calls}, the vendor counted {charged}");
}

#[tokio::test]
async fn a_start_on_a_disk_that_may_only_be_read_says_so_and_goes_on_when_it_may_be_written() {
    let shop = Shop::open(ONCE).await;
    let disk = Mounted::tmpfs(&shop);
    move_database(&shop);
    let mut daemon = shop.daemon();
    daemon.wait_for("daemon.ready").await;
    assert!(daemon.stop().await.success());
    let before = std::fs::read(disk.path("poskeeper.db")).expect("readable");
    disk.remount("ro");
    for command in ["run", "check"] {
        let output = shop.run(&[command]).await;
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(1), "{said}");
        assert!(said.contains("may only be read"), "{said}");
    }
    assert_eq!(std::fs::read(disk.path("poskeeper.db")).expect("readable"), before);
    disk.remount("rw");
    let mut daemon = shop.daemon();
    daemon.wait_for("daemon.ready").await;
    assert!(daemon.stop().await.success());
}
