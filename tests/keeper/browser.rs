//! The dashboard in a real browser: charts, no complaint, and no request to anywhere else.

use crate::harness::{FAST, PATIENCE, Shop};
use crate::http::serving;
use serde_json::Value;
use std::process::{Command, Stdio};

/// What the browser itself would ask the world for is switched off, so that what is left is the page's.
const QUIET: [&str; 11] = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-default-apps",
    "--enable-logging=stderr",
    // Long enough for the page to refresh itself.
    "--virtual-time-budget=40000",
];

fn browser() -> Option<&'static str> {
    let is_there = |name: &&str| {
        Command::new(name)
            .arg("--version")
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status()
            .is_ok_and(|s| s.success())
    };
    ["chromium", "chromium-browser", "google-chrome"].into_iter().find(is_there)
}

/// What was asked for, and on behalf of which page: the browser's own requests have none.
fn requested(log: &Value) -> Vec<(&str, &str)> {
    let events = log["events"].as_array().expect("events");
    events
        .iter()
        .filter_map(|event| Some((event["params"]["initiator"].as_str()?, event["params"]["url"].as_str()?)))
        .collect()
}

#[tokio::test]
async fn the_dashboard_shows_charts_without_a_complaint_and_asks_nobody_else() {
    let Some(browser) = browser() else {
        assert!(std::env::var_os("CI").is_none(), "CI installs a browser");
        eprintln!("NOT TESTED: there is no chromium here");
        return;
    };
    let (shop, mut daemon, address) = serving(Shop::open(FAST).await).await;
    let (profile, log) = (shop.path("profile"), shop.path("network.json"));
    let mut command = Command::new(browser);
    command.args(QUIET).arg(format!("--user-data-dir={}", profile.display()));
    command.arg(format!("--log-net-log={}", log.display())).arg("--dump-dom").arg(format!("http://{address}/?lang=en"));
    let run = tokio::task::spawn_blocking(move || command.output().expect("the browser starts"));
    let output = tokio::time::timeout(PATIENCE, run).await.expect("in time").expect("it ends");
    let (page, said) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));

    assert!(page.matches("<svg").count() >= 5, "charts:\n{}", page.chars().take(2000).collect::<String>());
    for store in ["Store A", "Store B", "Store C"] {
        assert!(page.contains(store), "{store}");
    }
    let complaints: Vec<_> = said.lines().filter(|line| line.contains("CONSOLE")).collect();
    assert_eq!(complaints, [] as [&str; 0]);

    let text = std::fs::read_to_string(&log).expect("the network log");
    let log: Value = serde_json::from_str(&text).expect("JSON");
    let requested = requested(&log);
    let origin = format!("http://{address}");
    // The page's own script is one: without such a request the log would prove nothing.
    assert!(requested.iter().any(|(initiator, _)| initiator.starts_with(&origin)), "{requested:?}");
    let of_the_page = |(initiator, url): &&(&str, &str)| initiator.starts_with(&origin) && !url.starts_with(&origin);
    let elsewhere: Vec<_> = requested.iter().filter(of_the_page).collect();
    assert!(elsewhere.is_empty(), "{elsewhere:?}");
    assert!(daemon.stop().await.success());
}
