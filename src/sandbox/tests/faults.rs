//! What scenarios and tests make go wrong, and the server itself.

use super::*;

#[tokio::test]
async fn an_address_that_others_can_reach_is_refused() {
    let listen = SocketAddr::from(([0, 0, 0, 0], 0));
    let error = Sandbox::start(SandboxOptions { listen, ..SandboxOptions::default() }).await.expect_err("refused");
    assert_eq!(error.kind(), io::ErrorKind::InvalidInput);
}

#[tokio::test]
async fn scripted_replies_come_in_order_and_before_the_scenario() {
    let shop = Shop::open(Scenario::Refusing).await;
    let store = shop.store(0);
    shop.world().reply(CONFIG, Reply::json(429, "{}").with_header("date", "Thu, 01 Jan 1970 00:00:00 GMT"));
    shop.world().reply(CONFIG, Reply::CloseWithoutAnswer);
    shop.world().reply(CONFIG, Reply::CutBody);
    shop.world().reply(CONFIG, Reply::Delay(Duration::from_millis(50)));
    shop.world().reply(CONFIG, Reply::Refuse);
    let odd = shop.packages(&store).await.unwrap();
    assert_eq!((odd.status, odd.body.as_slice()), (429, b"{}".as_slice()));
    assert_eq!(odd.headers["date"], "Thu, 01 Jan 1970 00:00:00 GMT");
    let closed = shop.packages(&store).await.err().expect("closed");
    assert!(closed.is_request() && !closed.is_timeout(), "{closed:?}");
    let cut = shop.packages(&store).await.err().expect("cut off");
    assert!(cut.is_body() || cut.is_decode(), "the head of the answer must have come: {cut:?}");
    let start = Instant::now();
    assert_eq!(shop.packages(&store).await.unwrap().json()["status"], "success");
    assert!(start.elapsed() >= Duration::from_millis(50));
    assert_eq!(shop.packages(&store).await.unwrap().json()["status"], "error");
    assert_eq!(shop.world().replies_left(CONFIG), 0);
    assert_eq!(shop.world().charged_in_all(), 5, "the vendor charges what it does not answer, too");
    let in_words = |(_, seen): (u64, Vec<Seen>)| seen.into_iter().map(|seen| seen.reply).collect::<Vec<_>>();
    assert_eq!(
        in_words(shop.world().requests_after(0)),
        ["HTTP 429, scripted", "closed without an answer", "cut off half-way", "ok, 50 ms late", "refused"]
    );
    assert_eq!(in_words(shop.world().requests_after(4)), ["refused"]);
    assert_eq!(shop.world().requests_after(5).0, 5);
}

#[tokio::test]
async fn a_hanging_request_is_seen_and_ends_with_its_client() {
    let shop = Shop::open(Scenario::Steady).await;
    shop.world().reply_times(2, CONFIG, &Reply::Hang);
    let store = shop.store(0);
    let patience = Duration::from_secs(20);
    {
        let mut asking = Box::pin(async { tokio::join!(shop.packages(&store), shop.packages(&store)) });
        let both_hang = shop.world().wait_until(|world| world.in_flight() == 2);
        tokio::select! {
            _ = &mut asking => panic!("answered"),
            waited = timeout(patience, both_hang) => waited.expect("both are seen"),
        }
    }
    timeout(patience, shop.world().wait_until(|world| world.in_flight() == 0)).await.expect("both are gone");
    assert_eq!((shop.world().most_in_flight(), shop.world().requests().len()), (2, 2));
}

#[tokio::test]
async fn a_dark_vendor_hangs_up_charges_nothing_and_comes_back() {
    let shop = Shop::open(Scenario::Steady).await;
    shop.world().set_dark(true);
    assert!(shop.packages(&shop.store(0)).await.is_err());
    assert_eq!(shop.world().charged_in_all(), 0);
    shop.world().set_dark(false);
    assert_eq!(shop.packages(&shop.store(0)).await.unwrap().status, 200);
}

#[tokio::test]
async fn tests_can_change_limits_packages_and_the_chain() {
    let shop = Shop::open(Scenario::Steady).await;
    shop.world().stop_clock_at(utc(NOON));
    let store = shop.store(0);
    shop.world().set_limit(&store.app_id, 5000);
    shop.world().pin_usage(&store.app_id, day("2026-11-20"), 7777);
    shop.world().set_packages(&store.app_id, Vec::<Package>::new());
    let sisters: Vec<AppId> = shop.world().add_sisters(2);
    shop.world().remove_store(&shop.store(4).app_id);
    let usage = shop.daily(&store, "2026-11-20", "2026-11-21").await;
    let rows = rows_of(&usage, &store);
    assert_eq!((rows[0]["limitTimes"].as_i64(), rows[0]["haveAcessTimes"].as_i64()), (Some(3000), Some(7777)));
    assert_eq!(rows[1]["limitTimes"], 5000);
    let packages = shop.packages(&store).await.unwrap().json();
    assert!(rows_of(&packages, &store).is_empty());
    assert_eq!(packages["data"].as_array().unwrap().last().unwrap()["appId"], sisters[1].as_str());
    assert_eq!(packages["data"].as_array().unwrap().len(), 5);
}

#[tokio::test]
async fn a_busy_day_sees_one_store_at_its_limit_within_a_minute_and_a_package_that_ends_soon() {
    let shop = Shop::open(Scenario::BusyDay).await;
    let start = shop.world().now();
    let today = day_of(start, chrono_tz::Asia::Shanghai);
    let busy = shop.store(2).app_id;
    shop.world().stop_clock_at(start);
    assert!(shop.world().used(&busy, today).is_some_and(|used| used < 150));
    shop.world().stop_clock_at(start + TimeDelta::seconds(40));
    if shop.world().today() == today {
        assert_eq!(shop.world().used(&busy, today), Some(300));
    }
    let last_day = shop.store(1).packages[0].end_date.clone().unwrap();
    assert_eq!(last_day[..10], (today + TimeDelta::days(12)).to_string());
}

#[tokio::test]
async fn a_refusing_vendor_says_a_well_formed_no() {
    let shop = Shop::open(Scenario::Refusing).await;
    let login = shop.login("1", CODE).await;
    assert_eq!((login["error"].as_bool(), login["content"].is_null()), (Some(true), true));
    let mut answers = Vec::new();
    for _ in 0..3 {
        answers.push(shop.packages(&shop.store(0)).await.unwrap().json()["status"].clone());
    }
    assert_eq!(answers, ["success", "success", "error"]);
}

#[tokio::test]
async fn a_chain_of_500_answers_for_500_sisters() {
    let shop = Shop::open(Scenario::ChainOf500).await;
    shop.world().stop_clock_at(utc(NOON));
    let usage = shop.daily(&shop.store(0), "2026-11-14", "2026-11-21").await;
    assert_eq!(usage["data"].as_array().unwrap().len(), 503 * 8);
}

#[tokio::test]
async fn a_stopped_sandbox_frees_its_address_for_the_next() {
    let shop = Shop::open(Scenario::Steady).await;
    let listen = shop.sandbox.address();
    assert_eq!(shop.packages(&shop.store(0)).await.unwrap().status, 200);
    shop.sandbox.stop().await;
    let again = Shop::open_with(SandboxOptions { listen, ..SandboxOptions::default() }).await;
    assert_eq!(again.packages(&again.store(0)).await.unwrap().status, 200);
}

#[tokio::test]
async fn a_vendor_that_is_down_at_night_hangs_up_and_charges_nothing_until_morning() {
    let shop = Shop::open(Scenario::DownAtNight).await;
    shop.world().stop_clock_at(utc("2026-11-21T15:00:00Z")); // 23:00 in Shanghai
    assert!(shop.packages(&shop.store(0)).await.is_err());
    assert_eq!(shop.world().charged_in_all(), 0);
    shop.world().stop_clock_at(utc("2026-11-21T22:00:00Z"));
    assert_eq!(shop.packages(&shop.store(0)).await.unwrap().json()["status"], "success");
}
