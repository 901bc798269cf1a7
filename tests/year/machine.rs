//! A store server: when it runs, and what its two clocks say.

use crate::Time;
use chrono::TimeDelta;
use fastrand::Rng;
use poskeeper::model::{BootInstant, Moment};

/// The clocks. The simulator's own time is the truth that neither the rules nor the shell ever see.
pub(crate) struct Machine {
    boots: u32,
    booted_at: Time,
    /// Wall clock minus truth.
    pub error: TimeDelta,
    /// Grows whenever the wall clock is set.
    pub clock_epoch: u32,
}

impl Machine {
    pub(crate) fn booted(at: Time) -> Self {
        Self { boots: 1, booted_at: at, error: TimeDelta::zero(), clock_epoch: 0 }
    }

    pub(crate) fn now(&self, at: Time) -> Moment {
        let uptime_ms = (at - self.booted_at).num_milliseconds();
        Moment { wall: at + self.error, boot: BootInstant { boot_id: self.boot_id(), uptime_ms } }
    }

    pub(crate) fn boot_id(&self) -> String {
        format!("boot-{}", self.boots)
    }

    pub(crate) fn reboot(&mut self, at: Time, error: TimeDelta) {
        self.boots += 1;
        self.booted_at = at;
        self.set_clock(error);
    }

    pub(crate) fn set_clock(&mut self, error: TimeDelta) {
        if error != self.error {
            self.error = error;
            self.clock_epoch += 1;
        }
    }
}

/// What happens to the machine.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Event {
    /// The process dies and is started again a little later.
    Kill,
    Start,
    PowerLoss,
    Boot(ClockAtBoot),
    Suspend,
    Resume,
    /// The wall clock is set wrong by so much.
    Step(TimeDelta),
    /// Somebody, or NTP, sets it right.
    SetRight,
}

/// Where the wall clock stands after a boot.
#[derive(Debug, Clone, Copy)]
pub(crate) enum ClockAtBoot {
    Right,
    /// As wrong as before.
    Kept,
    Wrong(TimeDelta),
    /// A dead battery.
    In1970,
}

/// How far the wall clock can be trusted over a reboot.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reboots {
    /// There are none; the clock is stepped.
    Never,
    /// Every boot finds a right clock, and it is never stepped.
    NeverStepped,
    /// It may be stepped, but every boot sets it right.
    RightClock,
    /// One boot of the year starts in 1970 until NTP has answered; all others are right.
    Once1970,
    /// It stays as wrong as it was, or is newly wrong, or starts in 1970.
    AnyClock,
}

/// All that befalls the machine from `start` to `end`, in order of time.
pub(crate) fn fate(rng: &mut Rng, start: Time, end: Time, reboots: Reboots) -> Vec<(Time, Event)> {
    let mut events = Vec::new();
    let mut at = start + hours(rng, 1.0, 30.0);
    let long_off = start + hours(rng, 500.0, 7000.0);
    let odd_boot = start + hours(rng, 500.0, 7000.0);
    let (mut was_long_off, mut was_odd) = (false, false);
    while at < end {
        let what = match (reboots, rng.u8(0..100)) {
            (Reboots::Never, 40..65) | (Reboots::NeverStepped, 80..) => 0,
            (_, what) => what,
        };
        match what {
            0..40 => {
                events.push((at, Event::Kill));
                events.push((at + seconds(rng, 1, 30), Event::Start));
                at += TimeDelta::seconds(30);
            }
            40..65 => {
                let mut off = if rng.u8(0..4) == 0 { hours(rng, 1.0, 40.0) } else { seconds(rng, 30, 3600) };
                if at > long_off && !was_long_off {
                    was_long_off = true;
                    off = TimeDelta::days(12);
                }
                events.push((at, Event::PowerLoss));
                at += off;
                let clock = match reboots {
                    Reboots::Once1970 if at > odd_boot && !was_odd => ClockAtBoot::In1970,
                    Reboots::AnyClock => match rng.u8(0..10) {
                        0..4 => ClockAtBoot::Kept,
                        4..7 => ClockAtBoot::Wrong(error(rng)),
                        7 => ClockAtBoot::In1970,
                        _ => ClockAtBoot::Right,
                    },
                    _ => ClockAtBoot::Right,
                };
                events.push((at, Event::Boot(clock)));
                match clock {
                    ClockAtBoot::In1970 => {
                        was_odd = true;
                        events.push((at + seconds(rng, 60, 600), Event::SetRight));
                    }
                    ClockAtBoot::Wrong(_) => events.push((at + hours(rng, 1.0, 72.0), Event::SetRight)),
                    ClockAtBoot::Kept | ClockAtBoot::Right => {}
                }
            }
            65..80 => {
                events.push((at, Event::Suspend));
                at += hours(rng, 0.1, 10.0);
                events.push((at, Event::Resume));
            }
            _ => {
                events.push((at, Event::Step(error(rng))));
                events.push((at + hours(rng, 0.5, 72.0), Event::SetRight));
            }
        }
        at += hours(rng, 0.2, 44.0);
    }
    events.retain(|(at, _)| *at < end);
    // The last days are calm, so that what can heal has healed when the year is judged.
    events.push((end, Event::SetRight));
    events.push((end, Event::Kill));
    events.push((end + TimeDelta::milliseconds(1), Event::Boot(ClockAtBoot::Right)));
    events.sort_by_key(|(at, _)| *at);
    events
}

fn error(rng: &mut Rng) -> TimeDelta {
    let most = if rng.bool() { 72 * 3600 } else { 6 * 3600 };
    TimeDelta::seconds(rng.i64(-most..=most))
}

pub(crate) fn hours(rng: &mut Rng, least: f64, most: f64) -> TimeDelta {
    TimeDelta::milliseconds(((least + (most - least) * rng.f64()) * 3_600_000.0) as i64)
}

pub(crate) fn seconds(rng: &mut Rng, least: i64, most: i64) -> TimeDelta {
    TimeDelta::milliseconds(rng.i64(least * 1000..=most * 1000))
}
