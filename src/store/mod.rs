//! What survives a restart: the SQLite file, the kept session and the published key.
//!
//! One connection writes, in short transactions. The file is in WAL mode while a daemon runs, so that
//! readers and the writer never wait for each other, and in rollback mode after a clean stop, so that a
//! reader without write permission needs nothing but the file itself (see [`Store::close`]).

mod alerts;
mod allowance;
mod apps;
mod backup;
mod calendar;
mod carried;
mod columns;
mod database;
mod disk;
mod facts;
mod fault;
mod group_commit;
mod history;
mod housekeeping;
mod inspection;
mod key_file;
mod ledger;
mod lock;
mod logins;
mod open_file;
mod own_file;
mod owner;
mod packages;
mod polls;
mod schema;
mod session_file;
mod set_aside;
mod spending;
mod usage;
mod views;

pub use allowance::Allowance;
pub use apps::{Apps, KnownApp};
pub use backup::BackupError;
pub use carried::CarriedCall;
pub use database::{Store, StoreError};
pub use disk::Disk;
pub use facts::WatchedDay;
pub use fault::Fault;
pub use history::{AppHistory, PackageRow, UsageDay, UsagePoint};
pub use housekeeping::Retention;
pub use key_file::{KeyFileError, PublishedKey};
pub use ledger::{CallEnd, NewPoll, OpenPoll};
pub use lock::{DatabaseLock, LockError, Note};
pub use logins::{Brought, LoginAttempt};
pub use own_file::other_than_a_file;
pub use owner::Owner;
pub use packages::PackageRecord;
pub use schema::Schema;
pub use session_file::{SessionFile, SessionFileError};
pub use set_aside::set_aside;
pub use spending::{Attempts, DeviceHistory, FailedLogin, OpenAlert, Spending};
pub use usage::{Answer, Correction, UsageRecord};
pub use views::{Cell, DateColumn, Filter, Sheet, VIEWS, View, ViewError};
