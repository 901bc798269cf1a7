//! The daemon as a service manager sees it: notifications, signals, exit codes.

use crate::harness::{Daemon, FAST, PATIENCE, Shop};
use poskeeper::model::Endpoint;
use poskeeper::sandbox::Reply;
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{Connection, SqliteConnection};
use std::fs::File;
use std::os::unix::fs::MetadataExt;
use std::time::{Duration, Instant};
use tokio::net::UnixDatagram;
use tokio::time::timeout;

/// A start must not keep a machine from booting.
const READY_WITHIN: Duration = Duration::from_secs(15);
/// Half of what the unit allows.
const STOPPED_WITHIN: Duration = Duration::from_secs(5);

/// The daemon with a service manager that listens.
struct Service {
    daemon: Daemon,
    socket: UnixDatagram,
}

impl Service {
    fn start(shop: &Shop) -> Self {
        let path = shop.path("notify");
        let _ = std::fs::remove_file(&path);
        let socket = UnixDatagram::bind(&path).expect("a socket");
        let mut command = shop.command(&["run"]);
        command.env("NOTIFY_SOCKET", &path);
        Self { daemon: Daemon::start(command), socket }
    }

    /// The next notification.
    async fn told(&self) -> String {
        let mut buffer = [0; 4096];
        let length = timeout(PATIENCE, self.socket.recv(&mut buffer)).await.expect("a notification in time");
        String::from_utf8_lossy(&buffer[..length.expect("received")]).trim_end().to_owned()
    }

    async fn wait_until_told(&self, wanted: &str) {
        while self.told().await != wanted {}
    }
}

/// Every request of the next minutes gets neither an answer nor an end.
fn let_everything_hang(shop: &Shop) {
    for endpoint in [Endpoint::Login, Endpoint::AccessConfig, Endpoint::DailyAccess] {
        (0..20).for_each(|_| shop.world().reply(endpoint, Reply::Hang));
    }
}

/// A login and a poll are under way, both without an end.
async fn until_everything_hangs(shop: &Shop) {
    let hang = |endpoint| !shop.world().requests_to(endpoint).is_empty();
    let both = shop.world().wait_until(|_| hang(Endpoint::Login) && hang(Endpoint::DailyAccess));
    timeout(PATIENCE, both).await.expect("a login and a poll in time");
}

#[tokio::test]
async fn systemd_is_told_when_it_is_ready_that_it_lives_and_when_it_stops() {
    let shop = Shop::open(FAST).await;
    let mut service = Service::start(&shop);
    service.wait_until_told("READY=1").await;
    assert!(shop.path("till-1.apikey").exists(), "READY before the key was published");
    assert_eq!(shop.query("SELECT DISTINCT app_id FROM usage_latest").len(), 5, "READY before the first polls");
    for _ in 0..2 {
        service.wait_until_told("WATCHDOG=1").await;
    }
    service.daemon.signal("TERM");
    service.wait_until_told("STOPPING=1").await;
    assert!(service.daemon.ended().await.success());
}

#[tokio::test]
async fn a_stop_does_not_wait_for_a_reload_that_waits_for_the_database() {
    let shop = Shop::open("access_config_cron = \"\"\ndaily_access_cron = \"\"\n").await;
    let mut daemon = shop.daemon();
    daemon.wait_for("daemon.ready").await;
    let options = SqliteConnectOptions::new().filename(shop.path("poskeeper.db"));
    let mut locker = SqliteConnection::connect_with(&options).await.expect("opened");
    sqlx::query("BEGIN IMMEDIATE").execute(&mut locker).await.expect("locked");
    // Settings that are a pipe tell when they have been read.
    let settings = shop.path("settings.toml");
    let text = std::fs::read(&settings).expect("settings");
    std::fs::remove_file(&settings).expect("removed");
    assert!(std::process::Command::new("mkfifo").arg(&settings).status().expect("mkfifo").success());
    daemon.signal("HUP");
    let written = tokio::task::spawn_blocking(move || std::fs::write(settings, text));
    timeout(PATIENCE, written).await.expect("read in time").expect("no panic").expect("written");
    let stopped = Instant::now();
    assert!(daemon.stop().await.success());
    assert!(stopped.elapsed() < STOPPED_WITHIN, "{:?}", stopped.elapsed());
}

#[tokio::test]
async fn a_vendor_that_hangs_delays_neither_ready_nor_the_stop_and_the_ledger_says_interrupted() {
    let shop = Shop::open(FAST).await;
    let_everything_hang(&shop);
    let started = Instant::now();
    let mut service = Service::start(&shop);
    service.wait_until_told("READY=1").await;
    assert!(started.elapsed() < READY_WITHIN, "{:?}", started.elapsed());
    until_everything_hangs(&shop).await;

    let told = Instant::now();
    let status = service.daemon.stop().await;
    assert!(told.elapsed() < STOPPED_WITHIN, "{:?}", told.elapsed());
    assert!(status.success(), "{status}\n{}", service.daemon.printed());
    let calls = shop.query("SELECT endpoint, outcome, count(*) FROM calls GROUP BY 1, 2");
    assert_eq!(calls, ["daily_access|interrupted|3", "login|interrupted|1"]);
}

#[tokio::test]
async fn a_stop_overtakes_reloads_that_wait_for_calls_without_an_end() {
    let shop = Shop::open(FAST).await;
    let_everything_hang(&shop);
    let mut daemon = shop.daemon();
    until_everything_hangs(&shop).await;
    let told = Instant::now();
    for _ in 0..20 {
        daemon.signal("HUP");
    }
    let status = daemon.stop().await;
    assert!(told.elapsed() < STOPPED_WITHIN, "{:?}", told.elapsed());
    assert!(status.success(), "{status}\n{}", daemon.printed());
}

#[tokio::test]
async fn a_reload_puts_good_settings_in_force_and_leaves_the_old_ones_where_the_new_are_wrong() {
    let shop = Shop::open(FAST).await;
    let names = || shop.query("SELECT app_name FROM apps WHERE configured ORDER BY app_name");
    let mut daemon = shop.daemon();
    daemon.wait_for("daemon.ready").await;

    shop.edit_settings("name = \"Store A\"", "name = \"Store Alpha\"");
    daemon.signal("HUP");
    let line = daemon.wait_for("daemon.reloaded").await;
    assert_eq!((&line["level"], &line["apps"]), (&"INFO".into(), &3.into()));
    assert_eq!(names(), ["Store Alpha", "Store B", "Store C"]);

    let faults = [
        ("splay_seconds = 0", "splay_second = 0", "pospal.splay_second"),
        ("path = \"poskeeper.db\"", "path = \"other.db\"", "database.path"),
        ("[database]", "[log]\nformat = \"text\"\n[database]", "log.format"),
    ];
    for (from, to, key) in faults {
        shop.edit_settings("name = \"Store B\"", "name = \"Store Beta\"");
        shop.edit_settings(from, to);
        daemon.signal("HUP");
        let line = daemon.wait_for("daemon.reload_refused").await;
        assert_eq!(line["level"], "ERROR");
        assert!(line["error"].as_str().is_some_and(|error| error.contains(key)), "{line}");
        daemon.wait_for("poll.done").await;
        assert_eq!(names(), ["Store Alpha", "Store B", "Store C"]);
        shop.edit_settings(to, from);
        shop.edit_settings("name = \"Store Beta\"", "name = \"Store B\"");
    }
    assert!(!shop.path("other.db").exists());
    assert_eq!(shop.world().logins().len(), 1, "no reload was a reason to log in again");
    assert!(daemon.stop().await.success());
}

#[tokio::test]
async fn a_reload_that_the_database_does_not_take_leaves_the_old_settings_at_work() {
    let shop = Shop::open(FAST).await;
    let mut daemon = shop.daemon();
    daemon.wait_for("daemon.ready").await;
    let options = SqliteConnectOptions::new().filename(shop.path("poskeeper.db"));
    let mut other = SqliteConnection::connect_with(&options).await.expect("a connection");
    let lock = other.begin_with("BEGIN IMMEDIATE").await.expect("the write lock");

    shop.edit_settings("name = \"Store A\"", "name = \"Store Alpha\"");
    daemon.signal("HUP");
    let line = daemon.wait_for("daemon.reload_refused").await;
    assert!(line["error"].as_str().is_some_and(|error| error.contains("locked")), "{line}");
    lock.rollback().await.expect("unlocked");
    daemon.wait_for("poll.done").await;
    assert_eq!(shop.query("SELECT count(*) FROM apps WHERE app_name = 'Store Alpha'"), ["0"]);

    daemon.signal("HUP");
    daemon.wait_for("daemon.reloaded").await;
    assert_eq!(shop.query("SELECT count(*) FROM apps WHERE app_name = 'Store Alpha'"), ["1"]);
    assert!(daemon.stop().await.success());
}

#[tokio::test]
async fn a_database_that_is_deleted_under_the_daemon_costs_no_more_calls() {
    let shop = Shop::open(FAST).await;
    let mut daemon = shop.daemon();
    daemon.wait_for("daemon.ready").await;
    for file in ["poskeeper.db", "poskeeper.db-wal", "poskeeper.db-shm"] {
        std::fs::remove_file(shop.path(file)).expect("removed");
    }
    let failing = daemon.wait_for("store.failing").await;
    assert!(failing["error"].as_str().is_some_and(|error| error.contains("deleted")), "{failing}");
    let charged = shop.world().charged_in_all();
    // Two slots and more.
    tokio::time::sleep(Duration::from_secs(5)).await;
    assert!(shop.world().charged_in_all() <= charged + 3, "what was under way, once for each account");
    assert!(daemon.stop().await.success());
    let mut daemon = shop.daemon();
    daemon.wait_for("poll.done").await;
    assert!(daemon.stop().await.success());
}

#[tokio::test]
async fn a_reload_changes_the_log_level() {
    let shop = Shop::open(FAST).await;
    shop.edit_settings("[database]", "[log]\nlevel = \"error\"\n[database]");
    let mut service = Service::start(&shop);
    service.wait_until_told("READY=1").await;
    shop.edit_settings("level = \"error\"", "level = \"info\"");
    service.daemon.signal("HUP");
    service.daemon.wait_for("daemon.reloaded").await;
    assert_eq!(service.daemon.events(), ["daemon.reloaded"], "nothing below ERROR was logged before");
    assert!(service.daemon.stop().await.success());
}

#[tokio::test]
async fn a_second_daemon_on_the_same_database_is_refused_and_the_first_goes_on() {
    let shop = Shop::open(FAST).await;
    let mut daemon = shop.daemon();
    daemon.wait_for("daemon.ready").await;
    let second = shop.run(&["run"]).await;
    assert_eq!(second.status.code(), Some(1));
    let said = String::from_utf8_lossy(&second.stderr);
    let database = shop.path("poskeeper.db").display().to_string();
    assert!(said.contains("another poskeeper") && said.contains(&database), "{said}");
    assert_eq!(said.lines().count(), 1, "{said}");
    daemon.wait_for("poll.done").await;
    assert!(daemon.stop().await.success());
}

#[tokio::test]
async fn wrong_settings_end_it_with_78_and_the_journal_takes_each_line_for_an_error() {
    let shop = Shop::open("splay_seconds = -1\nmax_concurrency = 0\n").await;
    let output = shop.run(&["run"]).await;
    assert_eq!(output.status.code(), Some(78));
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(said.contains("pospal.splay_seconds") && said.contains("pospal.max_concurrency"), "{said}");
    assert!(!shop.path("poskeeper.db").exists(), "nothing is touched by settings that are wrong");

    let journal = File::create(shop.path("journal")).expect("a file");
    let meta = journal.metadata().expect("metadata");
    let mut command = shop.command(&["run"]);
    command.env("JOURNAL_STREAM", format!("{}:{}", meta.dev(), meta.ino())).stderr(journal);
    assert_eq!(command.status().expect("the binary starts").code(), Some(78));
    let marked = std::fs::read_to_string(shop.path("journal")).expect("readable");
    assert_eq!(marked, said.lines().map(|line| format!("<3>{line}\n")).collect::<String>());
}

#[tokio::test]
async fn a_shop_with_devices_alone_is_ready_at_once_and_feeds_the_watchdog() {
    let shop = Shop::open("").await;
    let settings = std::fs::read_to_string(shop.path("settings.toml")).expect("settings");
    let without_apps = settings.split("\n[[pospal.apps]]").next().expect("a beginning");
    std::fs::write(shop.path("settings.toml"), without_apps).expect("written");
    let mut service = Service::start(&shop);
    let started = Instant::now();
    service.wait_until_told("READY=1").await;
    assert!(started.elapsed() < Duration::from_secs(5), "{:?}", started.elapsed());
    service.wait_until_told("WATCHDOG=1").await;
    assert!(service.daemon.stop().await.success());
}

#[tokio::test]
async fn a_reader_in_the_way_of_a_start_keeps_no_till_from_logging_in() {
    use std::io::{BufRead, BufReader, Write};
    let shop = Shop::open(FAST).await;
    let mut daemon = shop.daemon();
    daemon.wait_for("poll.done").await;
    assert!(daemon.stop().await.success());
    std::fs::remove_file(shop.path("poskeeper.db.session")).expect("removed");
    let mut reader = std::process::Command::new("sqlite3")
        .args(["-readonly".as_ref(), shop.path("poskeeper.db").as_os_str()])
        .stdin(std::process::Stdio::piped())
        .stdout(std::process::Stdio::piped())
        .spawn()
        .expect("sqlite3");
    writeln!(reader.stdin.as_mut().expect("stdin"), "BEGIN; SELECT count(*) > 0 FROM calls;").expect("written");
    let mut answer = String::new();
    BufReader::new(reader.stdout.as_mut().expect("stdout")).read_line(&mut answer).expect("read");
    let mut daemon = shop.daemon();
    daemon.wait_for("login.renewed").await;
    assert!(daemon.events().contains(&"store.failing"), "{}", daemon.printed());
    reader.kill().expect("killed");
    reader.wait().expect("ended");
    daemon.wait_for("store.failing.resolved").await;
    daemon.wait_for("poll.done").await;
    assert!(daemon.stop().await.success());
}
#[tokio::test]
async fn a_start_with_a_database_that_cannot_be_written_publishes_the_key_and_goes_on() {
    let shop = Shop::open(FAST).await;
    let mut daemon = shop.daemon();
    daemon.wait_for("daemon.ready").await;
    assert!(daemon.stop().await.success());
    // The machine boots: nothing is in /run, and the database cannot be written.
    let key = std::fs::read_to_string(shop.path("till-1.apikey")).expect("a key");
    std::fs::remove_file(shop.path("till-1.apikey")).expect("removed");
    let options = SqliteConnectOptions::new().filename(shop.path("poskeeper.db"));
    let mut other = SqliteConnection::connect_with(&options).await.expect("a connection");
    let lock = other.begin_with("BEGIN IMMEDIATE").await.expect("the write lock");
    let mut daemon = shop.daemon();
    daemon.wait_for("store.failing").await;
    assert_eq!(std::fs::read_to_string(shop.path("till-1.apikey")).ok(), Some(key), "{}", daemon.printed());
    lock.rollback().await.expect("unlocked");
    daemon.wait_for("poll.done").await;
    daemon.wait_for("store.failing.resolved").await;
    assert_eq!(shop.world().logins().len(), 1, "the kept session was enough");
    assert!(daemon.stop().await.success());
}
