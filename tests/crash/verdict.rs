//! What must be true of a shop's folder after every death.

use crate::harness::query;
use poskeeper::model::fingerprint;
use poskeeper::sandbox::World;
use serde_json::Value;
use std::collections::{BTreeMap, HashMap};
use std::path::Path;
use std::process::Command;
use tempfile::TempDir;

/// What the world outside of a folder knows of the lives in it.
#[derive(Debug, Clone, Default)]
pub struct Known {
    /// Pospal requests that have left.
    pub polls: usize,
    /// Logins that have left.
    pub logins: usize,
    /// Every key that the vendor handed out.
    pub keys: Vec<String>,
    /// What the vendors saw of lives in other folders.
    elsewhere: (usize, usize),
    /// Good answers that a line `poll.done` told of, by app and endpoint.
    polls_done: BTreeMap<(String, String), usize>,
    /// Changed numbers that those lines told of.
    changes: i64,
    /// Logins that a line told of.
    renewals: usize,
    /// The newest of them, by the fingerprint of its key.
    newest_key: Option<String>,
}

impl Known {
    /// Nothing yet: the first life begins now.
    pub fn nothing(world: &World) -> Self {
        Self { elsewhere: (world.charged_in_all() as usize, world.logins().len()), ..Self::default() }
    }

    /// The same for a copy of the folder, whose next life begins now.
    pub fn of_a_copy(&self, world: &World) -> Self {
        let Self { elsewhere: (polls, logins), .. } = Self::nothing(world);
        Self { elsewhere: (polls - self.polls, logins - self.logins), ..self.clone() }
    }

    /// Asks the vendors again. What a dead process has sent may still be on its way through the sandbox, which
    /// lives on this thread: first it is let arrive, each yield being a look at all sockets.
    pub async fn ask(&mut self, world: &World) {
        for _ in 0..64 {
            tokio::task::yield_now().await;
        }
        self.polls = world.charged_in_all() as usize - self.elsewhere.0;
        self.logins = world.logins().len() - self.elsewhere.1;
        self.keys = world.keys();
    }

    /// What a log line says has happened: people may rely on it.
    pub fn hear(&mut self, line: &Value) {
        let text = |name: &str| line[name].as_str().unwrap_or_default().to_owned();
        match line["event"].as_str() {
            Some("poll.done") => {
                *self.polls_done.entry((text("app_id"), text("endpoint"))).or_default() += 1;
                if line["endpoint"] == "daily_access" {
                    self.changes += line["changed_count"].as_i64().expect("a number");
                }
            }
            Some("login.renewed") => {
                self.renewals += 1;
                self.newest_key = Some(text("key_fingerprint"));
            }
            _ => {}
        }
    }
}

/// All that is wrong in the folder as it is found, before the program has been started in it again.
pub fn faults_as_found(folder: &Path, known: &Known) -> Vec<String> {
    let mut faults = faults_of_the_files(folder, known);
    let found = copied(folder);
    if std::fs::metadata(found.path().join("poskeeper.db")).is_ok_and(|database| database.len() > 0) {
        faults.extend(faults_of_the_database(found.path(), known));
    } else if known.polls + known.logins > 0 {
        faults.push("requests have left, and there is no database".into());
    }
    faults
}

/// All that is wrong once the program was started again and stopped.
pub fn faults_after_restart(folder: &Path, known: &Known) -> Vec<String> {
    let mut faults = faults_of_the_files(folder, known);
    faults.extend(faults_of_the_database(folder, known));
    faults.extend(unfinished(folder).into_iter().map(|name| format!("{name} was left behind")));
    faults
}

fn faults_of_the_files(folder: &Path, known: &Known) -> Vec<String> {
    let mut faults = Vec::new();
    // Empty is a key withdrawn, where a file cannot be removed: not here.
    if let Ok(line) = std::fs::read_to_string(folder.join("till-1.apikey"))
        && !known.keys.iter().any(|key| line == format!("{key}\n"))
    {
        faults.push(format!("the published key is none: {line:?}"));
    }
    let kept = std::fs::read(folder.join("poskeeper.db.session")).ok().map(|text| {
        let session: Value = serde_json::from_slice(&text).unwrap_or_default();
        known.keys.iter().position(|key| session["till-1"]["key"] == **key)
    });
    let told = known.newest_key.as_ref().and_then(|told| known.keys.iter().position(|key| fingerprint(key) == *told));
    match kept {
        Some(None) => faults.push("the session file holds no key of the vendor's".into()),
        None if told.is_some() => faults.push("the log told of a login, and no session is kept".into()),
        Some(kept) if kept < told => faults.push("the kept session is older than the one that the log told of".into()),
        _ => {}
    }
    faults
}

fn faults_of_the_database(folder: &Path, known: &Known) -> Vec<String> {
    let database = folder.join("poskeeper.db");
    let ask = |sql: &str| query(&database, sql);
    let mut faults = Vec::new();
    // As a writer, who rolls back what a dead one left half done.
    let sound =
        Command::new("sqlite3").arg(&database).arg("PRAGMA integrity_check").output().expect("sqlite3 is installed");
    if sound.stdout != b"ok\n" {
        return vec![format!(
            "the database is damaged: {}",
            String::from_utf8_lossy(&[sound.stdout, sound.stderr].concat())
        )];
    }
    // Killed before its tables were made: nothing can have left by then.
    if ask("SELECT count(*) FROM sqlite_schema WHERE name = 'calls'") == ["0"] {
        return if known.polls + known.logins > 0 { vec!["there are no tables".into()] } else { faults };
    }
    let mut facts: HashMap<String, i64> = HashMap::new();
    for row in ask(FACTS) {
        let (name, number) = row.split_once('|').expect("two columns");
        facts.insert(name.to_owned(), number.parse().unwrap_or(i64::MAX));
    }
    let at_least = [
        ("polls", known.polls as i64, "Pospal calls in the ledger, and the vendor counts"),
        ("logins", known.logins as i64, "logins in the ledger, and the vendor counts"),
        ("renewals", known.renewals as i64, "good logins in the ledger, and the log told of"),
        ("samples", known.changes, "samples, and the log told of"),
        ("least ms between logins", 4999, "ms between two logins, and least are"),
    ];
    for (name, least, what) in at_least {
        if facts[name] < least {
            faults.push(format!("{} {what} {least}", facts[name]));
        }
    }
    for name in ["samples beside changes", "days twice", "days unlike their newest sample"] {
        if facts[name] != 0 {
            faults.push(format!("{name}: {}", facts[name]));
        }
    }
    let done = ask("SELECT upper(subject), endpoint, count(*) FROM calls WHERE outcome = 'ok' GROUP BY 1, 2");
    for ((app, endpoint), told) in &known.polls_done {
        let start = format!("{}|{endpoint}|", app.to_uppercase());
        let found =
            done.iter().find_map(|row| row.strip_prefix(&start)).map_or(0, |count| count.parse().expect("a count"));
        if found < *told {
            faults.push(format!("{found} good answers of {endpoint} of {app}, and the log told of {told}"));
        }
    }
    faults
}

const FACTS: &str = "
    SELECT 'polls', count(*) FROM calls WHERE endpoint <> 'login'
    UNION ALL SELECT 'logins', count(*) FROM logins
    UNION ALL SELECT 'renewals', count(*) FROM logins WHERE outcome = 'ok'
    UNION ALL SELECT 'samples', count(*) FROM usage_samples
    UNION ALL SELECT 'samples beside changes', (SELECT count(*) FROM usage_samples)
        - (SELECT coalesce(sum(changed_count), 0) FROM calls WHERE endpoint = 'daily_access')
    UNION ALL SELECT 'days twice', count(*) - count(DISTINCT app_id || access_date) FROM usage_daily
    UNION ALL SELECT 'days unlike their newest sample', count(*) FROM usage_daily d
        WHERE used_times IS NOT (SELECT used_times FROM usage_samples s WHERE s.app_id = d.app_id
            AND s.access_date = d.access_date ORDER BY observed_at DESC, used_times DESC LIMIT 1)
    UNION ALL SELECT 'least ms between logins', round(min(gap)) FROM (SELECT 86400000 * (julianday(attempted_at)
        - julianday(lag(attempted_at) OVER (PARTITION BY device ORDER BY attempted_at))) AS gap FROM logins)";

/// A copy to look at, so that looking mends nothing.
pub fn copied(folder: &Path) -> TempDir {
    let copy = tempfile::tempdir().expect("a folder");
    for name in names(folder) {
        std::fs::copy(folder.join(&name), copy.path().join(&name)).expect("copied");
    }
    copy
}

/// Files that were to take the place of another, and did not.
pub fn unfinished(folder: &Path) -> Vec<String> {
    names(folder).into_iter().filter(|name| name.contains(".poskeeper-")).collect()
}

/// The files in a folder.
fn names(folder: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder).expect("a folder");
    entries.map(|entry| entry.expect("an entry").file_name().into_string().expect("text")).collect()
}
