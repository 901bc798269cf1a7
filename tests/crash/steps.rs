//! kill -9 before the first, the second, the third … step of a short life: between any two changes of a
//! file, between rename and commit, between the ledger and the request.

use crate::harness::{Daemon, Shop, query};
use crate::life::live;
use crate::shim::{Orders, preload};
use crate::verdict::{Known, copied, faults_after_restart, faults_as_found, unfinished};
use crate::wanted;
use chrono::TimeDelta;
use poskeeper::sandbox::SandboxOptions;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::ExitStatusExt;
use std::time::Duration;

/// How many steps are gone at a time.
fn stride() -> usize {
    wanted("STRIDE", 11)
}

/// One store, polled once at the start of its first life.
async fn shop() -> Shop {
    let relogin = TimeDelta::seconds(6);
    let shop = Shop::open_with(SandboxOptions { relogin, ..SandboxOptions::default() }, "").await;
    let settings = std::fs::read_to_string(shop.path("settings.toml")).expect("settings");
    let one_store = settings.split("[[pospal.apps]]").take(2).collect::<Vec<_>>().join("[[pospal.apps]]");
    let once = one_store.replace(
        "[pospal]\n",
        "[pospal]\naccess_config_cron = \"0 0 0 1 1 *\"\ndaily_access_cron = \"0 0 0 1 1 *\"\nsplay_seconds = 0\nbackfill_days = 0\n",
    );
    std::fs::write(shop.path("settings.toml"), once).expect("settings written");
    shop
}

/// Kills the life that begins with a copy of the shop's folder, before each step of it, and lets the
/// next life mend it. Gives the number of deaths.
async fn walk(shop: &Shop, known: &Known) -> usize {
    for (deaths, step) in (1..).step_by(stride()).enumerate() {
        let folder = copied(shop.folder.path());
        let mut known = known.of_a_copy(shop.world());
        let is_over = live(folder.path(), Some(&Orders::KillAt(step)), &mut known).await;
        known.ask(shop.world()).await;
        let faults = faults_as_found(folder.path(), &known);
        assert!(faults.is_empty(), "killed before step {step}: {faults:#?}");
        if is_over {
            return deaths;
        }
        assert!(live(folder.path(), None, &mut known).await, "nobody killed it");
        known.ask(shop.world()).await;
        let mut faults = faults_after_restart(folder.path(), &known);
        let key = std::fs::read_to_string(folder.path().join("till-1.apikey")).unwrap_or_default();
        if !shop.world().key_is_live(key.trim_end()) {
            faults.push(format!("no live key is published: {key:?}"));
        }
        assert!(faults.is_empty(), "killed before step {step}, and started again: {faults:#?}");
    }
    unreachable!("the steps of a life are finite");
}

#[tokio::test]
async fn a_first_life_may_end_at_any_step() {
    let shop = shop().await;
    let deaths = walk(&shop, &Known::nothing(shop.world())).await;
    println!("{deaths} deaths in a first life, nothing lost");
    assert!(deaths * stride() > 200, "the shim saw {deaths} steps only");
}

#[tokio::test]
async fn a_life_that_replaces_the_key_may_end_at_any_step() {
    let shop = shop().await;
    let mut known = Known::nothing(shop.world());
    assert!(live(shop.folder.path(), None, &mut known).await);
    known.ask(shop.world()).await;
    // Until the next login is due, and allowed.
    tokio::time::sleep(Duration::from_secs(6)).await;
    let logins = shop.world().logins().len();
    let deaths = walk(&shop, &known).await;
    assert!(shop.world().logins().len() > logins, "the key was renewed");
    println!("{deaths} deaths in a second life, nothing lost");
    assert!(deaths * stride() > 60, "the shim saw {deaths} steps only");
}

#[tokio::test]
async fn a_backup_may_end_at_any_step_and_is_whole_or_absent() {
    let shop = shop().await;
    let mut known = Known::nothing(shop.world());
    assert!(live(shop.folder.path(), None, &mut known).await);
    let (folder, copy) = (shop.folder.path(), shop.path("copy.db"));
    let mut absent = 0;
    for step in 1.. {
        let mut command = shop.command(&["backup", "copy.db"]);
        preload(&mut command, folder, &Orders::KillAt(step));
        let mut backup = Daemon::start(command);
        let status = backup.ended().await;
        assert!(status.signal() == Some(9) || status.success(), "{status}\n{}", backup.printed());
        if copy.exists() {
            assert_eq!(
                query(&copy, "SELECT count(*) FROM calls"),
                query(&shop.path("poskeeper.db"), "SELECT count(*) FROM calls")
            );
            assert_eq!(query(&copy, "PRAGMA integrity_check"), ["ok"]);
            assert_eq!(std::fs::metadata(&copy).expect("metadata").permissions().mode() & 0o777, 0o640);
            std::fs::remove_file(&copy).expect("removed");
        } else {
            absent += 1;
        }
        if status.success() {
            println!("{} deaths in a backup, {absent} of them before there was one", step - 1);
            assert!(absent > 10, "the shim saw {absent} steps only");
            assert_eq!(unfinished(folder), [] as [String; 0], "what the killed ones left is gone");
            return;
        }
    }
}
