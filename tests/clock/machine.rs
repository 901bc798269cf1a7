//! A store server whose clocks a test sets, and the vendors, whose time is the true one.

use crate::harness::{Daemon, PATIENCE, Shop};
use chrono::{DateTime, SubsecRound, TimeDelta, Utc};
use poskeeper::clock;
use poskeeper::model::AppId;
use poskeeper::sandbox::SandboxOptions;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::OnceLock;
use std::time::{Duration, Instant};

/// Where the clock of a machine with a dead battery begins.
pub const BEGIN_OF_1970: &str = "1970-01-01T00:01:00Z";

/// No poll by itself within the time of a test, once the current slot is served.
pub const HOURLY: &str = "access_config_cron = \"0 0 * * * *\"\n\
                          daily_access_cron = \"0 0 * * * *\"\n\
                          splay_seconds = 0\n\
                          keep_free = 0\n\
                          backfill_days = 0\n";

/// The server. Its time zone is not the vendor's.
pub struct Machine {
    pub shop: Shop,
    /// The true time of this test minus today's.
    era: TimeDelta,
    /// The wall clock minus the true time.
    error: TimeDelta,
    /// The boot clock minus that of the machine that the tests run on.
    boot: TimeDelta,
    boots: u32,
}

impl Machine {
    /// A server with a right clock, at a true time. Vendors that are as patient with a wrong time stamp
    /// as they can be: what poskeeper asks for is the test's own concern.
    pub async fn at(now: &str, options: SandboxOptions, pospal: &str) -> Self {
        let era = (instant(now) - clock::wall()).num_seconds();
        let era = TimeDelta::seconds(era);
        let options = SandboxOptions { tolerance: TimeDelta::days(40_000), shift: era, ..options };
        let shop = Shop::open_with(options, pospal).await;
        let mode = std::fs::Permissions::from_mode(0o600);
        std::fs::set_permissions(shop.path("settings.toml"), mode).expect("nothing to warn of");
        let machine = Self { shop, era, error: TimeDelta::zero(), boot: TimeDelta::zero(), boots: 1 };
        machine.set_clocks();
        machine
    }

    /// The true time.
    pub fn now(&self) -> DateTime<Utc> {
        clock::wall() + self.era
    }

    /// Somebody sets the wall clock, so far from the truth.
    pub fn step_to(&mut self, error: TimeDelta) {
        self.error = TimeDelta::seconds(error.num_seconds());
        self.set_clocks();
    }

    /// Somebody sets the wall clock to this.
    pub fn step_to_time(&mut self, wall: &str) {
        self.step_to(instant(wall) - self.now());
    }

    /// Time passes while nothing runs on the server. The wall clock goes on by a battery.
    pub fn pass(&mut self, time: TimeDelta) {
        self.era += time;
        self.boot += time;
        self.shop.world().shift_clock(self.era);
        self.set_clocks();
    }

    /// The server is suspended for so long.
    pub fn suspend(&mut self, daemon: &Daemon, time: TimeDelta) {
        daemon.signal("STOP");
        self.pass(time);
        daemon.signal("CONT");
    }

    /// The server is suspended until this true time.
    pub fn suspend_until(&mut self, daemon: &Daemon, now: &str) {
        self.suspend(daemon, TimeDelta::seconds((instant(now) - self.now()).num_seconds()));
    }

    /// The power fails and is back at once; the wall clock then says what it says.
    pub async fn reboot(&mut self, daemon: &mut Daemon) {
        daemon.signal("KILL");
        daemon.ended().await;
        // What libfaketime cannot tidy up after a kill.
        for name in ["faketime_shm_", "sem.faketime_sem_"] {
            let _ = std::fs::remove_file(format!("/dev/shm/{name}{}", daemon.pid()));
        }
        self.boots += 1;
        self.boot = TimeDelta::seconds(30) - TimeDelta::milliseconds(clock::now().boot.uptime_ms);
        self.set_clocks();
    }

    /// The binary on this server, not yet started.
    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = self.shop.command(arguments);
        let preload = format!("{}:{}", boot_clock_library().display(), faketime_library());
        command.env("LD_PRELOAD", preload);
        command.env("FAKE_BOOT_CLOCK_FILE", self.shop.path("boot-clock"));
        command.env("FAKETIME_TIMESTAMP_FILE", self.shop.path("wall-clock"));
        command.env("FAKETIME_NO_CACHE", "1").env("FAKETIME_DONT_FAKE_MONOTONIC", "1").env("NO_FAKE_STAT", "1");
        command.env("POSKEEPER_BOOT_ID", format!("{:032}", self.boots)).env("TZ", "America/New_York");
        command
    }

    pub fn daemon(&self) -> Daemon {
        Daemon::start(self.command(&["run"]))
    }

    pub async fn run(&self, arguments: &[&str]) -> Output {
        let mut command = self.command(arguments);
        tokio::task::spawn_blocking(move || command.output().expect("the binary starts")).await.expect("it ends")
    }

    fn set_clocks(&self) {
        replace(&self.shop.path("wall-clock"), &format!("{:+}", (self.era + self.error).num_seconds()));
        replace(&self.shop.path("boot-clock"), &self.boot.num_milliseconds().to_string());
    }
}

/// # What can be seen of it
impl Machine {
    /// The published key.
    pub fn published(&self) -> Option<String> {
        let text = std::fs::read_to_string(self.shop.path("till-1.apikey")).ok()?;
        Some(text.trim_end().to_owned()).filter(|key| !key.is_empty())
    }

    /// What `poskeeper apikey` prints.
    pub async fn apikey(&self) -> Option<String> {
        let output = self.run(&["apikey"]).await;
        let printed = String::from_utf8_lossy(&output.stdout).trim_end().to_owned();
        assert_eq!(output.status.success(), !printed.is_empty());
        Some(printed).filter(|key| !key.is_empty())
    }

    /// A key is served, by file and by command, and it is the newest one that the vendor gave and takes.
    pub async fn assert_serves_the_good_key(&self) {
        let key = self.shop.world().keys().pop().expect("a login");
        assert!(self.shop.world().key_is_live(&key), "the test let the key die");
        assert_eq!((self.published(), self.apikey().await), (Some(key.clone()), Some(key)));
    }

    pub fn apps(&self) -> Vec<AppId> {
        let stores = self.shop.world().stores();
        stores.into_iter().filter(|store| store.configured).map(|store| store.app_id).collect()
    }

    /// The ledger has every call that the vendor has charged, and no account exceeds `budget` on any of
    /// the vendor's days.
    pub fn assert_calls_are_counted(&self, budget: u32) {
        let ledger = self.shop.query("SELECT count(*) FROM calls WHERE endpoint <> 'login'");
        assert_eq!(ledger, [self.shop.world().charged_in_all().to_string()], "calls in the ledger");
        for (app, day, spent) in self.shop.world().ledger() {
            let calls = spent.access_config + spent.daily_access;
            assert!(calls <= budget, "{calls} calls of {app} on {day}, of {budget} allowed");
        }
    }

    /// Every account has its numbers of the vendor's today and of the seven days before.
    pub fn assert_history_is_whole(&self) {
        let today = self.shop.world().today();
        let sql = format!(
            "SELECT count(*) || ' ' || max(access_date) || ' ' || sum(is_final = 0) FROM usage_daily
             JOIN apps USING (app_id) WHERE configured = 1 AND access_date >= date('{today}', '-7 days') GROUP BY app_id"
        );
        assert_eq!(self.shop.query(&sql), vec![format!("8 {today} 1"); self.apps().len()]);
    }

    /// The deadlines that people read, against the key's true end, told by the server's clock.
    pub async fn deadlines_follow_the_clock(&self, daemon: &Daemon, live: TimeDelta) {
        let login = self.shop.world().logins().pop().expect("a login").at;
        let follow = || {
            let expires_at = self.shop.query("SELECT expires_at FROM login_status WHERE expires_at IS NOT NULL");
            let off = |at: &String| instant(at) - (login + self.error + live);
            expires_at.first().is_some_and(|at| off(at).abs() < TimeDelta::seconds(5))
        };
        until("login_status has the deadlines by the clock of now", daemon, follow).await;
    }
}

/// Alerts were opened and resolved in turn, never twice; returns how often `rule` was opened.
pub fn opened(daemon: &Daemon, rule: &str) -> usize {
    let resolved = format!("{rule}.resolved");
    let subject = |line: &serde_json::Value| ["app_id", "device"].map(|field| line[field].to_string());
    let mut open = std::collections::HashSet::new();
    let mut count = 0;
    for line in &daemon.log {
        if line["event"] == rule {
            assert!(open.insert(subject(line)), "{rule} twice:\n{}", daemon.printed());
            count += 1;
        } else if line["event"] == resolved.as_str() {
            open.remove(&subject(line));
        }
    }
    count
}

/// How often an event was logged.
pub fn count(daemon: &Daemon, event: &str) -> usize {
    daemon.events().iter().filter(|known| **known == event).count()
}

/// Waits until something can be seen from outside.
pub async fn until(what: &str, daemon: &Daemon, condition: impl Fn() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !condition() {
        assert!(Instant::now() < deadline, "{what}:\n{}", daemon.printed());
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

/// So many lines of an event since the start.
pub async fn wait_for_total(daemon: &mut Daemon, event: &str, total: usize) {
    while count(daemon, event) < total {
        daemon.wait_for(event).await;
    }
}

/// So many more lines of an event.
pub async fn wait_for_more(daemon: &mut Daemon, event: &str, more: usize) {
    let total = count(daemon, event) + more;
    wait_for_total(daemon, event, total).await;
}

/// No line since the start says that something is wrong.
pub fn assert_all_is_well(daemon: &Daemon) {
    assert!(daemon.log.iter().all(|line| line["level"] == "INFO"), "{}", daemon.printed());
}

pub fn instant(text: &str) -> DateTime<Utc> {
    text.parse::<DateTime<Utc>>().expect("a test's time").trunc_subsecs(3)
}

/// At once: a process that reads the clock must not find half a number.
fn replace(path: &Path, text: &str) {
    let new = path.with_extension("new");
    std::fs::write(&new, text).expect("written");
    std::fs::rename(new, path).expect("replaced");
}

/// As libfaketime's own wrapper finds it, wherever this system has it.
fn faketime_library() -> &'static str {
    static LIBRARY: OnceLock<String> = OnceLock::new();
    LIBRARY.get_or_init(|| {
        let output = Command::new("faketime").args(["-m", "-f", "+0", "printenv", "LD_PRELOAD"]).output();
        let output = output.expect("faketime is installed: see .ci/prepare");
        String::from_utf8_lossy(&output.stdout).trim_end().to_owned()
    })
}

fn boot_clock_library() -> &'static Path {
    static LIBRARY: OnceLock<PathBuf> = OnceLock::new();
    LIBRARY.get_or_init(|| {
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR"));
        let compiled = folder.join(format!("boot_clock.{}", std::process::id()));
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/clock/boot_clock.c");
        let compiler = Command::new("cc")
            .args(["-shared", "-fPIC", "-O1", "-Wall", "-Werror", "-o"])
            .args([&compiled, &source])
            .status()
            .expect("cc is installed: see .ci/prepare");
        assert!(compiler.success());
        let library = folder.join("boot_clock.so");
        std::fs::rename(compiled, &library).expect("renamed");
        library
    })
}
