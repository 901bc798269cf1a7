//! The real program on a store server whose clocks are wrong, stepped, stopped and set right: the wall
//! clock by libfaketime, the boot clock by a few lines of C, the vendors' clocks by the sandbox.

#![allow(unreachable_pub, reason = "a test binary has no outside")]

mod budget;
mod calendar;
mod first_start;
#[path = "../keeper/harness.rs"]
#[allow(dead_code, reason = "shared with the tests of the right clock")]
mod harness;
mod machine;
mod reboots;
mod steps;
mod suspend;
mod vendors_date;
