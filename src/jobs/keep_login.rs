//! Keeps one device logged in: renews in time, publishes the live key, withdraws a dead one.

use super::login_call::Attempted;
use super::{DeviceLogin, LoginCaller, Progress, sleep_time};
use crate::clock;
use crate::events;
use crate::model::{CallFailure, Moment, Outcome, Session};
use crate::rules::alarms::DeviceFacts;
use crate::rules::renewal::{
    Attempts, KeyState, LEAST_INTERVAL, LoginPlan, PastAttempts, anchor_in_this_boot, backoff, key_state, plan,
    restate_after_step, resume,
};
use crate::store::{LoginAttempt, PublishedKey, SessionFile};
use chrono::{DateTime, TimeDelta, Utc};
use std::collections::VecDeque;
use std::pin::Pin;
use std::time::Duration;

/// How long a keeper sleeps at most: timers do not count a suspend, so after one a dead key would be
/// served for as long as the keeper went on sleeping.
const LONGEST_SLEEP: Duration = Duration::from_secs(2);
/// A step of the wall clock that is worth restating deadlines for.
const STEP_TOLERANCE: TimeDelta = TimeDelta::seconds(2);

/// Attempts that wait in memory for a database that cannot be written: a day and more of failing ones.
const MOST_UNRECORDED: usize = 500;

type LoginUnderWay = Pin<Box<dyn Future<Output = Attempted> + Send>>;

/// One device's worker.
pub struct LoginKeeper {
    device: DeviceLogin,
    caller: LoginCaller,
    sessions: SessionFile,
    published: Option<PublishedKey>,
    session: Option<Session>,
    attempts: Attempts,
    /// An attempt of this process has ended.
    has_tried: bool,
    /// Why the newest attempt failed.
    last_error: Option<String>,
    /// What the judge was told last: whether the key is dead, overdue, due.
    told: Option<(bool, bool, bool)>,
    /// Attempts that the database did not take yet, oldest first.
    unrecorded: VecDeque<LoginAttempt>,
    /// How many more there were than can be kept.
    dropped: usize,
    /// Complaints are logged once each until they are over.
    key_file_failing: bool,
    session_file_failing: bool,
}

impl LoginKeeper {
    /// Takes up the kept session, if there is one of this login. `past`: what the ledger says, so that a
    /// crash loop does not hammer the server.
    pub fn new(
        device: DeviceLogin,
        caller: LoginCaller,
        sessions: SessionFile,
        published: Option<PublishedKey>,
        past: PastAttempts,
    ) -> Self {
        let attempts = resume(past, fastrand::f64());
        let mut keeper = Self {
            device,
            caller,
            sessions,
            published,
            session: None,
            attempts,
            has_tried: false,
            last_error: None,
            told: None,
            unrecorded: VecDeque::new(),
            dropped: 0,
            key_file_failing: false,
            session_file_failing: false,
        };
        match keeper.sessions.load(&keeper.device.name, &keeper.device.identity()) {
            Ok(session) => keeper.session = session,
            Err(error) => keeper.note_session_file(Err(error)),
        }
        // The judge knows every device from its first pass on.
        keeper.tell(&clock::now());
        keeper
    }

    /// Keeps the device logged in until the caller's stop.
    pub async fn run(mut self, progress: Progress) {
        let mut under_way: Option<LoginUnderWay> = None;
        let (mut is_first_look, mut is_first_pass) = (true, true);
        loop {
            progress.beat();
            let now = clock::now();
            self.look(&now).await;
            if is_first_look {
                is_first_look = false;
                self.restate_in_database().await;
            }
            if under_way.is_none() && self.is_login_due(&now) && !self.caller.stop.is_cancelled() {
                under_way = Some(self.begin(now.clone()));
            } else if is_first_pass && under_way.is_none() {
                is_first_pass = false;
                progress.first_pass_done();
            }
            let nap = tokio::time::sleep(sleep_time(self.until_next(&now), LONGEST_SLEEP));
            match under_way.as_mut() {
                Some(login) => tokio::select! {
                    attempted = login => {
                        under_way = None;
                        self.finish(attempted).await;
                    }
                    () = nap => {}
                },
                None if self.caller.stop.is_cancelled() => return self.let_go_of_unrecorded().await,
                None => tokio::select! {
                    () = nap => {}
                    () = self.caller.stop.cancelled() => {}
                },
            }
        }
    }

    /// Logs in now if that is due; for `poskeeper once`. `false`: it failed.
    pub async fn run_once(&mut self) -> bool {
        self.look(&clock::now()).await;
        self.restate_in_database().await;
        let is_due = self.session.as_ref().is_none_or(|session| {
            let now = clock::now();
            !matches!(key_state(&now, session), KeyState::Live(_))
                || now.since(&session.logged_in_at) >= session.renew_after
        });
        if is_due {
            self.wait_for_least_interval().await;
            let attempted = self.begin(clock::now()).await;
            let is_good = self.finish(attempted).await;
            self.let_go_of_unrecorded().await;
            is_good && self.unrecorded.is_empty()
        } else {
            true
        }
    }

    /// Logs in, due or not, as soon as the least interval allows; for `poskeeper check --online`. Returns
    /// until when the new key lives.
    ///
    /// # Errors
    /// Why it failed.
    pub async fn log_in_now(&mut self) -> Result<DateTime<Utc>, CallFailure> {
        self.wait_for_least_interval().await;
        let attempted = self.begin(clock::now()).await;
        let told = attempted.result.as_ref().map(Session::expires_at).map_err(Clone::clone);
        self.finish(attempted).await;
        self.let_go_of_unrecorded().await;
        told
    }

    async fn wait_for_least_interval(&self) {
        if let Some(last) = &self.attempts.last_at {
            let too_early = LEAST_INTERVAL - clock::now().since(last);
            tokio::time::sleep(sleep_time(too_early, LEAST_INTERVAL.to_std().unwrap_or_default())).await;
        }
    }

    /// Everything that the passing of time asks for, short of logging in.
    async fn look(&mut self, now: &Moment) {
        // First of all: nothing may keep a dead key published.
        self.publish_or_withdraw(now);
        let is_confirmed = self.caller.observations.confirm_clock(now);
        let restated = self.session.as_ref().and_then(|session| {
            let anchored = if is_confirmed { anchor_in_this_boot(now, session) } else { None };
            anchored.or_else(|| restate_after_step(now, session, STEP_TOLERANCE))
        });
        if let Some(restated) = restated {
            self.session = Some(restated);
            self.keep_session();
            self.restate_in_database().await;
            // The judge is to hear of the step.
            self.told = None;
        } else if self.session_file_failing {
            self.keep_session();
        }
        self.write_down_if_possible().await;
        // The database may have kept us waiting.
        self.publish_or_withdraw(&clock::now());
        let stage = self.stage(now);
        if self.told != Some(stage) {
            self.tell(now);
        }
    }

    /// What only the passing of time changes about a session.
    fn stage(&self, now: &Moment) -> (bool, bool, bool) {
        self.session.as_ref().map_or((true, true, true), |session| {
            let age = now.since(&session.logged_in_at);
            let is_dead = key_state(now, session) == KeyState::Dead;
            (is_dead, age >= session.lifetimes.relogin, age >= session.renew_after)
        })
    }

    fn tell(&mut self, now: &Moment) {
        self.told = Some(self.stage(now));
        let Self { device, session, has_tried, attempts, last_error, .. } = self;
        let observations = &self.caller.observations;
        observations.device(DeviceFacts {
            device: device.name.clone(),
            session: session.clone(),
            has_tried: *has_tried,
            // Those before the start say nothing of now: what is open in the database stays open until then.
            failures: if *has_tried { attempts.failures } else { 0 },
            last_error: last_error.clone(),
        });
    }

    fn is_login_due(&self, now: &Moment) -> bool {
        plan(now, self.session.as_ref(), &self.attempts) == LoginPlan::Login
    }

    /// Until there is something to do: renew, or withdraw the key.
    fn until_next(&self, now: &Moment) -> TimeDelta {
        let until_login = match plan(now, self.session.as_ref(), &self.attempts) {
            LoginPlan::Wait(wait) => wait,
            // Under way.
            LoginPlan::Login => TimeDelta::MAX,
        };
        match self.session.as_ref().map(|session| key_state(now, session)) {
            Some(KeyState::Live(left)) => until_login.min(left),
            _ => until_login,
        }
    }

    fn begin(&mut self, now: Moment) -> LoginUnderWay {
        self.attempts.last_at = Some(now.clone());
        let (caller, device) = (self.caller.clone(), self.device.clone());
        let known_key = self.session.as_ref().map(|session| session.key.clone());
        Box::pin(async move { caller.log_in(&device, known_key.as_ref(), &now).await })
    }

    /// `true`: the device is logged in.
    async fn finish(&mut self, attempted: Attempted) -> bool {
        self.has_tried = true;
        let Attempted { attempt, result } = attempted;
        self.unrecorded.push_back(attempt);
        if self.unrecorded.len() > MOST_UNRECORDED {
            self.unrecorded.pop_front();
            self.dropped += 1;
        }
        match result {
            Ok(session) => {
                self.attempts.failures = 0;
                self.last_error = None;
                self.attempts.pause = LEAST_INTERVAL;
                self.session = Some(session);
                // The file first: an answered login must not be lost, whatever happens next.
                self.keep_session();
                self.publish_or_withdraw(&clock::now());
                self.write_down_if_possible().await;
                if let Some(session) = &self.session {
                    events::login_renewed(&self.device.name, session);
                }
                self.tell(&clock::now());
                true
            }
            Err(failure) => {
                if failure.outcome == Outcome::Interrupted {
                    return false;
                }
                self.attempts.failures = self.attempts.failures.saturating_add(1);
                self.attempts.pause = backoff(failure.outcome, self.attempts.failures, fastrand::f64());
                self.write_down_if_possible().await;
                let now = clock::now();
                let living = self.session.as_ref().filter(|session| key_state(&now, session) != KeyState::Dead);
                let Attempts { failures, pause, .. } = self.attempts;
                events::login_failed(&self.device.name, &failure, failures, pause, living);
                self.last_error = Some(failure.message);
                self.tell(&now);
                false
            }
        }
    }

    fn publish_or_withdraw(&mut self, now: &Moment) {
        let Some(published) = &self.published else { return };
        let result = match &self.session {
            Some(session) if key_state(now, session) != KeyState::Dead => published.publish(&session.key),
            _ => published.withdraw(),
        };
        if let Err(error) = &result
            && !self.key_file_failing
        {
            events::key_file_failing(&self.device.name, error);
        }
        if result.is_ok() && self.key_file_failing {
            events::key_file_restored(&self.device.name);
        }
        self.key_file_failing = result.is_err();
    }

    fn keep_session(&mut self) {
        if let Some(session) = &self.session {
            let result = self.sessions.save(&self.device.name, &self.device.identity(), session);
            self.note_session_file(result);
        }
    }

    fn note_session_file(&mut self, result: Result<(), crate::store::SessionFileError>) {
        if let Err(error) = &result
            && !self.session_file_failing
        {
            events::session_failing(&self.device.name, error);
        }
        if result.is_ok() && self.session_file_failing {
            events::session_restored(&self.device.name);
        }
        self.session_file_failing = result.is_err();
    }

    /// Lets the database say the deadlines as the wall clock of today tells them.
    async fn restate_in_database(&mut self) {
        let (store, device_key, session) = (self.caller.store.clone(), self.device.device_key, self.session.clone());
        let restated = self.watching_the_key(store.restate_session(device_key, session.as_ref())).await;
        self.caller.health.check(restated);
    }

    /// A database that is known to fail is left to the judge, who tries it now and then: waiting for a
    /// lock here would delay the next login.
    async fn write_down_if_possible(&mut self) {
        if !self.caller.health.is_failing() {
            self.write_down().await;
        }
    }

    /// Tries a last time.
    async fn let_go_of_unrecorded(&mut self) {
        self.write_down().await;
        self.tell_of_unrecorded();
    }

    /// Writes down the attempts that are not yet; what the database does not take is tried again.
    async fn write_down(&mut self) {
        let caller = self.caller.clone();
        while let Some(attempt) = self.unrecorded.pop_front() {
            if !self.watching_the_key(caller.record(&attempt)).await {
                self.unrecorded.push_front(attempt);
                return;
            }
        }
        if self.dropped > 0 {
            self.tell_of_unrecorded();
            self.dropped = 0;
        }
    }

    /// Before they are forgotten.
    fn tell_of_unrecorded(&self) {
        let attempts = self.unrecorded.len() + self.dropped;
        if attempts > 0 {
            let reason = self.caller.health.failure();
            let reason = reason.as_deref().unwrap_or("it could not be written for too long");
            events::store_failing_lost_logins(&self.device.name, attempts, reason);
        }
    }

    /// Awaits the database, which somebody may have locked: a key that dies meanwhile is withdrawn in time.
    async fn watching_the_key<T>(&mut self, work: impl Future<Output = T>) -> T {
        let mut work = std::pin::pin!(work);
        loop {
            let now = clock::now();
            self.publish_or_withdraw(&now);
            let left = match self.session.as_ref().map(|session| key_state(&now, session)) {
                Some(KeyState::Live(left)) => left,
                _ => TimeDelta::MAX,
            };
            tokio::select! {
                biased;
                done = &mut work => return done,
                () = tokio::time::sleep(sleep_time(left, LONGEST_SLEEP)) => {}
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::jobs::{Observations, StoreHealth};
    use crate::model::{ApiKey, Lifetimes};
    use crate::store::Store;
    use crate::vendors::{Client, ClientOptions};
    use std::sync::Arc;
    use tokio_util::sync::CancellationToken;

    async fn keeper(folder: &std::path::Path, live: TimeDelta) -> LoginKeeper {
        let store = Store::open(&folder.join("poskeeper.db")).await.expect("opened");
        let options = ClientOptions {
            timeout: Duration::from_secs(1),
            connect_timeout: Duration::from_secs(1),
            extra_roots_pem: None,
            max_response_bytes: 1,
            secrets: Vec::new(),
        };
        let caller = LoginCaller {
            client: Client::new(&options).expect("a client"),
            store,
            health: Arc::new(StoreHealth::new(folder.join("poskeeper.db"), TimeDelta::hours(24))),
            observations: Arc::new(Observations::default()),
            tally: crate::jobs::CallTally::default(),
            timezone: chrono_tz::UTC,
            renew_share: 0.5,
            fallback: TimeDelta::hours(1),
            stop: CancellationToken::new(),
        };
        let device = DeviceLogin {
            name: "till-1".into(),
            device_key: 1,
            base_url: "http://127.0.0.1:9".parse().expect("a URL"),
            program_name: "P".into(),
            location_code: "L".into(),
            device_id: "1".into(),
            activation_code: None,
            login_api_key: None,
        };
        let published = PublishedKey { path: folder.join("till-1.apikey"), mode: 0o640, owner: None };
        let sessions = SessionFile::beside(&folder.join("poskeeper.db"));
        let mut keeper = LoginKeeper::new(device, caller, sessions, Some(published), PastAttempts::default());
        keeper.session = Some(Session {
            key: ApiKey::parse("#K").expect("a key"),
            logged_in_at: clock::now(),
            lifetimes: Lifetimes { live, relogin: live },
            renew_after: live,
        });
        keeper
    }

    #[tokio::test]
    async fn a_key_that_dies_while_the_database_is_locked_is_withdrawn_in_time() {
        let folder = tempfile::tempdir().expect("a folder");
        let mut keeper = keeper(folder.path(), TimeDelta::milliseconds(300)).await;
        let file = folder.path().join("till-1.apikey");
        let stands = || file.exists();
        let locked = async {
            let stood = stands();
            tokio::time::sleep(Duration::from_millis(1000)).await;
            (stood, stands())
        };
        assert_eq!(keeper.watching_the_key(locked).await, (true, false));
    }
}
