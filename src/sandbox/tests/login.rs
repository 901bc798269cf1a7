//! The till's login.

use super::*;

#[tokio::test]
async fn a_login_gives_a_key_that_opens_doors_for_exactly_as_long_as_it_says() {
    let live = TimeDelta::minutes(90);
    let shop = Shop::open_with(SandboxOptions { live, ..SandboxOptions::default() }).await;
    shop.world().stop_clock_at(utc(NOON));
    let answer = shop.login("1", CODE).await;
    let documented: Value = serde_json::from_str(LOGIN_EXAMPLE).unwrap();
    let fields = |value: &Value| value.as_object().unwrap().keys().cloned().collect::<Vec<_>>();
    assert_eq!(fields(&answer), fields(&documented));
    assert_eq!(fields(&answer["content"]), fields(&documented["content"]));
    assert_eq!((answer["error"].as_bool(), answer["content"]["success"].as_bool()), (Some(false), Some(true)));
    assert_eq!(answer["content"]["loginSecretLiveHours"], 1.5);
    assert_eq!(answer["content"]["reloginDurationHours"].as_i64(), Some(6));
    let key = answer["content"]["loginSecretId"].as_str().unwrap();
    assert_eq!((key.len(), &key[..1]), (65, "#"));
    shop.world().stop_clock_at(utc(NOON) + live - TimeDelta::milliseconds(1));
    assert_eq!(shop.key_status(key).await, 200);
    shop.world().stop_clock_at(utc(NOON) + live);
    assert_eq!(shop.key_status(key).await, 401);
    assert_eq!(shop.key_status("#").await, 401);
}

#[tokio::test]
async fn only_known_devices_log_in_and_only_registered_ones_without_a_code() {
    let shop = Shop::open(Scenario::Steady).await;
    for (device, code, granted) in [
        ("1", Some("wrong"), false),
        ("1", None, false),
        ("3", CODE, false),
        ("2", None, true),
        ("2", CODE, true),
        ("1", CODE, true),
    ] {
        let answer = shop.login(device, code).await;
        assert_eq!(answer["error"], !granted, "{device} {code:?}");
        assert_eq!(answer["errorMessage"].is_string(), !granted, "{answer}");
    }
    let keys = shop.world().keys();
    assert_eq!((shop.world().logins().len(), keys.len()), (6, 3));
    assert!(keys.iter().all(|key| shop.world().key_is_live(key)), "a new login ends no other key");
    shop.world().set_one_key_per_till(true);
    shop.login("1", CODE).await;
    assert!(!shop.world().key_is_live(&keys[2]) && shop.world().key_is_live(&keys[1]));
}

const LOGIN_EXAMPLE: &str = r##"{
    "asynCode": null, "asynMessage": null, "asynStatus": 0,
    "content": {
        "activationCode": "3204B21A343FCBD07D09FA2EE9D63526", "configPropertyValues": null, "deviceId": "1",
        "licenseOverLimitTolerant": null, "locationCode": "HKCB",
        "loginSecretId": "#56A011DBFC1F135F9CEB4879AFB5D573BB07DCFF80331015518FECE984CD5D61",
        "loginSecretLiveHours": 240, "registrationCode": "", "reloginDurationHours": 6,
        "serverLostTolerant": null, "status": "SUCCESS", "success": true
    },
    "error": false, "errorBatchLog": null, "errorCode": 0, "errorMessage": null
}"##;
