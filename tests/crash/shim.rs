//! Puts shim.c between the program and the kernel.

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
    LIBRARY.get_or_init(|| {
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/crash/shim.c");
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR"));
        let (library, made) = (folder.join("crash-shim.so"), folder.join(format!("shim-{}.so", std::process::id())));
        let compiled = Command::new("cc")
            .args(["-O1", "-Wall", "-Wextra", "-Werror", "-shared", "-fPIC", "-o"])
            .args([&made, &source])
            .output()
            .expect("cc is installed");
        assert!(compiled.status.success(), "{}", String::from_utf8_lossy(&compiled.stderr));
        std::fs::rename(made, &library).expect("renamed");
        library
    })
}
