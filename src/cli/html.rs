//! `poskeeper report html`: the history as one file for any browser.

use super::failure::Failure;
use super::{Place, output};
use crate::clock;
use crate::model::day_of;
use crate::report::{Lang, Span, load, page};
use crate::store::other_than_a_file;
use chrono::NaiveDate;
use std::fs::Permissions;
use std::io::{self, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

/// For all to read, as far as the umask lets them.
const MODE: u32 = 0o666;

pub(super) async fn run(
    place: &Place,
    file: &Path,
    from: Option<NaiveDate>,
    to: Option<NaiveDate>,
    lang: Lang,
) -> Result<(), Failure> {
    if let (Some(from), Some(to)) = (from, to)
        && from > to
    {
        return Err(Failure::Usage(format!("--from {from} lies after --to {to}")));
    }
    let settings = place.settings()?;
    let now = clock::wall();
    let today = day_of(now, settings.timezone);
    let span = Span::asked(from, to, today)
        .ok_or_else(|| Failure::Usage(format!("--from lies after {today}, the last day there can be")))?;
    let store = place.database(&settings).await?;
    let report = load(&store, span, now, settings.timezone).await.map_err(Failure::failed)?;
    let page = page(&report, lang);
    write(file, page.as_bytes())
        .map_err(|error| Failure::Failed(format!("--output: cannot write {}: {error}", file.display())))?;
    output::print(&format!("{}\n", file.display()))
}

/// Whole or not at all: a page that somebody has open, or that a web server hands out, is never half
/// written.
pub(super) fn write(path: &Path, content: &[u8]) -> io::Result<()> {
    // Replacing a link such as /dev/stdout, or a pipe, is not what anybody means.
    if let Some(what) = std::fs::symlink_metadata(path).ok().as_ref().and_then(other_than_a_file) {
        return Err(io::Error::other(format!("it is {what}; name a file")));
    }
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let permissions = Permissions::from_mode(MODE);
    let mut file = tempfile::Builder::new().prefix(".poskeeper-").permissions(permissions).tempfile_in(folder)?;
    file.write_all(content)?;
    file.as_file().sync_all()?;
    file.persist(path).map(|_| ()).map_err(|error| error.error)
}
