//! Questions to years of history, beside the same questions to a table that was made for them by hand.

use crate::database::{History, remove, run_sql};
use crate::machine::Bench;
use crate::measure::{Usage, measure};
use crate::rounds::{Contender, Runs, find, take_turns};
use crate::shop::{RARELY, app_id, day_number, settings, today};
use crate::table::{number, print};
use crate::verdict::Verdict;
use chrono::Days;
use std::path::{Path, PathBuf};
use std::process::Command;

/// What people ask.
struct Question {
    name: &'static str,
    /// Of poskeeper: arguments of the command line, or a query to its views.
    own: Own,
    /// The same of the table made by hand.
    by_hand: String,
    /// Over one app or one month: has to be quick whatever the table made by hand takes.
    is_small: bool,
}

enum Own {
    Command(Vec<String>),
    Query(String),
}

const SMALL_MS: f64 = 100.0;

pub fn run(bench: &Bench) -> anyhow::Result<Vec<Verdict>> {
    let (apps, days) = bench.options.sizes.history;
    let folder = bench.folder("reports")?;
    let history = History::of(apps, days).database(bench)?;
    let by_hand = table_by_hand(&folder, &history)?;
    let file = folder.join("settings.toml");
    let pospal = format!("access_config_cron = \"{RARELY}\"\ndaily_access_cron = \"{RARELY}\"\ncoverage = \"chain\"\n");
    std::fs::write(&file, settings(&history.to_string_lossy(), "http://127.0.0.1:9", apps, &pospal))?;

    let mut verdicts = Vec::new();
    let mut rows = Vec::new();
    for question in questions(apps) {
        let own = match &question.own {
            Own::Command(arguments) => {
                bench.poskeeper(&file, &arguments.iter().map(String::as_str).collect::<Vec<_>>())
            }
            Own::Query(query) => shell(&history, query),
        };
        let hand = shell(&by_hand, &question.by_hand);
        let contenders = vec![Contender::new("own", || measure(&own)), Contender::new("by hand", || measure(&hand))];
        let runs = take_turns(contenders, bench.options.runs);
        let (Some(own), Some(hand)) = (find(&runs, "own"), find(&runs, "by hand")) else { continue };
        rows.push(row(&question, own, hand));
        verdicts.push(Verdict::ratio(question.name, "table by hand, CPU", own.ratio(hand, Usage::cpu_ms), 1.3));
        if question.is_small {
            let wall = own.median(|usage| usage.wall_ms);
            verdicts.push(Verdict::amount(format!("{}: wall", question.name), wall, SMALL_MS, "ms"));
        }
    }
    let head = ["question", "wall ms", "CPU ms", "peak MB", "by hand: wall ms", "CPU ms", "CPU ratio"];
    print(&format!("Questions to {apps} apps × {days} days"), &head, rows);
    page(bench, &folder)?;
    Ok(verdicts)
}

fn row(question: &Question, own: &Runs, hand: &Runs) -> Vec<String> {
    vec![
        question.name.to_owned(),
        number(own.median(|usage| usage.wall_ms)),
        number(own.median(Usage::cpu_ms)),
        number(own.median(|usage| usage.peak_kb / 1024.0)),
        number(hand.median(|usage| usage.wall_ms)),
        number(hand.median(Usage::cpu_ms)),
        number(own.ratio(hand, Usage::cpu_ms)),
    ]
}

fn shell(database: &Path, query: &str) -> Command {
    let mut command = Command::new("sqlite3");
    command.args(["-readonly", "-csv"]).arg(database).arg(query);
    command
}

/// Integer keys, and an index that holds all that is asked for by day.
fn table_by_hand(folder: &Path, history: &Path) -> anyhow::Result<PathBuf> {
    let database = folder.join("by-hand.db");
    remove(&database)?;
    println!("making the table by hand …");
    let script = format!(
        "PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF; PRAGMA cache_size = -2000000;
         ATTACH 'file:{}?mode=ro' AS own;
         CREATE TABLE app (app INTEGER PRIMARY KEY, app_id TEXT NOT NULL UNIQUE COLLATE NOCASE, app_name TEXT, newest INTEGER);
         CREATE TABLE daily (app INTEGER, day INTEGER, limit_times INTEGER, used_times INTEGER, seen_at INTEGER, PRIMARY KEY (app, day)) WITHOUT ROWID;
         BEGIN;
         INSERT INTO app SELECT app_key, app_id, app_name, newest_day FROM own.app;
         INSERT INTO daily SELECT app_key, day, limit_times, used_times, day * 86400000 + 79200000 FROM own.daily_usage ORDER BY 1, 2;
         CREATE INDEX by_day ON daily (day, app, limit_times, used_times, seen_at);
         COMMIT;
         ANALYZE main;",
        history.display()
    );
    run_sql(&database, &script)?;
    Ok(database)
}

fn questions(apps: u32) -> Vec<Question> {
    let (today, app) = (today(), app_id(apps / 2));
    let before = |days: u64| today - Days::new(days);
    let (month, year) = (before(29), before(364));
    let number = day_number;
    let report =
        |words: &str| Own::Command(format!("report {words} --format csv").split(' ').map(str::to_owned).collect());
    let columns = "a.app_id, a.app_name, date(d.day * 86400, 'unixepoch'), d.limit_times, d.used_times,
                   round(100.0 * d.used_times / d.limit_times, 1), strftime('%Y-%m-%dT%H:%M:%fZ', d.seen_at / 1000.0, 'unixepoch')";
    let rows = |filter: &str| format!("SELECT {columns} FROM daily d JOIN app a USING (app) WHERE {filter}");
    let one_app = format!("d.app = (SELECT app FROM app WHERE app_id = '{app}')");
    let latest = format!("SELECT {columns} FROM app a JOIN daily d ON d.app = a.app AND d.day = a.newest");
    vec![
        Question {
            name: "today of all apps (report)",
            own: report(&format!("usage_daily --from {today} --to {today}")),
            by_hand: rows(&format!("d.day = {}", number(today))),
            is_small: false,
        },
        Question {
            name: "today of all apps (SQL)",
            own: Own::Query(format!("SELECT * FROM usage_daily WHERE access_date = '{today}'")),
            by_hand: rows(&format!("d.day = {}", number(today))),
            is_small: false,
        },
        Question {
            name: "one app, all days (report)",
            own: report(&format!("usage_daily --app {app}")),
            by_hand: rows(&one_app),
            is_small: true,
        },
        Question {
            name: "one app, one month (report)",
            own: report(&format!("usage_daily --app {app} --from {month} --to {today}")),
            by_hand: rows(&format!("{one_app} AND d.day BETWEEN {} AND {}", number(month), number(today))),
            is_small: true,
        },
        Question {
            name: "months of one app (SQL)",
            own: Own::Query(format!(
                "SELECT substr(access_date, 1, 7) AS month, sum(used_times), max(used_times) FROM usage_daily
                 WHERE app_id = '{app}' GROUP BY month"
            )),
            by_hand: format!(
                "SELECT strftime('%Y-%m', day * 86400, 'unixepoch') AS month, sum(used_times), max(used_times) FROM daily d
                 WHERE {one_app} GROUP BY month"
            ),
            is_small: true,
        },
        Question {
            name: "all apps, one month (report)",
            own: report(&format!("usage_daily --from {month} --to {today}")),
            by_hand: rows(&format!("d.day BETWEEN {} AND {}", number(month), number(today))),
            is_small: false,
        },
        Question {
            name: "top 20 of 30 days (SQL)",
            own: Own::Query(format!(
                "SELECT app_id, sum(used_times) AS used FROM usage_daily WHERE access_date BETWEEN '{month}' AND '{today}'
                 GROUP BY app_id ORDER BY used DESC LIMIT 20"
            )),
            by_hand: format!(
                "SELECT app_id, used FROM (SELECT app, sum(used_times) AS used FROM daily INDEXED BY by_day
                 WHERE day BETWEEN {} AND {} GROUP BY app ORDER BY used DESC LIMIT 20) JOIN app USING (app)",
                number(month),
                number(today)
            ),
            is_small: true,
        },
        Question {
            name: "days over 80% in a year (SQL)",
            own: Own::Query(format!(
                "SELECT app_id, access_date, used_times, limit_times FROM usage_daily
                 WHERE access_date >= '{year}' AND used_percent > 80 ORDER BY access_date, app_id"
            )),
            by_hand: format!(
                "SELECT app_id, date(day * 86400, 'unixepoch'), used_times, limit_times FROM daily INDEXED BY by_day JOIN app USING (app)
                 WHERE day >= {} AND used_times * 10 > limit_times * 8 ORDER BY day, app_id",
                number(year)
            ),
            is_small: false,
        },
        Question {
            name: "gaps of one app (report)",
            own: report(&format!("usage_gaps --app {app}")),
            by_hand: gaps_by_hand(&one_app),
            is_small: true,
        },
        Question {
            name: "gaps of all apps (report)",
            own: report("usage_gaps"),
            by_hand: gaps_by_hand("true"),
            is_small: false,
        },
        Question {
            name: "latest of all apps (report)",
            own: report("usage_latest"),
            by_hand: latest.clone(),
            is_small: false,
        },
        Question {
            name: "status",
            own: Own::Command(vec!["status".into()]),
            by_hand: latest,
            is_small: false,
        },
    ]
}

/// A gap lies before a day whose predecessor is more than a day away.
fn gaps_by_hand(filter: &str) -> String {
    format!(
        "WITH step AS (SELECT d.app, d.day, lag(d.day) OVER (PARTITION BY d.app ORDER BY d.day) AS before FROM daily d WHERE {filter})
         SELECT app_id, date((before + value) * 86400, 'unixepoch') FROM step JOIN app USING (app) CROSS JOIN generate_series(1, day - before - 1)
         WHERE day > before + 1"
    )
}

fn page(bench: &Bench, folder: &Path) -> anyhow::Result<()> {
    let (apps, days) = bench.options.sizes.page;
    let history = History::of(apps, days).database(bench)?;
    let (file, output) = (folder.join("page.toml"), folder.join("page.html"));
    std::fs::write(&file, settings(&history.to_string_lossy(), "http://127.0.0.1:9", apps, ""))?;
    let (from, to) = ((today() - Days::new(u64::from(days) - 1)).to_string(), today().to_string());
    let output_text = output.to_string_lossy();
    let command = bench.poskeeper(&file, &["report", "html", "--output", &output_text, "--from", &from, "--to", &to]);
    let runs = take_turns(vec![Contender::new("HTML report", || measure(&command))], bench.options.runs);
    crate::table::print_runs(&format!("HTML report of {apps} stores × {days} days"), &runs, &[]);
    println!("the page: {} kB", number(std::fs::metadata(&output)?.len() as f64 / 1024.0));
    Ok(())
}
