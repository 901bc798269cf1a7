//! Compiles the parts of these tests that are written in C.

use std::path::{Path, PathBuf};
use std::process::Command;

/// Compiles `source`, a file beside this one, to a file of this name; two test processes may do so at once.
pub fn compile(source: &str, name: &str, options: &[&str]) -> PathBuf {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/crash").join(source);
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR"));
    let (made, unfinished) = (folder.join(name), folder.join(format!("{}-{name}", std::process::id())));
    let compiler = Command::new("cc")
        .args(["-O1", "-Wall", "-Wextra", "-Werror"])
        .args(options)
        .arg("-o")
        .args([&unfinished, &source])
        .output()
        .expect("cc is installed");
    assert!(compiler.status.success(), "{}", String::from_utf8_lossy(&compiler.stderr));
    std::fs::rename(unfinished, &made).expect("renamed");
    made
}
