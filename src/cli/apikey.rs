//! `poskeeper apikey`: prints the live key.

use super::failure::Failure;
use super::{Place, output};
use crate::clock;
use crate::daemon::device_login;
use crate::rules::renewal::{KeyState, key_state};
use crate::store::SessionFile;

#[derive(Debug, clap::Args)]
pub(super) struct Options {
    /// Name of the device, as in the settings; needed where there are several
    device: Option<String>,
}

pub(super) fn run(place: &Place, options: &Options) -> Result<(), Failure> {
    let settings = place.settings()?;
    let names = || settings.devices.iter().map(|device| device.name.as_str()).collect::<Vec<_>>().join(", ");
    let device =
        match &options.device {
            Some(name) => settings.devices.iter().find(|device| device.name == *name).ok_or_else(|| {
                Failure::Usage(format!("the settings name no device {name:?}; they name: {}", names()))
            })?,
            None => match settings.devices.as_slice() {
                [] => return Err(Failure::Failed("the settings name no [[devices]]: there is no key".into())),
                [device] => device,
                _ => return Err(Failure::Usage(format!("which device? name one of: {}", names()))),
            },
        };
    let identity = device_login(device, 0).identity();
    let session =
        SessionFile::beside(&settings.database.path).load(&device.name, &identity).map_err(Failure::failed)?;
    match session {
        Some(session) if key_state(&clock::now(), &session) != KeyState::Dead => {
            output::print(&format!("{}\n", session.key.expose()))
        }
        _ => Err(Failure::Failed(format!(
            "there is no unexpired key of {}; is the daemon running? `poskeeper status` tells how its logins went",
            device.name
        ))),
    }
}
