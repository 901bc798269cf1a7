//! Answers that are larger than any chain of stores: each in a life of its own, so that its peak of memory is its own.

use crate::answers::{Asked, good, gzip, object, row, sent, success, with};
use crate::authority::Authority;
use crate::expected::{Expected, odd, ok, refused, unexpected};
use crate::harness::{Daemon, PATIENCE, binary, query};
use crate::memory::Memory;
use crate::server::http;
use crate::settings::{self, Frame, next_slot_in};
use crate::vendor::{Act, Mended, Place, start};
use flate2::Compression;
use poskeeper::clock;
use poskeeper::model::Endpoint;
use std::collections::HashSet;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::Mutex;
use std::sync::mpsc::TryRecvError;
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// The bound for every answer.
const MOST_KILOBYTES: u64 = 64 * 1024;
const TOO_LARGE: &str = "is larger than 33554432 bytes";
const TOO_MANY: &str = "more rows than any chain";
/// Just below the limit.
const LARGE: usize = 33_000_000;

/// An answer, made when it is asked for.
struct Large {
    name: &'static str,
    bytes: fn(&Asked) -> Vec<u8>,
    expected: [Expected; 3],
}

fn polls(login: Expected, polls: Expected) -> [Expected; 3] {
    [Expected { rows: None, ..login }, polls.clone(), polls]
}

fn everywhere(expected: Expected) -> [Expected; 3] {
    polls(expected.clone(), expected)
}

/// `count` sisters with one row each, or as many as there is room for; our own row comes last.
fn stores(asked: &Asked, count: usize, id: impl Fn(usize) -> String) -> String {
    let own = object(&row(asked.endpoint, &asked.app_id));
    let (head, tail) =
        object(&row(asked.endpoint, "ID")).split_once("ID").map(|(a, b)| (a.to_owned(), b.to_owned())).expect("an id");
    let mut rows = String::with_capacity(LARGE);
    for number in 0..count {
        if rows.len() > LARGE {
            break;
        }
        rows.extend([&head, &id(number), &tail, ","].map(AsRef::<str>::as_ref));
    }
    success(&(rows + &own))
}

fn hex_id(number: usize) -> String {
    format!("{number:032X}")
}

/// Given up early, or quick to read.
fn quick() -> Vec<Large> {
    let no_login = || unexpected(200, "no content object");
    vec![
        Large {
            name: "gzip bomb of 1 GB of zeros",
            bytes: |_| {
                let bomb = gzip(&vec![0; 1 << 20], Compression::best()).repeat(1024);
                http("200 OK", "Content-Encoding: gzip\r\n", bomb)
            },
            expected: everywhere(unexpected(200, TOO_LARGE)),
        },
        Large {
            name: "JSON of 100 MB, announced",
            bytes: |_| sent(success(&"{},".repeat(33_333_333))),
            expected: everywhere(unexpected(200, TOO_LARGE)),
        },
        Large {
            name: "JSON of 100 MB, until it is closed",
            bytes: |_| format!("HTTP/1.0 200 OK\r\n\r\n{}", success(&"{},".repeat(33_333_333))).into_bytes(),
            expected: everywhere(unexpected(200, TOO_LARGE)),
        },
        Large {
            name: "a text of 33 MB",
            bytes: |asked| {
                let text = format!("\"{}\"", "\\n".repeat(LARGE / 2));
                sent(success(&object(&with(row(asked.endpoint, "A"), "appId", Some(&text)))))
            },
            expected: everywhere(unexpected(200, "a text of more than")),
        },
        Large {
            name: "33 MB of lists in lists",
            bytes: |asked| {
                let nest = "[".repeat(LARGE / 2) + &"]".repeat(LARGE / 2);
                sent(good(asked).replacen('{', &format!("{{\"x\":{nest},"), 1))
            },
            expected: everywhere(unexpected(200, "levels deep")),
        },
        Large {
            name: "a refusal with 33 MB of reasons",
            bytes: |_| sent(format!("{{\"status\":\"error\",\"messages\":[{}7]}}", "7,".repeat(LARGE / 2))),
            expected: polls(no_login(), refused("7; 7; 7")),
        },
    ]
}

/// With very many rows: without optimisation they take a minute each.
fn slow() -> Vec<Large> {
    let no_login = || unexpected(200, "no content object");
    let too_many = || Expected { rows: None, ..odd(TOO_MANY) };
    vec![
        Large {
            name: "33 MB of different stores",
            bytes: |asked| sent(stores(asked, usize::MAX, hex_id)),
            expected: polls(no_login(), too_many()),
        },
        Large {
            name: "33 MB in gzip that saves nothing",
            bytes: |asked| {
                let plain = stores(asked, usize::MAX, hex_id);
                http("200 OK", "Content-Encoding: gzip\r\n", gzip(plain.as_bytes(), Compression::none()))
            },
            expected: polls(no_login(), too_many()),
        },
        Large {
            name: "33 MB of stores with long ids",
            bytes: |asked| sent(stores(asked, usize::MAX, |number| format!("{number:0128}"))),
            expected: polls(no_login(), too_many()),
        },
        Large {
            name: "21 MB of different stores",
            bytes: |asked| sent(stores(asked, 200_000, hex_id)),
            expected: polls(no_login(), too_many()),
        },
        Large {
            name: "100,000 rows",
            bytes: |asked| sent(stores(asked, 99_999, hex_id)),
            expected: polls(no_login(), ok(100_000)),
        },
        Large {
            name: "ten million bad rows",
            bytes: |asked| {
                let own = object(&row(asked.endpoint, &asked.app_id));
                sent(success(&("7,".repeat(10_000_000) + &own)))
            },
            expected: polls(no_login(), odd("data[0]: a number, not an object")),
        },
    ]
}

/// A daemon whose vendors answer each endpoint of each of its sites once with `bytes`, and well ever after.
struct Life {
    folder: TempDir,
    daemon: Daemon,
}

impl Life {
    fn begin(bytes: fn(&Asked) -> Vec<u8>, sites: usize) -> Self {
        let authority = Authority::new();
        let site = |number| {
            let served = Mutex::new(HashSet::new());
            let place = Place::plain(move |asked| {
                let is_first = served.lock().expect("a lock").insert(asked.endpoint);
                Act::Send(if is_first { bytes(asked) } else { sent(good(asked)) })
            });
            let base = start(&place, &Mended::default(), &authority.server("127.9.0.1", 4000));
            (format!("F{number}"), base.clone(), base)
        };
        let sites: Vec<_> = (0..sites).map(site).collect();
        let folder = tempfile::tempdir().expect("a folder");
        let cron = next_slot_in(40, clock::wall());
        let frame = Frame { log_format: "json", timeout_seconds: 60.0, cron, ca_pem: authority.pem() };
        settings::write(folder.path(), &frame, &sites);
        let mut command = binary(folder.path());
        command.args(["--config", "settings.toml", "run"]);
        let daemon = Daemon::start(command);
        Self { folder, daemon }
    }

    /// Until every site is logged in and has been polled again after the first slot.
    async fn until_the_next_slot_is_served(&mut self, sites: usize) {
        let deadline = Instant::now() + 2 * PATIENCE;
        let database = self.folder.path().join("poskeeper.db");
        self.daemon.wait_for("daemon.started").await;
        let served = "SELECT (SELECT count(*) FROM login_status WHERE expires_at > '2'),
                             (SELECT count(*) FROM (SELECT max(outcome = 'ok') ok, count(*) calls FROM calls
                                                    WHERE endpoint <> 'login' AND outcome IS NOT NULL GROUP BY subject, endpoint)
                              WHERE ok AND calls > 1)";
        while query(&database, served) != [format!("{sites}|{}", 2 * sites)] {
            assert!(Instant::now() < deadline, "{served}: {:?}", query(&database, "SELECT * FROM calls"));
            tokio::time::sleep(Duration::from_millis(500)).await;
        }
    }

    fn first_call(&self, endpoint: Endpoint) -> Vec<String> {
        let sql = format!(
            "SELECT outcome, http_status, coalesce(row_count, '') FROM calls WHERE endpoint = '{endpoint}' ORDER BY started_at LIMIT 1"
        );
        query(&self.folder.path().join("poskeeper.db"), &sql)[0].split('|').map(str::to_owned).collect()
    }
}

#[tokio::test]
async fn no_answer_however_large_takes_more_memory_than_there_is() {
    judge(&quick()).await;
}

#[tokio::test]
#[ignore = "wants the release build, in POSKEEPER_BINARY"]
async fn release_no_answer_however_many_rows_it_has_takes_more_memory_than_there_is() {
    judge(&slow()).await;
}

async fn judge(larges: &[Large]) {
    let _alone = crate::MACHINE.lock().await;
    let mut lives: Vec<_> = larges.iter().map(|large| Life::begin(large.bytes, 1)).collect();
    let mut wrong = Vec::new();
    eprintln!("{:<36} {:>9} {:>9}  login / access_config / daily_access", "answer", "peak MB", "then MB");
    for (large, life) in larges.iter().zip(&mut lives) {
        life.until_the_next_slot_is_served(1).await;
        let memory = Memory::of(life.daemon.pid());
        assert!(life.daemon.stop().await.success());
        let endpoints = [Endpoint::Login, Endpoint::AccessConfig, Endpoint::DailyAccess];
        let calls = endpoints.map(|endpoint| life.first_call(endpoint));
        let outcomes: Vec<_> = calls.iter().map(|call| call.join(" ")).collect();
        let megabytes = [memory.peak, memory.now].map(|kilobytes| kilobytes as f64 / 1024.0);
        eprintln!("{:<36} {:>9.1} {:>9.1}  {}", large.name, megabytes[0], megabytes[1], outcomes.join(" / "));
        if memory.peak > MOST_KILOBYTES {
            wrong.push(format!("{}: {memory:?}", large.name));
        }
        for ((expected, call), endpoint) in large.expected.iter().zip(&calls).zip(endpoints) {
            let rows = expected.rows.filter(|_| endpoint != Endpoint::Login);
            let is_right = call[0] == expected.outcome && rows.is_none_or(|rows| call[2] == rows.to_string());
            let lines = life.daemon.log.iter().filter(|line| {
                let words = line["error"].as_str().or(line["first_error"].as_str());
                let of_endpoint = line["endpoint"] == endpoint.name() || line["event"] == "login.failed";
                of_endpoint && words.is_some_and(|words| words.contains(expected.words))
            });
            // A login's own line has no endpoint; a poll's has no device.
            let lines = lines.filter(|line| (endpoint == Endpoint::Login) == line["device"].is_string()).count();
            let most = usize::from(!expected.words.is_empty());
            if !is_right || lines != most {
                wrong.push(format!(
                    "{} on {endpoint}: {call:?}, {lines} line(s)\n{}",
                    large.name,
                    life.daemon.printed()
                ));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[tokio::test]
#[ignore = "wants the release build, in POSKEEPER_BINARY"]
async fn release_large_answers_that_come_together_are_taken_in_one_after_the_other() {
    let _alone = crate::MACHINE.lock().await;
    let mut life = Life::begin(|asked| sent(stores(asked, usize::MAX, hex_id)), 4);
    life.until_the_next_slot_is_served(4).await;
    let memory = Memory::of(life.daemon.pid());
    eprintln!("four sites with 33 MB on every endpoint: {memory:?}");
    assert!(life.daemon.stop().await.success());
    assert!(memory.peak < MOST_KILOBYTES, "{memory:?}");
    let calls = "SELECT outcome, count(*) FROM calls WHERE endpoint <> 'login' GROUP BY 1";
    assert_eq!(query(&life.folder.path().join("poskeeper.db"), calls), ["ok|16"]);
    let apps = query(&life.folder.path().join("poskeeper.db"), "SELECT count(*) BETWEEN 10000 AND 100004 FROM apps");
    assert_eq!(apps, ["1"], "the same sisters, as far as there is room for them");
}

#[tokio::test]
#[ignore = "wants the release build, in POSKEEPER_BINARY"]
async fn release_everything_else_goes_on_while_a_large_answer_is_read() {
    let _alone = crate::MACHINE.lock().await;
    let mut life = Life::begin(
        |asked| sent(success(&("7,".repeat(15_000_000) + &object(&row(asked.endpoint, &asked.app_id))))),
        1,
    );
    let listening = life.daemon.wait_for("http.listening").await;
    let address = listening["listen"].as_str().expect("an address").to_owned();
    let (stop, stopped) = std::sync::mpsc::channel::<()>();
    let asking = std::thread::spawn(move || {
        let mut slowest = Duration::ZERO;
        while stopped.try_recv() != Err(TryRecvError::Disconnected) {
            let start = Instant::now();
            let mut stream = TcpStream::connect(&address).expect("connected");
            stream.write_all(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n").expect("sent");
            let mut answer = String::new();
            stream.read_to_string(&mut answer).expect("answered");
            assert!(answer.starts_with("HTTP/1.1 "), "{answer}");
            slowest = slowest.max(start.elapsed());
            std::thread::sleep(Duration::from_millis(10));
        }
        slowest
    });
    for _ in 0..2 {
        let done = life.daemon.wait_for("poll.done").await;
        eprintln!("{} took {} ms", done["endpoint"], done["duration_ms"]);
    }
    drop(stop);
    stop_and_judge(asking.join().expect("asked"), &mut life).await;
}

async fn stop_and_judge(slowest: Duration, life: &mut Life) {
    eprintln!("slowest /healthz meanwhile: {slowest:?}");
    assert!(slowest < Duration::from_secs(2), "{slowest:?}");
    assert!(life.daemon.stop().await.success());
}
