//! Counts the calls to the vendors, as long as the process lives.
//!
//! Not read from the ledger: that forgets old calls, and a counter must never fall.

use crate::model::{Endpoint, Outcome};
use chrono::TimeDelta;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::histogram::Histogram;

/// Upper bounds in seconds: a good answer takes tenths, the longest time-out is a matter of minutes.
const BUCKETS: [f64; 10] = [0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0];

/// So many labels, each a name and a value.
type Labels<const COUNT: usize> = [(&'static str, &'static str); COUNT];

/// The calls so far; clones count together.
#[derive(Debug, Clone)]
pub struct CallTally {
    /// By `endpoint` and `outcome`.
    pub calls: Family<Labels<2>, Counter>,
    /// In seconds, by `endpoint`.
    pub durations: Family<Labels<1>, Histogram>,
}

impl Default for CallTally {
    fn default() -> Self {
        let tally =
            Self { calls: Family::default(), durations: Family::new_with_constructor(|| Histogram::new(BUCKETS)) };
        // Zeros from the start: a rate over the first failure would else be no rate at all.
        for endpoint in Endpoint::ALL {
            let _ = tally.durations.get_or_create(&[("endpoint", endpoint.name())]);
            for outcome in Outcome::ALL {
                let _ = tally.calls.get_or_create(&calls_of(endpoint, outcome));
            }
        }
        tally
    }
}

impl CallTally {
    /// A call ended.
    pub(super) fn count(&self, endpoint: Endpoint, outcome: Outcome, duration: TimeDelta) {
        self.calls.get_or_create(&calls_of(endpoint, outcome)).inc();
        let seconds = duration.to_std().unwrap_or_default().as_secs_f64();
        self.durations.get_or_create(&[("endpoint", endpoint.name())]).observe(seconds);
    }
}

fn calls_of(endpoint: Endpoint, outcome: Outcome) -> Labels<2> {
    [("endpoint", endpoint.name()), ("outcome", outcome.name())]
}
