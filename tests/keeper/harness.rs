//! A shop of its own for each test: a folder, both vendors, settings, and the real binary.

use poskeeper::sandbox::{Sandbox, SandboxOptions, Scenario, World};
use serde_json::Value;
use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::sync::mpsc;
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// No event of these tests takes longer, even on a loaded machine.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// Every few seconds, no splay, no automatic backfill: what most tests want.
pub const FAST: &str = "access_config_cron = \"*/2 * * * * *\"\n\
                        daily_access_cron = \"*/2 * * * * *\"\n\
                        splay_seconds = 0\n\
                        calls_per_app_per_day = 100000\n\
                        keep_free = 0\n\
                        backfill_days = 0\n";

/// A shop's back room.
pub struct Shop {
    pub folder: TempDir,
    pub sandbox: Sandbox,
}

impl Shop {
    /// A shop with a till and three stores, whose settings ask rarely (`[pospal]` keys: `pospal`).
    pub async fn open(pospal: &str) -> Self {
        Self::open_with(SandboxOptions { scenario: Scenario::Steady, ..SandboxOptions::default() }, pospal).await
    }

    pub async fn open_with(options: SandboxOptions, pospal: &str) -> Self {
        let sandbox = Sandbox::start(options).await.expect("the sandbox starts");
        let shop = Self { folder: tempfile::tempdir().expect("a folder"), sandbox };
        shop.write_settings(&shop.sandbox.settings_toml(), pospal);
        shop
    }

    /// Puts keys into `[pospal]` of a sandbox's settings and writes them.
    pub fn write_settings(&self, settings: &str, pospal: &str) {
        let settings = settings.replacen("[pospal]\n", &format!("[pospal]\n{pospal}"), 1);
        std::fs::write(self.path("settings.toml"), settings).expect("settings written");
    }

    /// Edits the settings by text replacement.
    pub fn edit_settings(&self, from: &str, to: &str) {
        let text = std::fs::read_to_string(self.path("settings.toml")).expect("settings");
        assert!(text.contains(from), "the settings have no {from:?}");
        std::fs::write(self.path("settings.toml"), text.replacen(from, to, 1)).expect("settings written");
    }

    pub fn world(&self) -> &World {
        self.sandbox.world()
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// The binary with this shop's settings, not yet started.
    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = binary(self.folder.path());
        command.arg("--config").arg(self.path("settings.toml")).args(arguments);
        command
    }

    /// Runs a command to its end, beside the sandbox.
    pub async fn run(&self, arguments: &[&str]) -> Output {
        let mut command = self.command(arguments);
        tokio::task::spawn_blocking(move || command.output().expect("the binary starts")).await.expect("it ends")
    }

    /// Starts the daemon.
    pub fn daemon(&self) -> Daemon {
        Daemon::start(self.command(&["run"]))
    }

    /// Rows of a query, as the stock sqlite3 would give them: columns joined by `|`.
    pub fn query(&self, sql: &str) -> Vec<String> {
        query(&self.path("poskeeper.db"), sql)
    }
}

/// The binary in a folder, not yet started; nothing of the caller's environment that could change what
/// it does. `POSKEEPER_BINARY` names another build of it, the one that is shipped for example.
pub fn binary(folder: &Path) -> Command {
    let built = env!("CARGO_BIN_EXE_poskeeper").into();
    let mut command = Command::new(std::env::var_os("POSKEEPER_BINARY").unwrap_or(built));
    command.current_dir(folder);
    for (name, _) in std::env::vars_os() {
        let name = name.to_string_lossy().into_owned();
        if name.starts_with("POSKEEPER") || name.ends_with("_DIRECTORY") || name.to_lowercase().ends_with("_proxy") {
            command.env_remove(name);
        }
    }
    command.env_remove("NOTIFY_SOCKET").env_remove("JOURNAL_STREAM").stdin(Stdio::null());
    command
}

/// The binary as an argument of [`as_user`].
pub const BINARY: &str = "/proc/self/fd/0";

/// A program as another user, begun with some words of shell that end in `exec`. The binary is handed over
/// open, as the user may not enter the folder that it was built in.
pub fn as_user(user: u32, folder: &Path, begin: &str) -> Command {
    assert!(nix::unistd::geteuid().is_root(), "only root can become another user: run this test as root");
    let poskeeper = binary(folder);
    let mut command = Command::new("sh");
    let setpriv = format!("setpriv --reuid={user} --regid={user} --clear-groups");
    command.args(["-c", &format!("{begin} {setpriv} \"$@\""), "sh"]).current_dir(folder);
    for (name, _) in poskeeper.get_envs() {
        command.env_remove(name);
    }
    command.stdin(File::open(poskeeper.get_program()).expect("the binary"));
    command
}

/// Rows of a query by the stock `sqlite3 -readonly`.
pub fn query(database: &Path, sql: &str) -> Vec<String> {
    let output = Command::new("sqlite3")
        .args(["-readonly", "-cmd", ".timeout 5000"])
        .arg(database)
        .arg(sql)
        .output()
        .expect("sqlite3 is installed");
    assert!(output.status.success(), "{sql}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).lines().map(str::to_owned).collect()
}

/// A running daemon and its log lines.
pub struct Daemon {
    child: Child,
    lines: mpsc::Receiver<String>,
    /// All lines read so far.
    pub log: Vec<Value>,
}

impl Daemon {
    pub fn start(mut command: Command) -> Self {
        let mut child = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().expect("the binary starts");
        let stderr = child.stderr.take().expect("stderr");
        let (send, lines) = mpsc::channel();
        std::thread::spawn(move || {
            for line in BufReader::new(stderr).lines().map_while(Result::ok) {
                if send.send(line).is_err() {
                    break;
                }
            }
        });
        Self { child, lines, log: Vec::new() }
    }

    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Waits for the next line with this event for which `is_it` holds, and returns it.
    pub async fn wait_for_line(&mut self, event: &str, is_it: impl Fn(&Value) -> bool) -> Value {
        let line = self.next_line(event, is_it).await;
        line.unwrap_or_else(|| panic!("it ended without {event}:\n{}", self.printed()))
    }

    /// The same; `None`: the process has ended without it.
    pub async fn next_line(&mut self, event: &str, is_it: impl Fn(&Value) -> bool) -> Option<Value> {
        self.next(event, |line| line["event"] == event && is_it(line)).await
    }

    /// Waits for the next line of any kind for which `is_it` holds; `name` is for the complaint.
    pub async fn next(&mut self, name: &str, is_it: impl Fn(&Value) -> bool) -> Option<Value> {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let line = match self.lines.try_recv() {
                Ok(line) => line,
                Err(mpsc::TryRecvError::Disconnected) => return None,
                Err(mpsc::TryRecvError::Empty) => {
                    assert!(Instant::now() < deadline, "no {name} in:\n{}", self.printed());
                    // The sandbox lives on this thread: let it work while the line is on its way.
                    tokio::time::sleep(Duration::from_millis(5)).await;
                    continue;
                }
            };
            let line: Value = serde_json::from_str(&line).unwrap_or(Value::String(line));
            self.log.push(line.clone());
            if is_it(&line) {
                return Some(line);
            }
        }
    }

    pub async fn wait_for(&mut self, event: &str) -> Value {
        self.wait_for_line(event, |_| true).await
    }

    pub fn signal(&self, name: &str) {
        let status = Command::new("kill").args(["-s", name, &self.pid().to_string()]).status().expect("kill");
        assert!(status.success());
    }

    /// Waits for the end of the process.
    pub async fn ended(&mut self) -> ExitStatus {
        let deadline = Instant::now() + PATIENCE;
        loop {
            if let Some(status) = self.child.try_wait().expect("a child") {
                self.read_rest();
                return status;
            }
            assert!(Instant::now() < deadline, "it does not end:\n{}", self.printed());
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    /// SIGTERM, then the end.
    pub async fn stop(&mut self) -> ExitStatus {
        self.signal("TERM");
        self.ended().await
    }

    fn read_rest(&mut self) {
        while let Ok(line) = self.lines.recv_timeout(Duration::from_millis(500)) {
            self.log.push(serde_json::from_str(&line).unwrap_or(Value::String(line)));
        }
    }

    /// The names of the events so far.
    pub fn events(&self) -> Vec<&str> {
        self.log.iter().filter_map(|line| line["event"].as_str()).collect()
    }

    pub fn printed(&self) -> String {
        self.log.iter().map(|line| format!("{line}\n")).collect()
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
