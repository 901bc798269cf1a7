//! `poskeeper status`: how everything stands, read from the database alone.

use super::failure::Failure;
use super::objects::{Objects, json};
use super::overview::overview;
use super::{Place, output};
use crate::clock;
use crate::daemon::poll_plan;
use crate::model::{AppId, Endpoint, Moment, day_of};
use crate::rules::agenda::PollPlan;
use crate::rules::budget::spent_today;
use crate::rules::polling::Due;
use crate::settings::Settings;
use crate::store::{Cell, Filter, Sheet, Store, StoreError, View, instant_text};
use chrono::TimeDelta;
use serde::Serialize;
use std::collections::HashMap;

#[derive(Debug, clap::Args)]
pub(super) struct Options {
    /// One JSON object: devices, apps, alerts, next
    #[arg(long)]
    json: bool,
}

/// Rows of views, some with more columns.
pub(super) struct Status {
    /// `login_status`
    pub(super) devices: Sheet,
    /// `usage_latest` with `calls_today` and `budget_left`; those of the settings first.
    pub(super) apps: Sheet,
    /// `alerts`, as far as they are open.
    pub(super) alerts: Sheet,
    /// `job`, `subject`, `at`; soonest first.
    pub(super) next: Sheet,
}

pub(super) async fn run(place: &Place, options: &Options) -> Result<(), Failure> {
    let settings = place.settings()?;
    let store = place.database(&settings).await?;
    let now = clock::now();
    let status = Status::read(&settings, &store, &now).await.map_err(Failure::failed)?;
    let text = if options.json {
        json(&status.object()).map_err(Failure::failed)?
    } else {
        overview(&status, &settings, &now)
    };
    output::print(&text)
}

#[derive(Serialize)]
struct StatusObject<'a> {
    devices: Objects<'a>,
    apps: Objects<'a>,
    alerts: Objects<'a>,
    next: Objects<'a>,
}

impl Status {
    pub(super) async fn read(settings: &Settings, store: &Store, now: &Moment) -> Result<Self, StoreError> {
        let devices = devices(settings, store).await?;
        let next = next(settings, store, now, &devices).await?;
        let mut alerts = whole(store, settings, "alerts").await?;
        let resolved: Vec<_> = alerts.rows.iter().map(|row| *alerts.cell(row, "resolved_at") != Cell::Null).collect();
        let mut resolved = resolved.into_iter();
        alerts.rows.retain(|_| !resolved.next().unwrap_or(false));
        Ok(Self { devices, apps: apps(settings, store, now).await?, alerts, next })
    }

    fn object(&self) -> StatusObject<'_> {
        StatusObject {
            devices: Objects(&self.devices),
            apps: Objects(&self.apps),
            alerts: Objects(&self.alerts),
            next: Objects(&self.next),
        }
    }
}

async fn whole(store: &Store, settings: &Settings, view: &str) -> Result<Sheet, StoreError> {
    match View::named(view) {
        Some(view) => store.read_view(view, &Filter::default(), settings.timezone).await,
        None => Ok(Sheet::default()),
    }
}

/// `login_status`, and the devices that the daemon has not met yet.
async fn devices(settings: &Settings, store: &Store) -> Result<Sheet, StoreError> {
    let mut sheet = whole(store, settings, "login_status").await?;
    for device in &settings.devices {
        if !sheet.rows.iter().any(|row| sheet.text(row, "device") == Some(&device.name)) {
            let name = Cell::Text(device.name.clone());
            sheet.rows.push(row_of(&sheet.columns, &[("device", name)]));
        }
    }
    Ok(sheet)
}

/// `usage_latest`, and the accounts of the settings that have no usage yet.
async fn apps(settings: &Settings, store: &Store, now: &Moment) -> Result<Sheet, StoreError> {
    let latest = whole(store, settings, "usage_latest").await?;
    let known = store.apps().await?;
    let calls_today = calls_today(settings, store, now).await?;
    let calls_of = |app_id: Option<&AppId>| {
        Cell::Integer(app_id.and_then(|app_id| calls_today.get(app_id)).copied().unwrap_or_default())
    };
    let id_of = |row: &[Cell]| latest.text(row, "app_id").and_then(AppId::parse);
    let mut rows: HashMap<_, _> = latest.rows.iter().filter_map(|row| Some((id_of(row)?, row.clone()))).collect();
    let mut sheet = Sheet { columns: latest.columns.clone(), rows: Vec::new() };
    let most = settings.pospal.calls_per_app_per_day;
    for app in &settings.apps {
        let mut row = rows.remove(&app.app_id).unwrap_or_else(|| {
            let id = Cell::Text(app.app_id.as_str().to_owned());
            row_of(&latest.columns, &[("app_id", id), ("app_name", Cell::Text(app.name.clone()))])
        });
        let spent = match known.get(&app.app_id) {
            Some(known) => spent_today(now, settings.timezone, &store.newest_calls(known.app_key, most).await?),
            None => 0,
        };
        row.push(calls_of(Some(&app.app_id)));
        row.push(Cell::Integer(most.saturating_sub(spent).into()));
        sheet.rows.push(row);
    }
    // The sisters, in the view's order.
    for row in &latest.rows {
        let app_id = id_of(row);
        if let Some(mut row) = app_id.as_ref().and_then(|app_id| rows.remove(app_id)) {
            row.extend([calls_of(app_id.as_ref()), Cell::Null]);
            sheet.rows.push(row);
        }
    }
    sheet.columns.extend(["calls_today".to_owned(), "budget_left".to_owned()]);
    Ok(sheet)
}

/// Rows of the ledger on the vendor's today.
async fn calls_today(settings: &Settings, store: &Store, now: &Moment) -> Result<HashMap<AppId, i64>, StoreError> {
    let Some(view) = View::named("calls_daily") else { return Ok(HashMap::new()) };
    let today = Some(day_of(now.wall, settings.timezone));
    let filter = Filter { from: today, to: today, app_id: None };
    let sheet = store.read_view(view, &filter, settings.timezone).await?;
    let counts = sheet.rows.iter().filter_map(|row| match sheet.cell(row, "calls") {
        Cell::Integer(calls) => Some((AppId::parse(sheet.text(row, "app_id")?)?, *calls)),
        _ => None,
    });
    Ok(counts.collect())
}

/// What the daemon does next, by the same rules; the random delay of a poll is the daemon's own, so
/// these are the earliest times.
async fn next(settings: &Settings, store: &Store, now: &Moment, devices: &Sheet) -> Result<Sheet, StoreError> {
    let mut planned: Vec<(String, Endpoint, String)> = Vec::new();
    for row in &devices.rows {
        let at = devices.text(row, "renew_at").map_or_else(|| instant_text(now.wall), str::to_owned);
        planned.push((at, Endpoint::Login, devices.text(row, "device").unwrap_or_default().to_owned()));
    }
    let plan = PollPlan { splay: TimeDelta::zero(), ..poll_plan(settings) };
    let known = store.apps().await?;
    let states = store.poll_states().await?;
    for app in &settings.apps {
        // In the spelling of the other rows.
        let app_id = known.get_key_value(&app.app_id).map_or(&app.app_id, |(app_id, _)| app_id);
        for endpoint in [Endpoint::AccessConfig, Endpoint::DailyAccess] {
            let state = known.get(&app.app_id).and_then(|known| states.get(&(known.app_key, endpoint)));
            let at = match plan.due(now, &app.app_id, endpoint, &state.cloned().unwrap_or_default()) {
                Due::Now(_) => now.wall,
                Due::At(at) => at,
                Due::Never => continue,
            };
            planned.push((instant_text(at), endpoint, app_id.as_str().to_owned()));
        }
    }
    planned.sort();
    let row = |(at, endpoint, subject): (String, Endpoint, String)| {
        vec![Cell::Text(endpoint.name().into()), Cell::Text(subject), Cell::Text(at)]
    };
    let columns = ["job", "subject", "at"].map(str::to_owned).to_vec();
    Ok(Sheet { columns, rows: planned.into_iter().map(row).collect() })
}

/// A row with nothing in it but these.
fn row_of(columns: &[String], given: &[(&str, Cell)]) -> Vec<Cell> {
    let value = |column: &String| given.iter().find(|(name, _)| name == column).map(|(_, cell)| cell.clone());
    columns.iter().map(|column| value(column).unwrap_or(Cell::Null)).collect()
}
