//! Writes what the Debian package brings besides the program: the manual page, shell completions, the
//! settings to begin with, and the licences of all that is linked in. See `../build`.

mod manual;
mod notices;

use anyhow::Context;
use clap_complete::{Shell, generate_to};
use std::path::Path;

const SETTINGS: &str = include_str!("../../../settings.toml");
const RELATIVE: &str = "\npath = \"poskeeper.db\"\n";
const INSTALLED: &str = "\npath = \"/var/lib/poskeeper/poskeeper.db\"\n";

fn main() -> anyhow::Result<()> {
    let folder = std::env::args_os().nth(1).context("name the folder to write to")?;
    let folder = Path::new(&folder);
    std::fs::create_dir_all(folder)?;
    let write = |name: &str, text: &[u8]| std::fs::write(folder.join(name), text).with_context(|| name.to_owned());

    let mut command = poskeeper::cli::command();
    for shell in [Shell::Bash, Shell::Zsh, Shell::Fish] {
        generate_to(shell, &mut command, "poskeeper", folder)?;
    }
    write("poskeeper.1", &manual::page(command)?)?;
    write("settings.toml", installed_settings()?.as_bytes())?;
    let notices = notices::collect()?;
    write("copyright", notices.copyright.as_bytes())?;
    write("third-party-notices", notices.licence_files.as_bytes())
}

/// The annotated example, with the path by which commands typed by hand find the service's database.
fn installed_settings() -> anyhow::Result<String> {
    anyhow::ensure!(SETTINGS.matches(RELATIVE).count() == 1, "settings.toml: database.path is not where it was");
    Ok(SETTINGS.replace(RELATIVE, INSTALLED))
}
