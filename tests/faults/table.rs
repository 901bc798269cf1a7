//! The faults, and what the contract says about each on the three endpoints.

mod bodies;
mod fields;
mod network;

use crate::answers::{Asked, good, sent};
use crate::authority::Authority;
use crate::expected::Expected;
use crate::vendor::{Act, Place};
use poskeeper::model::Endpoint;

/// The columns.
pub const ENDPOINTS: [Endpoint; 3] = [Endpoint::Login, Endpoint::AccessConfig, Endpoint::DailyAccess];

/// A fault of a vendor.
pub struct Fault {
    pub name: String,
    pub place: Place,
    /// Of [`ENDPOINTS`]; `None`: that endpoint has no such thing.
    pub expected: [Option<Expected>; 3],
}

impl Fault {
    fn new(name: impl Into<String>, place: Place, expected: [Option<Expected>; 3]) -> Self {
        Self { name: name.into(), place, expected }
    }

    /// The same on every endpoint.
    fn everywhere(name: impl Into<String>, place: Place, expected: Expected) -> Self {
        let of_login = Expected { rows: None, ..expected.clone() };
        Self::new(name, place, [Some(of_login), Some(expected.clone()), Some(expected)])
    }

    /// These bytes instead of every answer.
    fn bytes(name: impl Into<String>, bytes: impl Into<Vec<u8>>, expected: Expected) -> Self {
        let bytes = bytes.into();
        Self::everywhere(name, Place::plain(move |_| Act::Send(bytes.clone())), expected)
    }

    /// Every good answer changed in one way.
    fn changed(
        name: impl Into<String>,
        change: impl Fn(String) -> Vec<u8> + Send + Sync + 'static,
        expected: Expected,
    ) -> Self {
        Self::everywhere(name, Place::plain(move |asked: &Asked| Act::Send(change(good(asked)))), expected)
    }

    /// Every answer with this body.
    fn body(name: impl Into<String>, body: impl AsRef<[u8]>, expected: Expected) -> Self {
        Self::bytes(name, sent(body), expected)
    }
}

/// All of them but the large answers.
pub fn faults(trusted: &Authority) -> Vec<Fault> {
    [network::faults(), network::certificates(trusted), network::statuses(), bodies::faults(), fields::faults()]
        .into_iter()
        .flatten()
        .collect()
}
