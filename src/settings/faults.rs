//! What is wrong with the settings: every fault at once, each with its key and its cure.

use std::fmt;
use std::path::{Path, PathBuf};

/// Why the settings cannot be used. Holds no secret, so it may be printed in any form.
#[derive(Debug)]
pub struct Faults {
    file: PathBuf,
    list: Vec<Fault>,
}

/// One thing that is wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    key: Option<String>,
    value: Option<String>,
    complaint: Complaint,
}

/// What is wrong with a value, and what to do about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Complaint {
    wrong: String,
    cure: String,
}

impl Faults {
    /// `list` must not be empty: no faults are no error.
    pub(super) fn new(file: &Path, list: Vec<Fault>) -> Self {
        Self { file: file.to_owned(), list }
    }

    /// The settings file.
    pub fn file(&self) -> &Path {
        &self.file
    }

    /// Each fault; its `Display` is one line.
    pub fn list(&self) -> &[Fault] {
        &self.list
    }
}

impl Fault {
    /// Of one key, without its value: it may be a secret, or there is none.
    pub(super) fn of_key(key: impl Into<String>, complaint: Complaint) -> Self {
        Self { key: Some(key.into()), value: None, complaint }
    }

    /// Of the file as a whole.
    pub(super) fn of_file(complaint: Complaint) -> Self {
        Self { key: None, value: None, complaint }
    }

    /// Shows the value, too.
    pub(super) fn with_value(mut self, value: Option<String>) -> Self {
        self.value = value;
        self
    }

    /// The full key (`devices[0].base_url`) or the environment variable, with the device or app in
    /// words where it has a name; `None`: the file as a whole.
    pub fn key(&self) -> Option<&str> {
        self.key.as_deref()
    }
}

impl Complaint {
    /// `wrong` follows the key ("is not …"), `cure` says what to do.
    pub(super) fn new(wrong: impl Into<String>, cure: impl Into<String>) -> Self {
        Self { wrong: wrong.into(), cure: cure.into() }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut line = self.key.clone().unwrap_or_default();
        if let Some(value) = &self.value {
            line += &format!(" = {value}");
        }
        if self.key.is_some() {
            line += ": ";
        }
        line += &format!("{}; {}", self.complaint.wrong, self.complaint.cure);
        // Key and file names are the operator's: they must not break the line or move the cursor.
        f.write_str(&line.replace(char::is_control, " "))
    }
}

impl fmt::Display for Faults {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let count = match self.list.len() {
            1 => "1 fault".to_owned(),
            more => format!("{more} faults"),
        };
        write!(f, "{}: {count} in the settings", self.file.display().to_string().replace(char::is_control, " "))?;
        for fault in &self.list {
            write!(f, "\n  {fault}")?;
        }
        Ok(())
    }
}

impl std::error::Error for Faults {}
