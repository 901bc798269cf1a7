//! What a demo leaves to look at, on stdout: read back from the database, as anybody could.

use super::super::failure::Failure;
use super::super::html;
use super::super::output;
use super::super::overview::overview;
use super::super::table::{table, text};
use super::folder::DemoFolder;
use super::prose::wrapped;
use crate::clock;
use crate::daemon::status_plan;
use crate::model::day_of;
use crate::report::{Lang, Span, load, page};
use crate::settings::Settings;
use crate::status::{Status, StatusPlan};
use crate::store::{Cell, Filter, Sheet, Store, View};
use chrono::{DateTime, TimeDelta, Utc};
use std::collections::{BTreeMap, HashSet};

const LATEST_USAGE: &str = "SELECT app_id, app_name, used_times, limit_times FROM usage_latest";
const CALLS_BY_OUTCOME: &str = "SELECT endpoint, outcome, count(*) AS calls FROM calls GROUP BY 1, 2";

pub(super) async fn print(settings: &Settings, folder: &DemoFolder) -> Result<(), Failure> {
    let store = Store::open_for_reading(&settings.database.path).await.map_err(Failure::failed)?;
    let now = clock::now();
    let plan = StatusPlan { sisters: true, ..status_plan(settings) };
    let status = Status::read(&plan, &store, &now).await.map_err(Failure::failed)?;
    let seen = Seen::read(&store, settings).await?;
    write_report(settings, &store, folder, now.wall).await?;
    store.close().await;
    let status_command = format!("poskeeper --config {} status", quoted(&folder.settings().display().to_string()));
    let latest_usage = select(&seen.usage_latest, &["app_id", "app_name", "used_times", "limit_times"]);
    let text = [
        format!("{status_command}\n{}", overview(&status, settings, &now)),
        format!("{LATEST_USAGE}\n{}", table(&latest_usage)),
        format!("{CALLS_BY_OUTCOME}\n{}", table(&calls_by_outcome(&seen))),
        places(folder),
        what_was_seen(&seen),
    ];
    output::print(&format!("\n{}\n", text.join("\n")))
}

async fn write_report(
    settings: &Settings,
    store: &Store,
    folder: &DemoFolder,
    now: DateTime<Utc>,
) -> Result<(), Failure> {
    let Some(span) = Span::asked(None, None, day_of(now, settings.timezone)) else { return Ok(()) };
    let report = load(store, span, now, settings.timezone).await.map_err(Failure::failed)?;
    html::write(&folder.report(), page(&report, Lang::En).as_bytes()).map_err(Failure::failed)
}

/// The views that the summary speaks of.
struct Seen {
    logins: Sheet,
    calls: Sheet,
    alerts: Sheet,
    apps: Sheet,
    usage_latest: Sheet,
}

impl Seen {
    async fn read(store: &Store, settings: &Settings) -> Result<Self, Failure> {
        Ok(Self {
            logins: read(store, settings, "logins").await?,
            calls: read(store, settings, "calls").await?,
            alerts: read(store, settings, "alerts").await?,
            apps: read(store, settings, "apps").await?,
            usage_latest: read(store, settings, "usage_latest").await?,
        })
    }
}

async fn read(store: &Store, settings: &Settings, view: &str) -> Result<Sheet, Failure> {
    let view = View::named(view).expect("a view of the contract");
    store.read_view(view, &Filter::default(), settings.timezone).await.map_err(Failure::failed)
}

fn calls_by_outcome(seen: &Seen) -> Sheet {
    let mut counts = BTreeMap::<_, i64>::new();
    texts(&seen.calls, &["endpoint", "outcome"]).into_iter().for_each(|row| *counts.entry(row).or_default() += 1);
    let row =
        |(key, count): (Vec<String>, i64)| key.into_iter().map(Cell::Text).chain([Cell::Integer(count)]).collect();
    Sheet {
        columns: ["endpoint", "outcome", "calls"].map(str::to_owned).to_vec(),
        rows: counts.into_iter().map(row).collect(),
    }
}

fn places(folder: &DemoFolder) -> String {
    let database = folder.database().display().to_string();
    let mut lines = vec![
        "Where things are".to_owned(),
        format!("  settings  {}", folder.settings().display()),
        format!("  database  {database}"),
        format!("  live key  {} (nobody renews it now)", folder.key_file().display()),
        format!("  report    {}: open it in a browser", folder.report().display()),
    ];
    lines.push("\nThe same rows by the stock sqlite3".to_owned());
    for sql in [LATEST_USAGE, CALLS_BY_OUTCOME] {
        lines.push(format!("  sqlite3 -readonly -header -column {} \\\n    '{sql}'", quoted(&database)));
    }
    lines.join("\n") + "\n"
}

/// In counts of the database, not of the script.
fn what_was_seen(seen: &Seen) -> String {
    let logins = texts(&seen.logins, &["outcome", "attempted_at", "relogin_due_at"]);
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
    let calls = texts(&seen.calls, &["endpoint", "outcome", "subject"]);
    let polls: Vec<_> = calls.iter().filter(|row| row[0] != "login").collect();
    let askers = polls.iter().map(|row| row[2].as_str()).collect::<HashSet<_>>().len();
    let sisters = texts(&seen.apps, &["configured"]).iter().filter(|row| row[0] == "0").count();
    let alerts = texts(&seen.alerts, &["rule"]);
    let used_up = texts(&seen.usage_latest, &["used_times", "limit_times"]);
    let used_up = match used_up.iter().filter(|row| row[0] == row[1]).count() {
        0 => String::new(),
        count => format!(
            " {} used up the calls of the day, and no call is wasted there until the vendor's midnight.",
            counted(count, "store")
        ),
    };
    let text = format!(
        "What was seen: {}{renewals}. {} of {}; the answers told of {}, too.{used_up} \
         Opened: {}.",
        outcomes("login", logins.iter().map(|row| row[0].as_str())),
        outcomes("poll", polls.iter().map(|row| row[1].as_str())),
        counted(askers, "store"),
        counted(sisters, "sister store"),
        outcomes("alert", alerts.iter().map(|row| row[0].as_str())),
    );
    wrapped(&text, 80).join("\n")
}

/// `3 logins (2 ok, 1 refused)`
fn outcomes<'a>(what: &str, outcomes: impl Iterator<Item = &'a str>) -> String {
    let mut counts = BTreeMap::<_, usize>::new();
    outcomes.for_each(|outcome| *counts.entry(outcome).or_default() += 1);
    let each = counts.iter().map(|(outcome, count)| format!("{count} {outcome}")).collect::<Vec<_>>().join(", ");
    let all: usize = counts.values().sum();
    if all == 0 { counted(0, what) } else { format!("{} ({each})", counted(all, what)) }
}

fn counted(count: usize, noun: &str) -> String {
    let ending = if count == 1 { "" } else { "s" };
    format!("{count} {noun}{ending}")
}

/// Some columns of a view.
fn select(sheet: &Sheet, columns: &[&str]) -> Sheet {
    let index = |name: &&str| sheet.columns.iter().position(|column| column == name).expect("a column of the contract");
    let indices: Vec<_> = columns.iter().map(index).collect();
    Sheet {
        columns: columns.iter().map(|column| (*column).to_owned()).collect(),
        rows: sheet.rows.iter().map(|row| indices.iter().map(|index| row[*index].clone()).collect()).collect(),
    }
}

/// The same as text; empty where there is nothing.
fn texts(sheet: &Sheet, columns: &[&str]) -> Vec<Vec<String>> {
    select(sheet, columns).rows.iter().map(|row| row.iter().map(text).collect()).collect()
}

fn instant(text: &str) -> Option<DateTime<Utc>> {
    text.parse().ok()
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
        assert_eq!(outcomes("alert", [].into_iter()), "0 alerts");
        assert_eq!(outcomes("login", ["ok", "refused", "ok"].into_iter()), "3 logins (2 ok, 1 refused)");
    }
}
