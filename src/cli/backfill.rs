//! `poskeeper backfill`: fetches older days.

use super::failure::Failure;
use super::once::stop_on_signal;
use super::{Place, output};
use crate::clock;
use crate::daemon::Workers;
use crate::jobs::{Backfill, BackfillEnd};
use crate::logging;
use crate::model::{AppId, day_of};
use crate::rules::windows::DayRange;
use crate::store::{DatabaseLock, Store};
use chrono::{Datelike, NaiveDate};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use tracing::level_filters::LevelFilter;

#[derive(Debug, clap::Args)]
pub(super) struct Options {
    /// First day (YYYY-MM-DD, in the vendor's calendar)
    #[arg(long, value_name = "DAY", value_parser = day_of_this_century)]
    from: NaiveDate,
    /// Last day [default: today]
    #[arg(long, value_name = "DAY")]
    to: Option<NaiveDate>,
    /// Only this app
    #[arg(long, value_name = "APP_ID")]
    app: Option<String>,
}

/// The vendor has no older days, and each window costs a call.
fn day_of_this_century(text: &str) -> Result<NaiveDate, String> {
    let day: NaiveDate = text.parse().map_err(|_| "write it as YYYY-MM-DD".to_owned())?;
    if (2000..2100).contains(&day.year()) { Ok(day) } else { Err("name a day after 1999".to_owned()) }
}

pub(super) async fn run(place: &Place, options: Options) -> Result<(), Failure> {
    let settings = place.settings()?;
    // The progress bar tells what goes well.
    logging::start(settings.log.level.min(LevelFilter::WARN), settings.log.format);
    let today = day_of(clock::wall(), settings.timezone);
    let last = options.to.unwrap_or(today).min(today);
    let wanted = DayRange::new(options.from, last)
        .ok_or_else(|| Failure::Usage(format!("--from {} lies after {last}, the last day to fetch", options.from)))?;
    let _lock = DatabaseLock::take(&settings.database.path).map_err(Failure::failed)?;
    let store = Store::open(&settings.database.path).await.map_err(Failure::failed)?;
    store.interrupt_open_calls().await.map_err(Failure::failed)?;
    let workers = Workers::build(&settings, &store, &stop_on_signal()).await.map_err(Failure::failed)?;
    let mut apps = workers.apps;
    if let Some(text) = &options.app {
        let app_id = AppId::parse(text);
        apps.retain(|app| Some(&app.app_id) == app_id.as_ref());
    }
    if apps.is_empty() {
        store.close().await;
        return Err(match options.app {
            Some(app) => Failure::Usage(format!("--app {app}: the settings name no such app")),
            None => Failure::Failed("the settings name no [[pospal.apps]]: there is nothing to fetch".into()),
        });
    }
    let mut caller = workers.caller;
    caller.keep_free = 0;
    let backfill = Backfill { caller, apps, wanted };
    let result = fetch(&backfill).await;
    store.close().await;
    result
}

async fn fetch(backfill: &Backfill) -> Result<(), Failure> {
    let days = backfill.days_left().await.map_err(Failure::failed)?;
    let bar = progress_bar(days);
    let end = backfill.run(|left| bar.set_position(days - left.min(days))).await;
    let left = backfill.days_left().await.map_err(Failure::failed)?;
    bar.finish_and_clear();
    let fetched = days - left.min(days);
    let again = "run the same command again then, it goes on where it was";
    match end {
        BackfillEnd::Complete if left > 0 => {
            output::print(&format!("{fetched} day(s) fetched; for {left} more the vendor has no final number (yet)\n"))
        }
        BackfillEnd::Complete => output::print(&format!("{fetched} day(s) fetched, none left\n")),
        BackfillEnd::Waits(reason) => Err(Failure::Failed(format!(
            "{fetched} day(s) fetched, {left} left: the calls of today are used up ({}) until the vendor's midnight; {again}",
            reason.name()
        ))),
        BackfillEnd::Failed(failure) => {
            Err(Failure::Failed(format!("{fetched} day(s) fetched, {left} left: {failure}; mend that, {again}")))
        }
        BackfillEnd::StoreFailed => {
            Err(Failure::Failed(format!("{fetched} day(s) fetched, {left} left: the database failed; {again}")))
        }
    }
}

/// On a terminal only: indicatif draws nothing elsewhere.
fn progress_bar(days: u64) -> ProgressBar {
    let bar = ProgressBar::with_draw_target(Some(days), ProgressDrawTarget::stderr());
    let style = ProgressStyle::with_template("{bar:40} {pos}/{len} days, {elapsed}");
    if let Ok(style) = style {
        bar.set_style(style);
    }
    bar.tick();
    bar
}
