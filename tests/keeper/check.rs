//! `check`: what it names, what it leaves alone, and what it asks online.

use crate::commands::{RARE, assert_no_secret, code, stderr, stdout};
use crate::harness::Shop;
use poskeeper::model::Endpoint;
use poskeeper::sandbox::Reply;
use std::os::unix::fs::PermissionsExt;
use std::process::Command;

#[tokio::test]
async fn a_check_of_good_settings_spends_no_call_and_changes_nothing() {
    let shop = Shop::open("").await;
    std::fs::set_permissions(shop.path("settings.toml"), PermissionsExt::from_mode(0o600)).expect("chmod");
    let output = shop.run(&["check"]).await;
    let text = stdout(&output);
    assert_eq!((code(&output), stderr(&output)), (0, String::new()));
    for word in ["nothing is wrong", "till-1", "Store A", "not there yet", "pospal.access_config_cron", "06:20:00"] {
        assert!(text.contains(word), "no {word:?} in:\n{text}");
    }
    assert_no_secret(&shop, &output);
    let files: Vec<_> = std::fs::read_dir(shop.folder.path()).expect("a folder").collect();
    assert_eq!(files.len(), 1, "{files:?}");

    let mut daemon = shop.daemon();
    daemon.wait_for("daemon.ready").await;
    let (calls, logins) = (shop.world().charged_in_all(), shop.world().logins().len());
    let output = shop.run(&["check"]).await;
    assert_eq!(code(&output), 0, "{}", stderr(&output));
    assert!(stdout(&output).contains("opens and has our tables"), "{}", stdout(&output));
    assert!(stdout(&output).contains("nothing is wrong"), "{}", stdout(&output));
    assert_eq!((shop.world().charged_in_all(), shop.world().logins().len()), (calls, logins));
    assert!(daemon.stop().await.success());
}

#[tokio::test]
async fn a_check_names_every_fault_of_the_settings_at_once() {
    let shop = Shop::open("calls_per_app_per_day = \"many\"\n").await;
    shop.edit_settings("timezone = \"Asia/Shanghai\"", "timezone = \"Asia/Shanghia\"");
    shop.edit_settings("device_id", "devise_id");
    let output = shop.run(&["check"]).await;
    assert_eq!(code(&output), 78);
    for key in ["timezone", "pospal.calls_per_app_per_day", "devices[0].devise_id"] {
        assert!(stderr(&output).contains(key), "no {key} in:\n{}", stderr(&output));
    }
    assert_no_secret(&shop, &output);
}

#[tokio::test]
async fn findings_are_told_and_do_not_fail_the_check() {
    let shop = Shop::open("daily_access_cron = \"0 * * * * *\"\n").await;
    shop.edit_settings("till-1.apikey", "missing/till-1.apikey");
    std::fs::set_permissions(shop.path("settings.toml"), PermissionsExt::from_mode(0o644)).expect("chmod");
    std::fs::write(shop.path("poskeeper.db.session"), "{}").expect("written");
    std::fs::set_permissions(shop.path("poskeeper.db.session"), PermissionsExt::from_mode(0o644)).expect("chmod");
    let output = shop.run(&["check"]).await;
    assert_eq!((code(&output), stderr(&output)), (0, String::new()));
    for word in [
        "finding: settings.exposed: ",
        "finding: devices[0].api_key_file (device \"till-1\"): the folder",
        "finding: pospal.calls_per_app_per_day: ",
        "poskeeper.db.session has mode 0644, not 0600",
        "4 findings",
    ] {
        assert!(stdout(&output).contains(word), "no {word:?} in:\n{}", stdout(&output));
    }
}

#[tokio::test]
async fn what_would_stop_the_daemon_fails_the_check() {
    let shop = Shop::open(RARE).await;
    for (path, content, why) in [
        ("missing/poskeeper.db", None, "does not exist; make it, or change database.path"),
        ("notes.db", Some("these are my notes, and no database at all\n".repeat(100)), "not a SQLite file"),
    ] {
        shop.edit_settings("path = \"poskeeper.db\"", &format!("path = \"{path}\""));
        content.iter().for_each(|content| std::fs::write(shop.path(path), content).expect("written"));
        let output = shop.run(&["check"]).await;
        assert_eq!(code(&output), 1, "{}", stdout(&output));
        assert!(stderr(&output).contains("database.path: ") && stderr(&output).contains(why), "{}", stderr(&output));
        content
            .iter()
            .for_each(|content| assert_eq!(std::fs::read_to_string(shop.path(path)).ok().as_ref(), Some(content)));
        shop.edit_settings(&format!("path = \"{path}\""), "path = \"poskeeper.db\"");
    }
    let sql = "CREATE TABLE recipe (name TEXT)";
    assert!(Command::new("sqlite3").arg(shop.path("poskeeper.db")).arg(sql).status().expect("sqlite3").success());
    let output = shop.run(&["check"]).await;
    assert_eq!(code(&output), 1);
    assert!(stderr(&output).contains("another program's tables"), "{}", stderr(&output));
}

#[tokio::test]
async fn an_online_check_logs_in_once_and_asks_each_endpoint_once() {
    let shop = Shop::open(RARE).await;
    shop.world().reply(Endpoint::DailyAccess, Reply::CloseWithoutAnswer);
    let output = shop.run(&["check", "--online"]).await;
    let text = stdout(&output);
    assert_eq!(code(&output), 1, "one call was cut off\n{text}{}", stderr(&output));
    assert!(text.contains("login till-1: ok, key lives until 20"), "{text}");
    assert!(text.contains("daily_access Store A: unreachable: "), "{text}");
    assert_eq!(text.matches(": ok\n").count(), 5, "{text}");
    assert_eq!(shop.world().logins().len(), 1);
    assert_eq!(
        shop.query("SELECT endpoint, count(*) FROM calls GROUP BY 1"),
        ["access_config|3", "daily_access|3", "login|1"]
    );
    assert_no_secret(&shop, &output);

    let output = shop.run(&["check", "--online"]).await;
    assert_eq!(code(&output), 0, "{}", stderr(&output));
    assert_eq!(shop.world().logins().len(), 2);
    assert_eq!(shop.query("SELECT count(*) FROM calls"), ["14"]);
}

#[tokio::test]
async fn an_online_check_leaves_the_servers_to_a_running_daemon() {
    let shop = Shop::open(RARE).await;
    let mut daemon = shop.daemon();
    daemon.wait_for("daemon.ready").await;
    let output = shop.run(&["check", "--online"]).await;
    assert_eq!(code(&output), 1);
    assert!(stderr(&output).contains("another poskeeper is using the database"), "{}", stderr(&output));
    assert_eq!((shop.world().logins().len(), shop.world().charged_in_all()), (1, 6));
    assert!(daemon.stop().await.success());
}
