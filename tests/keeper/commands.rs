//! The commands that tell what the database holds: `report` and `status`.

use crate::harness::Shop;
use poskeeper::store::VIEWS;
use serde_json::Value;
use std::process::{Command, Output, Stdio};

/// Polls only when asked to, and once at the first start.
pub const RARE: &str =
    "access_config_cron = \"0 0 0 1 1 *\"\ndaily_access_cron = \"0 0 0 1 1 *\"\nbackfill_days = 0\nsplay_seconds = 0\n";

pub fn stdout(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).expect("UTF-8")
}

pub fn stderr(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).expect("UTF-8")
}

pub fn code(output: &Output) -> i32 {
    output.status.code().expect("an exit code")
}

async fn json(shop: &Shop, arguments: &[&str]) -> Value {
    let output = shop.run(arguments).await;
    assert_eq!(code(&output), 0, "{arguments:?}: {}", stderr(&output));
    serde_json::from_slice(&output.stdout).expect("JSON")
}

/// A shop after a first day's start: everything has been asked once and the daemon is gone.
async fn shop_with_history() -> Shop {
    let shop = Shop::open(RARE).await;
    let output = shop.run(&["once"]).await;
    assert_eq!(code(&output), 0, "{}", stderr(&output));
    shop
}

pub fn assert_no_secret(shop: &Shop, output: &Output) {
    let text = stdout(output) + &stderr(output);
    let tills = shop.world().tills().into_iter().filter_map(|till| till.activation_code);
    let stores = shop.world().stores().into_iter().map(|store| store.app_key);
    for secret in tills.chain(stores).chain(shop.world().keys()) {
        assert!(!text.contains(&secret), "a secret in:\n{text}");
    }
}

#[tokio::test]
async fn every_view_is_told_as_table_csv_and_json_with_the_views_columns() {
    let shop = Shop::open(RARE).await;
    let mut daemon = shop.daemon();
    daemon.wait_for("daemon.ready").await;
    for name in VIEWS.map(|view| view.name) {
        let columns = shop.query(&format!("SELECT name FROM pragma_table_info('{name}') ORDER BY cid"));
        let rows: usize = shop.query(&format!("SELECT count(*) FROM {name}"))[0].parse().expect("a count");

        let output = shop.run(&["report", name, "--format", "json"]).await;
        let text = stdout(&output);
        let objects: Vec<serde_json::Map<String, Value>> = serde_json::from_str(&text).expect("an array of objects");
        assert_eq!(objects.len(), rows, "{name}");
        if let Some(first) = objects.first() {
            assert_eq!(first.len(), columns.len(), "{name}");
            let places: Vec<_> = columns.iter().map(|column| text.find(&format!("\"{column}\": "))).collect();
            assert!(places.iter().all(Option::is_some) && places.is_sorted(), "{name}: {places:?}");
        } else {
            assert_eq!(text, "[]\n");
        }

        let output = shop.run(&["report", name, "--format", "csv"]).await;
        let mut reader = csv::Reader::from_reader(output.stdout.as_slice());
        let header: Vec<_> = reader.headers().expect("a header").iter().map(str::to_owned).collect();
        assert_eq!(header, columns, "{name}");
        assert_eq!(reader.records().filter(Result::is_ok).count(), rows, "{name}");

        let output = shop.run(&["report", name]).await;
        let text = stdout(&output);
        assert_eq!(code(&output), 0);
        assert_eq!(text == "no rows\n", rows == 0, "{name}: {text}");
        assert_no_secret(&shop, &output);
    }
    assert!(daemon.stop().await.success());
}

#[tokio::test]
async fn filters_act_on_the_views_own_columns() {
    let shop = shop_with_history().await;
    let count = async |arguments: &[&str]| {
        let arguments: Vec<_> = ["report"].iter().chain(arguments).chain(&["--format", "json"]).copied().collect();
        json(&shop, &arguments).await.as_array().expect("an array").len()
    };
    let (today, yesterday) = (shop.world().today(), shop.world().today().pred_opt().expect("a day").to_string());
    let today = today.to_string();
    let app = shop.world().stores()[0].app_id.as_str().to_lowercase();
    assert_eq!(count(&["usage_daily"]).await, 40, "five stores, eight days");
    assert_eq!(count(&["usage_daily", "--app", &app]).await, 8);
    assert_eq!(count(&["usage_daily", "--app", &app, "--from", &today, "--to", &today]).await, 1);
    assert_eq!(count(&["usage_daily", "--to", &yesterday]).await, 35);
    assert_eq!(count(&["logins", "--from", &today]).await, 1);
    assert_eq!(count(&["logins", "--to", &yesterday]).await, 0);
    assert_eq!(count(&["logins", "--to", "9999-12-31"]).await, 1);
    assert_eq!(count(&["apps", "--app", "nobody"]).await, 0);
}

#[tokio::test]
async fn what_a_report_cannot_do_is_wrong_usage_and_says_why() {
    let shop = shop_with_history().await;
    for (arguments, why) in [
        (&["report", "nothing"][..], "usage_daily"),
        (&["report"], "NAME"),
        (&["report", "login_status", "--from", "2026-11-21"], "login_status has no column that --from"),
        (&["report", "calls", "--app", "x"], "calls has no column that --app"),
        (&["report", "alerts", "--from", "2026-11-22", "--to", "2026-11-21"], "lies after"),
        (&["report", "alerts", "--from", "21.11.2026"], "YYYY-MM-DD"),
        (&["report", "alerts", "--format", "xml"], "csv"),
    ] {
        let output = shop.run(arguments).await;
        assert_eq!(code(&output), 2, "{arguments:?}: {}", stderr(&output));
        assert!(stderr(&output).contains(why), "{arguments:?}: {}", stderr(&output));
        assert_eq!(stdout(&output), "", "{arguments:?}");
    }
}

#[tokio::test]
async fn before_there_is_a_database_report_and_status_say_so_and_make_none() {
    let shop = Shop::open(RARE).await;
    for arguments in [&["report", "usage_daily"][..], &["status"], &["status", "--json"]] {
        let output = shop.run(arguments).await;
        assert_eq!(code(&output), 1, "{arguments:?}");
        assert!(stderr(&output).contains("there is no database"), "{}", stderr(&output));
        assert_eq!(stdout(&output), "");
    }
    assert!(!shop.path("poskeeper.db").exists());
}

#[tokio::test]
async fn status_tells_the_same_while_the_daemon_runs_and_afterwards() {
    let shop = Shop::open(RARE).await;
    let mut daemon = shop.daemon();
    daemon.wait_for("daemon.ready").await;
    let running = json(&shop, &["status", "--json"]).await;
    assert!(daemon.stop().await.success());
    let stopped = json(&shop, &["status", "--json"]).await;
    assert_eq!(running, stopped);

    let device = &stopped["devices"][0];
    assert_eq!((&device["device"], &device["last_outcome"]), (&"till-1".into(), &"ok".into()));
    let apps = stopped["apps"].as_array().expect("apps");
    let spent: Vec<_> = apps.iter().map(|app| (app["calls_today"].as_u64(), app["budget_left"].as_u64())).collect();
    assert_eq!(
        spent,
        [[(Some(2), Some(22)); 3].as_slice(), &[(Some(0), None); 2]].concat(),
        "own stores, then sisters"
    );
    assert!(apps[0]["used_times"].is_u64() && apps[0]["observed_at"].is_string());
    assert_eq!(stopped["alerts"], Value::Array(Vec::new()));
    let next = stopped["next"].as_array().expect("next");
    assert_eq!(next.len(), 7, "a login, and two endpoints of three apps");
    assert_eq!((&next[0]["job"], &next[0]["at"]), (&"login".into(), &device["renew_at"]));
    assert!(next.is_sorted_by_key(|planned| planned["at"].as_str().map(str::to_owned)));

    let output = shop.run(&["status"]).await;
    let text = stdout(&output);
    for word in
        ["till-1", "live", "in 9 d 23 h", "2 of 24, 22 left", "Open alerts: none", "access_config", "Asia/Shanghai"]
    {
        assert!(text.contains(word), "no {word:?} in:\n{text}");
    }
    assert_no_secret(&shop, &output);
}

#[tokio::test]
async fn status_shows_apps_that_were_never_asked_and_open_alerts_only() {
    let shop = shop_with_history().await;
    shop.edit_settings(
        "[[pospal.apps]]",
        "[[pospal.apps]]\napp_id = \"NEW\"\napp_key = \"1\"\nname = \"New\"\n\n[[pospal.apps]]",
    );
    let alert = |subject: &str, resolved: &str| {
        format!(
            "INSERT INTO alert (rule, subject, severity, opened_at, resolved_at, message, stage, fields, logged_at)
                 VALUES ('poll.stale', '{subject}', 'error', 1000, {resolved}, 'text of {subject}', 0, '{{}}', 1000);"
        )
    };
    let sql = alert("OPEN", "NULL") + &alert("OVER", "2000");
    let status = Command::new("sqlite3").arg(shop.path("poskeeper.db")).arg(sql).status().expect("sqlite3");
    assert!(status.success());

    let told = json(&shop, &["status", "--json"]).await;
    let new = &told["apps"][0];
    assert_eq!((&new["app_id"], &new["app_name"], &new["used_times"]), (&"NEW".into(), &"New".into(), &Value::Null));
    assert_eq!((&new["calls_today"], &new["budget_left"]), (&0.into(), &24.into()));
    assert!(told["next"].as_array().expect("next").iter().any(|planned| planned["subject"] == "NEW"));
    let alerts = told["alerts"].as_array().expect("alerts");
    assert_eq!(alerts.len(), 1);
    assert_eq!((&alerts[0]["subject"], &alerts[0]["resolved_at"]), (&"OPEN".into(), &Value::Null));
    let text = stdout(&shop.run(&["status"]).await);
    assert!(text.contains("text of OPEN") && !text.contains("text of OVER") && text.contains("due now"), "{text}");
}

#[tokio::test]
async fn a_reader_that_goes_away_is_no_panic() {
    let shop = shop_with_history().await;
    for arguments in [&["report", "usage_daily"][..], &["report", "calls", "--format", "json"], &["status"], &["check"]]
    {
        let mut child =
            shop.command(arguments).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("the binary starts");
        drop(child.stdout.take());
        let output = child.wait_with_output().expect("it ends");
        assert_eq!((code(&output), stderr(&output)), (0, String::new()), "{arguments:?}");
    }
}
