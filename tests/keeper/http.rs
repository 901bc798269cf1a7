//! The HTTP port: what it tells, to whom, and that nobody can hold the daemon with it.

use crate::harness::{Daemon, FAST, PATIENCE, Shop};
use crate::secrets::{assert_clean, secrets};
use chrono::TimeDelta;
use poskeeper::sandbox::SandboxOptions;
use serde_json::Value;
use std::collections::BTreeSet;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// No polls: only the login matters here.
const NO_POLLS: &str = "access_config_cron = \"\"\ndaily_access_cron = \"\"\n";

/// What came back for a request.
struct Answer {
    status: u16,
    /// In lower case.
    head: String,
    body: String,
}

impl Answer {
    fn header(&self, name: &str) -> Option<&str> {
        self.head.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "))
    }
}

fn listening_shop(shop: Shop, listen: &str) -> Shop {
    let settings = std::fs::read_to_string(shop.path("settings.toml")).expect("settings");
    assert!(!settings.contains("[http]"), "the section is ours to add");
    let settings = format!("{settings}\n[http]\nlisten = \"{listen}\"\n");
    std::fs::write(shop.path("settings.toml"), settings).expect("settings written");
    shop
}

/// A shop whose daemon serves pages, and where.
pub async fn serving(shop: Shop) -> (Shop, Daemon, SocketAddr) {
    let shop = listening_shop(shop, "127.0.0.1:0");
    let mut daemon = shop.daemon();
    let address = address(&daemon.wait_for("http.listening").await);
    daemon.wait_for("daemon.ready").await;
    (shop, daemon, address)
}

fn address(line: &Value) -> SocketAddr {
    line["listen"].as_str().and_then(|listen| listen.parse().ok()).expect("an address")
}

/// Sends these bytes and reads to the end.
fn talk(address: SocketAddr, bytes: &[u8]) -> Vec<u8> {
    let mut stream = TcpStream::connect(address).expect("connected");
    stream.set_read_timeout(Some(PATIENCE)).expect("a time-out");
    // The other side may hang up before it has read everything.
    let _ = stream.write_all(bytes);
    let mut reply = Vec::new();
    let _ = stream.read_to_end(&mut reply);
    reply
}

fn parse(reply: &[u8]) -> Answer {
    let reply = String::from_utf8_lossy(reply);
    let (head, body) = reply.split_once("\r\n\r\n").unwrap_or_else(|| panic!("no answer: {reply:?}"));
    let status = head.split(' ').nth(1).and_then(|status| status.parse().ok()).expect("a status");
    Answer { status, head: head.to_lowercase(), body: body.to_owned() }
}

async fn send(address: SocketAddr, request: String) -> Answer {
    let reply = tokio::task::spawn_blocking(move || talk(address, request.as_bytes())).await.expect("a reply");
    parse(&reply)
}

async fn get_with(address: SocketAddr, path: &str, headers: &str) -> Answer {
    send(address, format!("GET {path} HTTP/1.1\r\nHost: {address}\r\n{headers}\r\n")).await
}

async fn get(address: SocketAddr, path: &str) -> Answer {
    get_with(address, path, "").await
}

/// Asks until the page is as wanted.
async fn wait_for(address: SocketAddr, path: &str, is_it: impl Fn(&Answer) -> bool) -> Answer {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let answer = get(address, path).await;
        if is_it(&answer) {
            return answer;
        }
        assert!(Instant::now() < deadline, "{path} stays {} {}", answer.status, answer.body);
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// The ports that a process listens on.
fn listening_sockets(pid: u32) -> usize {
    let tables =
        ["tcp", "tcp6"].map(|table| std::fs::read_to_string(format!("/proc/{pid}/net/{table}")).unwrap_or_default());
    let lines = tables.iter().flat_map(|table| table.lines());
    let listening = lines.filter(|line| line.split_whitespace().nth(3) == Some("0A"));
    let inodes: Vec<_> = listening.filter_map(|line| line.split_whitespace().nth(9)).map(str::to_owned).collect();
    let open = std::fs::read_dir(format!("/proc/{pid}/fd")).expect("files");
    let targets = open.filter_map(|file| std::fs::read_link(file.ok()?.path()).ok());
    targets.filter(|target| inodes.iter().any(|inode| *target == *format!("socket:[{inode}]"))).count()
}

fn memory_kib(pid: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).expect("a process");
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("its memory");
    line.trim_end_matches("kB").trim().parse().expect("a number")
}

#[tokio::test]
async fn no_port_is_opened_unless_the_settings_name_one() {
    let shop = Shop::open(NO_POLLS).await;
    let mut daemon = shop.daemon();
    daemon.wait_for("daemon.ready").await;
    assert_eq!(listening_sockets(daemon.pid()), 0);
    assert!(daemon.stop().await.success());
    assert!(!daemon.events().contains(&"http.listening"));

    let (_shop, daemon, _) = serving(shop).await;
    assert_eq!(listening_sockets(daemon.pid()), 1, "the count counts");
}

#[tokio::test]
async fn every_answer_carries_the_headers_that_bound_a_browser() {
    let (_shop, mut daemon, address) = serving(Shop::open(NO_POLLS).await).await;
    for path in ["/", "/refresh.js", "/healthz", "/metrics", "/nothing", "/../settings.toml"] {
        let answer = get(address, path).await;
        let policy = answer.header("content-security-policy").expect("a policy").to_owned();
        assert!(policy.starts_with("default-src 'none'; style-src 'sha256-"), "{policy}");
        assert!(policy.contains("frame-ancestors 'none'") && !policy.contains("unsafe"), "{policy}");
        assert_eq!(answer.header("x-content-type-options"), Some("nosniff"), "{path}");
        assert_eq!(answer.header("referrer-policy"), Some("no-referrer"), "{path}");
        assert_eq!(answer.header("cache-control"), Some("no-store"), "{path}");
        assert_eq!(answer.header("connection"), Some("close"), "{path}");
        assert_eq!(answer.status == 404, path.len() > 11 || path == "/nothing", "{path}: {}", answer.status);
    }
    let page = get(address, "/").await.body;
    assert_eq!(page.matches("<style>").count(), 1);
    assert!(!page.contains(" style=") && !page.contains(" onclick"), "the policy forbids them");
    assert!(daemon.stop().await.success());
}

#[tokio::test]
async fn only_get_and_head_are_answered_and_only_to_names_of_this_machine() {
    let (_shop, mut daemon, address) = serving(Shop::open(NO_POLLS).await).await;
    let port = address.port();
    for method in ["POST", "PUT", "DELETE", "OPTIONS", "TRACE", "PATCH", "CONNECT", "SLEEP"] {
        let request = format!("{method} / HTTP/1.1\r\nHost: {address}\r\nContent-Length: 1000000\r\n\r\n");
        let answer = send(address, request).await;
        assert_eq!((answer.status, answer.header("allow")), (405, Some("get, head")), "{method}");
    }
    let head = send(address, format!("HEAD / HTTP/1.1\r\nHost: {address}\r\n\r\n")).await;
    assert_eq!((head.status, head.body.as_str()), (200, ""));
    let host = |host: String| send(address, format!("GET / HTTP/1.1\r\nHost: {host}\r\n\r\n"));
    for near in [format!("localhost:{port}"), "localhost".into(), format!("127.0.0.1:{port}"), "[::1]:8000".into()] {
        assert_eq!(host(near.clone()).await.status, 200, "{near}");
    }
    for far in ["evil.example", "localhost.evil.example", "192.168.1.1", "127.0.0.1.evil.example:80", ""] {
        assert_eq!(host(far.into()).await.status, 421, "{far}");
    }
    let absolute = format!("GET http://evil.example/ HTTP/1.1\r\nHost: {address}\r\n\r\n");
    assert_eq!(send(address, absolute).await.status, 421);
    assert_eq!(send(address, "GET / HTTP/1.1\r\n\r\n".into()).await.status, 400);
    assert_eq!(send(address, "GET /healthz HTTP/1.0\r\n\r\n".into()).await.status, 200);
    let two = format!("GET / HTTP/1.1\r\nHost: {address}\r\nHost: evil.example\r\n\r\n");
    assert_eq!(send(address, two).await.status, 400);
    assert!(daemon.stop().await.success());
}

#[tokio::test]
async fn the_report_is_shown_live_in_the_readers_language() {
    let (shop, mut daemon, address) = serving(Shop::open(FAST).await).await;
    daemon.wait_for("poll.done").await;
    let stores = shop.query("SELECT app_name FROM apps WHERE configured = 1");
    let page = wait_for(address, "/", |page| stores.iter().all(|store| page.body.contains(store))).await.body;
    assert!(page.starts_with("<!DOCTYPE html><html lang=\"en\">"), "{page}");
    for shown in ["till-1", "Open alerts", "id=\"lost\"", "<header>", "<main>", "<footer>", "src=\"/refresh.js\""] {
        assert!(page.contains(shown), "{shown} is missing in {page}");
    }
    assert!(page.contains("<noscript><meta http-equiv=\"refresh\""), "without scripts it is loaded again");
    assert!(!page.contains("unsafe-inline"), "the policy of the file is not that of the page");
    let chinese = get_with(address, "/", "Accept-Language: zh-CN,zh;q=0.9,en;q=0.8\r\n").await.body;
    assert!(chinese.contains("未解除的告警") && chinese.contains("href=\"?lang=en\""), "{chinese}");
    assert!(get(address, "/?lang=zh").await.body.contains("未解除的告警"));
    assert!(get_with(address, "/?lang=en", "Accept-Language: zh\r\n").await.body.contains("Open alerts"));
    let script = get(address, "/refresh.js").await;
    assert_eq!(script.header("content-type"), Some("text/javascript; charset=utf-8"));
    assert!(daemon.stop().await.success());
    let mode = shop.query("PRAGMA journal_mode");
    assert_eq!(mode, ["delete"], "the pages' connection does not keep the file in WAL mode");
}

#[tokio::test]
async fn metrics_tell_the_quota_the_logins_and_the_calls() {
    let (shop, mut daemon, address) = serving(Shop::open(FAST).await).await;
    daemon.wait_for("poll.done").await;
    let answer =
        wait_for(address, "/metrics", |answer| answer.body.contains("poskeeper_package_end_timestamp_seconds{")).await;
    assert_eq!(answer.header("content-type"), Some("application/openmetrics-text; version=1.0.0; charset=utf-8"));
    assert!(answer.body.ends_with("# EOF\n"));
    let app =
        shop.query("SELECT app_id || '\",app_name=\"' || app_name FROM apps WHERE configured = 1 LIMIT 1").remove(0);
    for name in [
        format!("poskeeper_quota_used_calls{{app_id=\"{app}\"}} "),
        format!("poskeeper_quota_limit_calls{{app_id=\"{app}\"}} "),
        format!("poskeeper_quota_observed_timestamp_seconds{{app_id=\"{app}\"}} "),
        format!("poskeeper_own_calls_today{{app_id=\"{app}\"}} "),
        format!("poskeeper_own_calls_left_today{{app_id=\"{app}\"}} "),
        "poskeeper_vendor_calls_total{endpoint=\"login\",outcome=\"ok\"} 1\n".into(),
        "poskeeper_vendor_calls_total{endpoint=\"daily_access\",outcome=\"refused\"} 0\n".into(),
        "poskeeper_vendor_call_duration_seconds_count{endpoint=\"login\"} 1\n".into(),
        "poskeeper_login_expires_timestamp_seconds{device=\"till-1\"} ".into(),
        "poskeeper_login_renew_timestamp_seconds{device=\"till-1\"} ".into(),
        "poskeeper_login_relogin_due_timestamp_seconds{device=\"till-1\"} ".into(),
        "poskeeper_login_key_live{device=\"till-1\"} 1.0\n".into(),
        "poskeeper_alerts_open{rule=\"login.expired\",severity=\"error\"} 0.0\n".into(),
        "poskeeper_healthy 1.0\n".into(),
        "poskeeper_database_size_bytes ".into(),
        "process_start_time_seconds ".into(),
        concat!("poskeeper_build_info{version=\"", env!("CARGO_PKG_VERSION"), "\"} 1.0\n").into(),
    ] {
        assert!(answer.body.contains(&name), "no {name} in {}", answer.body);
    }
    assert_eq!(documented_metrics(), shown_metrics(&answer.body));
    let rules = metrics_in(include_str!("../../docs/prometheus-rules.yml"));
    assert!(rules.is_subset(&shown_metrics(&answer.body)), "{rules:?}");

    let sisters = shop.query("SELECT app_id FROM apps WHERE configured = 0");
    assert!(!sisters.is_empty() && sisters.iter().all(|sister| !answer.body.contains(sister)), "{}", answer.body);

    // The counters outlive a reload.
    shop.edit_settings("[http]", "[alerts]\nsisters = true\n[http]");
    daemon.signal("HUP");
    daemon.wait_for("daemon.reloaded").await;
    let after = wait_for(address, "/metrics", |answer| answer.body.contains(&sisters[0])).await;
    assert!(
        after.body.contains("poskeeper_vendor_calls_total{endpoint=\"login\",outcome=\"ok\"} 1\n"),
        "{}",
        after.body
    );
    let polls = |text: &str| -> u64 {
        let line = "poskeeper_vendor_calls_total{endpoint=\"daily_access\",outcome=\"ok\"} ";
        text.lines().find_map(|found| found.strip_prefix(line)?.parse().ok()).expect("a counter")
    };
    assert!(polls(&after.body) >= polls(&answer.body) && polls(&answer.body) > 0);
    assert_eq!(daemon.events().iter().filter(|event| **event == "http.listening").count(), 1, "the port stayed open");
    promtool_accepts(get_with(address, "/metrics", "Accept: text/plain\r\n").await);
    assert!(daemon.stop().await.success());
}

/// Whatever looks like one of our metrics.
fn metrics_in(text: &str) -> BTreeSet<&str> {
    let words = text.split(|letter: char| !letter.is_ascii_alphanumeric() && letter != '_');
    words.filter(|word| word.starts_with("poskeeper_") || word.starts_with("process_")).collect()
}

fn documented_metrics() -> BTreeSet<&'static str> {
    let rows = include_str!("../../docs/alerting.md").lines().filter(|line| line.starts_with("| `p"));
    rows.filter_map(|row| row.split('|').nth(1)).flat_map(metrics_in).collect()
}

/// The families by the names of the text format, which are those of the samples.
fn shown_metrics(body: &str) -> BTreeSet<&str> {
    let samples = body.lines().filter(|line| !line.starts_with('#')).flat_map(metrics_in);
    samples
        .map(|name| ["_bucket", "_sum", "_count"].iter().find_map(|part| name.strip_suffix(part)).unwrap_or(name))
        .collect()
}

fn promtool_accepts(answer: Answer) {
    assert_eq!(answer.header("content-type"), Some("text/plain; version=0.0.4; charset=utf-8"));
    let mut promtool = Command::new("promtool");
    promtool.args(["check", "metrics"]).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let Ok(mut child) = promtool.spawn() else {
        eprintln!("\n*** NOT TESTED: promtool is not installed (Debian package prometheus) ***\n");
        return;
    };
    child.stdin.take().expect("stdin").write_all(answer.body.as_bytes()).expect("read");
    let output = child.wait_with_output().expect("it ends");
    let said = [output.stdout, output.stderr].concat();
    assert!(output.status.success() && said.is_empty(), "{}", String::from_utf8_lossy(&said));
}

#[tokio::test]
async fn healthz_tells_of_a_dead_key_and_of_its_return() {
    let options =
        SandboxOptions { live: TimeDelta::seconds(12), relogin: TimeDelta::seconds(10), ..SandboxOptions::default() };
    let (shop, mut daemon, address) = serving(Shop::open_with(options, NO_POLLS).await).await;
    daemon.wait_for("login.renewed").await;
    let good = get(address, "/healthz").await;
    assert_eq!((good.status, good.body.as_str()), (200, "{\"status\":\"ok\",\"reasons\":[]}\n"));
    assert_eq!(good.header("content-type"), Some("application/json"));

    shop.world().set_dark(true);
    daemon.wait_for("login.failed").await;
    assert_eq!(get(address, "/healthz").await.status, 200, "the key still lives");
    let bad = wait_for(address, "/healthz", |answer| answer.status == 503).await;
    let told: Value = serde_json::from_str(&bad.body).expect("JSON");
    assert_eq!(told["status"], "failing");
    assert!(
        told["reasons"][0].as_str().is_some_and(|reason| reason.starts_with("the key of till-1 is dead since 2")),
        "{told}"
    );
    let metrics = get(address, "/metrics").await.body;
    assert!(metrics.contains("poskeeper_healthy 0.0\n"), "{metrics}");
    assert!(metrics.contains("poskeeper_login_key_live{device=\"till-1\"} 0.0\n"), "{metrics}");
    assert!(get(address, "/").await.body.contains("NO LIVE KEY since "));

    shop.world().set_dark(false);
    wait_for(address, "/healthz", |answer| answer.status == 200).await;
    assert!(daemon.stop().await.success());
}

#[tokio::test]
async fn a_port_that_is_taken_stops_a_start_but_not_a_reload() {
    let taken = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = taken.local_addr().expect("its address");
    let shop = listening_shop(Shop::open(NO_POLLS).await, &address.to_string());
    let output = shop.run(&["run"]).await;
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(
        said.contains(&format!("http.listen: cannot listen on {address}: another program has that port")),
        "{said}"
    );
    assert!(shop.world().logins().is_empty(), "it did not get as far as a login");

    shop.edit_settings(&address.to_string(), "127.0.0.1:0");
    let mut daemon = shop.daemon();
    let first = self::address(&daemon.wait_for("http.listening").await);
    daemon.wait_for("daemon.ready").await;
    shop.edit_settings("127.0.0.1:0", &address.to_string());
    daemon.signal("HUP");
    let failing = daemon.wait_for("http.failing").await;
    assert_eq!(failing["level"], "ERROR");
    daemon.wait_for("daemon.reloaded").await;
    assert!(TcpStream::connect(first).is_err(), "the old port is given up");
    drop(taken);
    daemon.signal("HUP");
    assert_eq!(self::address(&daemon.wait_for("http.listening").await), address);
    wait_for(address, "/healthz", |answer| answer.status == 200).await;
    shop.edit_settings(&address.to_string(), "");
    daemon.signal("HUP");
    daemon.wait_for("daemon.reloaded").await;
    assert_eq!(listening_sockets(daemon.pid()), 0);
    assert!(daemon.stop().await.success());
}

#[tokio::test]
async fn a_database_that_cannot_be_written_is_told_of_and_can_still_be_read() {
    let (shop, mut daemon, address) = serving(Shop::open(FAST).await).await;
    daemon.wait_for("poll.done").await;
    let mut sqlite = Command::new("sqlite3");
    let mut other = sqlite.arg(shop.path("poskeeper.db")).stdin(Stdio::piped()).spawn().expect("sqlite3 is installed");
    let mut statements = other.stdin.take().expect("stdin");
    statements.write_all(b"PRAGMA busy_timeout = 5000; BEGIN IMMEDIATE;\n").expect("read");
    daemon.wait_for("store.failing").await;
    let health = get(address, "/healthz").await;
    assert_eq!(health.status, 503);
    assert!(health.body.contains("the database cannot be written: "), "{}", health.body);
    let metrics = get(address, "/metrics").await;
    assert!(metrics.body.contains("{rule=\"store.failing\",severity=\"error\"} 1.0\n"), "{}", metrics.body);
    assert_eq!(get(address, "/").await.status, 200);
    drop(statements);
    assert!(other.wait().expect("it ends").success());
    wait_for(address, "/healthz", |answer| answer.status == 200).await;
    assert!(daemon.stop().await.success());
}

#[tokio::test]
async fn an_address_that_others_can_reach_is_warned_of_and_answers_to_any_name() {
    let shop = listening_shop(Shop::open(NO_POLLS).await, "0.0.0.0:0");
    let mut daemon = shop.daemon();
    let line = daemon.wait_for("http.exposed").await;
    assert_eq!(line["level"], "WARN");
    daemon.wait_for("daemon.ready").await;
    let port = address(&line).port();
    let answer =
        send(([127, 0, 0, 1], port).into(), "GET /healthz HTTP/1.1\r\nHost: store-server:80\r\n\r\n".into()).await;
    assert_eq!(answer.status, 200);
    assert!(daemon.stop().await.success());
}

#[tokio::test]
async fn no_secret_is_on_any_page() {
    let (shop, mut daemon, address) = serving(Shop::open(FAST).await).await;
    daemon.wait_for("poll.done").await;
    shop.world().set_dark(true);
    daemon.wait_for("poll.failed").await;
    let mut pages = Vec::new();
    for path in ["/", "/?lang=zh", "/refresh.js", "/healthz", "/metrics", "/settings.toml", "/poskeeper.db.session"] {
        let answer = get(address, path).await;
        pages.push((path, format!("{}{}", answer.head, answer.body)));
    }
    assert!(daemon.stop().await.success());
    let secrets = secrets(&shop);
    for (path, page) in pages {
        assert_clean(path, page.as_bytes(), &secrets);
    }
}

#[tokio::test]
async fn slow_and_hostile_clients_neither_hold_the_daemon_nor_make_it_grow() {
    let (_shop, mut daemon, address) = serving(Shop::open(FAST).await).await;
    daemon.wait_for("poll.done").await;
    let before = memory_kib(daemon.pid());

    let attack = tokio::task::spawn_blocking(move || {
        // Many that say nothing; those beyond the limit are hung up on.
        let idle: Vec<_> = (0..1000).filter_map(|_| TcpStream::connect(address).ok()).collect();
        assert!(idle.len() >= 900, "{} connections", idle.len());
        idle
    });
    let idle = attack.await.expect("connected");
    daemon.wait_for("poll.done").await;
    // They are over when their head does not come, though nobody closed them here.
    wait_for_room(address).await;
    drop(idle);

    let slow = tokio::task::spawn_blocking(move || {
        let start = Instant::now();
        let mut stream = TcpStream::connect(address).expect("connected");
        stream.set_read_timeout(Some(Duration::from_millis(200))).expect("a time-out");
        // A byte now and then, for ever.
        let mut sent = stream.write_all(b"GET / HTTP/1.1\r\nX-Slow: ");
        let mut reply = [0; 64];
        while sent.is_ok() && start.elapsed() < PATIENCE {
            match stream.read(&mut reply) {
                Ok(0) => break,
                Err(error) if error.kind() == std::io::ErrorKind::ConnectionReset => break,
                _ => sent = stream.write_all(b"x"),
            }
        }
        start.elapsed()
    });
    let lasted = slow.await.expect("it ends");
    assert!(lasted < Duration::from_secs(15), "a slow head lasted {lasted:?}");

    let garbage = [
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03".to_vec(),
        vec![0; 100_000],
        vec![b'A'; 1_000_000],
        b"GET / HTTP/9.9\r\n\r\n".to_vec(),
        format!("GET / HTTP/1.1\r\nHost: {address}\r\nX: {}\r\n\r\n", "x".repeat(100_000)).into_bytes(),
        format!("GET / HTTP/1.1\r\nHost: {address}\r\n{}\r\n", "X: y\r\n".repeat(2000)).into_bytes(),
        format!("GET /{} HTTP/1.1\r\nHost: {address}\r\n\r\n", "a/".repeat(100_000)).into_bytes(),
        format!("POST / HTTP/1.1\r\nHost: {address}\r\nTransfer-Encoding: chunked\r\n\r\nffffffffffffffff\r\n")
            .into_bytes(),
    ];
    for bytes in garbage {
        let reply = tokio::task::spawn_blocking(move || talk(address, &bytes)).await.expect("an end");
        assert!(!reply.starts_with(b"HTTP/1.1 200"), "{}", String::from_utf8_lossy(&reply));
    }

    // Requests whose answers nobody reads.
    let unread: Vec<_> = (0..64)
        .filter_map(|_| {
            let mut stream = TcpStream::connect(address).ok()?;
            stream.write_all(format!("GET / HTTP/1.1\r\nHost: {address}\r\n\r\n").repeat(50).as_bytes()).ok()?;
            Some(stream)
        })
        .collect();
    daemon.wait_for("poll.done").await;
    drop(unread);
    wait_for_room(address).await;

    let grown = memory_kib(daemon.pid()).saturating_sub(before);
    assert!(grown < 8 * 1024, "it grew by {grown} KiB");
    assert!(daemon.stop().await.success(), "and it stops in order");
}

/// Until a connection is taken and answered again.
async fn wait_for_room(address: SocketAddr) {
    let deadline = Instant::now() + PATIENCE;
    let request = format!("GET /healthz HTTP/1.1\r\nHost: {address}\r\n\r\n");
    loop {
        let bytes = request.clone().into_bytes();
        let reply = tokio::task::spawn_blocking(move || talk(address, &bytes)).await.expect("an end");
        if reply.starts_with(b"HTTP/1.1 200") {
            return;
        }
        assert!(Instant::now() < deadline, "there is never room again");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}
