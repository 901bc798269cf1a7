//! Secrets: inline, in a file of their own, or a credential of systemd. No message shows one.

use super::Exposure;
use super::faults::Complaint;
use super::paths::Folders;
use super::section::{Given, Section};
use crate::model::Secret;
use std::fs::File;
use std::io::{ErrorKind, Read};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

const MAX_BYTES: usize = 4096;

/// Reads secrets, and remembers where they came from.
#[derive(Debug)]
pub(super) struct SecretReader<'a> {
    folders: &'a Folders,
    files: Vec<PathBuf>,
    exposed: Vec<Exposure>,
    any_inline: bool,
}

impl<'a> SecretReader<'a> {
    pub(super) fn new(folders: &'a Folders) -> Self {
        Self { folders, files: Vec::new(), exposed: Vec::new(), any_inline: false }
    }

    /// The secret of `key` or `key_file` that must be there. `None`: missing or faulty, and reported.
    pub(super) fn required(&mut self, section: &Section<'_>, key: &str) -> Option<Secret> {
        match self.read(section, key) {
            Given::Is(secret) => Some(secret),
            Given::Faulty => None,
            Given::Absent => {
                let cure = format!("write it as {key}, or name a file that holds it as {key}_file");
                section.report(key, None, Complaint::new("is missing", cure));
                None
            }
        }
    }

    /// The secret of `key` or `key_file`, if either is there. `None`: faulty, and reported.
    pub(super) fn optional(&mut self, section: &Section<'_>, key: &str) -> Option<Option<Secret>> {
        match self.read(section, key) {
            Given::Is(secret) => Some(Some(secret)),
            Given::Absent => Some(None),
            Given::Faulty => None,
        }
    }

    fn read(&mut self, section: &Section<'_>, key: &str) -> Given<Secret> {
        let file_key = format!("{key}_file");
        let inline = section.secret_text(key);
        let file = section.secret_text(&file_key);
        self.any_inline |= !matches!(inline, Given::Absent);
        let (fault_key, secret) = match (inline, file) {
            (Given::Absent, Given::Absent) => return Given::Absent,
            (Given::Faulty, _) | (_, Given::Faulty) => return Given::Faulty,
            (Given::Is(_), Given::Is(_)) => {
                let complaint = Complaint::new(format!("is given as {file_key}, too"), "remove one of the two");
                section.report(key, None, complaint);
                return Given::Faulty;
            }
            (Given::Is(text), Given::Absent) => (key, clean(text.as_bytes()).map_err(|wrong| inline_complaint(&wrong))),
            (Given::Absent, Given::Is(path)) => (file_key.as_str(), self.read_file(&path)),
        };
        match secret {
            Ok(text) => Given::Is(Secret::new(text)),
            Err(complaint) => {
                section.report(fault_key, None, complaint);
                Given::Faulty
            }
        }
    }

    fn read_file(&mut self, path: &str) -> Result<String, Complaint> {
        let file = self.folders.secret(path);
        let complaint =
            |wrong: &str, cure: &str| Complaint::new(format!("names {}, which {wrong}", file.display()), cure);
        let (bytes, mode) = read_bytes(&file).map_err(|error| match error.kind() {
            ErrorKind::NotFound => complaint("does not exist", "create it, or give it with LoadCredential="),
            ErrorKind::PermissionDenied => complaint(
                "this user may not read",
                "let the user that poskeeper runs as read it, or use LoadCredential=",
            ),
            _ => complaint(&format!("cannot be read: {error}"), "name a file that holds the secret and nothing else"),
        })?;
        let text = clean(&bytes).map_err(|wrong| complaint(&wrong, "put the secret alone into it, on one line"))?;
        if mode & 0o004 != 0 && !self.folders.is_credential(&file) {
            self.expose(&file, mode);
        }
        self.files.push(file);
        Ok(text)
    }

    /// Tells of the settings file itself, once all has been read from it.
    pub(super) fn judge_settings_file(&mut self, file: &Path, mode: u32) {
        if self.any_inline && mode & 0o004 != 0 && !self.folders.is_credential(file) {
            self.expose(file, mode);
        }
    }

    fn expose(&mut self, file: &Path, mode: u32) {
        let exposure = Exposure { file: file.to_owned(), mode };
        if !self.exposed.contains(&exposure) {
            self.exposed.push(exposure);
        }
    }

    /// Every secret file that was read.
    pub(super) fn files(&self) -> &[PathBuf] {
        &self.files
    }

    /// Every file with secrets that others can read.
    pub(super) fn into_exposed(self) -> Vec<Exposure> {
        self.exposed
    }
}

fn read_bytes(file: &Path) -> std::io::Result<(Vec<u8>, u32)> {
    let open = File::open(file)?;
    let mode = open.metadata()?.mode() & 0o7777;
    let mut bytes = Vec::new();
    open.take(2 * MAX_BYTES as u64).read_to_end(&mut bytes)?;
    Ok((bytes, mode))
}

fn inline_complaint(wrong: &str) -> Complaint {
    Complaint::new(wrong, "write the secret alone, on one line")
}

/// The secret without the marks that editors leave: one line end, and the byte order mark.
fn clean(bytes: &[u8]) -> Result<String, String> {
    let text = std::str::from_utf8(bytes).map_err(|_| "is not UTF-8 text".to_owned());
    let text = if bytes.len() > MAX_BYTES + 8 { Err(too_long()) } else { text }?;
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let text = text.strip_suffix('\n').map_or(text, |line| line.strip_suffix('\r').unwrap_or(line));
    if text.trim().is_empty() {
        return Err("is empty".into());
    }
    if text.len() > MAX_BYTES {
        return Err(too_long());
    }
    if text.contains(char::is_control) {
        return Err("has control characters or several lines in it".into());
    }
    Ok(text.to_owned())
}

fn too_long() -> String {
    format!("is over {MAX_BYTES} bytes long, too much for a secret")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_line_end_is_no_part_of_a_secret_and_all_else_is() {
        for (file, secret) in [("a b", "a b"), ("ab\n", "ab"), ("ab\r\n", "ab"), (" ab ", " ab "), ("\u{feff}ab", "ab")]
        {
            assert_eq!(clean(file.as_bytes()).as_deref(), Ok(secret));
        }
    }

    #[test]
    fn what_cannot_be_a_secret_is_refused() {
        let long = "x".repeat(MAX_BYTES + 1);
        for bad in ["", "\n", " \r\n", "a\nb", "ab\n\n", "a\0b", "\u{1b}ab", &long, &long.repeat(2)] {
            assert!(clean(bad.as_bytes()).is_err(), "{bad:?}");
        }
        assert!(clean(b"\xff\xfe").is_err());
        assert!(clean("x".repeat(MAX_BYTES).as_bytes()).is_ok());
    }
}
