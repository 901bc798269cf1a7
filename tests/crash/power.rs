//! The power fails: the disk keeps what was synced, and of the rest what it likes.

use crate::disk::{Syncs, after_power_loss, lay_out};
use crate::harness::{Daemon, FAST, Shop};
use crate::life::{command, live};
use crate::recording::{Step, read};
use crate::shim::Orders;
use crate::verdict::{Known, faults_after_restart, faults_as_found};
use crate::{random, wanted};
use chrono::TimeDelta;
use poskeeper::model::Endpoint;
use poskeeper::sandbox::{Reply, SandboxOptions};
use std::io::Write;
use std::path::Path;
use std::process::{Child, Command, Stdio};

const PUBLISHED: &str = "till-1.apikey";

#[tokio::test]
async fn a_power_failure_at_any_moment_loses_nothing_that_was_told() {
    let span = TimeDelta::seconds(6);
    let options = SandboxOptions { live: span, relogin: span, ..SandboxOptions::default() };
    let shop = Shop::open_with(options, &FAST.replace("*/2 ", "* ")).await;
    let recording = tempfile::NamedTempFile::new().expect("a file");
    record_two_lives(&shop, recording.path()).await;
    let steps = read(recording.path());

    // The next life polls nobody, and its key is good for long.
    shop.world().set_lifetimes(TimeDelta::hours(240), TimeDelta::hours(6));
    let settings = std::fs::read_to_string(shop.path("settings.toml")).expect("settings");
    let settings = settings.replace("_cron = \"* * * * * *\"", "_cron = \"\"");
    let mut random = random();
    let states = wanted("STATES", 60);
    let mut failures = Vec::new();
    for _ in 0..states {
        let cut = moment(&steps, &mut random);
        let folder = tempfile::tempdir().expect("a folder");
        lay_out(&after_power_loss(&steps[..cut], Syncs::Done, &mut random), folder.path());
        std::fs::write(folder.path().join("settings.toml"), &settings).expect("written");
        let mut known = known_at(&steps[..cut], &shop);
        let mut faults = faults_as_found(folder.path(), &known);
        if is_key_withdrawn(&steps[..cut]) && folder.path().join(PUBLISHED).exists() {
            faults.push("a dead key is published again".into());
        }
        assert!(live(folder.path(), None, &mut known).await, "nobody killed it");
        known.keys = shop.world().keys();
        faults.extend(faults_after_restart(folder.path(), &known));
        failures.extend(faults.into_iter().map(|fault| format!("power lost after step {cut}: {fault}")));
    }
    assert!(failures.is_empty(), "{} faults in {states} states: {failures:#?}", failures.len());
    println!("{states} states of the disk after a power failure in {} steps, nothing lost", steps.len());

    // The test of the test: with a disk that syncs nothing, it finds losses.
    let found = (0..20).filter(|_| {
        let cut = moment(&steps, &mut random);
        let folder = tempfile::tempdir().expect("a folder");
        lay_out(&after_power_loss(&steps[..cut], Syncs::Ignored, &mut random), folder.path());
        !faults_as_found(folder.path(), &known_at(&steps[..cut], &shop)).is_empty()
    });
    assert!(found.count() > 5, "a disk that ignores fsync goes unnoticed");
}

/// The first: logins, polls, a key that dies and is withdrawn, an orderly stop. The second: a reader keeps
/// the database out of WAL mode, so that its transactions go another way to the disk.
async fn record_two_lives(shop: &Shop, recording: &Path) {
    let folder = shop.folder.path();
    let orders = Orders::RecordTo(recording);
    let mut first = Daemon::start(command(folder, Some(&orders)));
    first.wait_for("login.renewed").await;
    first.wait_for("login.renewed").await;
    shop.world().reply_times(100, Endpoint::Login, &Reply::CloseWithoutAnswer);
    first.wait_for("login.expired").await;
    first.wait_for("poll.done").await;
    assert!(first.stop().await.success());
    shop.world().clear_replies();

    let reader = reading(&shop.path("poskeeper.db"));
    let mut second = Daemon::start(command(folder, Some(&orders)));
    second.wait_for("daemon.started").await;
    end(reader);
    second.wait_for("login.renewed").await;
    for _ in 0..6 {
        second.wait_for("poll.done").await;
    }
    second.signal("KILL");
    second.ended().await;
    assert!(!shop.path("poskeeper.db-wal").exists(), "the reader was in the way");
}

/// Somebody who reads the database until told otherwise.
fn reading(database: &Path) -> Child {
    let mut reader = Command::new("sqlite3")
        .arg(database)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("sqlite3 is installed");
    let stdin = reader.stdin.as_mut().expect("stdin");
    stdin.write_all(b"BEGIN;\nSELECT count(*) FROM calls;\n").expect("written");
    // Its answer: from then on it holds the lock.
    let mut answer = [0; 1];
    std::io::Read::read_exact(reader.stdout.as_mut().expect("stdout"), &mut answer).expect("an answer");
    reader
}

fn end(mut reader: Child) {
    drop(reader.stdin.take());
    assert!(reader.wait().expect("a child").success());
}

/// Any step, and more often one that somebody relies on.
fn moment(steps: &[Step], random: &mut fastrand::Rng) -> usize {
    let any = random.usize(0..=steps.len());
    let is_relied_on = |step: &Step| step.is_of_the_folder() || matches!(step, Step::Send(_) | Step::Log(_));
    match steps[any..].iter().position(is_relied_on) {
        Some(next) if random.bool() => any + next + 1,
        _ => any,
    }
}

fn known_at(steps: &[Step], shop: &Shop) -> Known {
    let mut known = Known::default();
    known.polls = steps.iter().filter(|step| step.is_poll()).count();
    known.logins = steps.iter().filter(|step| step.is_login()).count();
    known.keys = shop.world().keys();
    for step in steps {
        if let Step::Log(line) = step {
            known.hear(&serde_json::from_slice(line).expect("a line of JSON"));
        }
    }
    known
}

/// The key was withdrawn, and a line has told so since.
fn is_key_withdrawn(steps: &[Step]) -> bool {
    let last = |is_it: &dyn Fn(&Step) -> bool| steps.iter().rposition(is_it);
    let withdrawn = last(&|step| matches!(step, Step::Unlink { name } if name == PUBLISHED));
    let published = last(&|step| matches!(step, Step::Rename { to, .. } if to == PUBLISHED));
    let told =
        last(&|step| matches!(step, Step::Log(line) if String::from_utf8_lossy(line).contains("\"login.expired\"")));
    published < withdrawn && withdrawn < told
}
