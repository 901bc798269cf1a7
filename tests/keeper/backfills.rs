//! Older days: filled in by the daemon within what the budget can spare, or by hand.

use crate::harness::Shop;
use poskeeper::model::Endpoint;

const QUIET: &str = "access_config_cron = \"\"\ndaily_access_cron = \"0 0 0 1 1 *\"\nsplay_seconds = 0\n";

#[tokio::test]
async fn a_first_start_fills_in_thirty_days_once() {
    let shop = Shop::open(QUIET).await;
    let mut daemon = shop.daemon();
    let oldest = (shop.world().today() - chrono::Days::new(30)).to_string();
    daemon.wait_for("daemon.ready").await;
    for _ in 0..60 {
        if shop.query("SELECT min(access_date) FROM usage_daily") == [oldest.clone()] {
            break;
        }
        daemon.wait_for("poll.done").await;
    }
    assert!(daemon.stop().await.success());
    assert_eq!(
        shop.query("SELECT min(access_date), count(DISTINCT access_date) FROM usage_daily"),
        [format!("{oldest}|31")]
    );
    assert_eq!(shop.query("SELECT count(*) FROM usage_gaps"), ["0"]);
    let calls = shop.world().requests_to(Endpoint::DailyAccess).len();
    assert_eq!(calls, 3 + 3, "three polls, and three windows that serve the whole chain");
    let mut daemon = shop.daemon();
    daemon.wait_for("daemon.ready").await;
    assert!(daemon.stop().await.success());
    assert_eq!(shop.world().requests_to(Endpoint::DailyAccess).len(), calls, "a complete history costs nothing");
}

#[tokio::test]
async fn by_hand_it_ends_with_the_budget_goes_on_and_repeats_for_nothing() {
    let shop = Shop::open(&format!("{QUIET}calls_per_app_per_day = 1\nbackfill_days = 0\n")).await;
    let from = (shop.world().today() - chrono::Days::new(39)).to_string();
    let output = shop.run(&["backfill", "--from", &from]).await;
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.contains("48 left"), "three apps of 40 days; each fetched one window of 8 for all: {said}");
    shop.edit_settings("calls_per_app_per_day = 1", "calls_per_app_per_day = 24");
    let output = shop.run(&["backfill", "--from", &from]).await;
    assert!(output.status.success(), "{output:?}");
    assert_eq!(shop.query("SELECT count(DISTINCT access_date) FROM usage_daily"), ["40"]);
    let calls = shop.world().charged_in_all();
    assert_eq!(calls, 5, "40 days in windows of 8");
    let output = shop.run(&["backfill", "--from", &from]).await;
    assert!(output.status.success() && shop.world().charged_in_all() == calls);
    assert!(String::from_utf8_lossy(&output.stdout).contains("none left"));
}

#[tokio::test]
async fn it_refuses_while_a_daemon_holds_the_database() {
    let shop = Shop::open(QUIET).await;
    let mut daemon = shop.daemon();
    daemon.wait_for("daemon.ready").await;
    for arguments in [&["backfill", "--from", "2026-01-01"][..], &["once"], &["run"]] {
        let output = shop.run(arguments).await;
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(1), "{said}");
        assert!(said.contains("systemctl stop poskeeper"), "{said}");
    }
    let output = shop.run(&["backfill", "--from", "2030-01-01"]).await;
    assert_eq!(output.status.code(), Some(2), "the future is wrong usage");
    assert!(daemon.stop().await.success());
}

#[tokio::test]
async fn a_day_that_the_vendor_has_no_number_for_is_asked_for_once() {
    let shop = Shop::open(QUIET).await;
    let empty = poskeeper::sandbox::Reply::json(200, r#"{"status":"success","data":[]}"#);
    shop.world().reply_times(50, Endpoint::DailyAccess, &empty);
    let today = shop.world().today().to_string();
    let output = shop.run(&["backfill", "--from", &today]).await;
    assert!(output.status.success(), "{output:?}");
    assert_eq!(shop.world().charged_in_all(), 3, "one call for each app");
    for absurd in ["-262143-01-02", "1999-12-31", "9999-01-01", "yesterday"] {
        let output = shop.run(&["backfill", &format!("--from={absurd}")]).await;
        assert_eq!(output.status.code(), Some(2), "{absurd}");
    }
}

#[tokio::test]
async fn an_app_that_is_refused_does_not_keep_the_others_waiting() {
    let shop = Shop::open(QUIET).await;
    let no = poskeeper::sandbox::Reply::json(200, r#"{"status":"error","messages":["no"],"errorCode":1}"#);
    shop.world().reply(Endpoint::DailyAccess, no);
    let from = (shop.world().today() - chrono::Days::new(15)).to_string();
    let output = shop.run(&["backfill", "--from", &from]).await;
    assert!(output.status.success(), "its sisters' answers hold its days, too: {output:?}");
    assert_eq!(shop.query("SELECT count(DISTINCT access_date) FROM usage_daily"), ["16"]);
    assert_eq!(shop.query("SELECT outcome, count(*) FROM calls GROUP BY outcome"), ["ok|2", "refused|1"]);
}

#[tokio::test]
async fn a_refused_backfill_is_not_repeated_by_a_restart() {
    let shop = Shop::open(QUIET).await;
    assert!(shop.run(&["once"]).await.status.success());
    let no = poskeeper::sandbox::Reply::json(200, r#"{"status":"error","messages":["no"],"errorCode":1}"#);
    shop.world().reply_times(50, Endpoint::DailyAccess, &no);
    let polled = shop.world().requests_to(Endpoint::DailyAccess).len();
    for _ in 0..2 {
        let mut daemon = shop.daemon();
        daemon.wait_for("daemon.ready").await;
        assert!(daemon.stop().await.success());
    }
    let refused = shop.world().requests_to(Endpoint::DailyAccess).len() - polled;
    assert_eq!(refused, 3, "each app once, on one day");
}
