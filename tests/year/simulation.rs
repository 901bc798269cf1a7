//! Jumps from one interesting moment to the next, for a year.

use crate::Time;
use crate::judge::Judge;
use crate::machine::{ClockAtBoot, Event, Machine, Reboots, fate};
use crate::memory::Memory;
use crate::shop::{Process, Settings, World};
use crate::vendor::{Books, Hours, SHANGHAI, Server};
use chrono::{DateTime, TimeDelta};
use fastrand::Rng;
use poskeeper::model::{AppId, CronLine, day_of};

const DEFAULT_CONFIG_CRON: &str = "0 20 6 * * *";
const DEFAULT_DAILY_CRON: &str = "0 10 0,8-22/2 * * *";

/// One kind of year.
#[derive(Clone, Copy)]
pub(crate) struct Scenario {
    pub name: &'static str,
    pub hours: Hours,
    pub apps: usize,
    pub is_chain: bool,
    pub budget: u32,
    pub daily_cron: &'static str,
    pub splay_seconds: i64,
    pub reboots: Reboots,
}

impl Default for Scenario {
    fn default() -> Self {
        Self {
            name: "",
            hours: Hours::Good(240.0, 6.0),
            apps: 2,
            is_chain: false,
            budget: 24,
            daily_cron: DEFAULT_DAILY_CRON,
            splay_seconds: 60,
            reboots: Reboots::RightClock,
        }
    }
}

/// The machine's state.
enum State {
    Running(Box<Process>),
    /// Killed, off or asleep; asleep with a process that goes on.
    Dead,
    Off,
    Asleep(Option<Box<Process>>),
}

struct Year {
    settings: Settings,
    world: World,
    state: State,
    /// Since when the machine has been up with a right clock.
    sound_since: Time,
    first_start: Time,
}

/// Lives through the year; what is left is the world with its judge.
pub(crate) fn live(scenario: Scenario, seed: u64) -> World {
    let start = "2026-01-01T03:00:00Z".parse::<Time>().expect("a time");
    let calm = start + TimeDelta::days(363);
    let end = start + TimeDelta::days(366);
    let mut rng = Rng::with_seed(seed);
    let apps: Vec<_> = (0..scenario.apps).filter_map(|n| AppId::parse(&format!("app-{n}"))).collect();
    let fates = fate(&mut rng, start, calm, scenario.reboots);
    let line = |text| CronLine::parse(text, SHANGHAI).expect("a cron line");
    let settings = Settings {
        apps: apps.clone(),
        config_cron: line(DEFAULT_CONFIG_CRON),
        daily_cron: line(scenario.daily_cron),
        splay: TimeDelta::seconds(scenario.splay_seconds),
        budget: scenario.budget,
        is_chain: scenario.is_chain,
        hours: scenario.hours,
        seed,
    };
    let world = World {
        machine: Machine::booted(start),
        memory: Memory::default(),
        login_server: Server::new(&mut rng, start, calm),
        quota_server: Server::new(&mut rng, start, calm),
        books: Books::new(apps, seed),
        judge: Judge::new(seed, scenario.budget),
        rng,
        key_truth: None,
        trying_since: start,
    };
    let state = State::Running(Box::new(Process::start(&settings, start)));
    let mut year = Year { settings, world, state, sound_since: start, first_start: start };
    let down = year.world.login_server.share_down(start, calm);
    year.run(start, end, &fates);
    year.world.report(scenario.name, seed, down);
    year.world
}

impl Year {
    fn run(&mut self, start: Time, end: Time, fates: &[(Time, Event)]) {
        let (mut at, mut at_once) = (start, 0);
        let mut fates = fates.iter().peekable();
        let mut inspection = start + TimeDelta::days(2);
        while at < end {
            let login_server = self.world.login_server.reach(at);
            let wake = match &self.state {
                State::Running(process) => process.next_wake(),
                _ => Time::MAX_UTC,
            };
            let fate_at = fates.peek().map_or(end, |(at, _)| *at);
            let next = fate_at.min(wake).min(login_server.until).min(inspection).min(end).max(at);
            if let State::Running(_) = self.state {
                let served = self.world.served(at);
                self.world.judge.key_span(at, next, served, login_server, self.world.trying_since);
            }
            at_once = if next == at { at_once + 1 } else { 0 };
            assert!(at_once < 100, "seed {}: the shell runs hot at {at}", self.settings.seed);
            at = next;
            while let Some((_, event)) = fates.next_if(|(due, _)| *due <= at) {
                self.befall(at, *event);
            }
            if let State::Running(process) = &mut self.state {
                process.step(at, &self.settings, &mut self.world);
            }
            if inspection <= at {
                self.inspect(at, false);
                inspection += TimeDelta::hours(25);
            }
        }
        self.inspect(end, true);
    }

    /// After two sound days no day is missing that the vendor still had.
    fn inspect(&self, at: Time, is_last: bool) {
        let is_sound = matches!(self.state, State::Running(_)) && self.world.machine.error == TimeDelta::zero();
        if !is_sound || at - self.sound_since < TimeDelta::hours(48) {
            return;
        }
        // A tight budget takes days to fill in the past, and the oldest day it wants moves along.
        let days_before_start = if self.settings.budget < 24 { 20 } else { 30 };
        let very_first = day_of(self.first_start, SHANGHAI) - TimeDelta::days(days_before_start);
        let today = day_of(at, SHANGHAI);
        let first = if is_last { very_first } else { very_first.max(today - TimeDelta::days(70)) };
        // Yesterday is final as soon as one of today's polls is answered; a tight budget may be used up
        // in an outage, and then some days in a row.
        let last = today - TimeDelta::days(if self.settings.budget < 24 { 6 } else { 2 });
        let world = &self.world;
        world.judge.days(at, &world.memory, &world.books, self.settings.apps.len(), first, last);
    }

    fn befall(&mut self, at: Time, event: Event) {
        let state = std::mem::replace(&mut self.state, State::Dead);
        let is_off = matches!(state, State::Off);
        self.state = match (event, state) {
            (Event::Kill, State::Running(_)) => State::Dead,
            (Event::Start, State::Dead) => self.start(at),
            (Event::PowerLoss, _) => State::Off,
            (Event::Boot(clock), _) => {
                let error = match clock {
                    ClockAtBoot::Right => TimeDelta::zero(),
                    ClockAtBoot::Kept => self.world.machine.error,
                    ClockAtBoot::Wrong(error) => error,
                    ClockAtBoot::In1970 => DateTime::UNIX_EPOCH - at,
                };
                self.world.machine.reboot(at, error);
                self.sound_since = at;
                self.start(at)
            }
            (Event::Suspend, State::Running(process)) => State::Asleep(Some(process)),
            (Event::Resume, State::Asleep(Some(mut process))) => {
                process.cut_off(at);
                process.wake(at);
                self.sound_since = at;
                self.world.trying_since = at;
                State::Running(process)
            }
            (Event::Step(_) | Event::SetRight, state) => {
                let error = if let Event::Step(error) = event { error } else { TimeDelta::zero() };
                if !is_off {
                    // The age of an earlier boot's key is told by the wall clock: setting it may end the key.
                    if !self.world.has_login_of_this_boot() {
                        self.world.trying_since = at;
                    }
                    self.world.machine.set_clock(error);
                }
                self.sound_since = at;
                match state {
                    State::Running(mut process) => {
                        process.wake(at);
                        State::Running(process)
                    }
                    other => other,
                }
            }
            (_, state) => state,
        };
        if !matches!(self.state, State::Running(_) | State::Asleep(_)) {
            self.world.judge.process_ended();
        }
    }

    fn start(&mut self, at: Time) -> State {
        self.world.trying_since = at;
        State::Running(Box::new(Process::start(&self.settings, at)))
    }
}

impl World {
    fn report(&self, name: &str, seed: u64, down: f64) {
        let judge = &self.judge;
        let share = |span: TimeDelta| 100.0 * span.as_seconds_f64() / judge.running.as_seconds_f64();
        let most = self.books.charges().values().max().copied().unwrap_or(0);
        eprintln!(
            "{name}, seed {seed}: server down {:.1}%, running {:.0} days, good key {:.4}%, dead key {:.4}%, \
             good key lost {:.4}%, \
             logins {}, calls {:?}, most on a day {most} (over budget on {} by {}), skipped {:?}, slots again after a step {}",
            100.0 * down,
            judge.running.as_seconds_f64() / 86_400.0,
            share(judge.with_key),
            share(judge.with_dead_key),
            share(judge.good_key_lost),
            judge.logins,
            judge.calls,
            judge.days_over,
            judge.worst_excess,
            judge.skips,
            judge.repeats_after_steps,
        );
    }
}
