//! What survives a restart: the SQLite file, the kept session and the published key.
//!
//! One connection writes, in short transactions. The file is in WAL mode while a daemon runs, so that
//! readers and the writer never wait for each other, and in rollback mode after a clean stop, so that a
//! reader without write permission needs nothing but the file itself (see [`Store::close`]).

mod alerts;
mod allowance;
mod answer;
mod apps;
mod asked_days;
mod backup;
mod calendar;
mod call;
mod carried;
mod columns;
mod database;
mod disk;
mod error;
mod facts;
mod fault;
mod group_commit;
mod groups;
mod history;
mod housekeeping;
mod inspection;
mod key_file;
mod known_apps;
mod ledger;
mod lock;
mod logins;
mod marks;
mod migrations;
mod open_file;
mod own_file;
mod owner;
mod packages;
mod polls;
mod pool;
mod schema;
mod session_file;
mod set_aside;
mod sheet;
mod sightings;
mod slots;
mod spending;
mod statement;
mod usage;
mod views;

pub use allowance::Allowance;
pub use answer::{Answer, Correction, PackageRecord, UsageRecord};
pub use backup::BackupError;
pub use call::{CallEnd, NewPoll, OpenPoll};
pub use carried::CarriedCall;
pub use database::Store;
pub use disk::Disk;
pub use error::StoreError;
pub use facts::WatchedDay;
pub use fault::Fault;
pub use history::{AppHistory, PackageRow, UsageDay, UsagePoint};
pub use housekeeping::Retention;
pub use key_file::{KeyFileError, PublishedKey};
pub use known_apps::{Apps, KnownApp};
pub use lock::{DatabaseLock, LockError, Note};
pub use logins::{Brought, LoginAttempt};
pub use own_file::other_than_a_file;
pub use owner::Owner;
pub use schema::Schema;
pub use session_file::{SessionFile, SessionFileError};
pub use set_aside::set_aside;
pub use sheet::{Cell, Sheet};
pub use spending::{Attempts, DeviceHistory, FailedLogin, OpenAlert, Spending};
pub use views::{DateColumn, Filter, VIEWS, View, ViewError};
