//! `poskeeper report`: a view of the database, whole or filtered, or all of it as a page.

use super::failure::Failure;
use super::objects::{Objects, json};
use super::table::table;
use super::{Place, html, output};
use crate::report::Lang;
use crate::store::{Cell, Filter, Sheet, VIEWS, View};
use chrono::NaiveDate;
use clap::builder::PossibleValuesParser;
use std::path::PathBuf;

#[derive(Debug, clap::Args)]
pub(super) struct Options {
    /// Which view of the database; html: all of it as one page with charts, for any browser
    #[arg(value_name = "NAME", value_parser = PossibleValuesParser::new(VIEWS.map(|view| view.name).into_iter().chain([HTML])))]
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
    /// How the rows are written [default: table]
    #[arg(long, value_enum)]
    format: Option<Format>,
    /// With html: the file to write
    #[arg(long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// With html: the language [default: en]
    #[arg(long, value_name = "LANGUAGE", value_parser = PossibleValuesParser::new(Lang::ALL.map(Lang::code)))]
    lang: Option<String>,
}

/// The name that is no view.
const HTML: &str = "html";

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
    if options.name == HTML {
        return page(place, options).await;
    }
    if options.output.is_some() || options.lang.is_some() {
        let option = if options.output.is_some() { "--output" } else { "--lang" };
        return Err(Failure::Usage(format!("{option} goes with `report html` only; a view is written to stdout")));
    }
    let view = View::named(&options.name).ok_or_else(|| Failure::Usage(format!("no view {:?}", options.name)))?;
    if let (Some(from), Some(to)) = (options.from, options.to)
        && from > to
    {
        return Err(Failure::Usage(format!("--from {from} lies after --to {to}")));
    }
    let app_id = options.app.as_ref().map(|app_id| app_id.trim().to_owned());
    let filter = Filter { from: options.from, to: options.to, app_ids: app_id.map(|app_id| vec![app_id]) };
    view.accepts(&filter).map_err(|error| Failure::Usage(error.to_string()))?;
    let settings = place.settings()?;
    let store = place.database(&settings).await?;
    let sheet = store.read_view(view, &filter, settings.timezone).await.map_err(Failure::failed)?;
    output::print(&match options.format.unwrap_or(Format::Table) {
        Format::Table => table(&sheet),
        Format::Csv => csv(&sheet).map_err(Failure::failed)?,
        Format::Json => json(&Objects(&sheet)).map_err(Failure::failed)?,
    })
}

async fn page(place: &Place, options: &Options) -> Result<(), Failure> {
    for (option, is_given) in [("--app", options.app.is_some()), ("--format", options.format.is_some())] {
        if is_given {
            return Err(Failure::Usage(format!("{option} does not go with `report html`")));
        }
    }
    let Some(file) = &options.output else {
        return Err(Failure::Usage("`report html` needs --output FILE".into()));
    };
    let lang = options.lang.as_deref().and_then(Lang::from_code).unwrap_or(Lang::En);
    html::run(place, file, options.from, options.to, lang).await
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
