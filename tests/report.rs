//! The HTML report of a chain: small enough to mail, harmless whatever stands in a name, complete in
//! both languages, and free of anything that a browser would have to fetch or run.

use chrono::{DateTime, Days, NaiveDate, Utc};
use poskeeper::report::{Lang, Report, Span, load, page, style};
use poskeeper::store::Store;
use std::path::{Path, PathBuf};
use std::process::Command;

const ZONE: chrono_tz::Tz = chrono_tz::Asia::Shanghai;
const HOSTILE: &str = "<script>alert(1)</script>\"'><img src=x onerror=alert(2)>&amp;";

fn today() -> NaiveDate {
    NaiveDate::from_ymd_opt(2026, 11, 21).expect("a date")
}

fn now() -> DateTime<Utc> {
    "2026-11-21T10:00:00Z".parse().expect("a time")
}

fn last(days: u64) -> Span {
    Span { from: today() - Days::new(days - 1), to: today() }
}

/// A database with the stores' year: numbers as restless as a bad year's, because runs of equal days are
/// drawn as one stroke.
async fn chain(folder: &Path, stores: u32, days: u32, name: &str) -> PathBuf {
    let database = folder.join("poskeeper.db");
    Store::open(&database).await.expect("a database").close().await;
    let today = (today() - NaiveDate::default()).num_days();
    let now = now().timestamp_millis();
    let name = name.replace('\'', "''");
    let sql = format!(
        "BEGIN;
         INSERT INTO app SELECT value, printf('%032X', value), '{name} ' || value, value % 10 <> 0, 0, 0, {today}, {today} - {days} + 1
             FROM generate_series(1, {stores});
         INSERT INTO calendar SELECT {today} - value, date(({today} - value) * 86400, 'unixepoch') FROM generate_series(0, {days} - 1);
         INSERT INTO daily_usage
             SELECT {today} - d.value, s.value, 300, (s.value * 7919 + d.value * d.value * 104729 + d.value * 31) % 331, d.value > 0, 0, 0, 1
             FROM generate_series(1, {stores}) s, generate_series(0, {days} - 1) d WHERE d.value <> 2;
         INSERT INTO usage_sample
             SELECT {today}, s.value, n.value, {now} - 3600000 * (9 - n.value), n.value * 20, 300
             FROM generate_series(1, {stores}) s, generate_series(1, 8) n;
         INSERT INTO package (app_key, limit_times, start_date, end_date, first_seen_at)
             SELECT value, 300, '2026-01-01 00:00:00', '{name}', 0 FROM generate_series(1, {stores})
             UNION ALL SELECT value, 3000, '2026-01-01 00:00:00', '2027-01-01 23:59:59', 0 FROM generate_series(1, {stores});
         INSERT INTO device (name, configured, expires_at) VALUES ('{name}', 1, {now});
         INSERT INTO call (started_at, boot_id, uptime_ms, vendor_day, endpoint, device_key, outcome, error_message)
             VALUES ({now} - 3600000, '', 0, {today}, 'login', 1, 'refused', '{name}'),
                    ({now} - 7200000, '', 0, {today}, 'login', 1, 'ok', NULL);
         INSERT INTO login VALUES (2, 10, 6, {now}, {now}, 'abcd1234');
         INSERT INTO call (started_at, boot_id, uptime_ms, vendor_day, endpoint, app_key, outcome)
             SELECT {now}, '', 0, {today} - d.value, 'daily_access', 1, 'ok' FROM generate_series(0, 89) d;
         INSERT INTO alert (rule, subject, severity, opened_at, message, stage, fields, logged_at)
             VALUES ('{name}', '{name}', 'error', {now}, '{name}', 0, '{{}}', {now}),
                    ('quota.exhausted', 'x', 'error', {now}, '{name}', 0, '{{\"app_id\":\"{:032X}\",\"used\":300,\"limit\":300}}', {now});
         COMMIT;",
        1
    );
    let status = Command::new("sqlite3").arg(&database).arg(sql).status().expect("sqlite3 is installed");
    assert!(status.success());
    database
}

async fn report(stores: u32, days: u32, name: &str) -> Report {
    let folder = tempfile::tempdir().expect("a folder");
    let database = chain(folder.path(), stores, days, name).await;
    let store = Store::open_for_reading(&database).await.expect("readable");
    load(&store, last(days.into()), now(), ZONE).await.expect("a report")
}

#[tokio::test]
async fn a_year_of_500_stores_is_below_5_mb_and_fetches_and_runs_nothing() {
    let report = report(500, 365, "Store").await;
    assert_eq!(report.apps.len(), 500);
    assert_eq!(report.apps.iter().map(|app| app.days.len()).sum::<usize>(), 500 * 364);
    for lang in Lang::ALL {
        let page = page(&report, lang);
        assert!(page.len() < 5_000_000, "{} bytes", page.len());
        for forbidden in
            ["http://", "https://", "<script", "javascript:", " style=", "url(", "@import", "<img", "onload"]
        {
            assert!(!page.contains(forbidden), "{forbidden}");
        }
        assert_eq!(page.matches("<style>").count(), 1);
        assert!(page.contains(&format!("<style>{}</style>", style())), "a policy may name the hash of it");
        assert_eq!(page.matches("class=\"row\"").count(), 500);
    }
}

#[tokio::test]
async fn hostile_names_and_texts_are_shown_and_never_obeyed() {
    for stores in [3, 30] {
        let report = report(stores, 30, HOSTILE).await;
        for lang in Lang::ALL {
            let page = page(&report, lang);
            assert!(!page.contains("<script") && !page.contains("<img"), "{stores} stores");
            assert!(page.contains("&lt;script&gt;alert(1)&lt;/script&gt;&quot;'&gt;&lt;img src=x"), "shown as it is");
        }
    }
}

#[tokio::test]
async fn few_stores_have_all_that_there_is_to_tell() {
    let report = report(3, 30, "Store").await;
    let page = page(&report, Lang::En);
    for told in [
        "2026-10-23 to 2026-11-21 (30 days)",
        "Asia/Shanghai",
        "Quota used up",
        "Calls per day",
        "Share of its daily limit",
        "Calls in the course of today (2026-11-21)",
        "3,000 calls per day · 2026-01-01 to 2027-01-01 · 41 days left",
        "1 login, 1 failed",
        "NO LIVE KEY since 2026-11-21 18:00",
        "1 day (2026-11-19)",
        "30 calls, 0 of them failed",
        "▼",
    ] {
        assert!(page.contains(told), "no {told:?}");
    }
    assert_eq!(page.matches("class=\"store\"").count(), 3);
}

#[tokio::test]
async fn a_forecast_is_drawn_where_there_is_one() {
    let mut report = report(3, 30, "Store").await;
    assert!(!page(&report, Lang::En).contains("class=\"forecast\""));
    report.apps[0].forecast = "2026-11-21T13:30:00Z".parse().ok();
    let page = page(&report, Lang::En);
    assert!(page.contains("<path class=\"forecast\"") && page.contains("▼ 21:30"));
}

#[tokio::test]
async fn a_vendors_absurd_numbers_make_an_absurd_page_and_no_panic() {
    let mut report = report(3, 30, "Store").await;
    for app in &mut report.apps {
        app.days.iter_mut().step_by(2).for_each(|day| day.used = i64::MAX);
        app.days.iter_mut().step_by(3).for_each(|day| day.limit = i64::MAX);
        app.days[1].limit = 0;
        app.curve[1].used = i64::MIN;
    }
    assert!(page(&report, Lang::En).contains("9,223,372,036,854,775,807"));
}

/// What is left of English on a Chinese page: names, ids, units that both languages share.
#[tokio::test]
async fn the_chinese_page_has_no_english_sentence() {
    let report = report(3, 30, "店").await;
    let page = page(&report, Lang::Zh);
    assert!(page.contains("<html lang=\"zh-Hans\">"));
    let body = &page[page.find("<body>").expect("a body")..];
    let text: String = body.split('<').filter_map(|tag| Some(tag.split_once('>')?.1)).collect::<Vec<_>>().join("\n");
    let words: Vec<_> =
        text.split(|c: char| !c.is_ascii_alphabetic()).filter(|word| word.len() > 2 && !word.contains("AAA")).collect();
    let shared = ["poskeeper", "Asia", "Shanghai"];
    let odd: Vec<_> = words.into_iter().filter(|word| !shared.contains(word)).collect();
    assert_eq!(odd, [""; 0]);
}

#[tokio::test]
async fn an_empty_database_makes_a_page_too_and_a_span_before_the_history_begins_with_it() {
    let folder = tempfile::tempdir().expect("a folder");
    let store = Store::open(&folder.path().join("poskeeper.db")).await.expect("a database");
    let report = load(&store, last(30), now(), ZONE).await.expect("a report");
    assert!(page(&report, Lang::En).contains("Nothing has been recorded yet."));

    let database = chain(folder.path(), 1, 10, "Store").await;
    let store = Store::open_for_reading(&database).await.expect("readable");
    let early = Span { from: NaiveDate::from_ymd_opt(1, 1, 1).expect("a date"), to: today() };
    let report = load(&store, early, now(), ZONE).await.expect("a report");
    assert_eq!(report.span.from, today() - Days::new(89), "the first call in the ledger");
    assert!(page(&report, Lang::Zh).len() < 200_000);
}
