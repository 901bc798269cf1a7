//! One login, from ledger row to log line.

use super::{
    CallTally, LAST_WRITE_GRACE, Observations, STOP_GRACE, StoreHealth, interrupted, outcome_of, skew_at_start,
    until_stopped,
};
use crate::clock;
use crate::events;
use crate::model::{ApiKey, CallFailure, Endpoint, Moment, Outcome, Secret, Session, Subject, day_of, fingerprint};
use crate::rules::renewal::{lifetimes, renew_after};
use crate::store::{Brought, CallEnd, LoginAttempt, Store};
use crate::vendors::Client;
use crate::vendors::v8std::{self, LoginAnswer, LoginRequest};
use chrono::{NaiveDate, TimeDelta};
use chrono_tz::Tz;
use reqwest::Url;
use std::sync::Arc;
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// How long a login waits for its row in the ledger.
const LEDGER_PATIENCE: Duration = Duration::from_secs(2);

/// Who logs in, and where.
#[derive(Debug, Clone)]
pub struct DeviceLogin {
    /// The operator's name for it.
    pub name: String,
    /// Its key in the database.
    pub device_key: i64,
    /// Of the V8STD service.
    pub base_url: Url,
    /// `programName`
    pub program_name: String,
    /// `locationCode`
    pub location_code: String,
    /// `deviceId`
    pub device_id: String,
    /// `activationCode`, unless the device is pre-registered.
    pub activation_code: Option<Secret>,
    /// Header `apiKey`, if any.
    pub login_api_key: Option<Secret>,
}

impl DeviceLogin {
    /// Tells whether a kept session is this login's: a key of another server or shop must not be served.
    pub fn identity(&self) -> String {
        let parts = [self.base_url.as_str(), &self.program_name, &self.location_code, &self.device_id];
        fingerprint(&parts.join("\n"))
    }
}

/// What every login needs besides the device.
#[derive(Debug, Clone)]
pub struct LoginCaller {
    /// The vendors' HTTP client.
    pub client: Client,
    /// Where the ledger is.
    pub store: Store,
    /// Whether that can be written.
    pub health: Arc<StoreHealth>,
    /// What the judge hears.
    pub observations: Arc<Observations>,
    /// Counts the calls.
    pub tally: CallTally,
    /// The vendor's calendar.
    pub timezone: Tz,
    /// Share of the shorter lifetime after which renewal starts.
    pub renew_share: f64,
    /// For unusable lifetimes.
    pub fallback: TimeDelta,
    /// Ends a request under way after a short grace.
    pub stop: CancellationToken,
}

/// A login attempt that has ended, not yet written down.
pub(super) struct Attempted {
    pub(super) attempt: LoginAttempt,
    pub(super) result: Result<Session, CallFailure>,
}

impl LoginCaller {
    /// Logs in at `now`. What became of it is for the caller to write down: first comes the file that
    /// keeps the key, see [`LoginCaller::record`].
    pub(super) async fn log_in(&self, device: &DeviceLogin, known_key: Option<&ApiKey>, now: &Moment) -> Attempted {
        let vendor_day = day_of(now.wall, self.timezone);
        let call_id = self.open_call(device, now, vendor_day).await;
        let request = LoginRequest {
            base_url: &device.base_url,
            program_name: &device.program_name,
            location_code: &device.location_code,
            device_id: &device.device_id,
            activation_code: device.activation_code.as_ref(),
            login_api_key: device.login_api_key.as_ref(),
            known_key,
        };
        let reply = until_stopped(&self.stop, STOP_GRACE, v8std::login(&self.client, &request)).await;
        let arrived = clock::now();
        let duration = arrived.since(now);
        let (date, http_status, result) = match reply {
            Some(reply) => (reply.date, reply.http_status, reply.result),
            None => (None, None, Err(interrupted())),
        };
        if http_status.is_some() {
            self.observations.answer(Endpoint::Login, date.map(|date| arrived.wall - date), &arrived);
        }
        let skew = date.map(|date| skew_at_start(now, duration, date));
        self.tally.count(Endpoint::Login, outcome_of(&result), duration);
        let (end, brought, result) = match result {
            Ok(answer) => {
                let end = CallEnd {
                    outcome: Outcome::Ok,
                    http_status,
                    error_code: None,
                    error_message: None,
                    duration,
                    skew,
                };
                let brought = self.brought(device, now, answer);
                (end, Some(brought.clone()), Ok(brought.session))
            }
            Err(failure) => (CallEnd::failed(&failure, duration, skew), None, Err(failure)),
        };
        let attempt =
            LoginAttempt { device_key: device.device_key, started_at: now.clone(), vendor_day, call_id, end, brought };
        Attempted { attempt, result }
    }

    /// A login costs nothing, so neither a full disk nor a lock delays it: what the ledger does not have
    /// now it gets with the end.
    async fn open_call(&self, device: &DeviceLogin, now: &Moment, vendor_day: NaiveDate) -> Option<i64> {
        if self.health.is_failing() {
            return None;
        }
        let opened = self.store.open_login_call(device.device_key, now, vendor_day);
        self.health.check(tokio::time::timeout(LEDGER_PATIENCE, opened).await.ok()?)
    }

    fn brought(&self, device: &DeviceLogin, now: &Moment, answer: LoginAnswer) -> Brought {
        if let Some(first_error) = &answer.first_error {
            events::response_unexpected(Endpoint::Login, &Subject::Device(device.name.clone()), 0, first_error);
        }
        let lifetimes = lifetimes(answer.live_hours, answer.relogin_hours, self.fallback);
        let renew_after = renew_after(&lifetimes, self.renew_share, fastrand::f64());
        let session = Session { key: answer.key, logged_in_at: now.clone(), lifetimes, renew_after };
        Brought { session, live_hours: answer.live_hours, relogin_hours: answer.relogin_hours }
    }

    /// Writes an attempt down; `false` where the database failed and it must be tried again.
    pub(super) async fn record(&self, attempt: &LoginAttempt) -> bool {
        match until_stopped(&self.stop, LAST_WRITE_GRACE, self.store.record_login(attempt)).await {
            Some(recorded) => self.health.check(recorded).is_some(),
            None => false,
        }
    }
}
