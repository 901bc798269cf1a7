//! Whether there is space for what the daemon writes: tried, not guessed.

use super::verdict::Verdict;
use crate::store::Disk;
use std::io::{self, Write};
use std::path::Path;

/// As much as a large answer needs.
const TRIAL_BYTES: usize = 256 << 10;
/// Below this an operator wants to know.
const LITTLE_BYTES: u64 = 64 << 20;

/// Writes a file beside `file` that is gone again when this ends.
pub(super) fn inspect(key: &str, file: &Path, verdict: &mut Verdict) {
    let folder = file.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let Ok(disk) = Disk::of(file) else { return };
    verdict.fact("Disk", format!("{}: {} free", folder.display(), megabytes(disk.free_bytes)));
    if let Err(error) = try_writing(folder) {
        let cure = match error.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => "free some space",
            io::ErrorKind::ReadOnlyFilesystem => {
                "its file system may only be read: see `dmesg`, and remount it writable"
            }
            _ => "see to that folder and its disk",
        };
        verdict.problem(key, format!("nothing can be written in {}: {error}; {cure}", folder.display()));
    } else if disk.free_bytes == 0 {
        // Root has a reserve that others have not.
        verdict.problem(key, format!("the disk of {} is full but for root; free some space", folder.display()));
    } else if disk.free_bytes < LITTLE_BYTES {
        verdict.finding(key, format!("the disk of {} has only {} left", folder.display(), megabytes(disk.free_bytes)));
    }
}

fn try_writing(folder: &Path) -> io::Result<()> {
    let mut file = tempfile::Builder::new().prefix(".poskeeper-").tempfile_in(folder)?;
    file.write_all(&vec![0; TRIAL_BYTES])?;
    file.as_file().sync_all()
}

fn megabytes(bytes: u64) -> String {
    format!("{}.{} MB", bytes / 1_000_000, bytes % 1_000_000 / 100_000)
}
