//! `poskeeper sandbox`: its output is a settings file that works, and nobody else can reach it.

use crate::harness::{binary, query};
use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::path::Path;
use std::process::{Child, ChildStderr, Command, Output, Stdio};

/// As a person starts it: `poskeeper sandbox > settings.toml`.
fn start(home: &Path, arguments: &[&str]) -> (Child, BufReader<ChildStderr>) {
    let file = File::create(home.join("settings.toml")).expect("a file");
    let mut command = binary(home);
    command.arg("sandbox").args(arguments).stdout(file).stderr(Stdio::piped());
    let mut child = command.spawn().expect("the binary starts");
    let mut stderr = BufReader::new(child.stderr.take().expect("stderr"));
    let mut line = String::new();
    stderr.read_line(&mut line).expect("UTF-8");
    assert!(line.starts_with("sandbox: both vendors answer at http://127.0.0.1:"), "{line}");
    (child, stderr)
}

/// Ends it as systemd would, and gives what it told about requests.
fn stop(mut child: Child, mut stderr: BufReader<ChildStderr>) -> String {
    assert!(Command::new("kill").args(["-s", "TERM", &child.id().to_string()]).status().expect("kill").success());
    let mut told = String::new();
    stderr.read_to_string(&mut told).expect("UTF-8");
    assert!(child.wait().expect("its end").success(), "{told}");
    told
}

fn poskeeper(home: &Path, arguments: &[&str]) -> (Output, String) {
    let output = binary(home).args(arguments).output().expect("the binary starts");
    let stderr = String::from_utf8(output.stderr.clone()).expect("UTF-8");
    (output, stderr)
}

#[test]
fn its_output_is_a_settings_file_with_which_once_succeeds() {
    let home = tempfile::tempdir().expect("a folder");
    let (child, told) = start(home.path(), &["--live-hours", "48", "--relogin-hours", "0.5"]);
    let settings = std::fs::read_to_string(home.path().join("settings.toml")).expect("settings");
    let head: Vec<_> = settings.lines().take_while(|line| line.starts_with('#')).collect();
    assert!(head.iter().any(|line| line.contains("http://127.0.0.1:")), "{settings}");
    let (output, stderr) = poskeeper(home.path(), &["--config", "settings.toml", "once"]);
    assert!(output.status.success(), "{stderr}");
    let rows = |sql| query(&home.path().join("poskeeper.db"), sql);
    assert_eq!(rows("SELECT DISTINCT outcome FROM calls"), ["ok"]);
    assert_eq!(rows("SELECT live_hours = 48, relogin_hours FROM logins"), ["1|0.5"]);

    let told = stop(child, told);
    assert_eq!(told.lines().count(), 7, "one login, two endpoints of three stores:\n{told}");
    assert!(told.contains("Z login of device \"1\": ok\n"), "{told}");
    assert!(told.lines().filter(|line| line.contains(" daily_access of app \"")).count() == 3, "{told}");
}

#[test]
fn a_scenario_makes_things_go_wrong() {
    let home = tempfile::tempdir().expect("a folder");
    let (child, told) = start(home.path(), &["--scenario", "refusing"]);
    let (output, stderr) = poskeeper(home.path(), &["--config", "settings.toml", "once"]);
    assert_eq!(output.status.code(), Some(1), "{stderr}");
    assert!(stop(child, told).contains("login of device \"1\": refused\n"));
}

#[test]
fn what_makes_no_sense_is_wrong_usage_and_says_why() {
    let home = tempfile::tempdir().expect("a folder");
    for (arguments, why) in [
        (["sandbox", "--listen", "0.0.0.0:18080"], "a loopback address"),
        (["sandbox", "--listen", "everywhere"], "everywhere"),
        (["sandbox", "--scenario", "sunny"], "down-at-night"),
        (["sandbox", "--live-hours", "0"], "hours over 0"),
        (["sandbox", "--config", "settings.toml"], "leave out --config"),
    ] {
        let (output, stderr) = poskeeper(home.path(), &arguments);
        assert_eq!((output.status.code(), output.stdout.as_slice()), (Some(2), b"".as_slice()), "{arguments:?}");
        assert!(stderr.contains(why), "{arguments:?}: {stderr}");
    }
}
