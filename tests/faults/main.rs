//! Every fault that a network and a vendor can have, on every endpoint, against the real program: what stands in the
//! ledger, what is logged, what is kept, what it costs, and that the next slot is served as if nothing had been.
//!
//! The tables are printed with `cargo test --test faults -- --nocapture`.

#![allow(unreachable_pub, reason = "a test binary has no outside")]

mod answers;
#[path = "../vendors/authority.rs"]
mod authority;
mod expected;
#[path = "../keeper/harness.rs"]
#[allow(dead_code, reason = "shared with the tests of the keeper, which use all of it")]
mod harness;
mod large;
mod lines;
mod matrix;
mod memory;
#[path = "../vendors/server.rs"]
#[allow(dead_code, reason = "shared with the tests of the vendors' clients, which use all of it")]
mod server;
mod settings;
mod table;
mod vendor;

/// Taken by tests that keep the machine busy, or that a busy machine would make time out.
static MACHINE: tokio::sync::Mutex<()> = tokio::sync::Mutex::const_new(());
