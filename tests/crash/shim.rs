//! Puts shim.c between the program and the kernel.

use crate::cc::compile;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

/// What the shim does to one process.
pub enum Orders<'a> {
    /// Ends it before this step, counted from 1.
    KillAt(usize),
    /// Appends all steps to this file.
    RecordTo(&'a Path),
}

/// Loads the shim into a command that works in `folder`.
pub fn preload(command: &mut Command, folder: &Path, orders: &Orders<'_>) {
    let folder = folder.canonicalize().expect("a folder");
    command.env("LD_PRELOAD", library()).env("CRASH_FOLDER", folder);
    match orders {
        Orders::KillAt(step) => command.env("CRASH_AT", step.to_string()),
        Orders::RecordTo(file) => command.env("CRASH_RECORD", file),
    };
}

/// The compiled shim.
fn library() -> &'static Path {
    static LIBRARY: OnceLock<PathBuf> = OnceLock::new();
    LIBRARY.get_or_init(|| compile("shim.c", "crash-shim.so", &["-shared", "-fPIC"]))
}
