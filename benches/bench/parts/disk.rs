//! Bytes on the disk: of a day of one app, and of the program.

use crate::database::{History, remove, run_sql};
use crate::machine::Bench;
use crate::table::{number, print};
use crate::verdict::Verdict;
use std::path::Path;

const BINARY_MB: f64 = 12.0;

pub fn run(bench: &Bench) -> anyhow::Result<Vec<Verdict>> {
    let (apps, days) = bench.options.sizes.counted;
    let folder = bench.folder("disk")?;
    let size = |path: &Path| -> anyhow::Result<f64> { Ok(std::fs::metadata(path)?.len() as f64) };
    let without_samples = History { apps, days, sample_days: 0 };
    let with_samples = History::of(apps, days);
    let (empty, plain) = (History::of(apps, 0).database(bench)?, without_samples.database(bench)?);
    let all = with_samples.database(bench)?;
    // The ledger grows to its 90 days and no further, so it is no part of a day's price.
    let own = {
        let copy = folder.join("own.db");
        crate::database::copy(&plain, &copy)?;
        let before = freed(&copy)?;
        run_sql(&copy, "DELETE FROM call;")?;
        size(&copy)? - (freed(&copy)? - before) - size(&empty)?
    };
    let (bare, by_app) = (bare_table(&folder, &plain, "day, app")?, bare_table(&folder, &plain, "app, day")?);
    let each = |bytes: f64| bytes / f64::from(apps) / f64::from(days);
    let rows = [
        ("poskeeper: the daily rows, with what belongs to them", each(own)),
        ("poskeeper: all changes within the days, and the ledger", each(size(&all)? - size(&empty)?)),
        ("limit: bare row WITHOUT ROWID, keys day and app", each(bare)),
        ("limit: bare row WITHOUT ROWID, keys app and day", each(by_app)),
    ];
    let rows = rows.map(|(name, bytes)| vec![name.to_owned(), number(bytes)]).to_vec();
    print(&format!("Bytes for one app and day, of {apps} apps × {days} days"), &["", "bytes"], rows);
    let binary = size(&bench.poskeeper)? / 1e6;
    print("The program", &["", "MB"], vec![vec![bench.poskeeper.display().to_string(), number(binary)]]);
    Ok(vec![
        Verdict::ratio("disk: an app's day", "bare row WITHOUT ROWID, keys day and app", own / bare, 1.5),
        Verdict::amount("release binary", binary, BINARY_MB, "MB"),
    ])
}

/// Bytes within a file that nothing uses.
fn freed(database: &Path) -> anyhow::Result<f64> {
    let query = "SELECT freelist_count * page_size FROM pragma_freelist_count(), pragma_page_size()";
    Ok(crate::database::number(database, query)? as f64)
}

/// The same numbers, day after day, and nothing else.
fn bare_table(folder: &Path, from: &Path, key: &str) -> anyhow::Result<f64> {
    let database = folder.join("bare.db");
    remove(&database)?;
    let script = format!(
        "ATTACH 'file:{}?mode=ro' AS own;
         CREATE TABLE bare (app INTEGER, day INTEGER, limit_times INTEGER, used_times INTEGER, PRIMARY KEY ({key})) WITHOUT ROWID;
         BEGIN;
         INSERT INTO bare SELECT app_key, day, limit_times, used_times FROM own.daily_usage ORDER BY day, app_key;
         COMMIT;",
        from.display()
    );
    run_sql(&database, &script)?;
    Ok(std::fs::metadata(&database)?.len() as f64)
}
