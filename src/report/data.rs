//! What the report tells, as plain values: no markup, no SQL.

use super::span::Span;
use crate::store::{AppHistory, DeviceHistory, OpenAlert, PackageRow, UsageDay, UsagePoint};
use chrono::{DateTime, NaiveDate, Utc};
use chrono_tz::Tz;
use std::collections::BTreeMap;

/// Everything on the page.
#[derive(Debug, Clone)]
pub struct Report {
    /// The days that it covers.
    pub span: Span,
    /// Those of them that the call ledger reaches back to: calls and logins are kept for a time only.
    pub ledger_span: Span,
    /// When it was made.
    pub now: DateTime<Utc>,
    /// The vendor's calendar.
    pub timezone: Tz,
    /// Accounts: configured ones first, then sister stores.
    pub apps: Vec<App>,
    /// poskeeper's own calls per day, all accounts together.
    pub spending: Vec<SpentDay>,
    /// Devices that the settings name.
    pub devices: Vec<DeviceHistory>,
    /// Errors first.
    pub alerts: Vec<OpenAlert>,
}

/// One account.
#[derive(Debug, Clone)]
pub struct App {
    /// Who.
    pub known: AppHistory,
    /// Days with a row, in order.
    pub days: Vec<UsageDay>,
    /// Runs of days without one: first and last day of each.
    pub gaps: Vec<(NaiveDate, NaiveDate)>,
    /// What was seen within the last day of the span.
    pub curve: Vec<UsagePoint>,
    /// When that day's limit will be reached, if the day goes on like this; drawn where it is known.
    pub forecast: Option<DateTime<Utc>>,
    /// All that were ever listed.
    pub packages: Vec<PackageRow>,
    /// Calls of poskeeper's own.
    pub spent: Spent,
}

/// Calls of poskeeper's own.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Spent {
    /// All of them.
    pub calls: i64,
    /// Those that brought nothing.
    pub failed: i64,
}

/// Calls of poskeeper's own on one day.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SpentDay {
    /// In the vendor's calendar.
    pub day: NaiveDate,
    /// How many.
    pub spent: Spent,
}

/// All accounts together on one day.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ChainDay {
    /// Calls made.
    pub used: i64,
    /// Calls allowed.
    pub limit: i64,
    /// Accounts that used up their limit.
    pub exhausted: i64,
}

/// Whether a day used up its limit.
pub fn is_exhausted(day: &UsageDay) -> bool {
    day.limit > 0 && day.used >= day.limit
}

/// Share of the limit that a day used, in per cent; 0 where there is no limit.
pub fn percent(day: &UsageDay) -> f64 {
    if day.limit > 0 { 100.0 * day.used as f64 / day.limit as f64 } else { 0.0 }
}

/// The sum. A vendor may send any number; even the largest is no reason to fail.
pub(super) fn total(values: impl Iterator<Item = i64>) -> i64 {
    values.fold(0, i64::saturating_add)
}

impl App {
    /// The operator's name, else the vendor's id.
    pub fn label(&self) -> &str {
        self.known.app_name.as_deref().filter(|name| !name.is_empty()).unwrap_or(&self.known.app_id)
    }

    /// The row of a day.
    pub fn on(&self, day: NaiveDate) -> Option<&UsageDay> {
        self.days.binary_search_by_key(&day, |row| row.day).ok().map(|index| &self.days[index])
    }

    /// Calls made in the span.
    pub fn used(&self) -> i64 {
        total(self.days.iter().map(|day| day.used))
    }

    /// Days that used up their limit.
    pub fn exhausted_days(&self) -> usize {
        self.days.iter().filter(|day| is_exhausted(day)).count()
    }

    /// Days without a row between days with one.
    pub fn gap_days(&self) -> i64 {
        self.gaps.iter().map(|(first, last)| (*last - *first).num_days() + 1).sum()
    }

    /// The day that used the largest share of its limit.
    pub fn peak(&self) -> Option<&UsageDay> {
        self.days.iter().max_by(|a, b| percent(a).total_cmp(&percent(b)))
    }

    /// Average share of the limit, in per cent; nothing where there is no day.
    pub fn mean_percent(&self) -> Option<f64> {
        let sum: f64 = self.days.iter().map(percent).sum();
        (!self.days.is_empty()).then(|| sum / self.days.len() as f64)
    }
}

impl Report {
    /// Accounts by how much of their limit they use: most exhausted days first.
    pub fn ranking(&self) -> Vec<&App> {
        let mut ranked: Vec<_> =
            self.apps.iter().map(|app| (app.exhausted_days(), app.mean_percent().unwrap_or(-1.0), app)).collect();
        ranked.sort_by(|a, b| b.0.cmp(&a.0).then(b.1.total_cmp(&a.1)));
        ranked.into_iter().map(|(_, _, app)| app).collect()
    }

    /// All accounts together, per day.
    pub fn chain(&self) -> BTreeMap<NaiveDate, ChainDay> {
        let mut chain: BTreeMap<NaiveDate, ChainDay> = BTreeMap::new();
        for day in self.apps.iter().flat_map(|app| &app.days) {
            let sum = chain.entry(day.day).or_default();
            sum.used = sum.used.saturating_add(day.used);
            sum.limit = sum.limit.saturating_add(day.limit);
            sum.exhausted += i64::from(is_exhausted(day));
        }
        chain
    }
}
