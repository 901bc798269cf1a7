//! The database against a model in memory: answers in any order, repeated, partial, and restarts between.

use super::cases;
use chrono::{DateTime, Days, NaiveDate, TimeDelta, Utc};
use poskeeper::model::{AppId, BootInstant, Endpoint, Moment, Outcome, Package, UsageReading, instant_text};
use poskeeper::rules::history::Observation;
use poskeeper::rules::windows::{DayRange, poll_window};
use poskeeper::store::{Answer, CallEnd, Cell, Filter, NewPoll, Store, VIEWS, View};
use proptest::prelude::*;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;

/// In odd spellings; the first two are one.
const APPS: [&str; 6] = ["Abc'\"", "aBC'\"", "收银机 [\"", "x'); DROP TABLE app; --", "{}", "Ünïcode%_\\"];
const FIRST_DAY: NaiveDate = NaiveDate::from_ymd_opt(2026, 11, 1).expect("a day");

fn app_id(index: usize) -> AppId {
    AppId::parse(APPS[index]).expect("an appId")
}

#[derive(Debug, Clone)]
enum Step {
    /// The settings name these accounts, and so they are called.
    Configure(Vec<(usize, Option<String>)>),
    /// An account asks for its eight days, or for eight older ones; the vendor's numbers are those of now.
    Ask {
        asker: usize,
        back: Option<u64>,
        contained: [bool; 6],
    },
    /// One of the answers that are under way arrives, or is lost.
    Arrive {
        which: prop::sample::Index,
        is_lost: bool,
    },
    /// The vendor counts, or thinks otherwise.
    Count {
        app: usize,
        limit: i64,
        used: i64,
    },
    /// Midnight.
    NextDay,
    /// The vendor lists these packages of the accounts that have any.
    List {
        asker: usize,
        packages: Vec<Package>,
    },
    Restart,
}

fn number() -> impl Strategy<Value = i64> {
    prop_oneof![20 => 0..2_i64, 1 => 0..=i64::MAX, 1 => Just(i64::MAX)]
}

/// The vendor's text is kept as it is; of few texts, lest no package ever comes twice.
fn text() -> impl Strategy<Value = Option<Arc<str>>> {
    prop_oneof![
        3 => prop::sample::select(vec!["2026-01-01 00:00:00", "2026-12-31 23:59:59", "'; --", "\0\"[1]\n", ""]).prop_map(|text| Some(text.into())),
        1 => any::<String>().prop_map(|text| Some(text.into())),
        1 => Just(None),
    ]
}

fn package() -> impl Strategy<Value = Package> {
    (0..APPS.len(), number(), text(), text()).prop_map(|(app, limit_times, start_date, end_date)| Package {
        app_id: app_id(app),
        limit_times,
        start_date,
        end_date,
    })
}

fn step() -> impl Strategy<Value = Step> {
    let app = 0..APPS.len();
    prop_oneof![
        1 => prop::collection::vec((app.clone(), prop::option::of(any::<String>())), 0..4).prop_map(Step::Configure),
        6 => (app.clone(), prop::option::weighted(0.2, 0..20_u64), any::<[bool; 6]>())
            .prop_map(|(asker, back, contained)| Step::Ask { asker, back, contained }),
        6 => (any::<prop::sample::Index>(), prop::bool::weighted(0.1)).prop_map(|(which, is_lost)| Step::Arrive { which, is_lost }),
        5 => (prop_oneof![2 => 0..1_usize, 1 => app.clone()], number(), number()).prop_map(|(app, limit, used)| Step::Count { app, limit, used }),
        2 => Just(Step::NextDay),
        2 => (app, prop::collection::vec(package(), 0..5)).prop_map(|(asker, packages)| Step::List { asker, packages }),
        1 => Just(Step::Restart),
    ]
}

/// A day of an account as the vendor told it last.
#[derive(Debug, Clone, PartialEq)]
struct Day {
    limit: i64,
    used: i64,
    is_final: bool,
    first: DateTime<Utc>,
    changed: DateTime<Utc>,
    /// The newest call whose answer had it.
    told_by: i64,
}

/// What the database is to hold.
#[derive(Default)]
struct Model {
    configured: BTreeMap<AppId, Option<String>>,
    /// As it was first spelt.
    spelt: BTreeMap<AppId, String>,
    days: BTreeMap<(AppId, NaiveDate), Day>,
    samples: Vec<(AppId, NaiveDate, DateTime<Utc>, i64, i64)>,
    packages: Vec<(Package, DateTime<Utc>, Option<DateTime<Utc>>)>,
}

impl Model {
    fn meet(&mut self, app_id: &AppId) {
        self.spelt.entry(app_id.clone()).or_insert_with(|| app_id.to_string());
    }

    fn take_usage(&mut self, answer: &Answer<UsageReading>) {
        let Observation { call_id, observed_at, today } = answer.observation;
        for reading in &answer.rows {
            self.meet(&reading.app_id);
            let is_over = reading.day < today;
            let day = self.days.entry((reading.app_id.clone(), reading.day)).or_insert(Day {
                limit: -1,
                used: -1,
                is_final: false,
                first: observed_at,
                changed: observed_at,
                told_by: call_id,
            });
            if call_id < day.told_by {
                continue;
            }
            (day.told_by, day.is_final) = (call_id, day.is_final || is_over);
            if (day.limit, day.used) != (reading.limit_times, reading.used_times) {
                (day.limit, day.used, day.changed) = (reading.limit_times, reading.used_times, observed_at);
                let app_id = reading.app_id.clone();
                self.samples.push((app_id, reading.day, observed_at, reading.used_times, reading.limit_times));
            }
        }
    }

    fn take_packages(&mut self, rows: &[Package], now: DateTime<Utc>) {
        let listed: BTreeSet<_> = rows.iter().map(|package| package.app_id.clone()).collect();
        for (package, _, removed_at) in &mut self.packages {
            if removed_at.is_none() && listed.contains(&package.app_id) && !rows.contains(package) {
                *removed_at = Some(now);
            }
        }
        for package in rows {
            self.meet(&package.app_id);
            if !self.packages.iter().any(|(known, _, removed_at)| known == package && removed_at.is_none()) {
                self.packages.push((package.clone(), now, None));
            }
        }
    }

    fn name(&self, app_id: &AppId) -> Cell {
        self.configured.get(app_id).cloned().flatten().map_or(Cell::Null, Cell::Text)
    }

    fn id(&self, app_id: &AppId) -> Cell {
        Cell::Text(self.spelt[app_id].clone())
    }

    /// The rows that a view is to have.
    fn view(&self, name: &str) -> Vec<Vec<Cell>> {
        let day = |day: &NaiveDate| Cell::Text(day.to_string());
        let time = |at: &DateTime<Utc>| Cell::Text(instant_text(*at));
        match name {
            "usage_daily" => {
                let row = |((app_id, date), told): (&(AppId, NaiveDate), &Day)| {
                    let percent = (told.limit > 0).then(|| 100.0 * told.used as f64 / told.limit as f64);
                    vec![
                        self.id(app_id),
                        self.name(app_id),
                        day(date),
                        Cell::Integer(told.limit),
                        Cell::Integer(told.used),
                        percent.map_or(Cell::Null, Cell::Real),
                        Cell::Integer(told.is_final.into()),
                        time(&told.first),
                        time(&told.changed),
                    ]
                };
                self.days.iter().map(row).collect()
            }
            "usage_samples" => self
                .samples
                .iter()
                .map(|(app_id, date, at, used, limit)| {
                    vec![self.id(app_id), day(date), time(at), Cell::Integer(*used), Cell::Integer(*limit)]
                })
                .collect(),
            "usage_gaps" => {
                let mut gaps = Vec::new();
                for app_id in self.configured.keys() {
                    let known: BTreeSet<_> =
                        self.days.keys().filter(|(other, _)| other == app_id).map(|(_, day)| *day).collect();
                    let (Some(first), Some(last)) = (known.first(), known.last()) else { continue };
                    let missing = first.iter_days().take_while(|day| day < last).filter(|day| !known.contains(day));
                    gaps.extend(missing.map(|date| vec![self.id(app_id), day(&date)]));
                }
                gaps
            }
            "packages" => self
                .packages
                .iter()
                .map(|(package, first, removed)| {
                    let text = |text: Option<&str>| text.map_or(Cell::Null, |text| Cell::Text(text.to_owned()));
                    vec![
                        self.id(&package.app_id),
                        self.name(&package.app_id),
                        Cell::Integer(package.limit_times),
                        text(package.start_date.as_deref()),
                        text(package.end_date.as_deref()),
                        Cell::Integer((package.start_date.is_none() || package.end_date.is_none()).into()),
                        time(first),
                        removed.as_ref().map_or(Cell::Null, time),
                    ]
                })
                .collect(),
            other => panic!("the model has no view {other}"),
        }
    }
}

/// The database, the model beside it, and the vendor's own numbers.
struct World {
    store: Store,
    model: Model,
    truth: BTreeMap<(AppId, NaiveDate), (i64, i64)>,
    under_way: Vec<(Answer<UsageReading>, DayRange)>,
    today: NaiveDate,
    seconds: i64,
}

impl World {
    async fn new(path: &Path) -> Self {
        let store = Store::open(path).await.expect("a database");
        let (model, truth, under_way) = Default::default();
        Self { store, model, truth, under_way, today: FIRST_DAY + Days::new(30), seconds: 0 }
    }

    fn now(&mut self) -> DateTime<Utc> {
        self.seconds += 1;
        DateTime::from_timestamp(1_795_000_000 + self.seconds, 0).expect("a time")
    }

    /// Enters a call in the ledger, as an account that the settings name.
    async fn call(&mut self, asker: &AppId, endpoint: Endpoint, slot: Option<DateTime<Utc>>) -> i64 {
        if !self.model.configured.contains_key(asker) {
            self.model.configured.insert(asker.clone(), None);
            self.configure().await;
        }
        let wall = self.now();
        let app_key = self.store.apps().await.expect("readable").get(asker).expect("configured").app_key;
        let boot = BootInstant { boot_id: "a".into(), uptime_ms: self.seconds * 1000 };
        let poll = NewPoll { app_key, endpoint, slot, started_at: Moment { wall, boot }, vendor_day: self.today };
        self.store.open_poll_call(poll).await.expect("written").call_id
    }

    async fn configure(&mut self) {
        let now = self.now();
        let configured: Vec<_> = self.model.configured.iter().map(|(id, name)| (id.clone(), name.clone())).collect();
        self.store.sync_apps(&configured, now).await.expect("written");
        configured.iter().for_each(|(app_id, _)| self.model.meet(app_id));
    }

    async fn take(&mut self, step: Step, path: &Path) {
        match step {
            Step::Configure(apps) => {
                self.model.configured = apps.into_iter().map(|(app, name)| (app_id(app), name)).collect();
                self.configure().await;
            }
            Step::Ask { asker, back, contained } => {
                let asker = app_id(asker);
                let slot = back.is_none().then(|| self.now());
                let call_id = self.call(&asker, Endpoint::DailyAccess, slot).await;
                let window = poll_window(self.today - Days::new(back.map_or(0, |back| back + 8)));
                let is_told = |(app_id, day): &(AppId, NaiveDate)| {
                    // A backfill is asked for one account; a poll tells of those that the vendor thinks of.
                    let is_contained = APPS
                        .iter()
                        .zip(contained)
                        .any(|(app, told)| told && AppId::parse(app).as_ref() == Some(app_id));
                    window.first <= *day && *day <= window.last && (is_contained || app_id == &asker)
                };
                let told = self.truth.iter().filter(|(key, _)| is_told(key));
                let rows = told.map(|((app_id, day), (limit, used))| UsageReading {
                    app_id: app_id.clone(),
                    day: *day,
                    limit_times: *limit,
                    used_times: *used,
                });
                let rows = rows.collect();
                let observation = Observation { call_id, observed_at: self.now(), today: self.today };
                self.under_way
                    .push((Answer { end: ok(), asker, observation, rows, slot, serves_sisters: true }, window));
            }
            Step::Arrive { .. } if self.under_way.is_empty() => {}
            Step::Arrive { which, is_lost } => {
                let (answer, window) = self.under_way.remove(which.index(self.under_way.len()));
                if is_lost {
                    self.store.close_failed_call(answer.observation.call_id, &answer.end, true).await.expect("written");
                } else {
                    let answer = Arc::new(answer);
                    self.store.record_usage(Arc::clone(&answer), window).await.expect("stored");
                    self.model.take_usage(&answer);
                    // An answer that is written twice, as after an error that was none, changes nothing.
                    self.store.record_usage(answer, window).await.expect("stored");
                }
            }
            Step::Count { app, limit, used } => {
                self.truth.insert((app_id(app), self.today), (limit, used));
            }
            Step::NextDay => self.today = self.today + Days::new(1),
            Step::List { asker, packages: rows } => {
                let asker = app_id(asker);
                let slot = Some(self.now());
                let call_id = self.call(&asker, Endpoint::AccessConfig, slot).await;
                let observation = Observation { call_id, observed_at: self.now(), today: self.today };
                self.model.take_packages(&rows, observation.observed_at);
                let answer = Answer { end: ok(), asker, observation, rows, slot, serves_sisters: true };
                self.store.record_packages(Arc::new(answer)).await.expect("stored");
            }
            Step::Restart => {
                self.store.clone().close().await;
                self.store = Store::open(path).await.expect("a database");
                self.store.interrupt_open_calls().await.expect("written");
                self.under_way.clear();
            }
        }
    }

    async fn rows(&self, view: View) -> Vec<Vec<Cell>> {
        self.store.read_view(view, &Filter::default(), chrono_tz::Asia::Shanghai).await.expect("a view").rows
    }

    async fn compare(&self) -> Result<(), TestCaseError> {
        for view in VIEWS {
            let rows = self.rows(view).await;
            if ["usage_daily", "usage_samples", "usage_gaps", "packages"].contains(&view.name) {
                prop_assert_eq!(sorted(rows), sorted(self.model.view(view.name)), "{}", view.name);
            }
        }
        Ok(())
    }
}

/// As lines, a percentage to a tenth.
/// The end of a good call.
fn ok() -> CallEnd {
    CallEnd {
        outcome: Outcome::Ok,
        http_status: Some(200),
        error_code: None,
        error_message: None,
        duration: TimeDelta::zero(),
        skew: None,
    }
}

fn sorted(rows: Vec<Vec<Cell>>) -> Vec<String> {
    let cell = |cell: &Cell| if let Cell::Real(number) = cell { format!("{number:.1}") } else { format!("{cell:?}") };
    let mut lines: Vec<_> = rows.iter().map(|row| row.iter().map(cell).collect::<Vec<_>>().join(" ")).collect();
    lines.sort();
    lines
}

proptest! {
    #![proptest_config(cases(40))]

    #[test]
    fn whatever_comes_in_whatever_order_the_views_tell_what_a_model_in_memory_tells(steps in prop::collection::vec(step(), 1..60)) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("poskeeper.db");
        runtime.block_on(async {
            let mut world = World::new(&path).await;
            for step in steps {
                world.take(step, &path).await;
            }
            world.compare().await?;
            world.store.close().await;
            Ok::<_, TestCaseError>(())
        })?;
    }
}
