//! The main job end to end: settings → login → poll → rows → log lines.

use crate::harness::{FAST, Shop};

#[tokio::test]
async fn a_first_start_logs_in_publishes_the_key_polls_and_stores_the_chain() {
    let shop = Shop::open("").await;
    let mut daemon = shop.daemon();
    let renewed = daemon.wait_for("login.renewed").await;
    assert_eq!(renewed["device"], "till-1");
    daemon.wait_for("daemon.ready").await;

    let key = std::fs::read_to_string(shop.path("till-1.apikey")).expect("published");
    assert!(shop.world().key_is_live(key.trim_end_matches('\n')), "the published key opens the vendor's services");
    assert_eq!(
        shop.query("SELECT device, last_outcome, key_fingerprint FROM login_status"),
        [format!("till-1|ok|{}", renewed["key_fingerprint"].as_str().expect("a fingerprint"))]
    );
    let apps = shop.query("SELECT count(*), sum(configured) FROM apps");
    assert_eq!(apps, ["5|3"], "three configured stores and two sisters");
    assert_eq!(shop.query("SELECT count(DISTINCT app_id) FROM usage_latest"), ["5"]);
    assert_eq!(shop.query("SELECT DISTINCT outcome FROM calls"), ["ok"]);

    let status = daemon.stop().await;
    assert!(status.success(), "{status}\n{}", daemon.printed());
    assert_eq!(daemon.events().last(), Some(&"daemon.stopping"));
    let problems: Vec<_> =
        daemon.log.iter().filter(|line| line["level"] == "WARN" || line["level"] == "ERROR").collect();
    assert!(problems.iter().all(|line| line["event"] == "settings.exposed"), "{problems:?}");
}

#[tokio::test]
async fn a_restart_neither_logs_in_nor_polls_again() {
    let shop =
        Shop::open("access_config_cron = \"0 0 0 1 1 *\"\ndaily_access_cron = \"0 0 0 1 1 *\"\nbackfill_days = 0\n")
            .await;
    for round in 0..3 {
        let mut daemon = shop.daemon();
        daemon.wait_for("daemon.ready").await;
        assert!(daemon.stop().await.success());
        assert_eq!(shop.world().logins().len(), 1, "round {round}");
        assert_eq!(shop.world().charged_in_all(), 6, "round {round}: two endpoints, three apps");
    }
}

#[tokio::test]
async fn polls_go_on_slot_after_slot() {
    let shop = Shop::open(FAST).await;
    let mut daemon = shop.daemon();
    for _ in 0..12 {
        daemon.wait_for("poll.done").await;
    }
    assert!(daemon.stop().await.success());
    let ledger: u64 = shop.query("SELECT count(*) FROM calls WHERE endpoint <> 'login'")[0].parse().expect("a count");
    assert!(ledger >= shop.world().charged_in_all() as u64);
}
