//! The shell: what the jobs do around the rules, with a fake now, a fake store and fake vendors.

use crate::Time;
use crate::judge::{Judge, Served};
use crate::machine::{Machine, seconds};
use crate::memory::{Line, Memory};
use crate::vendor::{Books, Hours, SHANGHAI, Server};
use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use fastrand::Rng;
use poskeeper::model::{ApiKey, AppId, CronLine, Endpoint, Moment, Outcome, Session, UsageReading, day_of};
use poskeeper::rules::coverage::Candidate;
use poskeeper::rules::history::{Observation, unfinished_day};
use poskeeper::rules::polling::{Due, TodaysUsage, due, is_done, refusal, splay};
use poskeeper::rules::renewal::{
    Attempts, KeyState, LoginPlan, backoff, key_state, lifetimes, plan, renew_after, restate_after_step,
};
use poskeeper::rules::windows::{DayRange, backfill_range, missing_windows, poll_window};
use poskeeper::rules::{budget, coverage};
use std::collections::HashMap;

const NEVER: Time = Time::MAX_UTC;
const FALLBACK: TimeDelta = TimeDelta::hours(1);
const STEP_TOLERANCE: TimeDelta = TimeDelta::seconds(1);
const KEEP_FREE: u32 = 10;
const BACKFILL_DAYS: u32 = 30;
const ENDPOINTS: [Endpoint; 2] = [Endpoint::AccessConfig, Endpoint::DailyAccess];

/// What an operator sets.
pub(crate) struct Settings {
    pub apps: Vec<AppId>,
    pub config_cron: CronLine,
    pub daily_cron: CronLine,
    pub splay: TimeDelta,
    pub budget: u32,
    pub is_chain: bool,
    pub hours: Hours,
    pub seed: u64,
}

/// The world outside of the process.
pub(crate) struct World {
    pub machine: Machine,
    pub memory: Memory,
    pub login_server: Server,
    pub quota_server: Server,
    pub books: Books,
    pub judge: Judge,
    pub rng: Rng,
    pub key_truth: Option<KeyTruth>,
    /// Since when a login that could succeed has been possible, as far as the shop is concerned.
    pub trying_since: Time,
}

/// The truth about the kept key.
#[derive(Clone, Copy)]
pub(crate) struct KeyTruth {
    good_until: Time,
    /// Login and lifetime as the rules reckon with it.
    promised_until: Time,
    /// How wrong the clock is that its login is dated by.
    dated_with: TimeDelta,
}

struct PendingLogin {
    ends: Time,
    started: Moment,
    started_at: Time,
    /// Lifetimes as sent, and true death; `None`: nothing came back.
    answer: Option<(Option<f64>, Option<f64>, Time)>,
}

struct PendingPoll {
    ends: Time,
    began: Time,
    call: usize,
    line: Line,
    slot: Option<DateTime<Utc>>,
    window: DayRange,
    started: Moment,
    answer: Result<Vec<UsageReading>, Outcome>,
}

/// What dies with the process.
pub(crate) struct Process {
    attempts: Attempts,
    login: Option<PendingLogin>,
    polls: Vec<PendingPoll>,
    /// When each line is looked at again.
    looks: HashMap<Line, Time>,
    login_look: Time,
    /// Apps whose newest scheduled poll went well: the server answers, old days may be asked for.
    backfilling: Vec<bool>,
}

impl Process {
    pub(crate) fn start(settings: &Settings, at: Time) -> Self {
        let lines = (0..settings.apps.len()).flat_map(|app| ENDPOINTS.map(|endpoint| (app, endpoint)));
        Self {
            attempts: Attempts::default(),
            login: None,
            polls: Vec::new(),
            looks: lines.map(|line| (line, at)).collect(),
            login_look: at,
            backfilling: vec![false; settings.apps.len()],
        }
    }

    /// Something happened to the clock or the machine: everything is looked at anew.
    pub(crate) fn wake(&mut self, at: Time) {
        self.looks.values_mut().for_each(|look| *look = at);
        self.login_look = at;
    }

    /// The network was away: what was under way is cut off.
    pub(crate) fn cut_off(&mut self, at: Time) {
        if let Some(login) = &mut self.login {
            login.answer = None;
            login.ends = at;
        }
        for poll in &mut self.polls {
            poll.answer = Err(Outcome::Unreachable);
            poll.ends = at;
        }
    }

    pub(crate) fn next_wake(&self) -> Time {
        self.next_poll_wake().min(self.login_look)
    }

    fn next_poll_wake(&self) -> Time {
        let polls = self.polls.iter().map(|poll| poll.ends).min().unwrap_or(NEVER);
        let looks = self.looks.values().copied().min().unwrap_or(NEVER);
        polls.min(looks)
    }

    pub(crate) fn step(&mut self, at: Time, settings: &Settings, world: &mut World) {
        if self.login_look <= at {
            self.keep_login(at, settings, world);
        }
        if self.next_poll_wake() > at {
            return;
        }
        for pending in self.polls.extract_if(.., |poll| poll.ends <= at).collect::<Vec<_>>() {
            self.end_poll(at, pending, settings, world);
        }
        for endpoint in ENDPOINTS {
            self.poll_due(at, endpoint, settings, world);
        }
        for app in 0..settings.apps.len() {
            self.backfill(at, app, settings, world);
        }
    }

    // The login.

    fn keep_login(&mut self, at: Time, settings: &Settings, world: &mut World) {
        let now = world.machine.now(at);
        if let Some(restated) = world.memory.session.as_ref().and_then(|s| restate_after_step(&now, s, STEP_TOLERANCE))
        {
            world.memory.session = Some(restated);
            if let Some(truth) = &mut world.key_truth {
                truth.dated_with = world.machine.error;
            }
        }
        if let Some(ended) = self.login.take_if(|login| login.ends <= at) {
            self.end_login(at, ended, world);
        }
        if let Some(login) = &self.login {
            // The key may die while the answer is awaited.
            self.login_look = match world.memory.session.as_ref().map(|session| key_state(&now, session)) {
                Some(KeyState::Live(left)) => login.ends.min(at + left),
                _ => login.ends,
            };
            return;
        }
        self.login_look = match plan(&now, world.memory.session.as_ref(), &self.attempts) {
            LoginPlan::Wait(pause) => at + pause.max(TimeDelta::milliseconds(1)),
            LoginPlan::Login => self.begin_login(at, now, settings, world),
        };
    }

    fn begin_login(&mut self, at: Time, started: Moment, settings: &Settings, world: &mut World) -> Time {
        world.judge.login(at);
        self.attempts.last_at = Some(started.clone());
        let is_up = world.login_server.reach(at).is_up;
        let (took, answer) = if is_up && world.rng.u8(0..100) > 0 {
            let took = TimeDelta::milliseconds(world.rng.i64(50..1500));
            let (live, relogin, truly) = settings.hours.draw(&mut world.rng);
            (took, Some((live, relogin, at + took / 2 + truly)))
        } else {
            let took = TimeDelta::milliseconds(world.rng.i64(5..30_000));
            if is_up {
                // Cut off while the server was up: the best of clients would have to try again.
                world.trying_since = at + took;
            }
            (took, None)
        };
        self.login = Some(PendingLogin { ends: at + took, started, started_at: at, answer });
        // Looked at once more at this moment: the key may die before the answer is there.
        at
    }

    fn end_login(&mut self, at: Time, ended: PendingLogin, world: &mut World) {
        let Some((live, relogin, good_until)) = ended.answer else {
            self.attempts.failures += 1;
            self.attempts.pause = backoff(Outcome::Unreachable, self.attempts.failures, world.rng.f64());
            return;
        };
        let lifetimes = lifetimes(live, relogin, FALLBACK);
        world.key_truth = Some(KeyTruth {
            good_until,
            promised_until: ended.started_at + lifetimes.live,
            dated_with: ended.started.wall - ended.started_at,
        });
        world.memory.session = Some(Session {
            key: ApiKey::parse("#KEY").expect("a key"),
            renew_after: renew_after(&lifetimes, 0.66, world.rng.f64()),
            logged_in_at: ended.started,
            lifetimes,
        });
        self.attempts = Attempts { last_at: self.attempts.last_at.take(), ..Attempts::default() };
        // The wall clock may have been set while the answer was under way.
        self.login_look = at;
    }

    // The polls.

    fn poll_due(&mut self, at: Time, endpoint: Endpoint, settings: &Settings, world: &mut World) {
        let now = world.machine.now(at);
        let mut waiting = Vec::new();
        for app in 0..settings.apps.len() {
            let line = (app, endpoint);
            if self.looks[&line] > at {
                continue;
            }
            if self.polls.iter().any(|poll| poll.line.0 == app) {
                // Looked at again when that has ended.
                self.looks.insert(line, NEVER);
                continue;
            }
            match self.judge_due(&now, line, settings, world) {
                Due::Now(slot) => waiting.push((app, slot)),
                Due::At(wall) => _ = self.looks.insert(line, at + (wall - now.wall)),
                Due::Never => _ = self.looks.insert(line, NEVER),
            }
        }
        if waiting.is_empty() {
            return;
        }
        let turns = if settings.is_chain {
            self.turns(&now, endpoint, &waiting, settings, world)
        } else {
            waiting.iter().map(|(app, _)| *app).collect()
        };
        for (app, slot) in waiting {
            let line = (app, endpoint);
            if !turns.contains(&app) {
                // Its chain is busy: looked at again when that has ended, or after a retry.
                let is_under_way = self.polls.iter().any(|poll| poll.line.1 == endpoint);
                self.looks.insert(line, if is_under_way { NEVER } else { at + TimeDelta::seconds(2) });
            } else if let Some(reason) = self.refused(&now, app, KEEP_FREE, settings, world) {
                *world.judge.skips.entry(reason).or_default() += 1;
                world.memory.skip_slot(line, slot, false);
            } else {
                self.begin_poll(at, line, Some(slot), poll_window(day_of(now.wall, SHANGHAI)), world);
            }
        }
    }

    fn judge_due(&self, now: &Moment, line: Line, settings: &Settings, world: &World) -> Due {
        let cron = settings.cron(line.1);
        let slot = cron.last_slot(now.wall).unwrap_or_default();
        let delay = splay(settings.seed, &settings.apps[line.0], line.1, slot, settings.splay);
        due(now, Some(cron), world.memory.progress(line), delay)
    }

    /// With chain coverage: who retries, and else whose turn it is.
    fn turns(
        &self,
        now: &Moment,
        endpoint: Endpoint,
        waiting: &[(usize, DateTime<Utc>)],
        settings: &Settings,
        world: &World,
    ) -> Vec<usize> {
        let slot = settings.cron(endpoint).last_slot(now.wall);
        let is_retry = |app: usize| {
            let progress = world.memory.progress((app, endpoint));
            progress.is_some_and(|p| Some(p.slot) == slot && p.attempts > 0 && !p.done)
        };
        let candidates: Vec<_> = (0..settings.apps.len())
            .filter(|app| is_retry(*app) || waiting.iter().any(|(waits, _)| waits == app))
            .map(|app| Candidate {
                app_key: app as i64,
                last_asked: world.memory.last_asked.get(&(app, endpoint)).copied(),
                busy: is_retry(app) || self.polls.iter().any(|poll| poll.line == (app, endpoint)),
            })
            .chain(self.polls.iter().filter(|poll| poll.line.1 == endpoint).map(|poll| Candidate {
                app_key: poll.line.0 as i64,
                last_asked: None,
                busy: true,
            }))
            .collect();
        let sightings: Vec<_> = world.memory.sightings.iter().copied().collect();
        let turns = coverage_turns(&candidates, &sightings);
        waiting.iter().map(|(app, _)| *app).filter(|app| is_retry(*app) || turns.contains(app)).collect()
    }

    fn refused(
        &self,
        now: &Moment,
        app: usize,
        keep_free: u32,
        settings: &Settings,
        world: &World,
    ) -> Option<&'static str> {
        let stored = world.memory.days.get(&(app, day_of(now.wall, SHANGHAI)));
        let usage = stored.map(|day| TodaysUsage { limit_times: day.limit_times, used_times: day.used_times });
        refusal(budget_left(now, app, settings, world), usage, keep_free).map(|reason| reason.name())
    }

    fn begin_poll(&mut self, at: Time, line: Line, slot: Option<DateTime<Utc>>, window: DayRange, world: &mut World) {
        let started = world.machine.now(at);
        if let Some(slot) = slot {
            world.judge.poll(at, line, slot, world.machine.clock_epoch);
        }
        let call = world.memory.open_call(line, slot, &started, day_of(started.wall, SHANGHAI));
        let (took, answer) = if world.quota_server.reach(at).is_up {
            let took = TimeDelta::milliseconds(world.rng.i64(50..3000));
            let arrives = at + took / 2;
            let count = world.books.charge(line.0, arrives);
            let is_blind =
                world.machine.error != TimeDelta::zero() && !world.memory.is_answered_in(&started.boot.boot_id, line.0);
            world.judge.charged(arrives, line.0, count, is_blind, &world.memory);
            match world.rng.u8(0..100) {
                0..3 => (seconds(&mut world.rng, 3, 30), Err(Outcome::Unreachable)),
                3 => (took, Err(Outcome::Unexpected)),
                _ => (took, Ok(world.books.rows(window, arrives))),
            }
        } else {
            (TimeDelta::milliseconds(world.rng.i64(5..30_000)), Err(Outcome::Unreachable))
        };
        self.looks.insert(line, NEVER);
        self.polls.push(PendingPoll { ends: at + took, began: at, call, line, slot, window, started, answer });
    }

    fn end_poll(&mut self, at: Time, ended: PendingPoll, settings: &Settings, world: &mut World) {
        let (app, endpoint) = ended.line;
        for look in self.looks.iter_mut().filter(|((a, e), _)| *a == app || (settings.is_chain && *e == endpoint)) {
            *look.1 = at;
        }
        // The vendor's Date has whole seconds.
        let date = at - TimeDelta::milliseconds(at.timestamp_millis() % 1000);
        let answered = !matches!(ended.answer, Err(Outcome::Unreachable));
        if answered {
            world.memory.calls[ended.call].skew = Some(world.machine.now(at).wall - date);
        }
        let rows = match ended.answer {
            Ok(rows) => rows,
            Err(outcome) => {
                self.backfilling[app] = false;
                let attempts = world.memory.progress(ended.line).map_or(0, |progress| progress.attempts);
                if ended.slot.is_some() && is_done(outcome, attempts) {
                    world.memory.close_slot(ended.line);
                }
                return;
            }
        };
        let mut covered = Vec::new();
        if endpoint == Endpoint::DailyAccess {
            let by_ours = day_of(ended.started.wall, SHANGHAI);
            let by_theirs = day_of(date - (at - ended.began), SHANGHAI);
            let observation = Observation {
                call_id: ended.call as i64,
                observed_at: ended.started.wall,
                today: unfinished_day(by_ours, Some(by_theirs)),
            };
            let sisters = world.memory.record_usage(app, &settings.apps, &observation, &rows, ended.window);
            covered.extend(sisters);
            self.backfilling[app] = true;
        } else {
            covered.extend((0..settings.apps.len()).filter(|sister| *sister != app));
        }
        let Some(slot) = ended.slot else { return };
        world.judge.poll_ok(ended.line, slot, world.machine.clock_epoch);
        world.memory.close_slot(ended.line);
        if settings.is_chain {
            for sister in covered {
                world.judge.poll_ok((sister, endpoint), slot, world.machine.clock_epoch);
                world.memory.skip_slot((sister, endpoint), slot, true);
            }
        }
    }

    fn backfill(&mut self, at: Time, app: usize, settings: &Settings, world: &mut World) {
        if !self.backfilling[app] || self.polls.iter().any(|poll| poll.line.0 == app) {
            return;
        }
        let now = world.machine.now(at);
        let wanted = backfill_range(day_of(now.wall, SHANGHAI), BACKFILL_DAYS);
        let asked = world.memory.asked.get(&app).map_or(&[][..], Vec::as_slice);
        let windows = wanted.map(|wanted| missing_windows(wanted, asked)).unwrap_or_default();
        let Some(window) = windows.first() else {
            self.backfilling[app] = false;
            return;
        };
        let left = budget_left(&now, app, settings, world);
        let slots: u32 = ENDPOINTS
            .iter()
            .map(|endpoint| settings.cron(*endpoint).slots_between(now.wall, midnight_after(&now), settings.budget))
            .sum();
        if budget::spare_for_backfill(settings.budget, left, slots) == 0
            || self.refused(&now, app, KEEP_FREE, settings, world).is_some()
        {
            self.backfilling[app] = false;
            return;
        }
        self.begin_poll(at, (app, Endpoint::DailyAccess), None, *window, world);
    }
}

fn coverage_turns(candidates: &[Candidate], sightings: &[(i64, i64)]) -> Vec<usize> {
    coverage::whose_turn(candidates, sightings).into_iter().filter_map(|app| usize::try_from(app).ok()).collect()
}

fn budget_left(now: &Moment, app: usize, settings: &Settings, world: &World) -> u32 {
    let marks = world.memory.newest_calls(app, settings.budget);
    settings.budget.saturating_sub(budget::spent_today(now, SHANGHAI, &marks, &[]))
}

fn midnight_after(now: &Moment) -> DateTime<Utc> {
    let tomorrow: NaiveDate = day_of(now.wall, SHANGHAI) + TimeDelta::days(1);
    let midnight = tomorrow.and_time(chrono::NaiveTime::MIN).and_local_timezone(SHANGHAI);
    midnight.earliest().map_or(now.wall, |midnight| midnight.with_timezone(&Utc))
}

impl Settings {
    fn cron(&self, endpoint: Endpoint) -> &CronLine {
        if endpoint == Endpoint::AccessConfig { &self.config_cron } else { &self.daily_cron }
    }
}

impl World {
    /// Whether the kept key's age is told by this boot's own clock.
    pub(crate) fn has_login_of_this_boot(&self) -> bool {
        let boot_id = self.machine.boot_id();
        self.memory.session.as_ref().is_some_and(|session| session.logged_in_at.boot.boot_id == boot_id)
    }

    /// What the published file says now.
    pub(crate) fn served(&self, at: Time) -> Served {
        let (Some(session), Some(truth)) = (&self.memory.session, self.key_truth) else {
            return Served::Nothing { is_loss: false, is_provable: true };
        };
        let is_provable =
            self.has_login_of_this_boot() || (self.machine.error - truth.dated_with).abs() < STEP_TOLERANCE;
        match key_state(&self.machine.now(at), session) {
            KeyState::Dead => Served::Nothing { is_loss: at < truth.promised_until, is_provable },
            state @ (KeyState::Live(_) | KeyState::Unproven) => {
                Served::Key { good_until: truth.good_until, is_unproven: state == KeyState::Unproven, is_provable }
            }
        }
    }
}
