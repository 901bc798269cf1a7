//! poskeeper(1): the options from the program itself, the prose from `manual.man`.

use clap::{Arg, Command};
use clap_mangen::Man;
use std::io::Write;

const PROSE: &str = include_str!("manual.man");
/// Where in the prose the commands belong.
const COMMANDS: &str = ".\\\" commands\n";

/// The page in the language of man(7).
pub(super) fn page(mut command: Command) -> anyhow::Result<Vec<u8>> {
    command.build();
    let (before, after) = PROSE.split_once(COMMANDS).ok_or_else(|| anyhow::anyhow!("no place for the commands"))?;
    let mut page = Vec::new();
    // clap_mangen leaves out an empty date, and takes the next field for it.
    let version = command.get_version().unwrap_or_default();
    writeln!(page, ".TH POSKEEPER 1 \"\" \"poskeeper {version}\" \"User Commands\"")?;
    Man::new(command.clone()).render_name_section(&mut page)?;
    page.extend(before.as_bytes());
    for sub in command.get_subcommands().filter(|sub| sub.get_name() != "help") {
        describe(sub, &mut page)?;
    }
    page.extend(after.as_bytes());
    Ok(page)
}

/// One command: its usage, what it does, its own options.
fn describe(sub: &Command, page: &mut Vec<u8>) -> anyhow::Result<()> {
    let is_shared = |argument: &Arg| ["config", "help", "version"].contains(&argument.get_id().as_str());
    let has_own = sub.get_arguments().any(|argument| !is_shared(argument));
    let usage = sub.clone().render_usage().to_string();
    let usage = usage.trim_start_matches("Usage: ").replace('-', "\\-");
    write!(page, ".SS {}\n\\fB{usage}\\fR\n.PP\n", sub.get_name())?;
    // The shared ones are told once, for all commands.
    let man =
        Man::new(sub.clone().mut_args(|argument| if is_shared(&argument) { argument.hide(true) } else { argument }));
    let mut sections = Vec::new();
    man.render_description_section(&mut sections)?;
    if has_own {
        man.render_options_section(&mut sections)?;
    }
    page.extend(without_headings(&sections));
    Ok(())
}

/// These sections are parts of one of ours.
fn without_headings(sections: &[u8]) -> Vec<u8> {
    let text = String::from_utf8_lossy(sections);
    let lines =
        text.lines().filter(|line| !line.starts_with(".SH") && !line.starts_with(".ie") && !line.starts_with(".el"));
    lines.flat_map(|line| [line, "\n"]).collect::<String>().into_bytes()
}
