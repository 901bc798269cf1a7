//! Files under names that somebody else may have used first. In a folder where others may write, anybody
//! can leave a link, a pipe or a file of his own where poskeeper is going to read or write.

use nix::libc::{ELOOP, ENXIO, O_NOFOLLOW, O_NONBLOCK};
use nix::unistd::geteuid;
use std::ffi::OsString;
use std::fs::{File, Metadata, OpenOptions};
use std::io;
use std::os::unix::fs::{FileTypeExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

/// More links than any operator lays one after the other.
const MOST_LINKS: usize = 8;

/// Opens a file of our own: no link, no pipe, nobody else's. It does not wait.
pub(super) fn open(path: &Path, options: &OpenOptions) -> io::Result<File> {
    let mut options = options.clone();
    let file =
        options.custom_flags(O_NOFOLLOW | O_NONBLOCK).open(path).map_err(|error| match error.raw_os_error() {
            Some(ELOOP) => refusal("it is a symbolic link; remove it"),
            // A pipe that nobody reads, or a socket.
            Some(ENXIO) => refusal("it is a pipe, not a file; remove it"),
            _ => error,
        })?;
    judge(&file.metadata()?, folder_of(path)?.uid())?;
    Ok(file)
}

/// Whether a database, or what SQLite keeps beside it, may be opened for writing. The operator's own link
/// to a database is followed. An owner of the folder, or root, could change the database anyway.
pub(super) fn judge_database(path: &Path) -> io::Result<()> {
    let path = follow_own_links(path)?;
    let folder = match folder_of(&path) {
        // Nothing can stand there; opening it says what is missing.
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        folder => folder?,
    };
    for suffix in ["", "-wal", "-shm", "-journal"] {
        let mut file = OsString::from(&path);
        file.push(suffix);
        let named = |error: io::Error| refusal(format!("{}: {error}", Path::new(&file).display()));
        match std::fs::symlink_metadata(&file) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(error),
            Ok(found) => {
                judge_kind(&found).map_err(named)?;
                judge_owner(&found, &[geteuid().as_raw(), folder.uid(), 0]).map_err(named)?;
                // Elsewhere a second name is the operator's own: a backup that is made of links.
                if others_may_write(&folder) {
                    judge_names(&found).map_err(named)?;
                }
            }
        }
    }
    Ok(())
}

/// Refuses what is no file of ours. What belongs to the folder's owner is as good as ours to root, who runs
/// commands by hand beside a daemon of another user.
fn judge(found: &Metadata, owner_of_folder: u32) -> io::Result<()> {
    let me = geteuid();
    judge_kind(found)?;
    judge_owner(found, &[me.as_raw(), if me.is_root() { owner_of_folder } else { me.as_raw() }])?;
    judge_names(found)
}

fn judge_kind(found: &Metadata) -> io::Result<()> {
    match other_than_a_file(found) {
        None => Ok(()),
        Some(what) => Err(refusal(format!("it is {what}, not a file; remove it"))),
    }
}

/// What stands there, where it is no regular file.
pub fn other_than_a_file(found: &Metadata) -> Option<&'static str> {
    let kind = found.file_type();
    Some(if kind.is_file() {
        return None;
    } else if kind.is_symlink() {
        "a symbolic link"
    } else if kind.is_dir() {
        "a folder"
    } else if kind.is_fifo() {
        "a pipe"
    } else {
        "a device or a socket"
    })
}

fn judge_owner(found: &Metadata, owners: &[u32]) -> io::Result<()> {
    if owners.contains(&found.uid()) {
        return Ok(());
    }
    let (owner, me) = (found.uid(), geteuid());
    Err(refusal(format!("it belongs to the user {owner}, not to {me} as which poskeeper runs; remove it, or chown it")))
}

fn judge_names(found: &Metadata) -> io::Result<()> {
    if found.nlink() <= 1 {
        return Ok(());
    }
    Err(refusal("it has a second name elsewhere (a hard link); remove this one"))
}

/// Refuses what others could have written.
pub(super) fn judge_closed_to_writers(found: &Metadata) -> io::Result<()> {
    if !others_may_write(found) {
        return Ok(());
    }
    Err(refusal(format!("others may write it (mode {:04o}); remove it", found.mode() & 0o777)))
}

fn others_may_write(found: &Metadata) -> bool {
    found.mode() & 0o022 != 0
}

fn follow_own_links(path: &Path) -> io::Result<PathBuf> {
    let mut path = path.to_owned();
    for _ in 0..MOST_LINKS {
        let found = match std::fs::symlink_metadata(&path) {
            Ok(found) if found.is_symlink() => found,
            _ => return Ok(path),
        };
        let folder = folder_of(&path)?;
        let me = geteuid();
        let is_owners = me.is_root() && found.uid() == folder.uid();
        if ![me.as_raw(), 0].contains(&found.uid()) && !is_owners {
            return Err(refusal("it is a symbolic link of another user; remove it"));
        }
        path = parent(&path).join(std::fs::read_link(&path)?);
    }
    Err(refusal("it is a symbolic link that leads to ever more links; remove it"))
}

fn folder_of(path: &Path) -> io::Result<Metadata> {
    std::fs::metadata(parent(path))
}

fn parent(path: &Path) -> &Path {
    path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

fn refusal(what: impl Into<String>) -> io::Error {
    io::Error::other(what.into())
}
