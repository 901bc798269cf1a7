//! `poskeeper status`: how everything stands, read from the database alone.

use super::failure::Failure;
use super::objects::{Objects, json};
use super::overview::overview;
use super::{Place, output};
use crate::clock;
use crate::daemon::status_plan;
use crate::status::{Status, StatusPlan};
use serde::Serialize;

#[derive(Debug, clap::Args)]
pub(super) struct Options {
    /// One JSON object: devices, apps, alerts, next
    #[arg(long)]
    json: bool,
}

pub(super) async fn run(place: &Place, options: &Options) -> Result<(), Failure> {
    let settings = place.settings()?;
    let store = place.database(&settings).await?;
    let now = clock::now();
    let plan = StatusPlan { sisters: true, ..status_plan(&settings) };
    let status = Status::read(&plan, &store, &now).await.map_err(Failure::failed)?;
    let text = if options.json {
        json(&StatusObject::of(&status)).map_err(Failure::failed)?
    } else {
        overview(&status, &settings, &now)
    };
    output::print(&text)
}

#[derive(Serialize)]
struct StatusObject<'a> {
    devices: Objects<'a>,
    apps: Objects<'a>,
    alerts: Objects<'a>,
    next: Objects<'a>,
}

impl<'a> StatusObject<'a> {
    fn of(status: &'a Status) -> Self {
        Self {
            devices: Objects(&status.devices),
            apps: Objects(&status.apps),
            alerts: Objects(&status.alerts),
            next: Objects(&status.next),
        }
    }
}
