//! The files that the daemon writes: are they there, are they ours, who may read them?

use super::disk;
use super::verdict::Verdict;
use crate::cli::service_database;
use crate::daemon::device_login;
use crate::settings::Settings;
use crate::store::{DatabaseLock, Schema, SessionFile, Store, StoreError};
use nix::errno::Errno;
use nix::unistd::{AccessFlags, Uid, User, eaccess, geteuid};
use std::fs::Metadata;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// Contract section 3.
const DATABASE_MODE: u32 = 0o640;
const SESSION_MODE: u32 = 0o600;

pub(super) async fn inspect(settings: &Settings, verdict: &mut Verdict) {
    database(&settings.database.path, verdict).await;
    session(settings, verdict);
    for (index, device) in settings.devices.iter().enumerate() {
        if let Some(file) = &device.api_key_file {
            let key = format!("devices[{index}].api_key_file (device \"{}\")", device.name);
            published_key(&key, file, device.api_key_file_mode, verdict);
        }
    }
}

async fn database(path: &Path, verdict: &mut Verdict) {
    let key = "database.path";
    match folder_of(path) {
        Err(wrong) => verdict.problem(key, format!("{wrong}, or change database.path")),
        Ok(metadata) if geteuid().is_root() && metadata.uid() != 0 => {
            let owner = name_of(metadata.uid());
            verdict.fact("Checked as", format!("root, who may do more than {owner}; `sudo -u {owner}` tells more"));
        }
        Ok(_) => {}
    }
    shared_folder(key, folder(path), verdict);
    if folder_of(path).is_ok() {
        disk::inspect(key, path, verdict);
    }
    if let Some(other) = service_database(path) {
        verdict.finding(key, format!("{}: {other}", path.display()));
    }
    if let Err(error) = Store::judge_place(path) {
        return verdict.problem(key, error.to_string());
    }
    let metadata = match std::fs::metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound && path.is_symlink() => {
            return verdict.problem(
                key,
                format!("{} is a link to a file that is not there; mend or remove the link", path.display()),
            );
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            return verdict.fact("Database", format!("{}: not there yet, the daemon makes it", path.display()));
        }
        Err(error) => return verdict.problem(key, format!("cannot look at {}: {error}", path.display())),
        Ok(metadata) if !metadata.is_file() => {
            return verdict.problem(
                key,
                format!("{} is a folder, a pipe or a device, not a file; name another place", path.display()),
            );
        }
        Ok(metadata) => metadata,
    };
    let beside = |suffix: &str| {
        let mut name = path.as_os_str().to_owned();
        name.push(suffix);
        PathBuf::from(name)
    };
    let ours = [path.to_owned(), beside("-wal"), beside("-shm"), DatabaseLock::file(path)];
    let closed = |file: &&PathBuf| file.exists() && !may(file, AccessFlags::R_OK | AccessFlags::W_OK);
    let closed: Vec<_> = ours.iter().filter(closed).collect();
    if let Some(first) = closed.first() {
        let names: Vec<_> = closed.iter().map(|file| file.display().to_string()).collect();
        verdict.problem(key, format!("{} may not write {}; {}", me(), names.join(", "), cure(first)));
    }
    judge_mode(key, path, &metadata, DATABASE_MODE, verdict);
    if may(path, AccessFlags::R_OK) {
        contents(key, path, verdict).await;
    }
}

/// What others leave there is refused, but it keeps the daemon from its work.
fn shared_folder(key: &str, folder: &Path, verdict: &mut Verdict) {
    let mode = std::fs::metadata(folder).map_or(0, |metadata| metadata.mode() & 0o7777);
    if mode & 0o002 != 0 {
        let shown = folder.display();
        let wrong = "anybody may leave files in the way of poskeeper's";
        verdict.finding(key, format!("the folder {shown} has mode {mode:04o}: {wrong}; use a folder of its own"));
    }
}

async fn contents(key: &str, path: &Path, verdict: &mut Verdict) {
    let what = match schema(path).await {
        Err(error) => return verdict.problem(key, error.to_string()),
        Ok(schema @ (Schema::Newer | Schema::Foreign)) => {
            return verdict.problem(key, format!("{}: {}", path.display(), schema.refusal().unwrap_or_default()));
        }
        Ok(Schema::Empty) => "empty, the daemon fills it",
        Ok(Schema::Older) => "made by an older poskeeper, the daemon brings it up to date",
        Ok(Schema::Current) => "opens and has our tables",
    };
    verdict.fact("Database", format!("{}: {what}", path.display()));
}

async fn schema(path: &Path) -> Result<Schema, StoreError> {
    Store::open_for_reading(path).await?.schema().await
}

fn session(settings: &Settings, verdict: &mut Verdict) {
    let file = SessionFile::beside(&settings.database.path);
    let Ok(metadata) = std::fs::metadata(file.path()) else { return };
    judge_mode("database.path", file.path(), &metadata, SESSION_MODE, verdict);
    // One file holds the sessions of all devices: what is wrong with it is wrong for each.
    let faulty =
        settings.devices.first().and_then(|device| file.load(&device.name, &device_login(device, 0).identity()).err());
    if let Some(error) = faulty {
        verdict.finding("database.path", error.to_string());
    }
}

fn published_key(key: &str, file: &Path, mode: u32, verdict: &mut Verdict) {
    if let Err(wrong) = folder_of(file) {
        verdict.finding(key, format!("{wrong}; until then the key is not published"));
    }
    match std::fs::symlink_metadata(file) {
        Ok(metadata) if metadata.is_symlink() => {
            verdict.finding(key, format!("{} is a link; the key file takes its place", file.display()));
        }
        Ok(metadata) => judge_mode(key, file, &metadata, mode, verdict),
        Err(_) => {}
    }
}

fn judge_mode(key: &str, file: &Path, metadata: &Metadata, wanted: u32, verdict: &mut Verdict) {
    let mode = metadata.mode() & 0o777;
    if mode != wanted {
        let file = file.display();
        verdict.finding(key, format!("{file} has mode {mode:04o}, not {wanted:04o}; chmod {wanted:04o} it"));
    }
}

/// The folder that a file lies or would lie in, if this user may make files there.
fn folder_of(file: &Path) -> Result<Metadata, String> {
    let folder = folder(file);
    let shown = folder.display();
    let metadata = std::fs::metadata(folder).map_err(|error| match error.kind() {
        io::ErrorKind::NotFound => format!("the folder {shown} does not exist; make it"),
        _ => format!("cannot look at the folder {shown}: {error}; mend that"),
    })?;
    if !metadata.is_dir() {
        return Err(format!("{shown} is not a folder; make it one"));
    }
    if eaccess(folder, AccessFlags::W_OK) == Err(Errno::EROFS) {
        return Err(format!("{shown}: its file system may only be read; see `dmesg`, and remount it writable"));
    }
    if !may(folder, AccessFlags::W_OK | AccessFlags::X_OK) {
        return Err(format!("{} may not write in the folder {shown}; {}", me(), cure(folder)));
    }
    Ok(metadata)
}

fn folder(file: &Path) -> &Path {
    file.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

fn may(path: &Path, flags: AccessFlags) -> bool {
    // A file system that may only be read is told of once, with the folder.
    matches!(eaccess(path, flags), Ok(()) | Err(Errno::EROFS))
}

fn cure(path: &Path) -> String {
    let owner = std::fs::metadata(path).map_or_else(|_| "its owner".into(), |metadata| name_of(metadata.uid()));
    format!("check as {owner}, to whom it belongs, or give it to the user that poskeeper runs as")
}

/// Whom this check speaks for.
fn me() -> String {
    format!("the user {}", name_of(geteuid().as_raw()))
}

fn name_of(uid: u32) -> String {
    User::from_uid(Uid::from_raw(uid)).ok().flatten().map_or_else(|| uid.to_string(), |user| user.name)
}
