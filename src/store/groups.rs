//! What many calls read and write at the same time.

use super::allowance::{Allowance, Asked};
use super::answer::{Answer, PackageRecord, UsageRecord};
use super::call::{NewPoll, OpenPoll};
use super::group_commit::GroupCommit;
use super::known_apps::KnownApps;
use crate::model::{Package, UsageReading};
use crate::rules::windows::DayRange;
use std::sync::Arc;

/// Each kind of request in groups of its own, and the accounts that all of them need.
#[derive(Debug, Default)]
pub(super) struct Groups {
    pub(super) allowances: GroupCommit<Asked, Allowance>,
    pub(super) calls: GroupCommit<NewPoll, OpenPoll>,
    pub(super) usage: GroupCommit<(Arc<Answer<UsageReading>>, DayRange), UsageRecord>,
    pub(super) packages: GroupCommit<Arc<Answer<Package>>, PackageRecord>,
    pub(super) apps: KnownApps,
}
