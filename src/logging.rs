//! Where log lines go: text for people, JSON for programs, native fields for the journal.

use crate::settings::LogFormat;
use std::io::IsTerminal;
use std::os::unix::fs::MetadataExt;
use std::sync::OnceLock;
use tracing::level_filters::LevelFilter;
use tracing_journald::{Priority, PriorityMappings};
use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::SubscriberExt;
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
            let layer = tracing_subscriber::fmt::layer().with_target(false).with_ansi(ansi).log_internal_errors(false);
            layer.with_writer(std::io::stderr).boxed()
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
    // Only the demo and the daemon start it, once each; a second call is the demo's.
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
