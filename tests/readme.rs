//! What the README shows works as it stands there.

use poskeeper::events;
use poskeeper::rules::alarms::Rule;
use poskeeper::settings::{Settings, Surroundings};
use poskeeper::store::Store;
use std::process::Command;

const README: &str = include_str!("../README.md");

fn blocks(language: &str) -> Vec<&'static str> {
    let fence = format!("```{language}\n");
    README.split(fence.as_str()).skip(1).filter_map(|rest| rest.split("```").next()).collect()
}

#[tokio::test]
async fn the_ready_queries_run() {
    let folder = tempfile::tempdir().expect("a folder");
    let database = folder.path().join("poskeeper.db");
    Store::open(&database).await.expect("a database").close().await;
    let [queries] = blocks("sql")[..] else { panic!("one block of queries") };
    let queries: Vec<_> = queries.split(';').map(str::trim).filter(|query| !query.is_empty()).collect();
    assert_eq!(queries.len(), 5);
    for query in queries {
        let query = query.lines().filter(|line| !line.starts_with("--")).collect::<Vec<_>>().join(" ");
        let output = Command::new("sqlite3").arg("-readonly").arg(&database).arg(&query).output().expect("sqlite3");
        assert!(output.status.success(), "{query}: {}", String::from_utf8_lossy(&output.stderr));
    }
}

#[test]
fn the_minimal_settings_are_complete() {
    let folder = tempfile::tempdir().expect("a folder");
    let [settings] = blocks("toml")[..] else { panic!("one settings file") };
    let file = folder.path().join("settings.toml");
    std::fs::write(&file, settings).expect("written");
    for secret in ["till-1.activation", "store-a.key"] {
        std::fs::write(folder.path().join(secret), "123456789012345678\n").expect("written");
    }
    let settings = Settings::load(&file, &Surroundings::default()).unwrap_or_else(|faults| panic!("{faults}"));
    assert_eq!((settings.devices.len(), settings.apps.len()), (1, 1));
}

#[test]
fn the_lines_to_alert_on_exist() {
    let table =
        README.split("| event | it means |").nth(1).and_then(|rest| rest.split("\n\n").next()).expect("a table");
    let named: Vec<_> = table.split('`').skip(1).step_by(2).collect();
    for rule in Rule::ALL {
        assert!(named.contains(&rule.name()), "{} is not in it: {named:?}", rule.name());
    }
    for name in named {
        assert!(Rule::from_name(name).is_some() || events::NAMES.contains(&name), "{name}");
    }
}
