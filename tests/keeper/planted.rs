//! A folder that is not poskeeper's alone: somebody else leaves a link, a pipe, a folder or a file of his
//! own under each name that poskeeper is going to use. Nothing is written through it, nothing in it is
//! believed, nothing waits for it, and the error says what is wrong.

use crate::harness::{BINARY, Shop, as_user};
use std::fs::Permissions;
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown, symlink};
use std::path::PathBuf;
use std::process::{Command, Output};

/// Whom poskeeper runs as, and who plants.
const KEEPER: u32 = 65_534;
const ATTACKER: u32 = 65_533;

const NO_POLLS: &str = "access_config_cron = \"\"\ndaily_access_cron = \"\"\n";

/// What is planted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Trap {
    /// To a file of the keeper's.
    SymbolicLink,
    /// Of a file of the keeper's.
    HardLink,
    /// Opening one waits for the other end.
    Pipe,
    Folder,
}

const TRAPS: [Trap; 4] = [Trap::SymbolicLink, Trap::HardLink, Trap::Pipe, Trap::Folder];

/// A shop whose files lie in a folder that others may write in.
struct Shared {
    shop: Shop,
    folder: PathBuf,
    /// The keeper's own, which no link may lead him to write.
    precious: PathBuf,
}

impl Shared {
    async fn open(owner: u32, mode: u32) -> Self {
        assert!(nix::unistd::geteuid().is_root(), "only root can give files to others: run this test as root");
        let shop = Shop::open(NO_POLLS).await;
        std::fs::set_permissions(shop.folder.path(), Permissions::from_mode(0o711)).expect("chmod");
        std::fs::set_permissions(shop.path("settings.toml"), Permissions::from_mode(0o600)).expect("chmod");
        chown(shop.path("settings.toml"), Some(KEEPER), Some(KEEPER)).expect("chown");
        let folder = shop.path("shared");
        std::fs::create_dir(&folder).expect("a folder");
        chown(&folder, Some(owner), Some(owner)).expect("chown");
        std::fs::set_permissions(&folder, Permissions::from_mode(mode)).expect("chmod");
        shop.edit_settings("\"poskeeper.db\"", &format!("{:?}", folder.join("poskeeper.db")));
        shop.edit_settings("\"till-1.apikey\"", &format!("{:?}", folder.join("till-1.apikey")));
        let precious = shop.path("precious");
        Self { shop, folder, precious }
    }

    fn lay_down_precious(&self, content: &str) {
        std::fs::write(&self.precious, content).expect("written");
        chown(&self.precious, Some(KEEPER), Some(KEEPER)).expect("chown");
        std::fs::set_permissions(&self.precious, Permissions::from_mode(0o644)).expect("chmod");
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    fn plant(&self, trap: Trap, name: &str) {
        let place = self.path(name);
        match trap {
            Trap::SymbolicLink => symlink(&self.precious, &place).expect("a link"),
            Trap::HardLink => return std::fs::hard_link(&self.precious, &place).expect("a link"),
            Trap::Pipe => {
                assert!(Command::new("mkfifo").args(["-m", "666"]).arg(&place).status().expect("mkfifo").success())
            }
            Trap::Folder => std::fs::create_dir(&place).expect("a folder"),
        }
        std::os::unix::fs::lchown(&place, Some(ATTACKER), Some(ATTACKER)).expect("chown");
    }

    /// As the attacker would write it.
    fn plant_file(&self, name: &str, content: &str, mode: u32) {
        std::fs::write(self.path(name), content).expect("written");
        std::fs::set_permissions(self.path(name), Permissions::from_mode(mode)).expect("chmod");
        chown(self.path(name), Some(ATTACKER), Some(ATTACKER)).expect("chown");
    }

    fn clear_and_lay_down(&self, content: &str) {
        for entry in std::fs::read_dir(&self.folder).expect("a folder") {
            let path = entry.expect("an entry").path();
            std::fs::remove_file(&path).or_else(|_| std::fs::remove_dir(&path)).expect("removed");
        }
        self.lay_down_precious(content);
    }

    /// What the keeper's command prints; one that hangs fails the test.
    async fn run(&self, arguments: &[&str]) -> (Output, String) {
        let mut command = as_user(KEEPER, self.shop.folder.path(), "exec timeout --signal=KILL 30");
        command.arg(BINARY).arg("--config").arg(self.shop.path("settings.toml")).args(arguments);
        let run = tokio::task::spawn_blocking(move || command.output().expect("timeout and setpriv are installed"));
        let output = run.await.expect("it ends");
        let told = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
        assert!(output.status.code().is_some_and(|code| code < 124), "{arguments:?} hangs: {told}");
        assert!(!told.contains("panicked"), "{told}");
        (output, told)
    }

    fn assert_precious(&self, content: &str, what: &str) {
        assert_eq!(std::fs::read_to_string(&self.precious).expect("still there"), content, "{what}");
        let found = std::fs::metadata(&self.precious).expect("still there");
        assert_eq!((found.mode() & 0o777, found.uid()), (0o644, KEEPER), "{what}");
    }

    fn is_a_file_of_the_keepers(&self, name: &str) -> bool {
        std::fs::symlink_metadata(self.path(name))
            .is_ok_and(|found| found.is_file() && found.uid() == KEEPER && found.nlink() == 1)
    }
}

#[tokio::test]
async fn nothing_is_written_through_what_others_planted_and_nothing_waits_for_it() {
    let shared = Shared::open(ATTACKER, 0o777).await;
    // SQLite fills an empty file and leaves any other alone.
    let names = [
        ("poskeeper.db", "", false),
        ("poskeeper.db-wal", "precious", false),
        ("poskeeper.db-journal", "precious", false),
        ("poskeeper.db.lock", "precious", false),
        ("poskeeper.db.session", "precious", true),
        ("till-1.apikey", "precious", true),
    ];
    for (name, content, is_replaced) in names {
        for trap in TRAPS {
            let what = format!("{trap:?} as {name}");
            shared.clear_and_lay_down(content);
            shared.plant(trap, name);
            let (output, told) = shared.run(&["once"]).await;
            shared.assert_precious(content, &what);
            let is_replaced = is_replaced && trap != Trap::Folder;
            assert_eq!(shared.is_a_file_of_the_keepers(name), is_replaced, "{what}: {told}");
            if !is_replaced {
                let place = shared.path(name).display().to_string();
                assert!(told.contains(&place) || told.contains("api_key_file"), "{what}: {told}");
                assert!(told.contains(words_for(trap)), "{what}: {told}");
                assert!(!output.status.success() || name.ends_with(".session"), "{what}: {told}");
            }
        }
    }
}

/// What the error must say stands there.
fn words_for(trap: Trap) -> &'static str {
    match trap {
        Trap::SymbolicLink => "a symbolic link",
        Trap::HardLink => "a second name",
        Trap::Pipe => "a pipe",
        Trap::Folder => "folder",
    }
}

#[tokio::test]
async fn backups_and_reports_overwrite_nothing_and_follow_no_link() {
    let shared = Shared::open(ATTACKER, 0o777).await;
    shared.clear_and_lay_down("");
    assert!(shared.run(&["once"]).await.0.status.success());
    let copy = shared.path("copy").display().to_string();
    for trap in TRAPS {
        let _ = std::fs::remove_file(&copy).or_else(|_| std::fs::remove_dir(&copy));
        shared.plant(trap, "copy");
        let (output, told) = shared.run(&["backup", &copy]).await;
        shared.assert_precious("", &format!("{trap:?}"));
        assert!(!output.status.success() && told.contains("exists; a backup never overwrites"), "{trap:?}: {told}");

        let (output, told) = shared.run(&["report", "html", "--output", &copy]).await;
        shared.assert_precious("", &format!("{trap:?}"));
        // A hard link is a file like any other; the report takes its name alone.
        assert_eq!(output.status.success(), trap == Trap::HardLink, "{trap:?}: {told}");
        assert!(output.status.success() || told.contains(words_for(trap)), "{trap:?}: {told}");
    }
}

#[tokio::test]
async fn a_session_that_others_planted_or_may_write_is_not_served() {
    // The folder is root's, as /tmp is: nobody can replace what another user has planted.
    let shared = Shared::open(0, 0o1777).await;
    shared.clear_and_lay_down("");
    assert!(shared.run(&["once"]).await.0.status.success());
    let kept = std::fs::read_to_string(shared.path("poskeeper.db.session")).expect("a session");
    let key = shared.shop.world().keys().pop().expect("a key");
    let planted = kept.replace(&key, "#THE-ATTACKERS-KEY");

    shared.plant_file("poskeeper.db.session", &planted, 0o644);
    let (output, told) = shared.run(&["apikey"]).await;
    assert!(!output.status.success() && output.stdout.is_empty(), "{told}");
    assert!(told.contains("poskeeper.db.session: it belongs to the user 65533"), "{told}");
    let (_, told) = shared.run(&["once"]).await;
    assert!(told.contains("\"session.failing\"") && told.contains("it belongs to the user 65533"), "{told}");
    let published = std::fs::read_to_string(shared.path("till-1.apikey")).expect("a key file");
    assert!(shared.shop.world().key_is_live(published.trim()), "the key of a login of our own");

    // His own file, but anybody may have written it.
    std::fs::remove_file(shared.path("poskeeper.db.session")).expect("removed");
    shared.plant_file("poskeeper.db.session", &planted, 0o666);
    chown(shared.path("poskeeper.db.session"), Some(KEEPER), Some(KEEPER)).expect("chown");
    let (output, told) = shared.run(&["apikey"]).await;
    assert!(!output.status.success() && output.stdout.is_empty(), "{told}");
    assert!(told.contains("others may write it (mode 0666)"), "{told}");
}

#[tokio::test]
async fn a_session_that_others_may_only_read_is_served_and_then_closed_to_them() {
    let shared = Shared::open(KEEPER, 0o755).await;
    shared.clear_and_lay_down("");
    assert!(shared.run(&["once"]).await.0.status.success());
    let session = shared.path("poskeeper.db.session");
    // As a restored copy has it.
    std::fs::set_permissions(&session, Permissions::from_mode(0o644)).expect("chmod");
    let (output, told) = shared.run(&["apikey"]).await;
    assert!(output.status.success(), "{told}");
    let (output, told) = shared.run(&["once"]).await;
    assert!(output.status.success(), "{told}");
    assert_eq!(shared.shop.world().logins().len(), 1, "no login: {told}");
    assert_eq!(std::fs::metadata(&session).expect("there").mode() & 0o777, 0o600);
}

#[tokio::test]
async fn root_serves_the_keepers_session_from_the_keepers_own_folder() {
    let shared = Shared::open(KEEPER, 0o750).await;
    shared.clear_and_lay_down("");
    assert!(shared.run(&["once"]).await.0.status.success());
    let output = shared.shop.run(&["apikey"]).await;
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

#[tokio::test]
async fn a_database_a_lock_or_a_key_file_of_another_user_is_not_used() {
    let shared = Shared::open(0, 0o1777).await;
    for name in ["poskeeper.db", "poskeeper.db-wal", "poskeeper.db-journal", "poskeeper.db.lock"] {
        shared.clear_and_lay_down("");
        shared.plant_file(name, "", 0o666);
        let (output, told) = shared.run(&["once"]).await;
        assert!(!output.status.success() && told.contains("it belongs to the user 65533"), "{name}: {told}");
        assert_eq!(std::fs::metadata(shared.path(name)).expect("there").len(), 0, "{name}");
    }
    shared.clear_and_lay_down("");
    shared.plant_file("till-1.apikey", "", 0o666);
    let (_, told) = shared.run(&["once"]).await;
    assert!(told.contains("\"key_file.failing\""), "{told}");
    assert_eq!(std::fs::read_to_string(shared.path("till-1.apikey")).expect("there"), "", "no key for the attacker");
}

#[tokio::test]
async fn a_dead_key_that_cannot_be_removed_is_not_wiped_out_of_another_file() {
    // The keeper may not remove the attacker's link from the attacker's folder.
    let live = chrono::TimeDelta::milliseconds(300);
    let shared = Shared::open(ATTACKER, 0o755).await;
    shared.shop.world().set_lifetimes(live, live);
    let own = shared.shop.path("own");
    std::fs::create_dir(&own).expect("a folder");
    chown(&own, Some(KEEPER), Some(KEEPER)).expect("chown");
    let database = shared.path("poskeeper.db");
    shared.shop.edit_settings(&format!("{database:?}"), &format!("{:?}", own.join("poskeeper.db")));
    shared.lay_down_precious("precious");
    shared.plant(Trap::SymbolicLink, "till-1.apikey");
    shared.run(&["once"]).await;
    tokio::time::sleep(live.to_std().expect("a time")).await;
    shared.shop.world().set_dark(true);
    let (_, told) = shared.run(&["once"]).await;
    shared.assert_precious("precious", &told);
    assert!(told.contains("cannot remove the dead key file"), "{told}");
}

#[tokio::test]
async fn an_operators_own_link_to_the_database_is_followed() {
    let shared = Shared::open(KEEPER, 0o755).await;
    assert!(shared.run(&["once"]).await.0.status.success());
    let elsewhere = shared.path("on another disk.db");
    std::fs::rename(shared.path("poskeeper.db"), &elsewhere).expect("moved");
    symlink(&elsewhere, shared.path("poskeeper.db")).expect("a link");
    let (output, told) = shared.run(&["once"]).await;
    assert!(output.status.success(), "{told}");
    assert!(elsewhere.exists() && shared.path("poskeeper.db").is_symlink());
    let (output, told) = shared.run(&["status"]).await;
    assert!(output.status.success(), "{told}");
}

#[tokio::test]
async fn reading_commands_do_not_wait_for_a_pipe_in_the_databases_place() {
    let shared = Shared::open(ATTACKER, 0o777).await;
    shared.clear_and_lay_down("");
    shared.plant(Trap::Pipe, "poskeeper.db");
    shared.plant(Trap::Pipe, "poskeeper.db.session");
    for arguments in [&["status"][..], &["report", "calls"], &["backup", "copy.db"], &["check"], &["apikey"]] {
        let (output, told) = shared.run(arguments).await;
        assert!(!output.status.success(), "{arguments:?}: {told}");
        assert!(told.contains("not a file") || told.contains("a pipe"), "{arguments:?}: {told}");
    }
}
