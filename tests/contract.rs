//! What is documented is what is there: the log lines and the views, word for word.

use poskeeper::events;
use poskeeper::rules::alarms::{Fields, Rule, Severity};
use poskeeper::store::{Filter, Store, VIEWS};
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

const SOURCE: &str = include_str!("../src/events.rs");
const LOG_LINES: &str = include_str!("../docs/log-lines.md");
const VIEWS_PAGE: &str = include_str!("../docs/views.md");

/// Level and fields of an event.
type Lines = BTreeMap<String, (String, BTreeSet<String>)>;

/// The cells of each table row that begins with a name in backquotes.
fn rows(page: &str) -> impl Iterator<Item = Vec<&str>> {
    page.lines().filter(|line| line.starts_with("| `")).map(|line| line.split('|').skip(1).map(str::trim).collect())
}

fn in_backquotes(cell: &str) -> BTreeSet<String> {
    cell.split('`').skip(1).step_by(2).map(str::to_owned).collect()
}

fn documented_lines() -> Lines {
    let line = |row: Vec<&str>| (row[0].trim_matches('`').to_owned(), (row[1].to_owned(), in_backquotes(row[3])));
    rows(LOG_LINES).map(line).collect()
}

/// The arguments of a macro call, given what follows its opening bracket.
fn arguments(text: &str) -> Vec<String> {
    let (mut list, mut depth, mut in_text, mut escaped) = (vec![String::new()], 0, false, false);
    for letter in text.chars() {
        match letter {
            _ if escaped => escaped = false,
            '\\' if in_text => escaped = true,
            '"' => in_text = !in_text,
            _ if in_text => {}
            '(' | '[' | '{' => depth += 1,
            ')' if depth == 0 => break,
            ')' | ']' | '}' => depth -= 1,
            ',' if depth == 0 => {
                list.push(String::new());
                continue;
            }
            _ => {}
        }
        list.last_mut().expect("never empty").push(letter);
    }
    list.into_iter().map(|argument| argument.trim().to_owned()).collect()
}

/// What the source logs. Several lines of one event are taken together.
fn logged_lines() -> Lines {
    let mut lines = Lines::new();
    for (level, call) in [("INFO", " info!("), ("WARN", " warn!("), ("ERROR", " error!(")] {
        for text in SOURCE.split(call).skip(1) {
            let arguments = arguments(text);
            let event = arguments[0].strip_prefix("event = \"").and_then(|rest| rest.strip_suffix('"'));
            let event = event.unwrap_or_else(|| panic!("`event` comes first in {}", arguments[0]));
            let fields = arguments[1..].iter().take_while(|argument| !argument.starts_with('"'));
            let fields = fields.map(|field| field.split([' ', '=']).next().unwrap_or_default().to_owned());
            let known = lines.entry(event.to_owned()).or_insert_with(|| (level.to_owned(), BTreeSet::new()));
            assert_eq!(known.0, level, "{event} has two levels");
            known.1.extend(fields);
        }
    }
    lines
}

fn is_alert(name: &str) -> bool {
    Rule::from_name(name).is_some()
}

#[test]
fn every_event_is_named_logged_and_documented_with_its_level_and_fields() {
    let plain = |lines: Lines| lines.into_iter().filter(|(name, _)| !is_alert(name)).collect::<Lines>();
    let logged = plain(logged_lines());
    assert_eq!(logged.keys().map(String::as_str).collect::<BTreeSet<_>>(), events::NAMES.into());
    assert_eq!(logged, plain(documented_lines()));
}

#[test]
fn every_alert_is_documented_with_its_level_and_with_fields_that_alerts_have() {
    let documented = documented_lines();
    let names = |lines: &Lines| lines.keys().filter(|name| is_alert(name)).cloned().collect::<BTreeSet<_>>();
    assert_eq!(names(&documented), Rule::ALL.iter().map(|rule| rule.name().to_owned()).collect());
    for rule in Rule::ALL {
        let (level, fields) = &documented[rule.name()];
        let expected = if rule.severity() == Severity::Error { "ERROR" } else { "WARN" };
        assert_eq!(level, expected, "{}", rule.name());
        for field in fields {
            let sample = serde_json::json!({ field: null });
            let is_known = SOURCE.contains(&format!("{field} = fields.{field},"))
                && serde_json::from_value::<Fields>(sample).is_ok();
            assert!(is_known, "{} has no field {field}", rule.name());
        }
    }
}

#[test]
fn no_other_file_names_an_event() {
    fn look(folder: &Path) {
        for entry in std::fs::read_dir(folder).expect("a folder") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                look(&path);
            } else if !path.ends_with("src/events.rs") {
                let text = std::fs::read_to_string(&path).expect("source");
                assert!(!text.contains("event = \""), "{}: log it by a function of src/events.rs", path.display());
            }
        }
    }
    look(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"));
}

#[tokio::test]
async fn every_view_is_documented_with_its_columns_in_their_order() {
    let folder = tempfile::tempdir().expect("a folder");
    let store = Store::open(&folder.path().join("poskeeper.db")).await.expect("a database");
    let mut there = Vec::new();
    for view in VIEWS {
        let sheet = store.read_view(view, &Filter::default(), chrono_tz::UTC).await.expect("a view");
        there.push((view.name.to_owned(), sheet.columns));
    }
    let documented: Vec<_> = VIEWS_PAGE
        .split("\n## ")
        .skip(1)
        .map(|section| {
            let name = section.lines().next().unwrap_or_default().to_owned();
            let columns = rows(section).map(|row| row[0].trim_matches('`').to_owned());
            (name, columns.collect::<Vec<_>>())
        })
        .collect();
    assert_eq!(there, documented);
}
