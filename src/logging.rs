//! Where log lines go: text for people, JSON for programs, native fields for the journal.

use crate::clock;
use crate::settings::LogFormat;
use std::fmt::{self, Debug, Write};
use std::io::IsTerminal;
use std::os::unix::fs::MetadataExt;
use std::sync::OnceLock;
use tracing::field::{Field, Visit};
use tracing::level_filters::LevelFilter;
use tracing::{Event, Level, Subscriber};
use tracing_journald::{Priority, PriorityMappings};
use tracing_subscriber::filter::Targets;
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormatFields};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::registry::LookupSpan;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{Layer, Registry, reload};

/// Of the lines that are wanted: the one thing that a reload may change.
static FILTER: OnceLock<reload::Handle<Targets, Registry>> = OnceLock::new();

/// Sends log lines to stderr, or to the journal, from now on. A second call changes nothing.
pub fn start(level: LevelFilter, format: LogFormat) {
    let format = match format {
        LogFormat::Auto if stderr_is_the_journal() => LogFormat::Journald,
        LogFormat::Auto if std::io::stderr().is_terminal() => LogFormat::Text,
        LogFormat::Auto => LogFormat::Json,
        format => format,
    };
    let journal = (format == LogFormat::Journald).then(journal).flatten();
    let layer = match (journal, format) {
        (Some(journal), _) => journal,
        (None, LogFormat::Text) => {
            let ansi = std::io::stderr().is_terminal();
            let layer = tracing_subscriber::fmt::layer().event_format(ForPeople).with_ansi(ansi);
            layer.log_internal_errors(false).with_writer(std::io::stderr).boxed()
        }
        (None, _) => tracing_subscriber::fmt::layer()
            .json()
            .flatten_event(true)
            .with_target(false)
            .with_current_span(false)
            .with_span_list(false)
            .log_internal_errors(false)
            .with_writer(std::io::stderr)
            .boxed(),
    };
    let (filter, handle) = reload::Layer::new(filter(level));
    // Each command starts it once; whoever comes second, a test for one, finds it started.
    if tracing_subscriber::registry().with(layer.with_filter(filter)).try_init().is_ok() {
        let _ = FILTER.set(handle);
    }
}

/// Changes the least important level that is logged.
pub fn set_level(level: LevelFilter) {
    if let Some(handle) = FILTER.get() {
        // It fails where there is no subscriber any more, and then nothing is logged anyway.
        let _ = handle.reload(filter(level));
    }
}

/// Other people's crates speak of their own insides: only what is wrong with them matters.
fn filter(level: LevelFilter) -> Targets {
    Targets::new()
        .with_default(level.min(LevelFilter::WARN))
        .with_target("sqlx", LevelFilter::ERROR)
        .with_target("poskeeper", level)
}

/// `None` where there is no journal to be reached: lines then go to stderr as JSON.
fn journal() -> Option<Box<dyn Layer<Registry> + Send + Sync>> {
    let priorities =
        PriorityMappings { info: Priority::Informational, debug: Priority::Debug, ..PriorityMappings::new() };
    let layer = tracing_journald::layer().ok()?;
    let layer = layer.with_field_prefix(Some("POSKEEPER".into())).with_priority_mappings(priorities);
    Some(layer.with_syslog_identifier("poskeeper".into()).boxed())
}

/// systemd names the journal's socket by device and inode, so that a program whose stderr was
/// redirected elsewhere does not log past it.
pub fn stderr_is_the_journal() -> bool {
    let Ok(stream) = std::env::var("JOURNAL_STREAM") else { return false };
    let Ok(stderr) = std::fs::metadata("/proc/self/fd/2") else { return false };
    stream == format!("{}:{}", stderr.dev(), stderr.ino())
}

/// `16:01:49Z INFO  login.renewed  till-1 is logged in; …`: what a message has said already is not said
/// again in fields, which are for programs. UTC, like the times in the messages and in the database.
struct ForPeople;

impl<S, N> FormatEvent<S, N> for ForPeople
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    fn format_event(&self, _: &FmtContext<'_, S, N>, mut writer: Writer<'_>, event: &Event<'_>) -> fmt::Result {
        let mut words = Words::default();
        event.record(&mut words);
        // Other people's crates name no event.
        let name = if words.event.is_empty() { event.metadata().target() } else { &words.event };
        let level = *event.metadata().level();
        let (bold, dim, plain) = match writer.has_ansi_escapes() {
            true => (colour(level), "\u{1b}[2m", "\u{1b}[0m"),
            false => ("", "", ""),
        };
        // Who watches a terminal knows which day it is; a file is read later.
        let at = clock::wall().format(if writer.has_ansi_escapes() { "%H:%M:%SZ" } else { "%Y-%m-%d %H:%M:%SZ" });
        writeln!(writer, "{dim}{at}{plain} {bold}{level:<5}{plain} {dim}{name:<15}{plain} {}", words.message)
    }
}

fn colour(level: Level) -> &'static str {
    match level {
        Level::ERROR => "\u{1b}[1;31m",
        Level::WARN => "\u{1b}[1;33m",
        Level::INFO => "\u{1b}[32m",
        _ => "\u{1b}[2m",
    }
}

/// The two fields that are for people.
#[derive(Default)]
struct Words {
    event: String,
    message: String,
}

impl Visit for Words {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        match field.name() {
            // `message` is a format's arguments, whose Debug is the text itself.
            "message" => drop(write!(Harmless(&mut self.message), "{value:?}")),
            "event" => drop(write!(Harmless(&mut self.event), "{value:?}")),
            _ => {}
        }
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        match field.name() {
            "message" => drop(Harmless(&mut self.message).write_str(value)),
            "event" => drop(Harmless(&mut self.event).write_str(value)),
            _ => {}
        }
    }
}

/// Takes text without what could make a terminal do something; line ends stay.
struct Harmless<'a>(&'a mut String);

impl Write for Harmless<'_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.0.extend(text.chars().map(|c| if c.is_control() && c != '\n' { '\u{fffd}' } else { c }));
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io;
    use std::sync::{Arc, Mutex};

    #[derive(Clone, Default)]
    struct Printed(Arc<Mutex<Vec<u8>>>);

    impl io::Write for Printed {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().expect("one thread").extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn people_read_the_event_and_the_message_and_no_field_twice() {
        let printed = Printed::default();
        let writer = printed.clone();
        let layer = tracing_subscriber::fmt::layer().event_format(ForPeople).with_ansi(false);
        let subscriber = tracing_subscriber::registry().with(layer.with_writer(move || writer.clone()));
        tracing::subscriber::with_default(subscriber, || {
            const NAME: &str = "login.renewed";
            tracing::info!(event = NAME, device = "till-1", "{} is logged in", "till-1");
            tracing::warn!(target: "hyper", "a \u{1b}[31mred\u{7} word");
        });
        let printed = String::from_utf8(printed.0.lock().expect("one thread").clone()).expect("UTF-8");
        let lines: Vec<_> = printed.lines().map(|line| line.split_at("2026-11-21 16:01:49Z ".len()).1).collect();
        assert_eq!(
            lines,
            ["INFO  login.renewed   till-1 is logged in", "WARN  hyper           a \u{fffd}[31mred\u{fffd} word"]
        );
    }
}
