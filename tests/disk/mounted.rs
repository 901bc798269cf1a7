//! A file system of a test's own, gone again when the test ends.

use crate::harness::Shop;
use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

/// Mounted in a shop's folder.
pub struct Mounted {
    pub place: PathBuf,
}

impl Mounted {
    /// A few megabytes of memory.
    pub fn tmpfs(shop: &Shop) -> Self {
        Self::mount(shop, &["-t", "tmpfs", "-o", "size=4m", "none"])
    }

    /// A disk that turns read-only when it fails, as those of most machines do.
    pub fn ext4(shop: &Shop) -> Self {
        let image = shop.path("image");
        File::create(&image).and_then(|file| file.set_len(16 << 20)).expect("an image");
        run("mkfs.ext4", &["-q", text(&image)]);
        Self::mount(shop, &["-o", "loop,errors=remount-ro", text(&image)])
    }

    fn mount(shop: &Shop, arguments: &[&str]) -> Self {
        assert!(nix::unistd::geteuid().is_root(), "these tests mount file systems: run them as root");
        let place = shop.path("disk");
        std::fs::create_dir_all(&place).expect("a folder");
        run("mount", &[arguments, &[text(&place)]].concat());
        Self { place }
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.place.join(name)
    }

    /// Takes all space, and goes on taking what others give back.
    pub fn fill(&self) -> Filled {
        let path = self.path("ballast");
        let mut ballast = File::create(&path).expect("a file");
        let is_over = Arc::new(AtomicBool::new(false));
        let (send, is_full) = std::sync::mpsc::channel();
        let told = Arc::clone(&is_over);
        let filler = std::thread::spawn(move || {
            while !told.load(Ordering::Relaxed) {
                for size in [1 << 16, 1 << 12, 1] {
                    let block = vec![1; size];
                    while ballast.write(&block).is_ok() {}
                }
                let _ = send.send(());
                std::thread::sleep(Duration::from_millis(1));
            }
        });
        is_full.recv().expect("the disk gets full");
        Filled { ballast: path, is_over, filler: Some(filler) }
    }

    pub fn remount(&self, options: &str) {
        run("mount", &["-o", &format!("remount,{options}"), text(&self.place)]);
    }

    /// The disk reports an error.
    pub fn fail(&self) {
        let device = output("findmnt", &["-n", "-o", "SOURCE", text(&self.place)]);
        let name = device.trim().strip_prefix("/dev/").expect("a device");
        assert!(name.starts_with("loop"), "never another disk than ours: {name}");
        std::fs::write(format!("/sys/fs/ext4/{name}/trigger_fs_error"), "a test's error").expect("triggered");
    }
}

impl Drop for Mounted {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(&self.place).status();
    }
}

/// As long as this lives, the disk is full.
pub struct Filled {
    ballast: PathBuf,
    is_over: Arc<AtomicBool>,
    filler: Option<JoinHandle<()>>,
}

impl Filled {
    /// Gives the space back.
    pub fn free(self) {}
}

impl Drop for Filled {
    fn drop(&mut self) {
        self.is_over.store(true, Ordering::Relaxed);
        if let Some(filler) = self.filler.take() {
            let _ = filler.join();
        }
        let _ = std::fs::remove_file(&self.ballast);
    }
}

/// A shop whose database lies on a file system of its own; `place` of the settings.
pub fn move_database(shop: &Shop) {
    shop.edit_settings("path = \"poskeeper.db\"", "path = \"disk/poskeeper.db\"");
}

pub fn text(path: &Path) -> &str {
    path.to_str().expect("a test's path")
}

pub fn run(program: &str, arguments: &[&str]) {
    output(program, arguments);
}

pub fn output(program: &str, arguments: &[&str]) -> String {
    let output = Command::new(program).args(arguments).output().unwrap_or_else(|error| panic!("{program}: {error}"));
    assert!(output.status.success(), "{program} {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).into_owned()
}
