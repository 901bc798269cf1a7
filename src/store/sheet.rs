//! Rows of a view, read for `report` and `status`.

use super::database::Store;
use super::error::StoreError;
use super::views::DateColumn::{Day, Time};
use super::views::{Filter, View};
use crate::model::{instant_text, start_of};
use chrono::Datelike;
use chrono_tz::Tz;
use serde::Serialize;
use sqlx::sqlite::SqliteRow;
use sqlx::{QueryBuilder, Row, Sqlite, TypeInfo, ValueRef};

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
