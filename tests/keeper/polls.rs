//! Calls cost quota: what is asked, what is not, and what is kept of the answers.

use crate::harness::{FAST, PATIENCE, Shop};
use poskeeper::model::{AppId, Endpoint};
use poskeeper::sandbox::Reply;
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{ConnectOptions, Connection};
use std::time::Duration;

/// One slot on 1 January: only a first start or a person polls.
const RARELY: &str =
    "access_config_cron = \"0 0 0 1 1 *\"\ndaily_access_cron = \"0 0 0 1 1 *\"\nsplay_seconds = 0\nbackfill_days = 0\n";

fn first_app(shop: &Shop) -> AppId {
    shop.world().stores()[0].app_id.clone()
}

#[tokio::test]
async fn a_poll_asks_for_today_and_the_seven_days_before() {
    let shop = Shop::open(RARELY).await;
    let mut daemon = shop.daemon();
    daemon.wait_for("daemon.ready").await;
    let request = shop.world().requests_to(Endpoint::DailyAccess)[0].json().expect("JSON");
    let today = shop.world().today();
    assert_eq!(request["endDate"], today.to_string());
    assert_eq!(request["beginDate"], (today - chrono::Days::new(7)).to_string());
    assert!(daemon.stop().await.success());
}

#[tokio::test]
async fn an_unreachable_server_is_asked_three_times_for_a_slot_and_a_refusing_one_once() {
    let shop = Shop::open(RARELY).await;
    shop.edit_settings("access_config_cron = \"0 0 0 1 1 *\"", "access_config_cron = \"\"");
    shop.world().reply_times(9, Endpoint::DailyAccess, &Reply::CloseWithoutAnswer);
    let mut daemon = shop.daemon();
    for _ in 0..9 {
        daemon.wait_for("poll.failed").await;
    }
    assert!(daemon.stop().await.success());
    assert_eq!(
        shop.query("SELECT outcome, count(*) FROM calls WHERE endpoint = 'daily_access' GROUP BY 1"),
        ["unreachable|9"]
    );

    // Given up for this slot: a restart does not begin anew.
    let mut daemon = shop.daemon();
    daemon.wait_for("daemon.ready").await;
    assert!(daemon.stop().await.success());
    assert_eq!(shop.world().requests_to(Endpoint::DailyAccess).len(), 9);

    let shop = Shop::open(RARELY).await;
    let no = r#"{"status":"Error","messages":["no","such app"],"errorCode":"1004","data":null}"#;
    shop.world().reply_times(3, Endpoint::AccessConfig, &Reply::json(200, no));
    let mut daemon = shop.daemon();
    let failed = daemon.wait_for("poll.failed").await;
    assert_eq!((&failed["outcome"], &failed["error_code"]), (&"refused".into(), &"1004".into()));
    daemon.wait_for("daemon.ready").await;
    assert!(daemon.stop().await.success());
    assert_eq!(
        shop.query("SELECT outcome, count(*) FROM calls WHERE endpoint = 'access_config' GROUP BY 1"),
        ["refused|3"]
    );
}

#[tokio::test]
async fn a_server_error_is_not_retried_before_the_next_slot() {
    let shop = Shop::open(RARELY).await;
    shop.world().reply_times(3, Endpoint::DailyAccess, &Reply::http(503, "busy"));
    let mut daemon = shop.daemon();
    daemon.wait_for("daemon.ready").await;
    assert!(daemon.stop().await.success());
    assert_eq!(
        shop.query("SELECT outcome, http_status, count(*) FROM calls WHERE endpoint = 'daily_access' GROUP BY 1"),
        ["unexpected|503|3"]
    );
}

#[tokio::test]
async fn the_budget_is_never_exceeded_whatever_fails() {
    let shop = Shop::open(&FAST.replace("100000", "5").replace("*/2 ", "* ")).await;
    shop.world().reply_times(4, Endpoint::DailyAccess, &Reply::CloseWithoutAnswer);
    shop.world().reply_times(4, Endpoint::AccessConfig, &Reply::http(500, ""));
    let mut daemon = shop.daemon();
    for _ in 0..3 {
        let skipped = daemon.wait_for_line("poll.skipped", |line| line["reason"] == "budget").await;
        assert_eq!(skipped["level"], "INFO");
    }
    let output = {
        assert!(daemon.stop().await.success());
        shop.run(&["once"]).await
    };
    assert!(output.status.success(), "what the budget forbids is no failure: {output:?}");
    for app in shop.world().stores().into_iter().filter(|store| store.configured) {
        assert!(shop.world().charged(&app.app_id, shop.world().today()) <= 5);
    }
    assert_eq!(shop.query("SELECT max(calls) FROM calls_daily"), ["5"]);
}

#[tokio::test]
async fn an_exhausted_quota_and_a_nearly_exhausted_one_stop_the_polls() {
    let shop = Shop::open(&FAST.replace("keep_free = 0", "keep_free = 10")).await;
    let (today, stores) = (shop.world().today(), shop.world().stores());
    let apps: Vec<_> = stores.iter().filter(|store| store.configured).map(|store| store.app_id.clone()).collect();
    for app in &apps {
        shop.world().set_limit(app, 300);
    }
    shop.world().pin_usage(&apps[0], today, 300);
    shop.world().pin_usage(&apps[1], today, 291);
    shop.world().pin_usage(&apps[2], today, 290);
    let mut daemon = shop.daemon();
    let is = |app: &AppId, reason: &str| {
        let (app, reason) = (app.as_str().to_uppercase(), reason.to_owned());
        move |line: &serde_json::Value| {
            line["reason"] == reason.as_str() && line["app_id"].as_str().is_some_and(|id| id.to_uppercase() == app)
        }
    };
    daemon.wait_for_line("poll.skipped", is(&apps[0], "exhausted")).await;
    daemon.wait_for_line("poll.skipped", is(&apps[1], "keep_free")).await;
    assert!(daemon.stop().await.success());
    let skipped_third = daemon.log.iter().any(|line| {
        line["event"] == "poll.skipped"
            && line["app_id"].as_str().is_some_and(|id| id.eq_ignore_ascii_case(apps[2].as_str()))
    });
    assert!(!skipped_third, "exactly keep_free calls remain: {}", daemon.printed());
}

#[tokio::test]
async fn with_chain_coverage_one_asks_for_all_and_they_take_turns() {
    let shop = Shop::open(&format!("{}coverage = \"chain\"\n", FAST.replace("*/2 ", "*/3 "))).await;
    let mut daemon = shop.daemon();
    for _ in 0..12 {
        daemon.wait_for("poll.done").await;
    }
    assert!(daemon.stop().await.success());
    let shares =
        shop.query("SELECT count(*) FROM calls WHERE endpoint = 'daily_access' AND outcome = 'ok' GROUP BY subject");
    assert_eq!(shares.len(), 3, "{shares:?}");
    let shares: Vec<u32> = shares.iter().map(|share| share.parse().expect("a count")).collect();
    assert!(shares.iter().max().expect("three") - shares.iter().min().expect("three") <= 1, "{shares:?}");
    let covered = daemon.log.iter().filter(|line| line["reason"] == "covered").count();
    let done = daemon.events().iter().filter(|event| **event == "poll.done").count();
    assert_eq!(covered, 2 * done, "two sisters covered by each answer");
}

#[tokio::test]
async fn an_unchanged_answer_writes_no_daily_row_and_no_sample() {
    let shop = Shop::open(RARELY).await;
    for (offset, store) in (0..8).flat_map(|offset| shop.world().stores().into_iter().map(move |store| (offset, store)))
    {
        shop.world().pin_usage(&store.app_id, shop.world().today() - chrono::Days::new(offset), 7);
    }
    assert!(shop.run(&["once"]).await.status.success());
    let rows = || shop.query("SELECT * FROM usage_daily ORDER BY 1, 3");
    let (before, samples) = (rows(), shop.query("SELECT count(*) FROM usage_samples"));
    let observed = shop.query("SELECT min(observed_at) FROM usage_latest");
    assert!(shop.run(&["once"]).await.status.success());
    assert_eq!(rows(), before);
    assert_eq!(shop.query("SELECT count(*) FROM usage_samples"), samples);
    assert!(shop.query("SELECT min(observed_at) FROM usage_latest") > observed, "yet it was confirmed");
    let changed = "SELECT sum(changed_count = 0), count(*) FROM calls WHERE endpoint = 'daily_access'";
    assert_eq!(shop.query(changed), ["5|6"], "the first answer was news, the five after it were not");
}

#[tokio::test]
async fn a_changed_number_adds_a_sample_and_a_changed_past_is_a_correction() {
    let shop = Shop::open(RARELY).await;
    let (app, today) = (first_app(&shop), shop.world().today());
    let yesterday = today - chrono::Days::new(1);
    shop.world().pin_usage(&app, today, 10);
    shop.world().pin_usage(&app, yesterday, 100);
    assert!(shop.run(&["once"]).await.status.success());
    shop.world().pin_usage(&app, today, 20);
    shop.world().pin_usage(&app, yesterday, 101);
    let output = shop.run(&["once"]).await;
    let log = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(log.contains("usage.corrected"), "{log}");
    let of_app = format!("app_id = '{app}' COLLATE NOCASE");
    assert_eq!(
        shop.query(&format!("SELECT access_date, used_times FROM usage_samples WHERE {of_app} AND access_date >= '{yesterday}' ORDER BY access_date, observed_at")),
        [format!("{yesterday}|100"), format!("{yesterday}|101"), format!("{today}|10"), format!("{today}|20")]
    );
    assert_eq!(
        shop.query(&format!("SELECT used_times, is_final FROM usage_daily WHERE {of_app} AND access_date >= '{yesterday}' ORDER BY access_date")),
        ["101|1", "20|0"]
    );
}

#[tokio::test]
async fn a_vanished_package_is_closed_and_an_empty_answer_deletes_nothing() {
    let shop = Shop::open(RARELY).await;
    assert!(shop.run(&["once"]).await.status.success());
    let open = "SELECT count(*) FROM packages WHERE removed_at IS NULL";
    let before = shop.query(open);
    let empty = Reply::json(200, r#"{"status":"SUCCESS","messages":[],"data":[]}"#);
    shop.world().reply_times(3, Endpoint::AccessConfig, &empty);
    shop.world().reply_times(3, Endpoint::DailyAccess, &empty);
    let days = shop.query("SELECT count(*) FROM usage_daily");
    assert!(shop.run(&["once"]).await.status.success());
    assert_eq!((shop.query(open), shop.query("SELECT count(*) FROM usage_daily")), (before, days));

    let app = first_app(&shop);
    shop.world().set_packages(
        &app,
        vec![poskeeper::model::Package { app_id: app.clone(), limit_times: 9999, start_date: None, end_date: None }],
    );
    let output = shop.run(&["once"]).await;
    assert!(String::from_utf8_lossy(&output.stderr).contains("package.changed"));
    let of_app = format!("FROM packages WHERE app_id = '{app}' COLLATE NOCASE");
    assert_eq!(shop.query(&format!("SELECT limit_times, is_default {of_app} AND removed_at IS NULL")), ["9999|1"]);
    assert!(shop.query(&format!("SELECT count(*) {of_app} AND removed_at IS NOT NULL"))[0].as_str() > "0");
}

#[tokio::test]
async fn good_rows_of_an_answer_are_kept_and_the_bad_ones_reported() {
    let shop = Shop::open(RARELY).await;
    let today = shop.world().today();
    let answer = format!(
        r#"{{"status":"success","data":[
            {{"appId":"A1","accessDate":"{today}","limitTimes":"3000","haveAcessTimes":12.0,"more":[1]}},
            {{"appId":"A1","accessDate":"9999-01-01","limitTimes":3000,"haveAcessTimes":1}},
            {{"appId":"A2","accessDate":"{today} 08:00:00","limitTimes":300,"haveAcessTimes":-1}}, 7, null]}}"#
    );
    shop.world().reply(Endpoint::DailyAccess, Reply::http(200, answer).with_header("content-type", "text/html"));
    let output = shop.run(&["once"]).await;
    let log = String::from_utf8_lossy(&output.stderr).into_owned();
    let line: serde_json::Value = log
        .lines()
        .filter_map(|line| serde_json::from_str(line).ok())
        .find(|line: &serde_json::Value| line["event"] == "response.unexpected")
        .expect("reported");
    assert_eq!((&line["level"], &line["bad_rows"]), (&"WARN".into(), &4.into()));
    assert!(line["first_error"].as_str().is_some_and(|text| text.contains("9999-01-01")), "{line}");
    assert_eq!(
        shop.query("SELECT limit_times, used_times FROM usage_daily WHERE app_id = 'a1' COLLATE NOCASE"),
        ["3000|12"]
    );
    assert_eq!(shop.query("SELECT outcome, row_count FROM calls WHERE endpoint = 'daily_access' ORDER BY started_at, row_count LIMIT 1"), ["ok|1"]);
}

#[tokio::test]
async fn not_more_requests_than_max_concurrency_are_under_way_at_one_host() {
    let shop = Shop::open(&format!("{RARELY}max_concurrency = 2\n")).await;
    shop.world().reply_times(6, Endpoint::DailyAccess, &Reply::Delay(std::time::Duration::from_millis(100)));
    shop.world().reply_times(6, Endpoint::AccessConfig, &Reply::Delay(std::time::Duration::from_millis(100)));
    assert!(shop.run(&["once"]).await.status.success());
    assert_eq!(shop.world().most_in_flight(), 2);
}

#[tokio::test]
async fn a_refusal_that_the_locked_database_does_not_take_is_kept_and_not_asked_for_again() {
    let shop = Shop::open(RARELY).await;
    shop.edit_settings("access_config_cron = \"0 0 0 1 1 *\"", "access_config_cron = \"\"");
    // Signed with another key, the call is refused, and late enough for somebody to lock the database.
    let key = shop.world().stores()[0].app_key.clone();
    shop.edit_settings(&key, "123456789012345678");
    shop.world().reply_times(3, Endpoint::DailyAccess, &Reply::Delay(Duration::from_secs(2)));
    let mut daemon = shop.daemon();
    shop.world().wait_until(|world| world.requests_to(Endpoint::DailyAccess).len() == 3).await;
    let options = SqliteConnectOptions::new().filename(shop.path("poskeeper.db"));
    let mut other = options.connect().await.expect("a connection");
    let lock = other.begin_with("BEGIN IMMEDIATE").await.expect("the write lock");
    daemon.wait_for("store.failing").await;
    daemon.wait_for("poll.failed").await;
    lock.rollback().await.expect("unlocked");
    let outcomes = || shop.query("SELECT outcome, count(*) FROM calls WHERE endpoint = 'daily_access' GROUP BY 1");
    let all_closed = async {
        while outcomes() != ["ok|2", "refused|1"] {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    tokio::time::timeout(PATIENCE, all_closed).await.expect("entered");
    assert!(daemon.stop().await.success());
    assert_eq!(shop.world().requests_to(Endpoint::DailyAccess).len(), 3);
}
