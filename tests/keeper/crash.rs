//! kill -9 at random moments under fast polling: nothing lost, nothing twice, no call uncounted.

use crate::harness::{FAST, Shop, query};
use std::time::Duration;

/// Random moments between the start and the first polls' end and a little beyond.
const KILLS: usize = 50;

#[tokio::test]
async fn fifty_kills_at_random_moments_lose_no_row_and_hide_no_call() {
    let shop = Shop::open(&FAST.replace("*/2 ", "* ")).await;
    let database = shop.path("poskeeper.db");
    let mut random = fastrand::Rng::with_seed(20_261_121);
    for _ in 0..KILLS {
        let mut daemon = shop.daemon();
        daemon.wait_for("daemon.started").await;
        tokio::time::sleep(Duration::from_millis(random.u64(0..400))).await;
        daemon.signal("KILL");
        daemon.ended().await;
        assert_eq!(query(&database, "PRAGMA integrity_check"), ["ok"]);
        let key = std::fs::read_to_string(shop.path("till-1.apikey")).unwrap_or_default();
        assert!(key.is_empty() || key.ends_with('\n'), "the published key is whole or absent: {key:?}");
    }
    let mut daemon = shop.daemon();
    daemon.wait_for("poll.done").await;
    assert!(daemon.stop().await.success());

    let ledger: u32 =
        query(&database, "SELECT count(*) FROM calls WHERE endpoint <> 'login'")[0].parse().expect("count");
    let charged = shop.world().charged_in_all();
    assert!(ledger >= charged, "the ledger counts {ledger}, the vendor {charged}");
    assert!(charged > 20, "the kills hit something: {charged} calls were made");
    let logins: usize = query(&database, "SELECT count(*) FROM logins")[0].parse().expect("count");
    assert!(logins >= shop.world().logins().len());
    assert_eq!(query(&database, "SELECT count(*) FROM calls WHERE outcome IS NULL"), ["0"]);
    // What the ledger calls ok is in the history, once.
    assert_eq!(query(&database, "SELECT count(*) - count(DISTINCT app_id || access_date) FROM usage_daily"), ["0"]);
    assert_eq!(query(&database, "SELECT count(DISTINCT app_id) FROM usage_daily"), ["5"]);
    assert_eq!(query(&database, "SELECT count(*) FROM usage_gaps"), ["0"]);
    let changes = "SELECT (SELECT sum(changed_count) FROM calls WHERE endpoint = 'daily_access') - (SELECT count(*) FROM usage_samples)";
    assert_eq!(query(&database, changes), ["0"], "every change that the ledger counts has its sample, and no other");
    let newest = "SELECT count(*) FROM usage_daily d WHERE used_times <> (SELECT used_times FROM usage_samples s
                  WHERE s.app_id = d.app_id AND s.access_date = d.access_date ORDER BY observed_at DESC, used_times DESC LIMIT 1)";
    assert_eq!(query(&database, newest), ["0"], "each day shows its newest sample");
}
