//! No secret in the database, the logs, the errors or any command's output.

use crate::harness::{FAST, Shop};
use poskeeper::model::Endpoint;
use poskeeper::sandbox::Reply;

/// Everything secret that this shop ever had.
pub fn secrets(shop: &Shop) -> Vec<String> {
    let world = shop.world();
    let mut secrets: Vec<String> =
        world.stores().into_iter().filter(|store| store.configured).map(|store| store.app_key).collect();
    secrets.extend(world.tills().into_iter().filter_map(|till| till.activation_code));
    for key in world.keys() {
        secrets.push(key.trim_start_matches('#').to_owned());
    }
    for request in world.requests() {
        secrets.extend(request.header("data-signature").map(str::to_owned));
    }
    secrets.push(REGISTRATION_HASH.to_owned());
    secrets.retain(|secret| !secret.is_empty());
    assert!(secrets.len() >= 6, "there are secrets to look for");
    secrets
}

const REGISTRATION_HASH: &str = "9AB93FBBAD2D828E147695FEDA2EB62CF618733FE686CC95";

pub fn assert_clean(what: &str, content: &[u8], secrets: &[String]) {
    let content = String::from_utf8_lossy(content).to_lowercase();
    for secret in secrets {
        let found = content.find(&secret.to_lowercase());
        let around = found.map(|at| &content[at.saturating_sub(200)..at]);
        assert_eq!(around, None, "{what} holds a secret");
    }
}

/// A vendor that throws everything it was sent back in its error message.
fn echo(shop: &Shop) -> String {
    let world = shop.world();
    let code = world.tills().into_iter().find_map(|till| till.activation_code).expect("a code");
    let keys: Vec<_> = world.stores().into_iter().filter(|store| store.configured).map(|store| store.app_key).collect();
    format!("you sent {code} {} {}", code.to_lowercase(), keys.join(" "))
}

#[tokio::test]
async fn no_secret_leaves_the_two_files_that_may_hold_one() {
    let shop = Shop::open(FAST).await;
    let echo = echo(&shop);
    let refusal = format!(
        r#"{{"error":true,"errorCode":7,"errorMessage":"{echo} {REGISTRATION_HASH}","content":{{"success":false,"registrationCode":"2024,6,{REGISTRATION_HASH}"}}}}"#
    );
    shop.world().reply(Endpoint::Login, Reply::json(200, refusal));
    for endpoint in [Endpoint::DailyAccess, Endpoint::AccessConfig] {
        let refusal = format!(r#"{{"status":"error","messages":["{echo}"],"errorCode":9}}"#);
        shop.world().reply_times(3, endpoint, &Reply::json(200, refusal));
        let garbage = format!(r#"{{"status":"success","data":[{{"appId":"{echo}","limitTimes":"{echo}"}}]}}"#);
        shop.world().reply_times(3, endpoint, &Reply::json(200, garbage));
    }
    let mut daemon = shop.daemon();
    daemon.wait_for("login.failed").await;
    daemon.wait_for("poll.failed").await;
    daemon.wait_for("response.unexpected").await;
    daemon.wait_for("poll.done").await;
    let log = daemon.printed();
    assert!(log.contains("[secret]"), "the echo was seen and blanked:\n{log}");

    let mut outputs = Vec::new();
    for arguments in
        [&["backup", "copy.db"][..], &["backup", "copy.db"], &["once"], &["backfill", "--from", "2026-01-01"]]
    {
        let output = shop.run(arguments).await;
        outputs.push((arguments.join(" "), [output.stdout, output.stderr].concat()));
    }
    assert!(daemon.stop().await.success());
    // Without a daemon: now the login succeeds.
    for arguments in [&["once"][..], &["apikey", "nobody"]] {
        let output = shop.run(arguments).await;
        outputs.push((arguments.join(" "), [output.stdout, output.stderr].concat()));
    }
    let mut daemon = shop.daemon();
    daemon.wait_for("poll.done").await;
    daemon.signal("KILL");
    daemon.ended().await;

    let secrets = secrets(&shop);
    assert_clean("the log", log.as_bytes(), &secrets);
    assert_clean("the second log", daemon.printed().as_bytes(), &secrets);
    for (command, output) in outputs {
        assert_clean(&command, &output, &secrets);
    }
    for entry in std::fs::read_dir(shop.folder.path()).expect("a folder") {
        let path = entry.expect("an entry").path();
        let name = path.file_name().expect("a name").to_string_lossy().into_owned();
        let may_hold_one = ["settings.toml", "poskeeper.db.session", "till-1.apikey"].contains(&name.as_str());
        if !may_hold_one {
            assert_clean(&name, &std::fs::read(&path).expect("readable"), &secrets);
        }
    }
    assert!(shop.path("copy.db").exists() && shop.path("poskeeper.db-wal").exists(), "all files were looked at");
}

#[tokio::test]
async fn a_live_key_that_the_server_names_in_a_refusal_is_blanked() {
    let live = chrono::TimeDelta::seconds(3600);
    let relogin = chrono::TimeDelta::seconds(9);
    let options = poskeeper::sandbox::SandboxOptions { live, relogin, ..Default::default() };
    let shop = Shop::open_with(options, "access_config_cron = \"\"\ndaily_access_cron = \"\"\n").await;
    let mut daemon = shop.daemon();
    daemon.wait_for("login.renewed").await;
    let key = shop.world().keys().pop().expect("a key");
    let no = format!(r#"{{"error":true,"errorMessage":"already logged in with {key}","content":null}}"#);
    shop.world().reply(Endpoint::Login, Reply::json(200, no));
    let failed = daemon.wait_for("login.failed").await;
    assert_eq!(failed["error"], "already logged in with [secret]");
    assert!(daemon.stop().await.success());
}
