//! `/metrics`: everything that a graph or an alert rule may want, computed at each scrape.

use super::exposition::Format;
use super::health::reasons;
use super::pages::Pages;
use super::{Site, answer, remark};
use crate::clock;
use crate::model::{Moment, day_of};
use crate::rules::alarms::{PackageFacts, Rule, last_end};
use crate::rules::renewal::{KeyState, key_state};
use crate::status::Status;
use crate::store::{Cell, Sheet, StoreError};
use axum::Extension;
use axum::body::Body;
use axum::http::{HeaderMap, Response, StatusCode};
use chrono::{DateTime, Utc};
use chrono_tz::Tz;
use prometheus_client::encoding::text::{encode, encode_registry};
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::{Registry, Unit};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;

pub(super) async fn metrics(
    Extension(site): Extension<Arc<Site>>,
    Extension(pages): Extension<Pages>,
    headers: HeaderMap,
) -> Response<Body> {
    let format = Format::wanted(&headers);
    let make = async move { Ok(Scrape::read(&site, &clock::now()).await?.text()) };
    match pages.recent("metrics", make).await {
        Ok(metrics) => answer(StatusCode::OK, format.content_type(), format.of_open_metrics(metrics)),
        Err(error) => remark(StatusCode::SERVICE_UNAVAILABLE, &error.to_string()),
    }
}

/// Names and values.
type Labels = Vec<(&'static str, String)>;
type Samples = Vec<(Labels, f64)>;

fn calls() -> Unit {
    Unit::Other("calls".into())
}

struct Scrape {
    /// What every process has, by the names that dashboards know.
    process: Registry,
    registry: Registry,
}

impl Scrape {
    async fn read(site: &Site, now: &Moment) -> Result<Self, StoreError> {
        let status = Status::read(&site.plan, &site.store, now).await?;
        let packages = site.store.package_facts(site.plan.sisters).await?;
        let size = site.store.size_in_bytes().await?;
        let mut scrape = Self { process: Registry::default(), registry: Registry::with_prefix("poskeeper") };
        scrape.process(site, now);
        scrape.quota(&status.apps, site.plan.timezone, now);
        scrape.logins(&status.devices, site, now);
        scrape.alerts(&status.alerts, site);
        scrape.packages(now, &packages, site.plan.timezone);
        scrape.registry.register_with_unit("database_size", "Size of the SQLite file", Unit::Bytes, gauge(size as f64));
        Ok(scrape)
    }

    fn text(&self) -> String {
        let mut text = String::new();
        // A String takes everything.
        let _ = encode_registry(&mut text, &self.process).and_then(|()| encode(&mut text, &self.registry));
        text
    }

    fn add(&mut self, name: &str, help: &str, unit: Option<Unit>, samples: impl IntoIterator<Item = (Labels, f64)>) {
        let family = Family::<Labels, Gauge<f64, AtomicU64>>::default();
        for (labels, value) in samples {
            family.get_or_create(&labels).set(value);
        }
        match unit {
            Some(unit) => self.registry.register_with_unit(name, help, unit, family),
            None => self.registry.register(name, help, family),
        }
    }

    fn process(&mut self, site: &Site, now: &Moment) {
        let version = env!("CARGO_PKG_VERSION").to_owned();
        self.add("build_info", "The version that runs", None, [(vec![("version", version)], 1.0)]);
        let help = "When the process started, in seconds since 1970";
        let start = gauge(instant_seconds(site.started_at));
        self.process.register_with_unit("process_start_time", help, Unit::Seconds, start);
        let is_healthy = gauge(f64::from(u8::from(reasons(site, now).is_empty())));
        self.registry.register("healthy", "1 where /healthz answers 200", is_healthy);
        let tally = &site.tally;
        let help = "Requests to the vendors since the start, by how they ended";
        self.registry.register("vendor_calls", help, tally.calls.clone());
        let help = "From sending a request to the last byte of its answer";
        self.registry.register_with_unit("vendor_call_duration", help, Unit::Seconds, tally.durations.clone());
    }

    fn quota(&mut self, apps: &Sheet, timezone: Tz, now: &Moment) {
        let labels = |row: &[Cell]| {
            let text = |column| apps.text(row, column).unwrap_or_default().to_owned();
            vec![("app_id", text("app_id")), ("app_name", text("app_name"))]
        };
        let of = |column: &str, is_wanted: &dyn Fn(&[Cell]) -> bool| -> Samples {
            let rows = apps.rows.iter().filter(|row| is_wanted(row));
            rows.filter_map(|row| Some((labels(row), number(apps.cell(row, column))?))).collect()
        };
        // A day that is over tells nothing about the quota of the next.
        let today = day_of(now.wall, timezone).to_string();
        let is_todays = |row: &[Cell]| apps.text(row, "access_date") == Some(&today);
        let is_configured = |row: &[Cell]| *apps.cell(row, "budget_left") != Cell::Null;
        let help = "Calls used of today's quota, as the vendor last told";
        self.add("quota_used", help, Some(calls()), of("used_times", &is_todays));
        let help = "Calls that today's quota allows";
        self.add("quota_limit", help, Some(calls()), of("limit_times", &is_todays));
        let help = "When the vendor last confirmed the newest usage";
        self.add("quota_observed_timestamp", help, Some(Unit::Seconds), of("observed_at", &|_| true));
        let help = "Requests that poskeeper itself made today; each costs quota";
        self.add("own_calls_today", help, None, of("calls_today", &is_configured));
        let help = "Requests that pospal.calls_per_app_per_day still allows today";
        self.add("own_calls_left_today", help, None, of("budget_left", &is_configured));
    }

    fn logins(&mut self, devices: &Sheet, site: &Site, now: &Moment) {
        let of = |column: &str| -> Samples {
            let rows = devices.rows.iter();
            let sample =
                |row: &Vec<Cell>| Some((device(devices.text(row, "device")?), number(devices.cell(row, column))?));
            rows.filter_map(sample).collect()
        };
        let (expires, due, renew) = (of("expires_at"), of("relogin_due_at"), of("renew_at"));
        self.add("login_expires_timestamp", "When the key dies", Some(Unit::Seconds), expires);
        self.add("login_relogin_due_timestamp", "When the vendor wants the next login", Some(Unit::Seconds), due);
        self.add("login_renew_timestamp", "When poskeeper starts to renew the login", Some(Unit::Seconds), renew);
        // By the boot clock, which no one can step.
        let told = site.observations.devices();
        let is_live = |name: &String| {
            let session = told.iter().find(|told| told.device == *name).and_then(|told| told.session.as_ref());
            session.is_some_and(|session| key_state(now, session) != KeyState::Dead)
        };
        let live = site.plan.devices.iter().map(|name| (device(name), f64::from(u8::from(is_live(name)))));
        self.add("login_key_live", "1 where there is a key that is not past its life", None, live);
    }

    fn alerts(&mut self, alerts: &Sheet, site: &Site) {
        let mut open: BTreeMap<Rule, f64> = Rule::ALL.map(|rule| (rule, 0.0)).into();
        for rule in alerts.rows.iter().filter_map(|row| Rule::from_name(alerts.text(row, "rule")?)) {
            *open.entry(rule).or_default() += 1.0;
        }
        // The one that cannot be kept in the database.
        open.insert(Rule::StoreFailing, f64::from(u8::from(site.health.failure().is_some())));
        let labels = |rule: Rule| vec![("rule", rule.name().into()), ("severity", rule.severity().name().into())];
        let samples = open.into_iter().map(|(rule, count)| (labels(rule), count));
        self.add("alerts_open", "Alerts that are open now", None, samples);
    }

    fn packages(&mut self, now: &Moment, packages: &[PackageFacts], timezone: Tz) {
        let now = now.wall.with_timezone(&timezone).naive_local();
        let samples = packages.iter().filter_map(|fact| {
            let (end, _) = last_end(&fact.packages, now)?;
            let end = end.and_local_timezone(timezone).latest()?;
            Some((
                vec![("app_id", fact.app_id.clone()), ("app_name", fact.name.clone())],
                instant_seconds(end.to_utc()),
            ))
        });
        let help = "When the last quota package ends; absent on the default quota";
        self.add("package_end_timestamp", help, Some(Unit::Seconds), samples);
    }
}

fn gauge(value: f64) -> Gauge<f64, AtomicU64> {
    let gauge = Gauge::default();
    gauge.set(value);
    gauge
}

fn device(name: &str) -> Labels {
    vec![("device", name.to_owned())]
}

fn instant_seconds(at: DateTime<Utc>) -> f64 {
    at.timestamp_millis() as f64 / 1000.0
}

/// A count, or an instant in seconds.
fn number(cell: &Cell) -> Option<f64> {
    match cell {
        Cell::Integer(count) => Some(*count as f64),
        Cell::Real(number) => Some(*number),
        Cell::Text(text) => text.parse().ok().map(instant_seconds),
        Cell::Null => None,
    }
}
