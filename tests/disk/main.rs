//! Disks and files that fail under the real program: full, read-only, locked, damaged, gone, another's.
//! The file systems are mounted by the tests, so these need root.

#![allow(unreachable_pub, reason = "a test binary has no outside")]

#[path = "../keeper/harness.rs"]
#[allow(dead_code, reason = "these tests use a part of it")]
mod harness;

mod damaged;
mod full;
mod locked;
mod mounted;
mod owners;
mod read_only;
mod reloads;
mod replaced;
