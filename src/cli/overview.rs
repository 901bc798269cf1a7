//! The status in tables and lines for people.

use super::service_database;
use super::spoken::Spoken;
use super::table::{table, text};
use crate::model::{AppId, Moment};
use crate::settings::Settings;
use crate::status::Status;
use crate::store::{Cell, Sheet};
use chrono::{DateTime, Utc};

/// Planned calls that are shown: who wants all of them reads the JSON.
const MOST_PLANNED: usize = 12;

/// The whole page.
pub(super) fn overview(status: &Status, settings: &Settings, now: &Moment) -> String {
    let page = Page { status, settings, spoken: Spoken { now: now.wall, timezone: settings.timezone } };
    let parts = [page.logins(), page.usage(), page.alerts(), page.next()];
    let head = format!(
        "{} at {} ({})",
        settings.database.path.display().to_string().replace(char::is_control, " "),
        page.spoken.time(now.wall),
        settings.timezone
    );
    let other = service_database(&settings.database.path).map_or_else(String::new, |other| format!("note: {other}\n"));
    format!("{head}\n{other}\n{}", parts.join("\n"))
}

struct Page<'a> {
    status: &'a Status,
    settings: &'a Settings,
    spoken: Spoken,
}

impl Page<'_> {
    fn logins(&self) -> String {
        let devices = &self.status.devices;
        if devices.rows.is_empty() {
            return "Logins: the settings name no [[devices]]\n".into();
        }
        let rows = devices.rows.iter().map(|row| {
            let when = |column| instant(devices, row, column).map_or_else(String::new, |at| self.spoken.both(at));
            let mut last = devices.text(row, "last_outcome").unwrap_or("never tried").to_owned();
            if let Some(at) = instant(devices, row, "last_attempt_at") {
                last += &format!(", {}", self.spoken.distance(at));
            }
            if let Some(error) = devices.text(row, "last_error") {
                last += &format!(": {error}");
            }
            let name = text(devices.cell(row, "device"));
            [name, self.key_state(row), when("renew_at"), when("relogin_due_at"), when("expires_at"), last]
        });
        let columns = ["device", "key", "renewal", "login due", "key dies", "last attempt"];
        format!("Logins\n{}", table(&sheet(&columns, rows.map(texts))))
    }

    fn key_state(&self, row: &[Cell]) -> String {
        let devices = &self.status.devices;
        let is_past = |column| instant(devices, row, column).map(|at| at <= self.spoken.now);
        let state = match is_past("expires_at") {
            None => "none",
            Some(true) => "dead",
            Some(false) if is_past("relogin_due_at") == Some(true) => "live, login overdue",
            Some(false) if is_past("renew_at") == Some(true) => "live, renewal due",
            Some(false) => "live",
        };
        state.into()
    }

    fn usage(&self) -> String {
        let apps = &self.status.apps;
        let (configured, sisters): (Vec<_>, Vec<_>) =
            apps.rows.iter().partition(|row| *apps.cell(row, "budget_left") != Cell::Null);
        let most = self.settings.pospal.calls_per_app_per_day;
        let rows = configured.into_iter().map(|row| {
            let seen = instant(apps, row, "observed_at").map_or("not asked yet".into(), |at| self.spoken.distance(at));
            let mut cells: Vec<_> = ["access_date", "used_times", "limit_times", "used_percent"]
                .map(|column| apps.cell(row, column).clone())
                .into();
            cells.insert(0, Cell::Text(self.name_of(apps.text(row, "app_id").unwrap_or_default())));
            cells.push(Cell::Text(seen));
            let calls = text(apps.cell(row, "calls_today"));
            cells.push(Cell::Text(format!("{calls} of {most}, {} left", text(apps.cell(row, "budget_left")))));
            cells
        });
        let columns = ["app", "day", "used", "limit", "percent", "seen", "calls spent today"];
        let mut part = match self.settings.apps.is_empty() {
            true => "Usage: the settings name no [[pospal.apps]]\n".to_owned(),
            false => format!("Usage\n{}", table(&sheet(&columns, rows))),
        };
        if !sisters.is_empty() {
            part += &format!("Sister stores seen in answers: {}; `poskeeper report usage_latest`\n", sisters.len());
        }
        part
    }

    fn alerts(&self) -> String {
        let alerts = &self.status.alerts;
        if alerts.rows.is_empty() {
            return "Open alerts: none\n".into();
        }
        let rows = alerts.rows.iter().map(|row| {
            let since = instant(alerts, row, "opened_at").map_or_else(String::new, |at| self.spoken.both(at));
            let cell = |column| text(alerts.cell(row, column));
            [cell("severity"), cell("rule"), cell("subject"), since, cell("message")]
        });
        let columns = ["severity", "alert", "subject", "opened", "message"];
        format!("Open alerts\n{}", table(&sheet(&columns, rows.map(texts))))
    }

    fn next(&self) -> String {
        let next = &self.status.next;
        if next.rows.is_empty() {
            return "Next calls: none planned\n".into();
        }
        let rows = next.rows.iter().take(MOST_PLANNED).map(|row| {
            let at = instant(next, row, "at").filter(|at| *at > self.spoken.now);
            let when = at.map_or_else(|| "due now".into(), |at| self.spoken.both(at));
            let subject = next.text(row, "subject").unwrap_or_default();
            let job = next.text(row, "job").unwrap_or_default();
            let subject = if job == "login" { subject.to_owned() } else { self.name_of(subject) };
            [job.to_owned(), subject, when]
        });
        let mut part = format!("Next calls\n{}", table(&sheet(&["job", "subject", "when"], rows.map(texts))));
        if next.rows.len() > MOST_PLANNED {
            part += &format!("and {} more\n", next.rows.len() - MOST_PLANNED);
        }
        part
    }

    /// The operator's name for an account.
    fn name_of(&self, app_id: &str) -> String {
        let id = AppId::parse(app_id);
        let app = self.settings.apps.iter().find(|app| Some(&app.app_id) == id.as_ref());
        app.map(|app| app.name.clone()).filter(|name| !name.is_empty()).unwrap_or_else(|| app_id.to_owned())
    }
}

fn instant(sheet: &Sheet, row: &[Cell], column: &str) -> Option<DateTime<Utc>> {
    sheet.text(row, column)?.parse().ok()
}

fn texts<const N: usize>(row: [String; N]) -> Vec<Cell> {
    row.map(Cell::Text).into()
}

fn sheet(columns: &[&str], rows: impl Iterator<Item = Vec<Cell>>) -> Sheet {
    Sheet { columns: columns.iter().map(|name| (*name).to_owned()).collect(), rows: rows.collect() }
}
