//! The quota endpoints, where nothing is wrong but the request.

use super::*;

#[tokio::test]
async fn any_stores_query_is_answered_for_the_whole_chain_and_charged_to_the_one_that_asked() {
    let shop = Shop::open(Scenario::Steady).await;
    shop.world().stop_clock_at(utc(NOON));
    let (a, b) = (shop.store(0), shop.store(1));
    let packages = shop.packages(&a).await.unwrap().json();
    assert_eq!((packages["status"].as_str(), packages["data"].as_array().unwrap().len()), (Some("success"), 6));
    assert_eq!(rows_of(&packages, &a).len(), 2);
    let usage = shop.daily(&a, "2026-11-14", "2026-11-21").await;
    assert_eq!(usage["data"].as_array().unwrap().len(), 5 * 8);
    let today = rows_of(&usage, &a)[7];
    assert_eq!(today["accessDate"], "2026-11-21");
    assert_eq!(today["haveAcessTimes"].as_i64(), shop.world().used(&a.app_id, day("2026-11-21")));
    assert_eq!(shop.world().charged(&a.app_id, day("2026-11-21")), 2);
    assert_eq!(shop.world().charged(&b.app_id, day("2026-11-21")), 0);
    let calls = shop.http.get(shop.sandbox.base_url().join("sandbox/calls").unwrap()).send().await.unwrap();
    let calls: Value = serde_json::from_str(&calls.text().await.unwrap()).unwrap();
    assert_eq!((calls["charged"].as_u64(), calls["calls"][0]["daily_access"].as_u64()), (Some(2), Some(1)));
}

#[tokio::test]
async fn answers_come_packed_in_three_ways_in_turn_and_carry_the_vendors_date() {
    let shop = Shop::open(Scenario::Steady).await;
    shop.world().stop_clock_at(utc(NOON));
    let mut codings = Vec::new();
    for _ in 0..3 {
        let got = shop.packages(&shop.store(0)).await.unwrap();
        assert_eq!(got.headers["date"], "Sat, 21 Nov 2026 04:00:00 GMT");
        assert_eq!(got.json()["status"], "success");
        codings.push((got.headers["content-encoding"].to_str().unwrap().to_owned(), got.body[0] == 0x78));
    }
    assert_eq!(codings, [("gzip".into(), false), ("deflate".into(), true), ("deflate".into(), false)]);
}

#[tokio::test]
async fn each_header_is_checked_and_a_bad_query_of_a_known_app_is_charged_all_the_same() {
    let shop = Shop::open(Scenario::Steady).await;
    let store = shop.store(0);
    let body = json!({ "appId": store.app_id.as_str() });
    let eleven_minutes_ago = (shop.world().now() - TimeDelta::minutes(11)).timestamp_millis().to_string();
    let wrongs = [
        ("user-agent", "openapi", 1001),
        ("content-type", "application/json", 1001),
        ("accept-encoding", "gzip", 1001),
        ("time-stamp", "2026-11-21", 1001),
        ("time-stamp", &eleven_minutes_ago, 1002),
        ("data-signature", "76F1DEF9E6469C4C4CE6B0FD160FB627", 1003),
    ];
    for (name, value, code) in wrongs {
        let got = shop.ask(CONFIG, &store, &body, &[(name, value)]).await.unwrap();
        let answer = got.json();
        assert_eq!((got.status, answer["status"].as_str()), (200, Some("error")), "{name}");
        assert_eq!(answer["errorCode"], code, "{name}: {answer}");
        assert!(answer["messages"][0].as_str().unwrap().contains(name), "{answer}");
    }
    let charged: u32 = shop.world().ledger().iter().map(|(_, _, spent)| spent.access_config).sum();
    assert_eq!(charged, 6);
}

#[tokio::test]
async fn an_app_is_known_in_any_letter_case_and_a_strange_one_costs_nobody_anything() {
    let shop = Shop::open(Scenario::Steady).await;
    let store = shop.store(1);
    let lower = json!({ "appId": store.app_id.as_str().to_lowercase() });
    assert_eq!(shop.ask(CONFIG, &store, &lower, &[]).await.unwrap().json()["status"], "success");
    let strange = shop.ask(CONFIG, &store, &json!({ "appId": "abcdefghijklmn" }), &[]).await.unwrap().json();
    assert_eq!(strange["errorCode"], 1004);
    assert_eq!(shop.world().charged_in_all(), 1);
}

#[tokio::test]
async fn a_window_that_is_too_long_or_upside_down_or_no_date_is_refused_and_charged() {
    let shop = Shop::open(Scenario::Steady).await;
    let store = shop.store(0);
    for (begin, end, code) in
        [("2026-11-13", "2026-11-21", 2001), ("2026-11-21", "2026-11-20", 2001), ("2026-11-2", "2026-11-03", 2002)]
    {
        assert_eq!(shop.daily(&store, begin, end).await["errorCode"], code, "{begin} {end}");
    }
    assert_eq!(shop.world().charged_in_all(), 3);
}

#[tokio::test]
async fn days_to_come_and_days_long_past_have_no_rows() {
    let shop = Shop::open(Scenario::Steady).await;
    shop.world().stop_clock_at(utc(NOON));
    let store = shop.store(0);
    assert_eq!(shop.daily(&store, "2026-11-22", "2026-11-29").await["data"], json!([]));
    let edge = shop.daily(&store, "2026-09-20", "2026-09-23").await;
    let dates: Vec<_> = rows_of(&edge, &store).iter().map(|row| row["accessDate"].as_str()).collect();
    assert_eq!(dates, [Some("2026-09-22"), Some("2026-09-23")]);
}

#[tokio::test]
async fn calls_over_the_limit_are_refused_and_not_charged_until_the_vendors_midnight() {
    let shop = Shop::open(Scenario::Steady).await;
    shop.world().stop_clock_at(utc("2026-11-21T15:59:00Z"));
    let (store, today) = (shop.store(2), day("2026-11-21"));
    shop.world().set_usage(&store.app_id, today, 299);
    assert_eq!(shop.packages(&store).await.unwrap().json()["status"], "success");
    let refused = shop.packages(&store).await.unwrap().json();
    assert_eq!(refused["errorCode"], 4109);
    assert!(refused["messages"][0].as_str().unwrap().contains("exceeded"));
    let spent = Spent { access_config: 1, daily_access: 0, over_limit: 1 };
    assert_eq!(shop.world().spent(&store.app_id, today), spent);
    assert_eq!(shop.world().used(&store.app_id, today), Some(300));
    shop.world().stop_clock_at(utc("2026-11-21T16:00:00Z"));
    assert_eq!(shop.packages(&store).await.unwrap().json()["status"], "success");
}
