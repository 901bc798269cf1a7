//! What poskeeper costs, beside what else would do the job and beside what the machine allows.
//! `benches/README.md` says what each part measures, how, and how long it takes.

#![allow(unreachable_pub, reason = "a bench binary has no outside")]
#![allow(clippy::print_stdout, reason = "the tables are the result")]

mod answers;
mod database;
mod helpers;
mod machine;
mod measure;
mod options;
mod parts;
mod peers;
mod process;
mod rounds;
mod shop;
mod table;
mod trial;
mod vendor;
mod verdict;

use options::Options;

fn main() -> anyhow::Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    // The harness starts itself again for whatever has to be a process of its own.
    if let Some((name, rest)) = arguments.split_first()
        && let Some(result) = helpers::run(name, rest)
    {
        return result;
    }
    let Some(options) = Options::parse(&arguments)? else {
        println!("{}", options::USAGE);
        return Ok(());
    };
    let bench = machine::Bench::set_up(options)?;
    let verdicts = parts::run(&bench)?;
    verdict::print(&verdicts);
    Ok(())
}
