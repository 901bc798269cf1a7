//! How everything stands, read from the database alone: for `poskeeper status` and the HTTP port.

use crate::model::{AppId, Endpoint, Moment, day_of, instant_text};
use crate::rules::agenda::PollPlan;
use crate::rules::budget::spent_today;
use crate::rules::polling::Due;
use crate::store::{Cell, Filter, Sheet, Store, StoreError, View};
use chrono::TimeDelta;
use chrono_tz::Tz;
use std::collections::HashMap;

/// What the settings say about it.
#[derive(Debug, Clone)]
pub struct StatusPlan {
    /// The vendor's calendar.
    pub timezone: Tz,
    /// Their names.
    pub devices: Vec<String>,
    /// The configured accounts and their names.
    pub apps: Vec<(AppId, String)>,
    /// Ceiling of requests per account and vendor day.
    pub calls_per_app_per_day: u32,
    /// Which endpoints are polled, and when.
    pub polls: PollPlan,
    /// Sister stores, too; there may be thousands.
    pub sisters: bool,
}

/// Rows of views, some with more columns.
#[derive(Debug)]
pub struct Status {
    /// `login_status`
    pub devices: Sheet,
    /// `usage_latest` with `calls_today` and `budget_left`; those of the settings first.
    pub apps: Sheet,
    /// `alerts`, as far as they are open.
    pub alerts: Sheet,
    /// `job`, `subject`, `at`; soonest first.
    pub next: Sheet,
}

impl Status {
    /// Reads it all.
    ///
    /// # Errors
    /// The database cannot be read.
    pub async fn read(plan: &StatusPlan, store: &Store, now: &Moment) -> Result<Self, StoreError> {
        let reading = Reading { plan, store, now };
        let devices = reading.devices().await?;
        let next = reading.next(&devices).await?;
        Ok(Self { devices, apps: reading.apps().await?, alerts: reading.alerts().await?, next })
    }
}

struct Reading<'a> {
    plan: &'a StatusPlan,
    store: &'a Store,
    now: &'a Moment,
}

impl Reading<'_> {
    async fn view(&self, name: &str, filter: &Filter) -> Result<Sheet, StoreError> {
        match View::named(name) {
            Some(view) => self.store.read_view(view, filter, self.plan.timezone).await,
            None => Ok(Sheet::default()),
        }
    }

    async fn alerts(&self) -> Result<Sheet, StoreError> {
        let mut alerts = self.view("alerts", &Filter::default()).await?;
        let resolved: Vec<_> = alerts.rows.iter().map(|row| *alerts.cell(row, "resolved_at") != Cell::Null).collect();
        let mut resolved = resolved.into_iter();
        alerts.rows.retain(|_| !resolved.next().unwrap_or(false));
        Ok(alerts)
    }

    /// `login_status`, and the devices that the daemon has not met yet.
    async fn devices(&self) -> Result<Sheet, StoreError> {
        let mut sheet = self.view("login_status", &Filter::default()).await?;
        for device in &self.plan.devices {
            if !sheet.rows.iter().any(|row| sheet.text(row, "device") == Some(device)) {
                let name = Cell::Text(device.clone());
                sheet.rows.push(row_of(&sheet.columns, &[("device", name)]));
            }
        }
        Ok(sheet)
    }

    /// `usage_latest`, as far as it is wanted.
    async fn latest(&self) -> Result<Sheet, StoreError> {
        if self.plan.sisters {
            return self.view("usage_latest", &Filter::default()).await;
        }
        let app_ids = self.plan.apps.iter().map(|(app_id, _)| app_id.as_str().to_owned()).collect();
        self.view("usage_latest", &Filter { app_ids: Some(app_ids), ..Filter::default() }).await
    }

    /// `usage_latest`, and the accounts of the settings that have no usage yet.
    async fn apps(&self) -> Result<Sheet, StoreError> {
        let latest = self.latest().await?;
        let known = self.store.apps().await?;
        let calls_today = self.calls_today().await?;
        let calls_of = |app_id: Option<&AppId>| {
            Cell::Integer(app_id.and_then(|app_id| calls_today.get(app_id)).copied().unwrap_or_default())
        };
        let id_of = |row: &[Cell]| latest.text(row, "app_id").and_then(AppId::parse);
        let mut rows: HashMap<_, _> = latest.rows.iter().filter_map(|row| Some((id_of(row)?, row.clone()))).collect();
        let mut sheet = Sheet { columns: latest.columns.clone(), rows: Vec::new() };
        let most = self.plan.calls_per_app_per_day;
        let witnesses = self.store.newest_dates().await?;
        let keys: Vec<_> = self.plan.apps.iter().filter_map(|(app_id, _)| Some(known.get(app_id)?.app_key)).collect();
        let newest_calls = self.store.newest_calls(&keys, most).await?;
        for (app_id, name) in &self.plan.apps {
            let mut row = rows.remove(app_id).unwrap_or_else(|| {
                let id = Cell::Text(app_id.as_str().to_owned());
                row_of(&latest.columns, &[("app_id", id), ("app_name", Cell::Text(name.clone()))])
            });
            let newest = known.get(app_id).and_then(|known| newest_calls.get(&known.app_key));
            let spent = newest.map_or(0, |newest| spent_today(self.now, self.plan.timezone, newest, &witnesses));
            row.push(calls_of(Some(app_id)));
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
    async fn calls_today(&self) -> Result<HashMap<AppId, i64>, StoreError> {
        let today = Some(day_of(self.now.wall, self.plan.timezone));
        let sheet = self.view("calls_daily", &Filter { from: today, to: today, app_ids: None }).await?;
        let counts = sheet.rows.iter().filter_map(|row| match sheet.cell(row, "calls") {
            Cell::Integer(calls) => Some((AppId::parse(sheet.text(row, "app_id")?)?, *calls)),
            _ => None,
        });
        Ok(counts.collect())
    }

    /// What the daemon does next, by the same rules; the random delay of a poll is the daemon's own, so
    /// these are the earliest times.
    async fn next(&self, devices: &Sheet) -> Result<Sheet, StoreError> {
        let now = self.now;
        let mut planned: Vec<(String, Endpoint, String)> = Vec::new();
        for row in &devices.rows {
            let at = devices.text(row, "renew_at").map_or_else(|| instant_text(now.wall), str::to_owned);
            planned.push((at, Endpoint::Login, devices.text(row, "device").unwrap_or_default().to_owned()));
        }
        let plan = PollPlan { splay: TimeDelta::zero(), ..self.plan.polls.clone() };
        let known = self.store.apps().await?;
        let states = self.store.poll_states().await?;
        for (app_id, _) in &self.plan.apps {
            // In the spelling of the other rows.
            let spelt = known.spelling(app_id).unwrap_or(app_id);
            for endpoint in [Endpoint::AccessConfig, Endpoint::DailyAccess] {
                let state = known.get(app_id).and_then(|known| states.get(&(known.app_key, endpoint)));
                let at = match plan.due(now, app_id, endpoint, &state.cloned().unwrap_or_default()) {
                    Due::Now(_) => now.wall,
                    Due::At(at) => at,
                    Due::Never => continue,
                };
                planned.push((instant_text(at), endpoint, spelt.as_str().to_owned()));
            }
        }
        planned.sort();
        let row = |(at, endpoint, subject): (String, Endpoint, String)| {
            vec![Cell::Text(endpoint.name().into()), Cell::Text(subject), Cell::Text(at)]
        };
        let columns = ["job", "subject", "at"].map(str::to_owned).to_vec();
        Ok(Sheet { columns, rows: planned.into_iter().map(row).collect() })
    }
}

/// A row with nothing in it but these.
fn row_of(columns: &[String], given: &[(&str, Cell)]) -> Vec<Cell> {
    let value = |column: &String| given.iter().find(|(name, _)| name == column).map(|(_, cell)| cell.clone());
    columns.iter().map(|column| value(column).unwrap_or(Cell::Null)).collect()
}
