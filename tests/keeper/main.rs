//! The real program against the simulated vendors: every test starts the built binary, as a shop would,
//! and watches what people and programs can see of it: log lines, files, the database, exit codes.

#![allow(unreachable_pub, reason = "a test binary has no outside")]

mod alerts;
mod backfills;
mod browser;
mod check;
mod commands;
mod demo;
mod documented;
mod harness;
mod http;
mod logins;
mod modes;
mod pages;
mod planted;
mod polls;
mod process;
mod readers;
mod sandbox;
mod secrets;
mod service;
mod thin_slice;
