//! Writes results to stdout. A reader that goes away (`| head`) ends the command quietly.

use super::failure::Failure;
use std::io::{ErrorKind, Write};

/// Writes `text` as it is.
pub(super) fn print(text: &str) -> Result<(), Failure> {
    let mut stdout = std::io::stdout().lock();
    match stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush()) {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => {
            Err(Failure::Failed(format!("cannot write to stdout: {error}")))
        }
        _ => Ok(()),
    }
}
