//! `poskeeper report`: a view of the database, whole or filtered.

use super::failure::Failure;
use super::objects::{Objects, json};
use super::table::table;
use super::{Place, output};
use crate::store::{Cell, Filter, Sheet, VIEWS, View};
use chrono::NaiveDate;
use clap::builder::PossibleValuesParser;

#[derive(Debug, clap::Args)]
pub(super) struct Options {
    /// Which view of the database
    #[arg(value_name = "NAME", value_parser = PossibleValuesParser::new(VIEWS.map(|view| view.name)))]
    name: String,
    /// First day (YYYY-MM-DD, in the vendor's calendar)
    #[arg(long, value_name = "DAY", value_parser = day)]
    from: Option<NaiveDate>,
    /// Last day
    #[arg(long, value_name = "DAY", value_parser = day)]
    to: Option<NaiveDate>,
    /// Only this app
    #[arg(long, value_name = "APP_ID")]
    app: Option<String>,
    /// How the rows are written
    #[arg(long, value_enum, default_value_t = Format::Table)]
    format: Format,
}

#[derive(Debug, Clone, Copy, clap::ValueEnum)]
enum Format {
    /// For people, as wide as the terminal
    Table,
    /// With a header row; nothing known: an empty field
    Csv,
    /// An array of objects; nothing known: null
    Json,
}

pub(super) async fn run(place: &Place, options: &Options) -> Result<(), Failure> {
    let view = View::named(&options.name).ok_or_else(|| Failure::Usage(format!("no view {:?}", options.name)))?;
    if let (Some(from), Some(to)) = (options.from, options.to)
        && from > to
    {
        return Err(Failure::Usage(format!("--from {from} lies after --to {to}")));
    }
    let app_id = options.app.as_ref().map(|app_id| app_id.trim().to_owned());
    let filter = Filter { from: options.from, to: options.to, app_id };
    view.accepts(&filter).map_err(|error| Failure::Usage(error.to_string()))?;
    let settings = place.settings()?;
    let store = place.database(&settings).await?;
    let sheet = store.read_view(view, &filter, settings.timezone).await.map_err(Failure::failed)?;
    output::print(&match options.format {
        Format::Table => table(&sheet),
        Format::Csv => csv(&sheet).map_err(Failure::failed)?,
        Format::Json => json(&Objects(&sheet)).map_err(Failure::failed)?,
    })
}

/// Four digits of the year: days are compared as text.
fn day(text: &str) -> Result<NaiveDate, String> {
    let day = if text.len() == 10 { text.parse().ok() } else { None };
    day.ok_or_else(|| "write a day as YYYY-MM-DD".into())
}

/// A header row and the values as they are.
fn csv(sheet: &Sheet) -> csv::Result<String> {
    let mut writer = csv::Writer::from_writer(Vec::new());
    writer.write_record(&sheet.columns)?;
    for row in &sheet.rows {
        let fields = row.iter().map(|cell| match cell {
            Cell::Null => String::new(),
            Cell::Integer(number) => number.to_string(),
            Cell::Real(number) => number.to_string(),
            Cell::Text(text) => text.clone(),
        });
        writer.write_record(fields)?;
    }
    let bytes = writer.into_inner().map_err(|error| error.into_error())?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_comes_out_of_csv_as_it_went_in() {
        let name = "=Café \"店\", ground floor\nback room";
        let sheet = Sheet {
            columns: vec!["app_name".into(), "used".into()],
            rows: vec![vec![Cell::Text(name.into()), Cell::Null]],
        };
        let text = csv(&sheet).expect("CSV");
        let mut reader = csv::Reader::from_reader(text.as_bytes());
        let record = reader.records().next().expect("a row").expect("readable");
        assert_eq!((&record[0], &record[1]), (name, ""));
    }

    #[test]
    fn only_days_of_four_digit_years_are_days() {
        assert!(day("2026-11-21").is_ok());
        assert!(day("9999-12-31").is_ok());
        for bad in ["2026-02-30", "+10000-01-01", "21.11.2026", "2026-1-1", "today", ""] {
            assert!(day(bad).is_err(), "{bad}");
        }
    }
}
