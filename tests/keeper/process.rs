//! What other programs can learn of the process: its memory, its environment, its arguments, its end.

use crate::harness::{BINARY, Daemon, Shop, as_user};
use crate::secrets::{assert_clean, secrets};
use std::fs::Permissions;
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::Command;

const NO_POLLS: &str = "access_config_cron = \"\"\ndaily_access_cron = \"\"\n";
/// Anybody but root, who may read everything.
const USER: u32 = 65_534;

/// The files of `/proc/PID` through which memory and environment are read.
const SECRET: [&str; 4] = ["environ", "mem", "maps", "auxv"];

/// A shop that belongs to the user.
async fn shop() -> Shop {
    let shop = Shop::open(NO_POLLS).await;
    chown(shop.folder.path(), Some(USER), Some(USER)).expect("chown");
    chown(shop.path("settings.toml"), Some(USER), Some(USER)).expect("chown");
    std::fs::set_permissions(shop.path("settings.toml"), Permissions::from_mode(0o600)).expect("chmod");
    shop
}

const CORES_ALLOWED: &str = "ulimit -c unlimited; exec";

fn daemon(shop: &Shop) -> Daemon {
    let mut command = as_user(USER, shop.folder.path(), CORES_ALLOWED);
    command.arg(BINARY).arg("--config").arg(shop.path("settings.toml")).arg("run");
    Daemon::start(command)
}

/// Whether another process of the same user can read a file.
fn the_user_can_read(file: &Path) -> bool {
    let user = [format!("--reuid={USER}"), format!("--regid={USER}"), "--clear-groups".to_owned()];
    let mut head = Command::new("setpriv");
    head.args(user).args(["head", "-c", "0"]).arg(file);
    head.output().expect("setpriv is installed").status.success()
}

#[tokio::test]
async fn another_process_of_the_same_user_can_read_neither_memory_nor_environment() {
    let shop = shop().await;
    let mut sleep = as_user(USER, shop.folder.path(), CORES_ALLOWED).args(["sleep", "60"]).spawn().expect("started");
    let mut daemon = daemon(&shop);
    daemon.wait_for("login.renewed").await;
    let path = |pid: u32, name: &str| format!("/proc/{pid}/{name}");
    for name in SECRET {
        assert!(the_user_can_read(path(sleep.id(), name).as_ref()), "of a common process: {name}");
        assert!(!the_user_can_read(path(daemon.pid(), name).as_ref()), "{name}");
    }
    // What administrators and monitoring look at stays open.
    for name in ["status", "stat", "cmdline", "statm"] {
        assert!(the_user_can_read(path(daemon.pid(), name).as_ref()), "{name}");
    }
    sleep.kill().expect("killed");
    sleep.wait().expect("its end");
    assert!(daemon.stop().await.success());
}

#[tokio::test]
async fn a_crash_leaves_no_core_file_with_the_secrets_in_it() {
    let shop = shop().await;
    let mut daemon = daemon(&shop);
    daemon.wait_for("login.renewed").await;
    let limits = std::fs::read_to_string(format!("/proc/{}/limits", daemon.pid())).expect("limits");
    let limit = limits.lines().find(|line| line.starts_with("Max core file size")).expect("the limit");
    assert_eq!(limit.split_whitespace().skip(4).take(2).collect::<Vec<_>>(), ["0", "0"], "it had been unlimited");
    // Ends in a core dump like SEGV, of which Rust forgives the first that no bad address has caused.
    daemon.signal("ABRT");
    let status = daemon.ended().await;
    assert_eq!((status.signal(), status.core_dumped()), (Some(6), false));
    let names =
        std::fs::read_dir(shop.folder.path()).expect("a folder").map(|entry| entry.expect("an entry").file_name());
    let cores: Vec<_> = names.filter(|name| name.to_string_lossy().starts_with("core")).collect();
    assert!(cores.is_empty(), "{cores:?}");
}

#[tokio::test]
async fn neither_arguments_nor_environment_of_the_process_hold_a_secret() {
    let shop = Shop::open(NO_POLLS).await;
    let mut daemon = shop.daemon();
    daemon.wait_for("login.renewed").await;
    for name in ["cmdline", "environ"] {
        let content = std::fs::read(format!("/proc/{}/{name}", daemon.pid())).expect("readable by root");
        assert!(!content.is_empty(), "{name}");
        assert_clean(name, &content, &secrets(&shop));
    }
    assert!(daemon.stop().await.success());
    // Nor can one be put there: devices and apps are no matter of the environment, and the refusal is silent
    // about the value.
    let secret = "A-SECRET-IN-THE-ENVIRONMENT";
    for variable in
        ["POSKEEPER__DEVICES__0__ACTIVATION_CODE", "POSKEEPER__POSPAL__APPS__0__APP_KEY", "POSKEEPER__APP_KEY"]
    {
        let output = shop.command(&["check"]).env(variable, secret).output().expect("the binary starts");
        let told = String::from_utf8_lossy(&output.stderr).into_owned() + &String::from_utf8_lossy(&output.stdout);
        assert_eq!(output.status.code(), Some(78), "{told}");
        assert!(told.contains(variable) && !told.contains(secret), "{told}");
    }
}

#[tokio::test]
async fn a_process_that_nobody_may_look_into_still_finds_out_that_it_writes_to_the_journal() {
    let shop = shop().await;
    let stderr = std::fs::File::create(shop.path("stderr")).expect("a file");
    let stream = stderr.metadata().map(|file| format!("{}:{}", file.dev(), file.ino())).expect("a file");
    let mut command = as_user(USER, shop.folder.path(), "exec");
    command.arg(BINARY).args(["--config", "/nowhere/settings.toml", "check"]).env("JOURNAL_STREAM", stream);
    assert_eq!(command.stderr(stderr).status().expect("started").code(), Some(78));
    let told = std::fs::read_to_string(shop.path("stderr")).expect("errors");
    assert!(told.starts_with("<3>poskeeper: "), "{told}");
}
