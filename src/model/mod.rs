//! Plain values that the whole house speaks of. They know no clock, no file and no network.

mod app_id;
mod call;
mod cron_line;
mod moment;
mod offset;
mod quota;
mod roomy;
mod secret;
mod session;
mod text;

pub use app_id::AppId;
pub use call::{CallFailure, Endpoint, Outcome, Subject};
pub use cron_line::{CronLine, CronLineError};
pub use moment::{BootInstant, Moment, day_of, instant_text, start_of};
pub use quota::{Package, UsageReading};
pub use roomy::make_room;
pub use secret::{ApiKey, Secret, fingerprint};
pub use session::{Lifetimes, Session};
pub use text::{blank_secrets, one_line, single_line};
