//! `poskeeper demo`: what a newcomer sees, and what it never touches.

use crate::harness::{binary, query};
use std::io::{BufRead, BufReader, Read};
use std::path::Path;
use std::process::{Command, Output, Stdio};

fn demo(home: &Path, arguments: &[&str]) -> Command {
    let mut command = binary(home);
    command.arg("demo").args(arguments);
    command
}

fn output(mut command: Command) -> (Output, String, String) {
    let output = command.output().expect("the binary starts");
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).expect("UTF-8");
    let (stdout, stderr) = (text(&output.stdout), text(&output.stderr));
    (output, stdout, stderr)
}

#[test]
fn a_demo_shows_login_renewal_refusals_and_the_chain_and_ctrl_c_ends_it_with_the_summary() {
    let home = tempfile::tempdir().expect("a folder");
    let mut command = demo(home.path(), &["--seconds", "300"]);
    // Meant for a real daemon: none of it must reach the demo's.
    command.env("POSKEEPER__LOG__FORMAT", "json").env("POSKEEPER__NO__SUCH", "key");
    command.env("STATE_DIRECTORY", "/nowhere").env("RUNTIME_DIRECTORY", "/nowhere");
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("the binary starts");
    let mut stderr = BufReader::new(child.stderr.take().expect("stderr"));

    let mut log = String::new();
    let signs = [
        "INFO  login.renewed   till-1 is logged in",
        "INFO  app.discovered ",
        "demo: Pospal refuses the next daily_access call.",
        "WARN  poll.failed     daily_access",
        "demo: The login was renewed, long before its deadline.",
        "WARN  login.failed    login of till-1 failed (refused)",
        "demo: Both servers answer again.",
    ];
    while !signs.iter().all(|sign| log.contains(sign)) {
        let read = stderr.read_line(&mut log).expect("UTF-8");
        assert!(read > 0, "it ended too early:\n{log}");
    }
    let pid = child.id().to_string();
    assert!(Command::new("kill").args(["-s", "INT", &pid]).status().expect("kill").success());
    stderr.read_to_string(&mut log).expect("UTF-8");
    let output = child.wait_with_output().expect("its end");
    assert!(output.status.success(), "{}\n{log}", output.status);
    assert!(log.trim_end().ends_with("stopping"), "{log}");

    let summary = String::from_utf8(output.stdout).expect("UTF-8");
    for part in
        ["poskeeper-demo/settings.toml status", "till-1", "Store C", "poskeeper-demo/poskeeper.db", "What was seen: "]
    {
        assert!(summary.contains(part), "no {part:?} in:\n{summary}");
    }
    assert!(summary.contains("3 logins (2 ok, 1 refused); 1 renewal,"), "{summary}");
    let rows = |sql| query(&home.path().join("poskeeper-demo/poskeeper.db"), sql);
    assert_eq!(rows("SELECT outcome, count(*) FROM logins GROUP BY outcome ORDER BY outcome"), ["ok|2", "refused|1"]);
    assert_eq!(
        rows(
            "SELECT a.relogin_due_at > b.attempted_at FROM logins a, logins b \
              WHERE a.outcome = 'ok' AND b.outcome = 'ok' AND a.attempted_at < b.attempted_at"
        ),
        ["1"],
        "renewed before the deadline"
    );
    assert_eq!(rows("SELECT count(DISTINCT subject) FROM calls WHERE endpoint <> 'login'"), ["3"]);
    assert_eq!(
        rows("SELECT DISTINCT outcome FROM calls WHERE endpoint <> 'login' ORDER BY 1"),
        ["ok", "refused", "unreachable"]
    );
    assert_eq!(rows("SELECT count(*), sum(configured) FROM apps"), ["5|3"]);
    // The queries that the summary offers give what it shows.
    let offered: Vec<_> = summary.lines().filter(|line| line.starts_with("    'SELECT ")).collect();
    assert_eq!(offered.len(), 2, "{summary}");
    for sql in offered {
        for row in rows(sql.trim().trim_matches('\'')) {
            let cells: Vec<_> = row.split('|').filter(|cell| !cell.is_empty()).collect(); // a sister has no name
            let is_shown =
                |line: &str| line.split(['│', '┆']).map(str::trim).filter(|cell| !cell.is_empty()).eq(cells.clone());
            assert!(summary.lines().any(is_shown), "no {row} in:\n{summary}");
        }
    }
}

#[test]
fn a_second_demo_in_the_same_folder_starts_afresh() {
    let home = tempfile::tempdir().expect("a folder");
    let database = home.path().join("look here/poskeeper.db");
    for round in 0..2 {
        let (output, stdout, stderr) = output(demo(home.path(), &["--seconds", "2", "--dir", "look here"]));
        assert!(output.status.success(), "round {round}: {stderr}");
        assert!(stdout.contains("1 login (1 ok)"), "{stdout}");
        assert_eq!(query(&database, "SELECT count(*) FROM logins"), ["1"], "round {round}");
    }
}

#[test]
fn a_demo_refuses_a_folder_with_somebodys_settings() {
    let home = tempfile::tempdir().expect("a folder");
    let settings = home.path().join("settings.toml");
    std::fs::write(&settings, "timezone = \"Asia/Shanghai\"\n").expect("written");
    let (output, stdout, stderr) = output(demo(home.path(), &["--seconds", "2", "--dir", "."]));
    assert_eq!((output.status.code(), stdout.as_str()), (Some(1), ""));
    assert!(stderr.starts_with("poskeeper: . holds files that no demo made"), "{stderr}");
    assert_eq!(std::fs::read_to_string(&settings).expect("still there"), "timezone = \"Asia/Shanghai\"\n");
    assert_eq!(std::fs::read_dir(home.path()).expect("a folder").count(), 1, "nothing else was made");
}

#[test]
fn a_demo_refuses_a_folder_with_its_own_settings_once_somebody_has_put_his_into_them() {
    let home = tempfile::tempdir().expect("a folder");
    let settings = home.path().join("poskeeper-demo/settings.toml");
    assert!(output(demo(home.path(), &["--seconds", "1"])).0.status.success());
    let text = std::fs::read_to_string(&settings).expect("settings");
    let mine = text.replace("app_key = \"", "app_key = \"9");
    assert_ne!(mine, text);
    std::fs::write(&settings, &mine).expect("written");
    let database = std::fs::read(home.path().join("poskeeper-demo/poskeeper.db")).expect("a database");
    let (output, _, stderr) = output(demo(home.path(), &["--seconds", "1"]));
    assert_eq!(output.status.code(), Some(1), "{stderr}");
    assert!(stderr.contains("that were changed since"), "{stderr}");
    assert_eq!(std::fs::read_to_string(&settings).expect("still there"), mine);
    assert_eq!(std::fs::read(home.path().join("poskeeper-demo/poskeeper.db")).expect("still there"), database);
}

#[test]
fn nothing_in_the_environment_leads_a_demo_or_a_sandbox_to_real_settings_or_servers() {
    let home = tempfile::tempdir().expect("a folder");
    // What would answer a call that went astray: nobody, and the listener would know.
    let astray = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    astray.set_nonblocking(true).expect("set");
    let server = format!("http://{}", astray.local_addr().expect("an address"));
    let real = home.path().join("real.toml");
    let text = format!("[pospal]\nbase_url = {server:?}\n[[pospal.apps]]\napp_id = \"A\"\napp_key = \"real\"\n");
    std::fs::write(&real, &text).expect("written");
    let lead_astray = |mut command: Command| {
        command.env("POSKEEPER_CONFIG", &real).env("POSKEEPER__POSPAL__BASE_URL", &server);
        command.env("POSKEEPER__DATABASE__PATH", home.path().join("real.db")).env("STATE_DIRECTORY", home.path());
        for proxy in ["http_proxy", "HTTP_PROXY", "https_proxy", "ALL_PROXY"] {
            command.env(proxy, &server);
        }
        command
    };
    let (output, stdout, stderr) = output(lead_astray(demo(home.path(), &["--seconds", "2"])));
    assert!(output.status.success(), "{stderr}");
    assert!(stdout.contains("1 login (1 ok)"), "{stdout}");
    let (output, _, stderr) =
        self::output(lead_astray(demo(home.path(), &["--seconds", "2", "--config", "real.toml"])));
    assert_eq!(output.status.code(), Some(2), "{stderr}");

    let mut command = binary(home.path());
    command.arg("sandbox").stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut sandbox = lead_astray(command).spawn().expect("the binary starts");
    let mut told = String::new();
    BufReader::new(sandbox.stderr.take().expect("stderr")).read_line(&mut told).expect("UTF-8");
    sandbox.kill().expect("killed");
    let mut printed = String::new();
    sandbox.stdout.take().expect("stdout").read_to_string(&mut printed).expect("UTF-8");
    sandbox.wait().expect("its end");
    assert!(printed.starts_with("# Made by the poskeeper sandbox") && !printed.contains(&server), "{told}{printed}");

    assert!(astray.accept().is_err(), "nothing was called");
    assert_eq!(std::fs::read_to_string(&real).expect("still there"), text);
    assert!(!home.path().join("real.db").exists());
}

#[test]
fn a_demo_takes_no_settings_file() {
    let home = tempfile::tempdir().expect("a folder");
    let (output, _, stderr) = output(demo(home.path(), &["--config", "settings.toml"]));
    assert_eq!(output.status.code(), Some(2));
    assert!(stderr.contains("leave out --config settings.toml"), "{stderr}");
    assert_eq!(std::fs::read_dir(home.path()).expect("a folder").count(), 0);
}
