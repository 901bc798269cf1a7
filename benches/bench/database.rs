//! Databases: made, filled, copied, asked.

use crate::machine::Bench;
use crate::shop::{day_number, now_ms, settings, slot_ms, today};
use anyhow::{Context, ensure};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// How much history.
#[derive(Debug, Clone, Copy, Hash)]
pub struct History {
    pub apps: u32,
    pub days: u32,
    /// The newest days, of which every change is kept.
    pub sample_days: u32,
}

impl History {
    /// As long as samples are kept, at most.
    pub fn of(apps: u32, days: u32) -> Self {
        Self { apps, days, sample_days: days.min(365) }
    }

    /// The file with this history; kept for later runs of the same day.
    pub fn database(self, bench: &Bench) -> anyhow::Result<PathBuf> {
        let script = std::fs::read_to_string(bench.root.join("benches/history.sql"))?;
        let mut hasher = DefaultHasher::new();
        (self, today(), &script, migrations(bench)?).hash(&mut hasher);
        let folder = bench.scratch.join("history");
        std::fs::create_dir_all(&folder)?;
        let stem = format!("{}x{}+{}", self.apps, self.days, self.sample_days);
        let path = folder.join(format!("{stem}-{:016x}.db", hasher.finish()));
        if path.exists() {
            return Ok(path);
        }
        // Of another day or another schema.
        for old in std::fs::read_dir(&folder)?.flatten() {
            if old.file_name().to_string_lossy().starts_with(&format!("{stem}-")) {
                std::fs::remove_file(old.path())?;
            }
        }
        println!("making a history of {} apps × {} days …", self.apps, self.days);
        let unfinished = path.with_extension("unfinished");
        let _ = std::fs::remove_file(&unfinished);
        let empty = empty_database(bench, &folder)?;
        std::fs::rename(empty, &unfinished)?;
        run_sql(&unfinished, &self.fill(&script))?;
        std::fs::rename(&unfinished, &path)?;
        Ok(path)
    }

    fn fill(self, script: &str) -> String {
        let values = [
            ("{apps}", i64::from(self.apps)),
            ("{days}", i64::from(self.days)),
            ("{sample_days}", i64::from(self.sample_days)),
            ("{today}", day_number(today())),
            ("{now_ms}", now_ms()),
            ("{slot_ms}", slot_ms()),
        ];
        values.iter().fold(script.to_owned(), |text, (name, value)| text.replace(name, &value.to_string()))
    }
}

/// The scripts that make poskeeper's tables: another one, another history.
fn migrations(bench: &Bench) -> anyhow::Result<String> {
    let files = std::fs::read_dir(bench.root.join("migrations"))?;
    let mut files = files.map(|file| Ok(file?.path())).collect::<anyhow::Result<Vec<_>>>()?;
    files.sort();
    files.iter().map(|file| Ok(std::fs::read_to_string(file)?)).collect()
}

/// The tables and views of poskeeper as they are in the end, as SQL.
pub fn schema(bench: &Bench, folder: &Path) -> anyhow::Result<String> {
    let query = "SELECT sql || ';' FROM sqlite_schema WHERE sql IS NOT NULL AND name NOT LIKE 'sqlite%'";
    let output = Command::new("sqlite3").arg("-readonly").arg(empty_database(bench, folder)?).arg(query).output()?;
    ensure!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    Ok(String::from_utf8(output.stdout)?)
}

/// A database as poskeeper itself makes it.
fn empty_database(bench: &Bench, folder: &Path) -> anyhow::Result<PathBuf> {
    let (file, database) = (folder.join("settings.toml"), folder.join("empty.db"));
    let _ = std::fs::remove_file(&database);
    std::fs::write(&file, settings("empty.db", "http://127.0.0.1:9", 0, ""))?;
    let ended = bench.poskeeper(&file, &["once"]).status()?;
    ensure!(ended.success(), "poskeeper once: {ended}");
    Ok(database)
}

/// A script by the sqlite3 shell.
pub fn run_sql(database: &Path, script: &str) -> anyhow::Result<()> {
    use std::io::Write;
    let mut shell =
        Command::new("sqlite3").arg("-bail").arg(database).stdin(Stdio::piped()).stdout(Stdio::null()).spawn()?;
    shell.stdin.take().context("its input")?.write_all(script.as_bytes())?;
    let ended = shell.wait()?;
    ensure!(ended.success(), "sqlite3 {}: {ended}", database.display());
    Ok(())
}

/// One number that a query brings.
pub fn number(database: &Path, query: &str) -> anyhow::Result<i64> {
    let output = Command::new("sqlite3").arg("-readonly").arg(database).arg(query).output()?;
    let text = String::from_utf8(output.stdout)?;
    text.trim().parse().with_context(|| format!("{query}: {text:?} {}", String::from_utf8_lossy(&output.stderr)))
}

/// Replaces `to` and what SQLite may have left beside it.
pub fn copy(from: &Path, to: &Path) -> anyhow::Result<()> {
    remove(to)?;
    std::fs::copy(from, to)?;
    // The disk is to be busy with this before the measurement, not during it.
    std::fs::File::open(to)?.sync_all()?;
    Ok(())
}

pub fn remove(database: &Path) -> anyhow::Result<()> {
    for suffix in ["", "-wal", "-shm", "-journal", ".lock"] {
        let mut path = database.as_os_str().to_owned();
        path.push(suffix);
        match std::fs::remove_file(path) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(error.into()),
            _ => {}
        }
    }
    Ok(())
}
