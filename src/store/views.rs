//! The views of the public contract, and what their rows can be picked by.

use chrono::NaiveDate;

/// A view of contract section 4.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct View {
    /// Its name.
    pub name: &'static str,
    /// The column that `--from` and `--to` act on.
    pub date_column: Option<DateColumn>,
    /// The column that `--app` acts on.
    pub app_column: Option<&'static str>,
    /// How its rows are sorted.
    pub(super) order: &'static str,
}

/// A column with days or times.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DateColumn {
    /// `YYYY-MM-DD` in the vendor's calendar.
    Day(&'static str),
    /// UTC text.
    Time(&'static str),
}

const fn view(
    name: &'static str,
    date_column: Option<DateColumn>,
    app_column: Option<&'static str>,
    order: &'static str,
) -> View {
    View { name, date_column, app_column, order }
}

use DateColumn::{Day, Time};

/// All views, in the contract's order.
pub const VIEWS: [View; 11] = [
    view("apps", Some(Time("first_seen_at")), Some("app_id"), "configured DESC, app_id"),
    view("usage_daily", Some(Day("access_date")), Some("app_id"), "access_date, app_id"),
    view("usage_latest", Some(Day("access_date")), Some("app_id"), "app_id"),
    view("usage_samples", Some(Day("access_date")), Some("app_id"), "app_id, access_date, observed_at"),
    view("usage_gaps", Some(Day("access_date")), Some("app_id"), "app_id, access_date"),
    view("packages", Some(Time("first_seen_at")), Some("app_id"), "app_id, start_date, first_seen_at"),
    view("logins", Some(Time("attempted_at")), None, "attempted_at, device"),
    view("login_status", None, None, "device"),
    view("calls", Some(Day("vendor_date")), None, "started_at"),
    view("calls_daily", Some(Day("vendor_date")), Some("app_id"), "vendor_date, app_id"),
    view("alerts", Some(Time("opened_at")), None, "opened_at, rule, subject"),
];

/// Which rows of a view. Days are of the vendor's calendar, both included.
#[derive(Debug, Clone, Default)]
pub struct Filter {
    /// First day.
    pub from: Option<NaiveDate>,
    /// Last day.
    pub to: Option<NaiveDate>,
    /// These accounts, in any letter case.
    pub app_ids: Option<Vec<String>>,
}

/// A filter that a view has no column for.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("the view {view} has no column that {option} could act on")]
pub struct ViewError {
    /// Which view.
    pub view: &'static str,
    /// Which option.
    pub option: &'static str,
}

impl View {
    /// The view of that name.
    pub fn named(name: &str) -> Option<Self> {
        VIEWS.into_iter().find(|view| view.name == name)
    }

    /// Whether the view has the columns that `filter` acts on.
    ///
    /// # Errors
    /// Names the first option that it has no column for.
    pub fn accepts(&self, filter: &Filter) -> Result<(), ViewError> {
        let error = |option| Err(ViewError { view: self.name, option });
        match self.date_column {
            None if filter.from.is_some() => error("--from"),
            None if filter.to.is_some() => error("--to"),
            _ if self.app_column.is_none() && filter.app_ids.is_some() => error("--app"),
            _ => Ok(()),
        }
    }
}
