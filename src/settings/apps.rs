//! `[[pospal.apps]]`

use super::App;
use super::address::parse_base_url;
use super::faults::Complaint;
use super::secrets::SecretReader;
use super::section::Section;
use super::unique::Unique;
use crate::model::{AppId, Secret};
use reqwest::Url;

const BASE_URL: &str = "https://area9-win.pospal.cn";
const MAX_NAME_CHARS: usize = 128;

/// Reads all of them; one that is faulty is missing in the result.
pub(super) fn apps(pospal: &Section<'_>, secrets: &mut SecretReader<'_>) -> Vec<App> {
    let base_url = pospal.parsed("base_url", BASE_URL, parse_base_url);
    let mut ids = Unique::default();
    let read = |section| app(&section, base_url.as_ref(), secrets, &mut ids);
    pospal.items("apps").into_iter().filter_map(read).collect()
}

fn app(section: &Section<'_>, common: Option<&Url>, secrets: &mut SecretReader<'_>, ids: &mut Unique) -> Option<App> {
    let app_id = section.required_id("app_id", "0123456789ABCDEF0123456789ABCDEF", |text| {
        let wrong = "is empty, too long or has control characters in it";
        AppId::parse(text).ok_or_else(|| Complaint::new(wrong, "write it as the vendor gave it"))
    });
    if let Some(app_id) = &app_id {
        ids.claim(section, "app_id", app_id.as_str().to_ascii_lowercase());
    }
    // The vendor trims the key before it signs with it.
    let app_key = secrets.required(section, "app_key").map(|key| Secret::new(key.expose().trim()));
    let name = section.parsed("name", "", name);
    let base_url = section.parsed("base_url", "", |text| match text {
        "" => Ok(common.cloned()),
        _ => parse_base_url(text).map(Some),
    });
    let app_id = app_id?;
    let name = name?.unwrap_or_else(|| app_id.as_str().to_owned());
    Some(App { app_id, app_key: app_key?, name, base_url: base_url?? })
}

fn name(text: &str) -> Result<Option<String>, Complaint> {
    let cure = "write a short name like Store A, or nothing";
    let text = text.trim();
    if text.chars().count() > MAX_NAME_CHARS {
        return Err(Complaint::new(format!("is over {MAX_NAME_CHARS} characters long"), cure));
    }
    if text.contains(char::is_control) {
        return Err(Complaint::new("has control characters in it", cure));
    }
    Ok((!text.is_empty()).then(|| text.to_owned()))
}
