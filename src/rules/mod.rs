//! Pure decisions. Everything here is a function of `now` and of what the database says: no clock, no
//! I/O, no logging, nothing async. A year of shop life runs through it in seconds (`tests/year.rs`).

pub mod agenda;
pub mod alarms;
pub mod budget;
pub mod coverage;
pub mod forecast;
pub mod history;
pub mod polling;
pub mod renewal;
pub mod windows;
