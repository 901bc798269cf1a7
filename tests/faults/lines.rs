//! What a hostile server can write into a log that people read, and what an operator can mend.

use crate::answers::{Asked, quoted, sent, spoiled};
use crate::authority::Authority;
use crate::harness::{Daemon, PATIENCE, binary};
use crate::settings::{self, Frame, next_slot_in};
use crate::vendor::{Act, Mended, Place, start};
use poskeeper::clock;
use std::process::Stdio;
use std::time::{Duration, Instant};

const HOSTILE: &str =
    "A\n2026-11-21T00:00:00Z ERROR forged event=\"login.expired\" \r\u{1b}[31m\u{7}\0\u{85}\u{202e}\"B";

fn frame(log_format: &'static str, authority: &Authority) -> Frame {
    Frame { log_format, timeout_seconds: 5.0, cron: next_slot_in(40, clock::wall()), ca_pem: authority.pem() }
}

#[tokio::test]
async fn nobody_writes_a_line_into_a_log_for_people() {
    let authority = Authority::new();
    let tls = authority.server("127.9.0.1", 4000);
    let said = |asked: &Asked| {
        let hostile = quoted(HOSTILE);
        Act::Send(sent(match asked.app_id.as_str() {
            "REFUSED" => format!("{{\"status\":\"error\",\"errorCode\":{hostile},\"messages\":[{hostile}]}}"),
            "ROW" => spoiled(asked, ["", "appId", "accessDate"], Some(&hostile)),
            "QUOTES" => spoiled(asked, ["", "appId", "appId"], Some("\"A\\\"B' event=x\\u00e9\"")),
            _ => format!("{{\"error\":true,\"errorCode\":{hostile},\"errorMessage\":{hostile}}}"),
        }))
    };
    let base = start(&Place::plain(said), &Mended::default(), &tls);
    let sites: Vec<_> = ["REFUSED", "ROW", "QUOTES"].map(|name| (name.to_owned(), base.clone(), base.clone())).into();
    let folder = tempfile::tempdir().expect("a folder");
    settings::write(folder.path(), &frame("text", &authority), &sites);
    let mut command = binary(folder.path());
    command.args(["--config", "settings.toml", "once"]).stdout(Stdio::null());
    let output =
        tokio::task::spawn_blocking(move || command.output().expect("the binary starts")).await.expect("it ends");
    let text = String::from_utf8(output.stderr).expect("UTF-8");
    // Time, level, event, and what other people wrote only after that.
    let cells: Vec<Vec<_>> = text.lines().map(|line| line.split_whitespace().take(4).collect()).collect();
    let count = |event: &str| cells.iter().filter(|cells| cells[3] == event).count();
    assert_eq!((count("login.failed"), count("poll.failed"), count("response.unexpected")), (3, 2, 2), "{text}");
    assert_eq!(count("app.discovered"), 1, "a quotation mark is harmless: {text}");
    for (line, cells) in text.lines().zip(&cells) {
        let is_event = poskeeper::events::NAMES.contains(&cells[3]) || cells[3] == "login.expired";
        assert!(is_event && cells[0].starts_with("20") && ["INFO", "WARN", "ERROR"].contains(&cells[2]), "{line:?}");
        assert!(!line.chars().any(|c| c.is_control() || c == '\u{202e}'), "{line:?}");
    }
}

#[tokio::test]
async fn a_name_that_was_wrong_is_mended_by_a_reload() {
    let authority = Authority::new();
    let tls = authority.server("127.9.0.1", 4000);
    let mended = Mended::default();
    mended.set();
    let good = start(&Place::plain(|_| Act::Hang), &mended, &tls);
    let wrong = start(&Place::NoName, &mended, &tls);
    let folder = tempfile::tempdir().expect("a folder");
    let frame = frame("json", &authority);
    settings::write(folder.path(), &frame, &[("F".into(), wrong.clone(), wrong)]);
    let mut command = binary(folder.path());
    command.args(["--config", "settings.toml", "run"]);
    let mut daemon = Daemon::start(command);
    let failed = daemon.wait_for("poll.failed").await;
    assert!(failed["error"].as_str().is_some_and(|error| error.contains("cannot find nobody.invalid")), "{failed}");
    settings::write(folder.path(), &frame, &[("F".into(), good.clone(), good)]);
    daemon.signal("HUP");
    let deadline = Instant::now() + PATIENCE;
    let is_mended = |daemon: &Daemon| {
        let events = daemon.events();
        let polls = events.iter().filter(|event| **event == "poll.done").count();
        events.contains(&"login.renewed") && polls == 2
    };
    while !is_mended(&daemon) {
        assert!(Instant::now() < deadline, "{}", daemon.printed());
        let end = daemon.next("end", |line| line["event"] == "login.renewed" || line["event"] == "poll.done").await;
        assert!(end.is_some(), "{}", daemon.printed());
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    assert!(daemon.stop().await.success());
}
