//! Reads the views of the public contract, for `report` and `status`.

use super::database::{Store, StoreError};
use crate::model::{instant_text, start_of};
use chrono::{Datelike, NaiveDate};
use chrono_tz::Tz;
use serde::Serialize;
use sqlx::sqlite::SqliteRow;
use sqlx::{QueryBuilder, Row, Sqlite, TypeInfo, ValueRef};

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
    order: &'static str,
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

/// Rows of a view.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Sheet {
    /// Names, in the contract's order.
    pub columns: Vec<String>,
    /// One value per column.
    pub rows: Vec<Vec<Cell>>,
}

/// A value of a view.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(untagged)]
pub enum Cell {
    /// Nothing known.
    Null,
    /// A count, or 0 and 1.
    Integer(i64),
    /// A percentage or hours.
    Real(f64),
    /// All else.
    Text(String),
}

impl Sheet {
    /// The value in a column of one of its rows; nothing where there is no such column.
    pub fn cell<'a>(&self, row: &'a [Cell], column: &str) -> &'a Cell {
        let index = self.columns.iter().position(|name| name == column);
        index.and_then(|index| row.get(index)).unwrap_or(&Cell::Null)
    }

    /// The same, if it is text.
    pub fn text<'a>(&self, row: &'a [Cell], column: &str) -> Option<&'a str> {
        match self.cell(row, column) {
            Cell::Text(text) => Some(text),
            _ => None,
        }
    }
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

impl Store {
    /// Reads a view. Call [`View::accepts`] first: a filter without a column is ignored here.
    ///
    /// # Errors
    /// The database cannot be read.
    pub async fn read_view(&self, view: View, filter: &Filter, timezone: Tz) -> Result<Sheet, StoreError> {
        let columns = sqlx::query_scalar("SELECT name FROM pragma_table_info(?) ORDER BY cid")
            .bind(view.name)
            .fetch_all(self.pool())
            .await?;
        let mut query = QueryBuilder::<Sqlite>::new("SELECT * FROM ");
        query.push(view.name).push(" WHERE true");
        match view.date_column {
            Some(Day(column)) => {
                if let Some(from) = filter.from {
                    query.push(" AND ").push(column).push(" >= ").push_bind(from.to_string());
                }
                if let Some(to) = filter.to {
                    query.push(" AND ").push(column).push(" <= ").push_bind(to.to_string());
                }
            }
            Some(Time(column)) => {
                if let Some(from) = filter.from {
                    query.push(" AND ").push(column).push(" >= ").push_bind(instant_text(start_of(from, timezone)));
                }
                // Text is compared, which holds for years of four digits; no row is newer than those.
                if let Some(end) = filter.to.and_then(|to| to.succ_opt()).filter(|end| end.year() <= 9999) {
                    query.push(" AND ").push(column).push(" < ").push_bind(instant_text(start_of(end, timezone)));
                }
            }
            None => {}
        }
        if let (Some(column), Some(app_ids)) = (view.app_column, &filter.app_ids) {
            let app_ids = serde_json::to_string(app_ids).unwrap_or_default();
            query.push(" AND ").push(column).push(" IN (SELECT value FROM json_each(").push_bind(app_ids).push("))");
        }
        query.push(" ORDER BY ").push(view.order);
        let rows = query.build().fetch_all(self.pool()).await?;
        Ok(Sheet { columns, rows: rows.iter().map(cells).collect::<Result<_, _>>()? })
    }
}

fn cells(row: &SqliteRow) -> Result<Vec<Cell>, sqlx::Error> {
    (0..row.len())
        .map(|index| {
            let value = row.try_get_raw(index)?;
            if value.is_null() {
                return Ok(Cell::Null);
            }
            Ok(match value.type_info().name() {
                "INTEGER" | "BOOLEAN" => Cell::Integer(row.try_get_unchecked(index)?),
                "REAL" => Cell::Real(row.try_get_unchecked(index)?),
                _ => Cell::Text(row.try_get_unchecked(index)?),
            })
        })
        .collect()
}
