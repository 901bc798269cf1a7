//! Alerts from fact to log line: opened once, reminded of, resolved, and silent over a restart.

use crate::harness::{Daemon, FAST, Shop};
use chrono::{Days, TimeDelta};
use poskeeper::model::{AppId, Endpoint, Package};
use poskeeper::sandbox::{Reply, SandboxOptions};
use serde_json::Value;

/// With `[alerts]` keys of its own.
async fn shop(pospal: &str, alerts: &str) -> Shop {
    let shop = Shop::open(pospal).await;
    shop.edit_settings("[database]\n", &format!("[alerts]\n{alerts}\n[database]\n"));
    shop
}

fn apps(shop: &Shop) -> Vec<AppId> {
    shop.world().stores().into_iter().filter(|store| store.configured).map(|store| store.app_id).collect()
}

fn is_of(app: &AppId) -> impl Fn(&Value) -> bool {
    let app = app.as_str().to_owned();
    move |line| line["app_id"].as_str().is_some_and(|id| id.eq_ignore_ascii_case(&app))
}

fn lines<'a>(daemon: &'a Daemon, event: &str) -> Vec<&'a Value> {
    daemon.log.iter().filter(|line| line["event"] == event).collect()
}

fn open_alerts(shop: &Shop) -> Vec<String> {
    // What is forecast depends on the hour at which the tests run.
    shop.query("SELECT rule FROM alerts WHERE resolved_at IS NULL AND rule <> 'quota.forecast' ORDER BY rule, subject")
}

#[tokio::test]
async fn a_high_and_an_exhausted_quota_are_told_once_and_resolved_by_a_raised_limit() {
    let shop = shop(FAST, "").await;
    let (app, today) = (&apps(&shop)[0], shop.world().today());
    shop.world().set_limit(app, 300);
    shop.world().pin_usage(app, today, 250);
    let mut daemon = shop.daemon();
    let high = daemon.wait_for_line("quota.high", is_of(app)).await;
    assert_eq!(high["level"], "WARN");
    assert_eq!(
        (&high["access_date"], &high["used"], &high["limit"], &high["percent"], &high["threshold"]),
        (&today.to_string().into(), &250.into(), &300.into(), &83.3.into(), &80.into())
    );
    assert_eq!(open_alerts(&shop), ["quota.high"]);
    assert!(daemon.stop().await.success());

    let mut daemon = shop.daemon();
    shop.world().pin_usage(app, today, 300);
    let exhausted = daemon.wait_for_line("quota.exhausted", is_of(app)).await;
    assert_eq!((&exhausted["level"], &exhausted["used"]), (&"ERROR".into(), &300.into()));
    let repeated = lines(&daemon, "quota.high").iter().filter(|line| line["threshold"] == 80).count();
    assert_eq!(repeated, 0, "a restart repeats nothing:\n{}", daemon.printed());
    assert_eq!(open_alerts(&shop), ["quota.exhausted", "quota.high", "quota.high"]);

    // The account itself is not asked any more; its sisters' answers tell.
    shop.world().set_limit(app, 1000);
    daemon.wait_for_line("quota.exhausted.resolved", is_of(app)).await;
    assert_eq!(open_alerts(&shop), [] as [&str; 0]);
    assert_eq!(lines(&daemon, "quota.exhausted").len(), 1);
    assert!(daemon.stop().await.success());
}

#[tokio::test]
async fn an_open_alert_is_reminded_of() {
    let shop = shop(FAST, "remind_hours = 0.001").await;
    let (app, today) = (&apps(&shop)[0], shop.world().today());
    shop.world().set_limit(app, 300);
    shop.world().pin_usage(app, today, 250);
    let mut daemon = shop.daemon();
    let first = daemon.wait_for_line("quota.high", is_of(app)).await;
    assert!(first.get("since").is_none());
    let second = daemon.wait_for_line("quota.high", is_of(app)).await;
    assert!(second["since"].is_string(), "{second}");
    assert_eq!(shop.query("SELECT count(*) FROM alerts WHERE rule = 'quota.high'"), ["1"]);
}

#[tokio::test]
async fn a_package_that_ends_is_told_of_and_so_is_its_end() {
    let shop = shop(FAST, "").await;
    let (app, today) = (&apps(&shop)[0], shop.world().today());
    let package = |end: chrono::NaiveDate| Package {
        app_id: app.clone(),
        limit_times: 3000,
        start_date: Some("2020-01-01 00:00:00".into()),
        end_date: Some(format!("{end} 23:59:59").into()),
    };
    shop.world().set_packages(app, vec![package(today + Days::new(20))]);
    let mut daemon = shop.daemon();
    let ending = daemon.wait_for_line("package.ending", is_of(app)).await;
    assert_eq!((&ending["level"], &ending["days_left"]), (&"WARN".into(), &20.into()));
    shop.world().set_packages(app, vec![package(today + Days::new(6))]);
    let nearer = daemon.wait_for_line("package.ending", is_of(app)).await;
    assert_eq!(nearer["days_left"], 6, "the next threshold is told at once");
    shop.world().set_packages(app, vec![package(today - Days::new(1))]);
    let ended = daemon.wait_for_line("package.ended", is_of(app)).await;
    assert_eq!(ended["level"], "ERROR");
    assert_eq!(open_alerts(&shop), ["package.ended"]);
    shop.world().set_packages(app, vec![package(today + Days::new(365))]);
    daemon.wait_for_line("package.ended.resolved", is_of(app)).await;
    assert!(daemon.stop().await.success());
}

#[tokio::test]
async fn a_login_that_is_not_renewed_goes_from_failing_to_overdue_to_expired_and_back() {
    let (live, relogin) = (TimeDelta::seconds(22), TimeDelta::seconds(14));
    let options = SandboxOptions { live, relogin, ..SandboxOptions::default() };
    let shop = Shop::open_with(options, "access_config_cron = \"\"\ndaily_access_cron = \"\"\n").await;
    let mut daemon = shop.daemon();
    daemon.wait_for("login.renewed").await;
    shop.world().set_dark(true);
    let failing = daemon.wait_for("login.failing").await;
    assert_eq!((&failing["level"], &failing["device"]), (&"WARN".into(), &"till-1".into()));
    assert!(
        failing["attempts"].as_u64() >= Some(1) && failing["error"].is_string() && failing["expires_at"].is_string()
    );
    daemon.wait_for("login.failing.resolved").await;
    let overdue = daemon.wait_for("login.overdue").await;
    assert!(overdue["level"] == "ERROR" && overdue["relogin_due_at"].is_string());
    let expired = daemon.wait_for("login.expired").await;
    assert!(expired["level"] == "ERROR" && expired["expired_at"].is_string());
    assert_eq!(open_alerts(&shop), ["login.expired"]);
    shop.world().set_dark(false);
    daemon.wait_for("login.expired.resolved").await;
    assert_eq!(open_alerts(&shop), [] as [&str; 0]);
    assert!(daemon.stop().await.success());
}

#[tokio::test]
async fn an_account_without_a_good_answer_is_stale_until_it_has_one() {
    let shop = shop(FAST, "stale_after_hours = 0.001").await;
    let dark = Reply::http(500, "");
    shop.world().reply_times(1000, Endpoint::DailyAccess, &dark);
    shop.world().reply_times(1000, Endpoint::AccessConfig, &dark);
    let app = &apps(&shop)[0];
    let mut daemon = shop.daemon();
    let stale = daemon.wait_for_line("poll.stale", is_of(app)).await;
    assert!(stale["level"] == "ERROR" && stale.get("last_ok_at").is_none(), "{stale}");
    shop.world().clear_replies();
    daemon.wait_for_line("poll.stale.resolved", is_of(app)).await;
    assert!(daemon.stop().await.success());
}

#[tokio::test]
async fn a_day_that_the_vendor_gives_no_number_for_any_more_is_told_of_once() {
    let shop = shop("access_config_cron = \"\"\ndaily_access_cron = \"*/2 * * * * *\"\nsplay_seconds = 0\n", "").await;
    let lost = (shop.world().today() - Days::new(15)).to_string();
    let from = (shop.world().today() - Days::new(30)).to_string();
    assert!(shop.run(&["backfill", "--from", &from]).await.status.success());
    let delete = format!("DELETE FROM daily_usage WHERE date(day * 86400, 'unixepoch') = '{lost}'");
    let deleted = std::process::Command::new("sqlite3").arg(shop.path("poskeeper.db")).arg(delete).status();
    assert!(deleted.is_ok_and(|status| status.success()));
    for round in 0..2 {
        let mut daemon = shop.daemon();
        if round == 0 {
            let line = daemon.wait_for("usage.lost").await;
            assert_eq!((&line["level"], &line["access_date"]), (&"WARN".into(), &lost.clone().into()));
        }
        for _ in 0..6 {
            daemon.wait_for("poll.done").await;
        }
        assert!(daemon.stop().await.success());
        assert_eq!(lines(&daemon, "usage.lost").len(), if round == 0 { 3 } else { 0 }, "once for each account");
    }
    assert_eq!(open_alerts(&shop), [] as [&str; 0], "nothing can be done about it, so it does not stay open");
    assert_eq!(shop.query("SELECT count(*) FROM usage_gaps"), ["3"]);
}

#[tokio::test]
async fn a_clock_that_is_off_from_the_vendors_is_told_of_until_it_agrees() {
    let shop = shop(FAST, "").await;
    let theirs = shop.world().now() - TimeDelta::minutes(10);
    let date = theirs.format("%a, %d %b %Y %H:%M:%S GMT").to_string();
    let empty = Reply::json(200, r#"{"status":"success","data":[]}"#).with_header("date", &date);
    shop.world().reply_times(3, Endpoint::AccessConfig, &empty);
    shop.world().reply_times(3, Endpoint::DailyAccess, &empty);
    let mut daemon = shop.daemon();
    let wrong = daemon.wait_for("clock.wrong").await;
    let skew = wrong["skew_seconds"].as_i64().expect("a number");
    assert!(wrong["level"] == "WARN" && (595..=660).contains(&skew), "we are ahead: {wrong}");
    daemon.wait_for("clock.wrong.resolved").await;
    assert!(daemon.stop().await.success());
}

#[tokio::test]
async fn a_database_that_cannot_be_written_is_told_of_and_what_was_fetched_is_kept() {
    use std::io::{BufRead, BufReader, Write};
    let shop = shop(FAST, "").await;
    let mut daemon = shop.daemon();
    daemon.wait_for("poll.done").await;
    // Somebody else takes the write lock, and keeps it.
    let mut locker = std::process::Command::new("sqlite3")
        .arg(shop.path("poskeeper.db"))
        .stdin(std::process::Stdio::piped())
        .stdout(std::process::Stdio::piped())
        .spawn()
        .expect("sqlite3");
    let stdin = locker.stdin.as_mut().expect("stdin");
    writeln!(stdin, ".timeout 10000\nBEGIN IMMEDIATE; SELECT 'locked';").expect("written");
    let mut answer = String::new();
    BufReader::new(locker.stdout.as_mut().expect("stdout")).read_line(&mut answer).expect("read");
    assert_eq!(answer, "locked\n");
    let failing = daemon.wait_for("store.failing").await;
    assert!(failing["level"] == "ERROR" && failing["error"].is_string(), "{failing}");
    locker.kill().expect("killed");
    locker.wait().expect("ended");
    daemon.wait_for("store.failing.resolved").await;
    daemon.wait_for("poll.done").await;
    assert!(daemon.stop().await.success());
    assert_eq!(lines(&daemon, "store.failing").len(), 1, "once, whoever runs into it:\n{}", daemon.printed());
    assert_eq!(
        shop.query("SELECT subject, resolved_at IS NOT NULL FROM alerts WHERE rule = 'store.failing'"),
        ["database|1"]
    );
    let ledger: u32 = shop.query("SELECT count(*) FROM calls WHERE endpoint <> 'login'")[0].parse().expect("a count");
    assert!(ledger >= shop.world().charged_in_all());
}

/// A time zone in which it is noon now, so that the hour at which the tests run does not matter.
fn noon() -> chrono_tz::Tz {
    let ahead = 12 - i64::from(chrono::Timelike::hour(&poskeeper::clock::wall()));
    let name = format!("Etc/GMT{}{}", if ahead > 0 { '-' } else { '+' }, ahead.abs());
    name.parse().expect("a time zone")
}

#[tokio::test]
async fn a_quota_that_will_run_out_before_midnight_is_told_of_in_time() {
    let shop = Shop::open_with(SandboxOptions { timezone: noon(), ..SandboxOptions::default() }, FAST).await;
    let (app, today) = (&apps(&shop)[0], shop.world().today());
    shop.world().set_limit(app, 300);
    shop.world().pin_usage(app, today, 190);
    let mut daemon = shop.daemon();
    daemon.wait_for("poll.done").await;
    shop.world().pin_usage(app, today, 200);
    let forecast = daemon.wait_for_line("quota.forecast", is_of(app)).await;
    assert_eq!((&forecast["level"], &forecast["limit"]), (&"WARN".into(), &300.into()));
    let at: chrono::DateTime<chrono::Utc> =
        forecast["exhausted_at"].as_str().and_then(|at| at.parse().ok()).expect("a time");
    let ahead = at - shop.world().now();
    assert!(TimeDelta::hours(3) < ahead && ahead < TimeDelta::hours(10), "200 calls in 12 h, 100 to go: {ahead}");
    // Exhausted after all: the forecast is over, it has come true.
    shop.world().pin_usage(app, today, 300);
    daemon.wait_for_line("quota.forecast.resolved", is_of(app)).await;
    assert!(daemon.stop().await.success());
}

#[tokio::test]
async fn a_restart_while_the_key_is_dead_neither_repeats_nor_resolves_the_alert() {
    let (live, relogin) = (TimeDelta::seconds(8), TimeDelta::seconds(8));
    let options = SandboxOptions { live, relogin, ..SandboxOptions::default() };
    let shop = Shop::open_with(options, "access_config_cron = \"\"\ndaily_access_cron = \"\"\n").await;
    let mut daemon = shop.daemon();
    daemon.wait_for("login.renewed").await;
    shop.world().set_dark(true);
    daemon.wait_for("login.expired").await;
    assert!(daemon.stop().await.success());
    let mut daemon = shop.daemon();
    daemon.wait_for("login.failed").await;
    daemon.wait_for("login.failed").await;
    assert!(daemon.stop().await.success());
    assert!(!daemon.events().iter().any(|event| event.starts_with("login.expired")), "{}", daemon.printed());
    let rows = shop.query("SELECT count(*) FROM alerts WHERE rule = 'login.expired' AND resolved_at IS NULL");
    assert_eq!(rows, ["1"]);
    assert!(!shop.run(&["once"]).await.status.success(), "there is no key");
}

#[tokio::test]
async fn a_login_that_failed_before_a_restart_is_neither_over_nor_told_again_by_it() {
    let shop = shop(FAST, "").await;
    shop.world().set_dark(true);
    let mut daemon = shop.daemon();
    daemon.wait_for("login.expired").await;
    assert!(daemon.stop().await.success());

    let mut daemon = shop.daemon();
    daemon.wait_for("login.failed").await;
    shop.world().set_dark(false);
    daemon.wait_for("login.renewed").await;
    assert_eq!(lines(&daemon, "login.expired.resolved").len(), 0, "nobody had logged in yet:\n{}", daemon.printed());
    daemon.wait_for("login.expired.resolved").await;
    assert_eq!(lines(&daemon, "login.expired").len(), 0, "a restart repeats nothing:\n{}", daemon.printed());
    assert!(daemon.stop().await.success());
}
