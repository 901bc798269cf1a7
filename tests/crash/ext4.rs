//! A real ext4 on a loop device, ended at random moments as a power failure ends it. What the model in
//! disk.rs claims, a real journal has to keep. It proves nothing about drives that lie about their cache.

use crate::cc::compile;
use crate::harness::{Daemon, FAST, Shop};
use crate::life::command;
use crate::verdict::{Known, faults_after_restart, faults_as_found};
use crate::{random, wanted};
use chrono::TimeDelta;
use poskeeper::sandbox::SandboxOptions;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;
use tempfile::TempDir;

#[tokio::test]
#[ignore = "needs root and a loop device"]
async fn a_real_file_system_whose_power_fails_keeps_what_was_told() {
    let span = TimeDelta::seconds(6);
    let options = SandboxOptions { live: span, relogin: span, ..SandboxOptions::default() };
    let shop = Shop::open_with(options, &FAST.replace("*/2 ", "* ")).await;
    let disk = Disk::new();
    std::fs::create_dir(disk.folder()).expect("a folder");
    std::fs::copy(shop.path("settings.toml"), disk.folder().join("settings.toml")).expect("copied");
    run("sync", &["-f".as_ref(), disk.mount.as_os_str()]);
    let mut random = random();
    let mut known = Known::nothing(shop.world());
    let cuts = wanted("CUTS", 30);
    for cut in 0..cuts {
        let mut daemon = Daemon::start(command(&disk.folder(), None));
        tokio::time::sleep(Duration::from_millis(random.u64(0..2500))).await;
        // Stopped first: whatever it told has been told before the power failed.
        daemon.signal("STOP");
        disk.cut_power();
        daemon.signal("KILL");
        daemon.ended().await;
        daemon.log.iter().for_each(|line| known.hear(line));
        known.ask(shop.world()).await;
        disk.power_off();
        disk.power_on();
        let faults = faults_as_found(&disk.folder(), &known);
        assert!(faults.is_empty(), "cut {cut}: {faults:#?}\n{}", daemon.printed());
    }
    let mut daemon = Daemon::start(command(&disk.folder(), None));
    daemon.wait_for("poll.done").await;
    assert!(daemon.stop().await.success());
    daemon.log.iter().for_each(|line| known.hear(line));
    known.ask(shop.world()).await;
    let faults = faults_after_restart(&disk.folder(), &known);
    assert!(faults.is_empty(), "{faults:#?}");
    println!("{cuts} power failures of an ext4; {} Pospal calls, {} logins, nothing lost", known.polls, known.logins);
}

/// A small file system in a file.
struct Disk {
    image: PathBuf,
    mount: PathBuf,
    cutter: PathBuf,
    _folder: TempDir,
}

impl Disk {
    fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let (image, mount) = (folder.path().join("image"), folder.path().join("mount"));
        std::fs::File::create(&image).and_then(|file| file.set_len(64 << 20)).expect("a file");
        std::fs::create_dir(&mount).expect("a folder");
        run("mkfs.ext4", &["-q".as_ref(), image.as_os_str()]);
        let disk = Self { image, mount, cutter: compile("cut_power.c", "cut-power", &[]), _folder: folder };
        disk.power_on();
        disk
    }

    /// Where the shop is.
    fn folder(&self) -> PathBuf {
        self.mount.join("shop")
    }

    fn power_on(&self) {
        run("mount", &["-o".as_ref(), "loop".as_ref(), self.image.as_os_str(), self.mount.as_os_str()]);
    }

    /// From now on nothing reaches the disk.
    fn cut_power(&self) {
        run(&self.cutter, &[self.mount.as_os_str()]);
    }

    /// Forgets what did not reach it. Whoever had files open has ended. The next file system is mounted from a
    /// copy of the disk: a container that was started meanwhile may still hold the dead one.
    fn power_off(&self) {
        let copy = self.image.with_extension("copy");
        run("cp", &["--sparse=always".as_ref(), self.image.as_os_str(), copy.as_os_str()]);
        run("umount", &[self.mount.as_os_str()]);
        std::fs::rename(copy, &self.image).expect("renamed");
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg(&self.mount).status();
    }
}

fn run(program: impl AsRef<Path>, arguments: &[&std::ffi::OsStr]) {
    let output = Command::new(program.as_ref()).args(arguments).output();
    let output = output.unwrap_or_else(|error| panic!("{}: {error}", program.as_ref().display()));
    let complaint = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{}: {complaint}", program.as_ref().display());
}
