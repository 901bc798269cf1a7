//! How a command fails: in words on stderr, and by its exit code.

use crate::logging;
use crate::settings::Faults;
use std::fmt::Display;
use std::io::Write;
use std::process::ExitCode;

/// Contract section 1: 1 failed, 2 wrong usage, 78 the settings are wrong.
#[derive(Debug)]
pub(super) enum Failure {
    /// Something could not be done.
    Failed(String),
    /// The command line asks for something that makes no sense.
    Usage(String),
    /// The settings are wrong: the unit does not restart on it.
    Settings(Faults),
    /// What went wrong has been said already.
    Told,
}

impl Failure {
    pub(super) fn failed(error: impl Display) -> Self {
        Self::Failed(error.to_string())
    }

    /// Says it, and gives the exit code.
    pub(super) fn report(&self) -> ExitCode {
        let (text, code) = match self {
            Self::Failed(text) => (text.clone(), 1),
            Self::Usage(text) => (text.clone(), 2),
            Self::Settings(faults) => (faults.to_string(), 78),
            Self::Told => (String::new(), 1),
        };
        if !text.is_empty() {
            let text = format!("poskeeper: {text}");
            let text = if logging::stderr_is_the_journal() { as_journal_errors(&text) } else { text };
            // A closed stderr is no reason to panic.
            let _ = writeln!(std::io::stderr(), "{text}");
        }
        ExitCode::from(code)
    }
}

/// With the mark of sd-daemon(3) on each line, without which the journal takes an error for a remark.
fn as_journal_errors(text: &str) -> String {
    text.lines().map(|line| format!("<3>{line}")).collect::<Vec<_>>().join("\n")
}
