//! What a demo leaves to look at, on stdout: read back from the database, as anybody could.

use super::super::failure::Failure;
use super::super::output;
use super::folder::DemoFolder;
use super::prose::wrapped;
use crate::settings::Settings;
use crate::store::{Cell, Filter, Sheet, Store, View};
use chrono::{DateTime, TimeDelta, Utc};
use comfy_table::{Table, presets};
use std::collections::{BTreeMap, HashSet};

const LATEST_USAGE: &str = "SELECT app_id, app_name, used_times, limit_times FROM usage_latest";
const CALLS_BY_OUTCOME: &str = "SELECT endpoint, outcome, count(*) AS calls FROM calls GROUP BY 1, 2";

pub(super) async fn print(settings: &Settings, folder: &DemoFolder) -> Result<(), Failure> {
    let store = Store::open_for_reading(&settings.database.path).await.map_err(Failure::failed)?;
    let status = status(&store, settings).await?;
    let seen = Seen::read(&store, settings).await?;
    store.close().await;
    let text = [
        format!("Status\n{status}"),
        format!("{LATEST_USAGE}\n{}", latest_usage(&seen)),
        format!("{CALLS_BY_OUTCOME}\n{}", calls_by_outcome(&seen)),
        places(folder),
        what_was_seen(&seen),
    ];
    output::print(&format!("\n{}\n", text.join("\n\n")))
}

/// The views that the summary speaks of.
struct Seen {
    logins: Sheet,
    calls: Sheet,
    apps: Sheet,
    usage_latest: Sheet,
}

impl Seen {
    async fn read(store: &Store, settings: &Settings) -> Result<Self, Failure> {
        Ok(Self {
            logins: read(store, settings, "logins").await?,
            calls: read(store, settings, "calls").await?,
            apps: read(store, settings, "apps").await?,
            usage_latest: read(store, settings, "usage_latest").await?,
        })
    }
}

/// Stands in for `poskeeper status`, to be called here as soon as there is one.
async fn status(store: &Store, settings: &Settings) -> Result<String, Failure> {
    let columns = ["device", "relogin_due_at", "expires_at", "last_outcome"];
    Ok(table(&columns, select(&read(store, settings, "login_status").await?, &columns)))
}

async fn read(store: &Store, settings: &Settings, view: &str) -> Result<Sheet, Failure> {
    let view = View::named(view).expect("a view of the contract");
    store.read_view(view, &Filter::default(), settings.timezone).await.map_err(Failure::failed)
}

fn latest_usage(seen: &Seen) -> String {
    let columns = ["app_id", "app_name", "used_times", "limit_times"];
    table(&columns, select(&seen.usage_latest, &columns))
}

fn calls_by_outcome(seen: &Seen) -> String {
    let mut counts = BTreeMap::<_, usize>::new();
    select(&seen.calls, &["endpoint", "outcome"]).into_iter().for_each(|row| *counts.entry(row).or_default() += 1);
    let with_count = |(mut row, count): (Vec<String>, usize)| {
        row.push(count.to_string());
        row
    };
    table(&["endpoint", "outcome", "calls"], counts.into_iter().map(with_count).collect())
}

fn places(folder: &DemoFolder) -> String {
    let database = folder.database().display().to_string();
    let mut lines = vec![
        "Where things are".to_owned(),
        format!("  settings  {}", folder.settings().display()),
        format!("  database  {database}"),
        format!("  live key  {} (nobody renews it now)", folder.key_file().display()),
    ];
    lines.push("\nThe same rows by the stock sqlite3".to_owned());
    for sql in [LATEST_USAGE, CALLS_BY_OUTCOME] {
        lines.push(format!("  sqlite3 -readonly -header -column {} \\\n    '{sql}'", quoted(&database)));
    }
    lines.join("\n")
}

/// In counts of the database, not of the script.
fn what_was_seen(seen: &Seen) -> String {
    let logins = select(&seen.logins, &["outcome", "attempted_at", "relogin_due_at"]);
    let good: Vec<_> = logins.iter().filter(|row| row[0] == "ok").collect();
    let spare = good.windows(2).filter_map(|pair| Some(instant(&pair[0][2])? - instant(&pair[1][1])?));
    let renewals = spare.clone().min().map_or_else(String::new, |least| {
        let when = if least >= TimeDelta::zero() { "before" } else { "after" };
        format!(
            "; {}, the latest of all {} s {when} the deadline",
            counted(spare.count(), "renewal"),
            least.num_seconds().abs()
        )
    });
    let calls = select(&seen.calls, &["endpoint", "outcome", "subject"]);
    let polls: Vec<_> = calls.iter().filter(|row| row[0] != "login").collect();
    let askers = polls.iter().map(|row| row[2].as_str()).collect::<HashSet<_>>().len();
    let sisters = select(&seen.apps, &["configured"]).iter().filter(|row| row[0] == "0").count();
    let used_up = select(&seen.usage_latest, &["used_times", "limit_times"]);
    let used_up = match used_up.iter().filter(|row| row[0] == row[1]).count() {
        0 => String::new(),
        count => format!(
            " {} used up the calls of the day, and no call is wasted there until the vendor's midnight.",
            counted(count, "store")
        ),
    };
    let text = format!(
        "What was seen: {}{renewals}. {} of {}; the answers told of {}, too.{used_up}",
        outcomes("login", logins.iter().map(|row| row[0].as_str())),
        outcomes("poll", polls.iter().map(|row| row[1].as_str())),
        counted(askers, "store"),
        counted(sisters, "sister store"),
    );
    wrapped(&text, 80).join("\n")
}

/// `3 logins (2 ok, 1 refused)`
fn outcomes<'a>(what: &str, outcomes: impl Iterator<Item = &'a str>) -> String {
    let mut counts = BTreeMap::<_, usize>::new();
    outcomes.for_each(|outcome| *counts.entry(outcome).or_default() += 1);
    let each = counts.iter().map(|(outcome, count)| format!("{count} {outcome}")).collect::<Vec<_>>().join(", ");
    let all: usize = counts.values().sum();
    format!("{} ({each})", counted(all, what))
}

fn counted(count: usize, noun: &str) -> String {
    let ending = if count == 1 { "" } else { "s" };
    format!("{count} {noun}{ending}")
}

/// Some columns of a view, as text; empty where there is nothing.
fn select(sheet: &Sheet, columns: &[&str]) -> Vec<Vec<String>> {
    let index = |name: &&str| sheet.columns.iter().position(|column| column == name).expect("a column of the contract");
    let indices: Vec<_> = columns.iter().map(index).collect();
    sheet.rows.iter().map(|row| indices.iter().map(|index| shown(&row[*index])).collect()).collect()
}

fn shown(cell: &Cell) -> String {
    match cell {
        Cell::Null => String::new(),
        Cell::Integer(number) => number.to_string(),
        Cell::Real(number) => format!("{number:?}"),
        Cell::Text(text) => text.clone(),
    }
}

fn instant(text: &str) -> Option<DateTime<Utc>> {
    text.parse().ok()
}

fn table(columns: &[&str], rows: Vec<Vec<String>>) -> String {
    let mut table = Table::new();
    table.load_style(presets::NOTHING).set_header(columns).add_rows(rows);
    table.trim_fmt()
}

/// As a shell takes it for one word.
fn quoted(path: &str) -> String {
    let is_plain = path.chars().all(|c| c.is_ascii_alphanumeric() || "/._-".contains(c));
    if is_plain { path.to_owned() } else { format!("'{}'", path.replace('\'', r"'\''")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_stay_one_word_in_a_shell() {
        assert_eq!(quoted("poskeeper-demo/poskeeper.db"), "poskeeper-demo/poskeeper.db");
        assert_eq!(quoted("a b/it's"), r"'a b/it'\''s'");
    }

    #[test]
    fn outcomes_are_counted_in_words() {
        assert_eq!(outcomes("poll", ["ok"].into_iter()), "1 poll (1 ok)");
        assert_eq!(outcomes("login", ["ok", "refused", "ok"].into_iter()), "3 logins (2 ok, 1 refused)");
    }
}
