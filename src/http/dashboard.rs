//! `/`: the status as a page that renews itself.

use super::language::Lang;
use super::{Site, answer, remark};
use crate::clock;
use crate::model::Moment;
use crate::status::Status;
use crate::store::{Cell, Sheet, StoreError};
use axum::Extension;
use axum::body::Body;
use axum::http::{HeaderMap, HeaderValue, Response, StatusCode, Uri, header};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use chrono::{DateTime, Utc};
use chrono_tz::Tz;
use maud::{DOCTYPE, Markup, PreEscaped, html};
use sha2::{Digest, Sha256};
use std::sync::{Arc, LazyLock};

pub(super) const SCRIPT_PATH: &str = "/refresh.js";
const STYLE: &str = include_str!("dashboard.css");
const SCRIPT: &str = include_str!("refresh.js");

/// What the browser may do with any answer: this one style, this one script, and ask here again.
pub(super) fn policy() -> HeaderValue {
    static POLICY: LazyLock<HeaderValue> = LazyLock::new(|| {
        let style = STANDARD.encode(Sha256::digest(STYLE));
        let policy = format!(
            "default-src 'none'; style-src 'sha256-{style}'; script-src 'self'; connect-src 'self'; base-uri 'none'; \
             form-action 'none'; frame-ancestors 'none'"
        );
        HeaderValue::from_str(&policy).expect("made of ASCII")
    });
    POLICY.clone()
}

pub(super) async fn script() -> Response<Body> {
    answer(StatusCode::OK, "text/javascript; charset=utf-8", SCRIPT)
}

pub(super) async fn page(Extension(site): Extension<Arc<Site>>, uri: Uri, headers: HeaderMap) -> Response<Body> {
    let lang = Lang::wanted(&uri, &headers);
    match read(&site, &clock::now(), lang).await {
        Ok(page) => {
            let mut response = answer(StatusCode::OK, "text/html; charset=utf-8", page);
            response.headers_mut().insert(header::VARY, HeaderValue::from_static("accept-language"));
            response
        }
        Err(error) => remark(StatusCode::SERVICE_UNAVAILABLE, &error.to_string()),
    }
}

/// The whole page. Its `<main>` is what the script replaces; `#lost` and the two elements about renewing
/// are what the script relies on.
async fn read(site: &Site, now: &Moment, lang: Lang) -> Result<String, StoreError> {
    let status = Status::read(&site.plan, &site.store, now).await?;
    let view = View { status: &status, words: lang.words(), timezone: site.plan.timezone, now: now.wall };
    Ok(html! {
        (DOCTYPE)
        html lang=(lang.tag()) {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                title { (view.title()) }
                style { (PreEscaped(STYLE)) }
                script src=(SCRIPT_PATH) defer {}
                noscript { meta http-equiv="refresh" content="30"; }
            }
            body {
                p #lost role="alert" hidden { (view.words.lost) }
                main { (view.main()) }
            }
        }
    }
    .into_string())
}

/// The words of the page.
pub(super) struct Words {
    lost: &'static str,
    logins: [&'static str; 6],
    no_login: &'static str,
    key: [&'static str; 4],
    quota: [&'static str; 6],
    no_quota: &'static str,
    alerts: [&'static str; 5],
    no_alerts: &'static str,
    next: [&'static str; 4],
    due: &'static str,
    other: [&'static str; 2],
}

impl Lang {
    fn words(self) -> &'static Words {
        match self {
            Self::En => &Words {
                lost: "No answer from poskeeper: what follows may be out of date.",
                logins: ["Logins", "Device", "Key", "Renewal", "Key dies", "Last error"],
                no_login: "The settings name no device.",
                key: ["none", "dead", "live, login overdue", "live"],
                quota: ["Quota", "App", "Day", "Used of limit", "Seen", "Own calls today (left)"],
                no_quota: "The settings name no app.",
                alerts: ["Open alerts", "Alert", "Subject", "Since", "Message"],
                no_alerts: "None.",
                next: ["Next calls", "Job", "Subject", "At"],
                due: "now",
                other: ["?lang=zh", "中文"],
            },
            Self::Zh => &Words {
                lost: "poskeeper 没有响应：以下内容可能已过时。",
                logins: ["登录", "设备", "密钥", "续期时间", "密钥失效", "最近错误"],
                no_login: "设置中没有设备。",
                key: ["无", "已失效", "有效，登录已逾期", "有效"],
                quota: ["配额", "应用", "日期", "已用 / 上限", "确认时间", "今日自身调用（剩余）"],
                no_quota: "设置中没有应用。",
                alerts: ["未解决的告警", "告警", "对象", "开始时间", "内容"],
                no_alerts: "无。",
                next: ["下一次调用", "任务", "对象", "时间"],
                due: "现在",
                other: ["?lang=en", "English"],
            },
        }
    }
}

/// Planned calls that are shown.
const MOST_PLANNED: usize = 12;

struct View<'a> {
    status: &'a Status,
    words: &'static Words,
    timezone: Tz,
    now: DateTime<Utc>,
}

impl View<'_> {
    fn title(&self) -> String {
        match self.status.alerts.rows.len() {
            0 => "poskeeper".into(),
            open => format!("({open}) poskeeper"),
        }
    }

    fn main(&self) -> Markup {
        let [link, name] = self.words.other;
        html! {
            header {
                h1 { "poskeeper" }
                span.faint { (self.time(self.now)) " " (self.timezone) " · " a href=(link) { (name) } }
            }
            (section(self.words.alerts[0], self.alerts()))
            (section(self.words.quota[0], self.quota()))
            (section(self.words.logins[0], self.logins()))
            (section(self.words.next[0], self.next()))
        }
    }

    fn alerts(&self) -> Markup {
        let alerts = &self.status.alerts;
        let text = |row: &[Cell], column| alerts.text(row, column).unwrap_or_default().to_owned();
        html! {
            @if alerts.rows.is_empty() { p { (self.words.no_alerts) } } @else {
                table {
                    (heads(&self.words.alerts[1..]))
                    @for row in &alerts.rows {
                        tr {
                            td class=(text(row, "severity")) { (text(row, "rule")) }
                            td { (text(row, "subject")) }
                            (self.time_cell(alerts, row, "opened_at"))
                            td { (text(row, "message")) }
                        }
                    }
                }
            }
        }
    }

    fn quota(&self) -> Markup {
        let apps = &self.status.apps;
        let whole = |row: &[Cell], column| match apps.cell(row, column) {
            Cell::Integer(count) => Some(*count),
            _ => None,
        };
        html! {
            @if apps.rows.is_empty() { p { (self.words.no_quota) } } @else {
                table {
                    (heads(&self.words.quota[1..]))
                    @for row in &apps.rows {
                        @let name = apps.text(row, "app_name").filter(|name| !name.is_empty()).or(apps.text(row, "app_id"));
                        tr {
                            td title=[apps.text(row, "app_id")] { (name.unwrap_or_default()) }
                            td.time { (apps.text(row, "access_date").unwrap_or("–")) }
                            td {
                                @if let (Some(used), Some(limit)) = (whole(row, "used_times"), whole(row, "limit_times")) {
                                    (bar(used, limit))
                                }
                            }
                            (self.time_cell(apps, row, "observed_at"))
                            td.number {
                                (whole(row, "calls_today").unwrap_or_default())
                                @if let Some(left) = whole(row, "budget_left") { " (" (left) ")" }
                            }
                        }
                    }
                }
            }
        }
    }

    fn logins(&self) -> Markup {
        let devices = &self.status.devices;
        html! {
            @if devices.rows.is_empty() { p { (self.words.no_login) } } @else {
                table {
                    (heads(&self.words.logins[1..]))
                    @for row in &devices.rows {
                        tr {
                            td { (devices.text(row, "device").unwrap_or_default()) }
                            (self.key_state(row))
                            (self.time_cell(devices, row, "renew_at"))
                            (self.time_cell(devices, row, "expires_at"))
                            td { (devices.text(row, "last_error").unwrap_or_default()) }
                        }
                    }
                }
            }
        }
    }

    fn key_state(&self, row: &[Cell]) -> Markup {
        let devices = &self.status.devices;
        let is_past = |column| instant(devices, row, column).map(|at| at <= self.now);
        let [none, dead, overdue, live] = self.words.key;
        let (class, word) = match is_past("expires_at") {
            None => ("error", none),
            Some(true) => ("error", dead),
            Some(false) if is_past("relogin_due_at") == Some(true) => ("warning", overdue),
            Some(false) => ("", live),
        };
        html! { td class=(class) { (word) } }
    }

    fn next(&self) -> Markup {
        let next = &self.status.next;
        html! {
            table {
                (heads(&self.words.next[1..]))
                @for row in next.rows.iter().take(MOST_PLANNED) {
                    tr {
                        td { (next.text(row, "job").unwrap_or_default()) }
                        td { (next.text(row, "subject").unwrap_or_default()) }
                        @if instant(next, row, "at").is_some_and(|at| at > self.now) {
                            (self.time_cell(next, row, "at"))
                        } @else {
                            td.time { (self.words.due) }
                        }
                    }
                }
            }
        }
    }

    fn time_cell(&self, sheet: &Sheet, row: &[Cell], column: &str) -> Markup {
        html! { td.time { @if let Some(at) = instant(sheet, row, column) { (self.time(at)) } @else { "–" } } }
    }

    fn time(&self, at: DateTime<Utc>) -> Markup {
        let text = at.with_timezone(&self.timezone).format("%Y-%m-%d %H:%M:%S").to_string();
        html! { time datetime=(at.to_rfc3339()) { (text) } }
    }
}

fn section(title: &str, content: Markup) -> Markup {
    html! { section { h2 { (title) } div.scroll { (content) } } }
}

fn heads(names: &[&str]) -> Markup {
    html! { tr { @for name in names { th scope="col" { (name) } } } }
}

fn bar(used: i64, limit: i64) -> Markup {
    let high = limit.saturating_mul(8) / 10;
    html! {
        meter min="0" max=(limit.max(1)) high=(high) optimum="0" value=(used) {}
        div { (used) " / " (limit) }
    }
}

fn instant(sheet: &Sheet, row: &[Cell], column: &str) -> Option<DateTime<Utc>> {
    sheet.text(row, column)?.parse().ok()
}
