//! The vendors' documented bodies, served by a server, end up in the views digit for digit.

use crate::harness::Shop;
use poskeeper::model::Endpoint;
use poskeeper::sandbox::Reply;

fn fixture(name: &str) -> Reply {
    let path = format!("{}/tests/fixtures/vendor/{name}", env!("CARGO_MANIFEST_DIR"));
    Reply::json(200, std::fs::read(&path).unwrap_or_else(|error| panic!("{path}: {error}")))
}

#[tokio::test]
async fn the_documented_bodies_end_up_in_the_views_digit_for_digit() {
    let shop = Shop::open("backfill_days = 0\n").await;
    shop.world().reply(Endpoint::Login, fixture("login-success.json"));
    shop.world().reply_times(3, Endpoint::DailyAccess, &fixture("daily-access-success.json"));
    shop.world().reply_times(3, Endpoint::AccessConfig, &fixture("access-times-success.json"));
    let output = shop.run(&["once"]).await;
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));

    assert_eq!(
        shop.query("SELECT app_id, access_date, limit_times, used_times, used_percent, is_final FROM usage_daily ORDER BY access_date"),
        ["EC48AD85DCDDF5D69567C82E4565B127|2016-12-23|3000|996|33.2|1", "EC48AD85DCDDF5D69567C82E4565B127|2016-12-24|3000|456|15.2|1"]
    );
    assert_eq!(
        shop.query("SELECT app_id, limit_times, start_date, end_date, is_default, removed_at IS NULL FROM packages ORDER BY start_date"),
        [
            "9CE71412C6B26D0C7EF894Bcccc4DDDD|3000|2017-05-16 00:00:00|2018-11-02 23:59:59|0|1",
            "9CE71412C6B26D0C7EF894Bcccc4DDDD|3000|2017-10-27 00:00:00|2018-11-02 23:59:59|0|1"
        ]
    );
    assert_eq!(
        shop.query(
            "SELECT live_hours, relogin_hours, outcome, http_status,
                    (julianday(expires_at) - julianday(attempted_at)) * 24 BETWEEN 239.99 AND 240.01,
                    (julianday(relogin_due_at) - julianday(attempted_at)) * 24 BETWEEN 5.99 AND 6.01 FROM logins"
        ),
        ["240|6|ok|200|1|1"]
    );
    let key = "#56A011DBFC1F135F9CEB4879AFB5D573BB07DCFF80331015518FECE984CD5D61\n";
    assert_eq!(std::fs::read_to_string(shop.path("till-1.apikey")).expect("published"), key);
    let output = shop.run(&["apikey"]).await;
    assert_eq!(String::from_utf8_lossy(&output.stdout), key);
}
