//! Settings that are something else when they are read again.

use crate::harness::{FAST, Shop};
use std::fs::File;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

#[tokio::test]
async fn whatever_the_settings_have_become_the_old_ones_stay_in_force() {
    type Make = fn(&Path);
    let cases: [(&str, Make, &str); 7] = [
        ("binary", |path| std::fs::write(path, [0xff_u8, 0, 1, 2, 0xfe]).expect("written"), "not UTF-8"),
        ("zeros", |path| std::fs::write(path, [0; 4096]).expect("written"), "not TOML"),
        ("empty", |path| std::fs::write(path, "").expect("written"), "names no device and no app"),
        ("cut off", |path| std::fs::write(path, "timezone = \"Asia/Sh").expect("written"), "not TOML"),
        ("a folder", |path| std::fs::create_dir(path).expect("made"), "directory"),
        ("gone", |_| {}, "No such file"),
        ("100 MB", |path| File::create(path).and_then(|file| file.set_len(100 << 20)).expect("made"), "over 1 MiB"),
    ];
    let shop = Shop::open(FAST).await;
    let settings = shop.path("settings.toml");
    let good = std::fs::read(&settings).expect("settings");
    let mut daemon = shop.daemon();
    daemon.wait_for("daemon.ready").await;
    let key = std::fs::read(shop.path("till-1.apikey")).expect("published");
    for (what, make, words) in cases {
        std::fs::remove_file(&settings).expect("removed");
        make(&settings);
        daemon.signal("HUP");
        let line = daemon.wait_for("daemon.reload_refused").await;
        assert!(line["error"].as_str().is_some_and(|error| error.contains(words)), "{what}: {line}");
        daemon.wait_for("poll.done").await;
        assert_eq!(std::fs::read(shop.path("till-1.apikey")).ok(), Some(key.clone()), "{what}");
        if settings.is_dir() {
            std::fs::remove_dir(&settings).expect("removed")
        }
        std::fs::write(&settings, &good).expect("written");
    }
    std::fs::set_permissions(&settings, PermissionsExt::from_mode(0o600)).expect("chmod");
    daemon.signal("HUP");
    daemon.wait_for("daemon.reloaded").await;
    assert_eq!(shop.world().logins().len(), 1);
    assert!(daemon.stop().await.success());
}
