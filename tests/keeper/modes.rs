//! Who may read what poskeeper writes: the same under every umask.

use crate::harness::{BINARY, Shop, as_user};
use std::os::unix::fs::{PermissionsExt, chown};
use std::process::Output;

const KEEPER: u32 = 65_534;

async fn run(shop: &Shop, umask: &str, arguments: &[&str]) -> Output {
    let mut command = as_user(KEEPER, shop.folder.path(), &format!("umask {umask}; exec"));
    command.arg(BINARY).arg("--config").arg(shop.path("settings.toml")).args(arguments);
    tokio::task::spawn_blocking(move || command.output().expect("sh is installed")).await.expect("it ends")
}

#[tokio::test]
async fn every_file_has_its_mode_under_every_umask() {
    for umask in ["000", "022", "077", "0777"] {
        let shop = Shop::open("access_config_cron = \"\"\n").await;
        shop.edit_settings("api_key_file =", "api_key_file_mode = \"0644\"\napi_key_file =");
        chown(shop.folder.path(), Some(KEEPER), Some(KEEPER)).expect("chown");
        // The second time everything is there.
        for _ in 0..2 {
            let output = run(&shop, umask, &["once"]).await;
            assert!(output.status.success(), "{umask}: {}", String::from_utf8_lossy(&output.stderr));
        }
        // While a daemon has the database open, SQLite keeps two files beside it.
        let mut command = as_user(KEEPER, shop.folder.path(), &format!("umask {umask}; exec"));
        command.arg(BINARY).arg("--config").arg(shop.path("settings.toml")).arg("run");
        let mut daemon = crate::harness::Daemon::start(command);
        daemon.wait_for("daemon.ready").await;
        let output = run(&shop, umask, &["backup", "copy.db"]).await;
        assert!(output.status.success(), "{umask}: {}", String::from_utf8_lossy(&output.stderr));
        let output = run(&shop, umask, &["report", "html", "--output", "page.html"]).await;
        assert!(output.status.success(), "{umask}: {}", String::from_utf8_lossy(&output.stderr));
        let open_to_all = 0o666 & !u32::from_str_radix(umask, 8).expect("octal");
        for (name, mode) in [
            ("poskeeper.db", 0o640),
            ("poskeeper.db-wal", 0o640),
            ("poskeeper.db-shm", 0o640),
            ("poskeeper.db.lock", 0o600),
            ("poskeeper.db.session", 0o600),
            ("till-1.apikey", 0o644),
            ("copy.db", 0o640),
            ("page.html", open_to_all),
        ] {
            let found = std::fs::metadata(shop.path(name)).expect(name).permissions().mode() & 0o7777;
            assert_eq!(format!("{found:04o}"), format!("{mode:04o}"), "{name} under umask {umask}");
        }
        assert!(daemon.stop().await.success());
    }
}
