//! No secret in the database, the logs, the errors or any command's output.

use crate::harness::{Daemon, FAST, PATIENCE, Shop};
use poskeeper::model::Endpoint;
use poskeeper::sandbox::Reply;
use std::io::{Read, Write};
use std::os::unix::net::UnixDatagram;
use std::process::Command;
use std::sync::{Arc, Mutex};
use std::time::Duration;

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
    assert!(secrets.len() >= 5, "there are secrets to look for");
    secrets
}

const REGISTRATION_HASH: &str = "9AB93FBBAD2D828E147695FEDA2EB62CF618733FE686CC95";

/// In any letter case, and in base64, hex and as a number of SQLite's.
pub fn assert_clean(what: &str, content: &[u8], secrets: &[String]) {
    let bytes = content;
    let content = String::from_utf8_lossy(content).to_lowercase();
    for secret in secrets {
        if let Ok(number) = secret.parse::<i64>() {
            let is_in_it = bytes.windows(8).any(|eight| eight == number.to_be_bytes());
            assert!(!is_in_it, "{what} holds a secret as a number");
        }
        let encoded = [base64(secret), base64(&secret.to_lowercase()), hex::encode(secret)];
        let is_in_it = encoded.iter().find(|encoded| content.contains(&encoded.to_lowercase()));
        assert_eq!(is_in_it, None, "{what} holds a secret in another form");
        let found = content.find(&secret.to_lowercase());
        let around = found.map(|at| &content[at.saturating_sub(200)..at]);
        assert_eq!(around, None, "{what} holds a secret");
    }
}

fn base64(text: &str) -> String {
    use base64::Engine;
    base64::engine::general_purpose::STANDARD_NO_PAD.encode(text)
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
    assert_files_clean(&shop, &secrets);
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

/// How a server may write a secret of ours, each as a JSON text.
fn echoes(secret: &str) -> [String; 6] {
    let escaped: String = secret.encode_utf16().map(|unit| format!("\\u{unit:04X}")).collect();
    let as_json = serde_json::json!({ "activationCode": secret }).to_string();
    [
        format!("\"{secret}\""),
        format!("\"you sent {}\"", secret.to_lowercase()),
        format!("\"{escaped}\""),
        serde_json::Value::from(as_json).to_string(),
        format!("\"Basic {}\"", base64(secret)),
        format!("\"{}\"", hex::encode(secret)),
    ]
}

/// A vendor that has every secret in every field of its answers.
fn answers_full_of(secrets: &[String]) -> Vec<Reply> {
    let mut rows = Vec::new();
    for secret in secrets {
        let number = secret.parse::<i64>().is_ok().then(|| {
            format!(r#"{{"appId":"A","accessDate":"2026-11-20","limitTimes":{secret},"haveAcessTimes":{secret}}}"#)
        });
        rows.extend(number);
        // An identifier is searched for the secret as it is: others' identifiers are as long and as odd.
        for echo in &echoes(secret)[..4] {
            rows.push(format!(r#"{{"appId":{echo},"accessDate":"2026-11-20","limitTimes":300,"haveAcessTimes":1}}"#));
            rows.push(format!(
                r#"{{"appId":{echo},"limitTimes":300,"startDate":"2026-11-20","endDate":"2027-11-20"}}"#
            ));
        }
    }
    let mut bodies = vec![format!(r#"{{"status":"success","data":[{}]}}"#, rows.join(","))];
    for form in 0..6 {
        let all: Vec<_> = secrets.iter().map(|secret| echoes(secret)[form].trim_matches('"').to_owned()).collect();
        let echo = format!("\"{}\"", all.join(" "));
        bodies.push(format!(
            r#"{{"error":true,"errorCode":{echo},"errorMessage":{echo},"status":"error","messages":[{echo},{echo}]}}"#
        ));
        bodies.push(format!(r#"{{"error":{echo},"status":{echo},"content":{{"success":{echo},"status":{echo}}}}}"#));
        bodies.push(format!(r#"{{"status":"success","data":[{{"appId":"A","accessDate":{echo},"limitTimes":{echo},"haveAcessTimes":{echo},"startDate":{echo},"endDate":{echo}}}],"content":{{"success":true,"status":{echo},"loginSecretId":""}}}}"#));
    }
    let mut answers: Vec<_> = bodies.into_iter().map(|body| Reply::json(200, body)).collect();
    for secret in &secrets[..2] {
        answers.push(
            Reply::http(302, secret.as_str())
                .with_header("location", &format!("http://{secret}.example/{secret}?k={secret}")),
        );
        answers.push(Reply::http(200, "{}").with_header("content-encoding", secret));
    }
    let secret = &secrets[0];
    answers.push(Reply::http(500, format!("<html>{secret}")).with_header("content-type", secret));
    answers.push(Reply::http(200, format!("<html>{secret}")).with_header("date", secret));
    answers.push(Reply::http(200, format!("{{\"{secret}\": {secret}")));
    answers
}

/// Every line that a daemon sends to the journal, in the journal's own format.
struct Journal(Arc<Mutex<Vec<u8>>>);

impl Journal {
    fn listen(socket: &std::path::Path) -> Self {
        let socket = UnixDatagram::bind(socket).expect("a socket");
        let written = Arc::new(Mutex::new(Vec::new()));
        let lines = Arc::clone(&written);
        std::thread::spawn(move || {
            let mut line = vec![0; 1 << 18];
            while let Ok(length) = socket.recv(&mut line) {
                lines.lock().expect("one writer").extend_from_slice(&line[..length]);
            }
        });
        Self(written)
    }

    fn written(&self) -> Vec<u8> {
        self.0.lock().expect("one writer").clone()
    }
}

/// Where `/run/systemd/journal` is this folder, as only root can make it, and only for this process.
fn beside_a_journal(shop: &Shop, folder: &std::path::Path) -> Command {
    let place = "mkdir -p /run/systemd/journal && mount --bind \"$0\" /run/systemd/journal && exec \"$@\"";
    let daemon = shop.command(&["run"]);
    let mut command = Command::new("unshare");
    command.args(["--mount", "sh", "-c", place]).arg(folder).arg(daemon.get_program()).args(daemon.get_args());
    command.current_dir(shop.folder.path());
    command
}

/// What the port says at an address.
fn page(daemon_address: &str, path: &str) -> Vec<u8> {
    let mut stream = std::net::TcpStream::connect(daemon_address).expect("a port");
    stream.set_read_timeout(Some(Duration::from_secs(30))).expect("set");
    write!(stream, "GET {path} HTTP/1.1\r\nHost: {daemon_address}\r\nConnection: close\r\n\r\n").expect("written");
    let mut page = Vec::new();
    stream.read_to_end(&mut page).expect("a page");
    assert!(page.starts_with(b"HTTP/1.1 "), "{}", String::from_utf8_lossy(&page));
    page
}

#[tokio::test]
async fn a_long_life_at_level_trace_in_every_format_gives_no_secret_away() {
    assert!(nix::unistd::geteuid().is_root(), "only root can lay a journal under one process: run this test as root");
    let shop = Shop::open(&FAST.replace("*/2", "*")).await;
    let free = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = free.local_addr().expect("an address").to_string();
    drop(free);
    let settings = std::fs::read_to_string(shop.path("settings.toml")).expect("settings");
    let with_key = "login_api_key = \"LOGIN-API-KEY-0815\"\nactivation_code =";
    let settings = settings.replacen("activation_code =", with_key, 1)
        + &format!("\n[http]\nlisten = {address:?}\n\n[log]\nlevel = \"trace\"\n");
    let write_settings = |text: &str| std::fs::write(shop.path("settings.toml"), text).expect("written");
    write_settings(&settings);
    let mut known = secrets(&shop);
    // Which comes with a login's answer and is known to nothing else.
    known.retain(|secret| secret != REGISTRATION_HASH);
    known.push("LOGIN-API-KEY-0815".to_owned());
    let answers = answers_full_of(&known);

    let mut seen = Vec::new();
    // One device for each answer, as a login is not repeated for some seconds.
    let device = settings.split("[[devices]]").nth(1).and_then(|rest| rest.split("\n[").next()).expect("a device");
    let more = |number| format!("\n[[devices]]{}", device.replace("till-1", &format!("more-{number}")));
    write_settings(&(settings.clone() + &(1..answers.len()).map(more).collect::<String>()));
    answers.iter().for_each(|answer| shop.world().reply(Endpoint::Login, answer.clone()));
    let output = shop.run(&["check", "--online"]).await;
    seen.push(("check --online".to_owned(), [output.stdout, output.stderr].concat()));
    assert_eq!(shop.world().replies_left(Endpoint::Login), 0, "all of them");
    write_settings(&settings);

    let journal_folder = tempfile::tempdir().expect("a folder");
    let journal = Journal::listen(&journal_folder.path().join("socket"));
    for (format, every) in [("json", 1), ("text", 5), ("journald", 5)] {
        for endpoint in [Endpoint::AccessConfig, Endpoint::DailyAccess] {
            answers.iter().step_by(every).for_each(|answer| shop.world().reply(endpoint, answer.clone()));
        }
        let mut command = match format {
            "journald" => beside_a_journal(&shop, journal_folder.path()),
            _ => shop.command(&["run"]),
        };
        let mut daemon = Daemon::start({
            command.env("POSKEEPER__LOG__FORMAT", format);
            command
        });
        let left = |endpoint| shop.world().replies_left(endpoint);
        let all_fetched = shop.world().wait_until(|_| left(Endpoint::DailyAccess) + left(Endpoint::AccessConfig) == 0);
        tokio::time::timeout(PATIENCE, all_fetched).await.expect("all answers are fetched in time");
        for path in ["/", "/?lang=zh", "/metrics", "/healthz", "/nothing"] {
            seen.push((format!("page {path}"), page(&address, path)));
        }
        // Settings that cannot be read, told of in the log.
        write_settings(&format!("{settings}app_key = unquoted-{}\n", known[0]));
        let charged = shop.world().charged_in_all();
        daemon.signal("HUP");
        let goes_on = shop.world().wait_until(|world| world.charged_in_all() > charged + 6);
        tokio::time::timeout(PATIENCE, goes_on).await.expect("it goes on");
        write_settings(&settings);
        daemon.signal("HUP");
        daemon.signal(if format == "text" { "KILL" } else { "TERM" });
        daemon.ended().await;
        seen.push((format.to_owned(), daemon.printed().into_bytes()));
    }
    seen.push(("the journal".to_owned(), journal.written()));
    let text_of = |what: &str| {
        let found = seen.iter().find(|(name, _)| name == what).expect("seen");
        String::from_utf8_lossy(&found.1).into_owned()
    };
    for (what, word) in [
        ("json", "[secret]"),
        ("json", "\"daemon.reload_refused\""),
        ("text", "poll.failed"),
        ("the journal", "POSKEEPER_EVENT"),
        ("the journal", "poll.failed"),
        ("page /metrics", "poskeeper_"),
        ("check --online", "refused"),
    ] {
        assert!(text_of(what).contains(word), "no {word} in {what}:\n{}", text_of(what));
    }
    for arguments in [
        &["status"][..],
        &["status", "--json"],
        &["report", "calls"],
        &["report", "logins", "--format", "csv"],
        &["report", "apps", "--format", "json"],
        &["report", "html", "--output", "page.html"],
        &["backup", "copy.db"],
        &["check"],
    ] {
        let output = shop.run(arguments).await;
        assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
        seen.push((arguments.join(" "), [output.stdout, output.stderr].concat()));
    }
    known.extend(secrets(&shop));
    for (what, content) in &seen {
        assert_clean(what, content, &known);
    }
    assert_files_clean(&shop, &known);
}

fn assert_files_clean(shop: &Shop, secrets: &[String]) {
    for entry in std::fs::read_dir(shop.folder.path()).expect("a folder") {
        let path = entry.expect("an entry").path();
        let name = path.file_name().expect("a name").to_string_lossy().into_owned();
        if !["settings.toml", "poskeeper.db.session", "till-1.apikey"].contains(&name.as_str()) {
            assert_clean(&name, &std::fs::read(&path).expect("readable"), secrets);
        }
    }
}
