//! The life of a login: renewed in time, served to its end, never a second longer.

use crate::harness::Shop;
use chrono::TimeDelta;
use poskeeper::model::Endpoint;
use poskeeper::sandbox::{Reply, SandboxOptions};

/// No polls: only the login matters here.
const NO_POLLS: &str = "access_config_cron = \"\"\ndaily_access_cron = \"\"\n";

async fn shop(live_seconds: i64, relogin_seconds: i64) -> Shop {
    let (live, relogin) = (TimeDelta::seconds(live_seconds), TimeDelta::seconds(relogin_seconds));
    Shop::open_with(SandboxOptions { live, relogin, ..SandboxOptions::default() }, NO_POLLS).await
}

fn published(shop: &Shop) -> Option<String> {
    std::fs::read_to_string(shop.path("till-1.apikey")).ok().map(|line| line.trim_end().to_owned())
}

#[tokio::test]
async fn a_login_is_renewed_before_its_deadline_and_the_new_key_published() {
    let shop = shop(3600, 9).await;
    let mut daemon = shop.daemon();
    let first = daemon.wait_for("login.renewed").await;
    let second = daemon.wait_for("login.renewed").await;
    assert_ne!(first["key_fingerprint"], second["key_fingerprint"]);
    let logins = shop.world().logins();
    let pause = logins[1].at - logins[0].at;
    assert!(TimeDelta::seconds(5) <= pause && pause < TimeDelta::seconds(9), "{pause}");
    assert_eq!(published(&shop), logins[1].key);
    assert_eq!(shop.query("SELECT count(*) FROM logins WHERE outcome = 'ok'"), ["2"]);
    assert!(daemon.stop().await.success());
    assert_eq!(published(&shop), logins[1].key, "the key file stays on a clean stop");
}

#[tokio::test]
async fn a_good_key_is_served_while_renewal_fails_and_withdrawn_when_its_life_is_over() {
    let shop = shop(10, 6).await;
    let mut daemon = shop.daemon();
    daemon.wait_for("login.renewed").await;
    let key = shop.world().keys().pop().expect("a key");
    shop.world().set_dark(true);
    let failed = daemon.wait_for("login.failed").await;
    assert_eq!(failed["outcome"], "unreachable");
    assert_eq!(published(&shop), Some(key.clone()), "still good, so still served");
    let withdrawn = || published(&shop).is_none_or(|text| text.is_empty());
    let deadline = std::time::Instant::now() + crate::harness::PATIENCE;
    let mut was_live = true;
    while !withdrawn() {
        assert!(was_live, "a dead key was still published 500 ms after its death");
        was_live = shop.world().key_is_live(&key);
        assert!(std::time::Instant::now() < deadline);
        tokio::time::sleep(std::time::Duration::from_millis(if was_live { 10 } else { 500 })).await;
    }
    let output = shop.run(&["apikey"]).await;
    assert_eq!((output.status.code(), output.stdout.len()), (Some(1), 0), "no key, nothing on stdout");

    shop.world().set_dark(false);
    daemon.wait_for("login.renewed").await;
    assert_eq!(published(&shop), shop.world().keys().pop());
    assert!(daemon.stop().await.success());
}

#[tokio::test]
async fn a_refusal_is_told_with_its_code_and_words_and_tried_again_later() {
    let shop = shop(3600, 3600).await;
    let no = r#"{"error":true,"errorCode":4711,"errorMessage":"device is not approved","content":null}"#;
    shop.world().reply(Endpoint::Login, Reply::json(200, no));
    let mut daemon = shop.daemon();
    let failed = daemon.wait_for("login.failed").await;
    assert_eq!(failed["outcome"], "refused");
    assert_eq!(failed["error_code"], "4711");
    assert_eq!(failed["error"], "device is not approved");
    assert!(failed["retry_seconds"].as_u64() >= Some(20), "slower than for an unreachable server: {failed}");
    daemon.wait_for("daemon.ready").await;
    assert_eq!(
        shop.query("SELECT outcome, http_status, error_code, error_message, key_fingerprint IS NULL FROM logins"),
        ["refused|200|4711|device is not approved|1"]
    );
    assert_eq!(
        shop.query("SELECT last_outcome, last_error, logged_in_at IS NULL FROM login_status"),
        ["refused|device is not approved|1"]
    );
    assert!(daemon.stop().await.success());
}

#[tokio::test]
async fn unusable_hours_fall_back_and_are_reported() {
    let shop = shop(3600, 3600).await;
    let answer = r##"{"error":false,"content":{"success":true,"status":"SUCCESS","loginSecretId":"#KEY",
        "loginSecretLiveHours":-1,"reloginDurationHours":"0.5"}}"##;
    shop.world().reply(Endpoint::Login, Reply::json(200, answer));
    let mut daemon = shop.daemon();
    let unexpected = daemon.wait_for("response.unexpected").await;
    assert!(
        unexpected["first_error"].as_str().is_some_and(|text| text.contains("loginSecretLiveHours")),
        "{unexpected}"
    );
    daemon.wait_for("login.renewed").await;
    daemon.wait_for("daemon.ready").await;
    assert_eq!(
        shop.query(
            "SELECT live_hours IS NULL, relogin_hours,
                    (julianday(expires_at) - julianday(attempted_at)) * 24 BETWEEN 0.99 AND 1.01 FROM logins"
        ),
        ["1|0.5|1"]
    );
}

#[tokio::test]
async fn a_new_login_is_made_where_the_settings_name_another_shop() {
    let shop = shop(3600, 3600).await;
    let mut daemon = shop.daemon();
    daemon.wait_for("login.renewed").await;
    assert!(daemon.stop().await.success());
    shop.edit_settings("location_code = \"", "location_code = \"OTHER");
    let mut daemon = shop.daemon();
    daemon.wait_for("login.failed").await;
    assert_eq!(published(&shop), None, "the key of one shop is not served for another");
    assert_eq!(shop.query("SELECT expires_at IS NULL FROM login_status"), ["1"]);
}

#[tokio::test]
async fn a_session_that_could_not_be_kept_is_kept_as_soon_as_that_is_possible() {
    let shop = shop(3600, 3600).await;
    // A folder in the file's place stands for a full disk.
    let file = shop.path("poskeeper.db.session");
    std::fs::create_dir_all(file.join("in-the-way")).expect("made");
    let mut daemon = shop.daemon();
    daemon.wait_for("session.failing").await;
    daemon.wait_for("login.renewed").await;
    std::fs::remove_dir_all(&file).expect("removed");
    let deadline = std::time::Instant::now() + crate::harness::PATIENCE;
    while !file.is_file() {
        assert!(std::time::Instant::now() < deadline, "the session is not kept:\n{}", daemon.printed());
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    daemon.signal("KILL");
    daemon.ended().await;
    let mut daemon = shop.daemon();
    daemon.wait_for("daemon.ready").await;
    assert_eq!(shop.world().logins().len(), 1, "a restart does not log in again");
    assert_eq!(published(&shop), shop.world().keys().pop());
    assert!(daemon.stop().await.success());
}

#[tokio::test]
async fn a_killed_daemon_that_was_refused_is_not_faster_after_its_restart() {
    let shop = shop(3600, 3600).await;
    shop.world().reply_times(2, Endpoint::Login, &Reply::Refuse);
    for _ in 0..2 {
        let mut daemon = shop.daemon();
        daemon.wait_for("login.failed").await;
        daemon.signal("KILL");
        daemon.ended().await;
    }
    let logins = shop.world().logins();
    let pause = logins[1].at - logins[0].at;
    assert!(pause >= TimeDelta::seconds(22), "30 s less a quarter: {pause}");
}
