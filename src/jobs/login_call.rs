//! One login, from ledger row to log line.

use super::{CallTally, Observations, StoreHealth, interrupted, outcome_of, skew_at_start, until_stopped};
use crate::clock;
use crate::events;
use crate::model::{ApiKey, CallFailure, Endpoint, Moment, Secret, Session, Subject, day_of, fingerprint};
use crate::rules::renewal::{lifetimes, renew_after};
use crate::store::{CallEnd, LoginRecord, Store};
use crate::vendors::Client;
use crate::vendors::v8std::{self, LoginAnswer, LoginRequest};
use chrono::TimeDelta;
use chrono_tz::Tz;
use reqwest::Url;
use std::sync::Arc;
use tokio_util::sync::CancellationToken;

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

/// A login that succeeded, not yet written down.
#[derive(Debug)]
pub(super) struct NewSession {
    pub(super) session: Session,
    live_hours: Option<f64>,
    relogin_hours: Option<f64>,
    /// Absent where the ledger could not be written before the request.
    end: Option<CallEnd>,
}

impl LoginCaller {
    /// Logs in at `now`. The failure, if any, is in the ledger when this ends; a success is not: first
    /// comes the file that keeps the key, see [`LoginCaller::record`].
    pub(super) async fn log_in(
        &self,
        device: &DeviceLogin,
        known_key: Option<&ApiKey>,
        now: &Moment,
    ) -> Result<NewSession, CallFailure> {
        let vendor_day = day_of(now.wall, self.timezone);
        let opened = self.store.open_login_call(device.device_key, now, vendor_day).await;
        // A login costs nothing, so a full disk does not stop it.
        let call_id = self.health.check(opened);
        let request = LoginRequest {
            base_url: &device.base_url,
            program_name: &device.program_name,
            location_code: &device.location_code,
            device_id: &device.device_id,
            activation_code: device.activation_code.as_ref(),
            login_api_key: device.login_api_key.as_ref(),
            known_key,
        };
        let reply = until_stopped(&self.stop, v8std::login(&self.client, &request)).await;
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
        match result {
            Ok(answer) => Ok(self.new_session(
                device,
                now,
                answer,
                call_id.map(|call_id| CallEnd {
                    call_id,
                    outcome: crate::model::Outcome::Ok,
                    http_status,
                    error_code: None,
                    error_message: None,
                    duration,
                    skew,
                }),
            )),
            Err(failure) => {
                if let Some(call_id) = call_id {
                    let end = CallEnd::failed(call_id, &failure, duration, skew);
                    self.health.check(self.store.close_failed_call(&end, false).await);
                }
                Err(failure)
            }
        }
    }

    fn new_session(&self, device: &DeviceLogin, now: &Moment, answer: LoginAnswer, end: Option<CallEnd>) -> NewSession {
        if let Some(first_error) = &answer.first_error {
            events::response_unexpected(Endpoint::Login, &Subject::Device(device.name.clone()), 0, first_error);
        }
        let lifetimes = lifetimes(answer.live_hours, answer.relogin_hours, self.fallback);
        let renew_after = renew_after(&lifetimes, self.renew_share, fastrand::f64());
        let session = Session { key: answer.key, logged_in_at: now.clone(), lifetimes, renew_after };
        NewSession { session, live_hours: answer.live_hours, relogin_hours: answer.relogin_hours, end }
    }

    /// Writes a success down; `false` where the database failed and it must be tried again.
    pub(super) async fn record(&self, device: &DeviceLogin, new: &NewSession) -> bool {
        let record = LoginRecord {
            device_key: device.device_key,
            session: &new.session,
            live_hours: new.live_hours,
            relogin_hours: new.relogin_hours,
        };
        self.health.check(self.store.record_login(&record, new.end.as_ref()).await).is_some()
    }
}
