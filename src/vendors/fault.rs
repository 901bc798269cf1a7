//! What is wrong with one field of an answer.

use super::scalar::Scalar;

/// What is wrong with which field: put into words only for the first bad row of an answer: there may be
/// millions.
pub(super) struct Fault<'de> {
    pub field: &'static str,
    pub problem: &'static str,
    pub sent: Scalar<'de>,
}
