//! The targets, and whether they are met.

use crate::table;

/// One target of the project: a measure of poskeeper, as a ratio to something else or by itself.
#[derive(Debug, Clone)]
pub struct Verdict {
    pub work: String,
    pub against: String,
    pub measured: f64,
    pub at_most: f64,
    pub unit: &'static str,
}

impl Verdict {
    pub fn ratio(work: impl Into<String>, against: impl Into<String>, measured: f64, at_most: f64) -> Self {
        Self { work: work.into(), against: against.into(), measured, at_most, unit: "×" }
    }

    /// Something that has a measure of its own.
    pub fn amount(work: impl Into<String>, measured: f64, at_most: f64, unit: &'static str) -> Self {
        Self { work: work.into(), against: String::new(), measured, at_most, unit }
    }

    fn row(&self) -> Vec<String> {
        // What could not be measured is not met.
        let is_met = self.measured <= self.at_most;
        let with_unit = |value: f64| format!("{} {}", table::number(value), self.unit);
        vec![
            self.work.clone(),
            self.against.clone(),
            with_unit(self.measured),
            with_unit(self.at_most),
            if is_met { "met" } else { "MISSED" }.into(),
        ]
    }
}

pub fn print(verdicts: &[Verdict]) {
    if !verdicts.is_empty() {
        let rows = verdicts.iter().map(Verdict::row).collect();
        table::print("Targets", &["work", "against", "measured", "at most", ""], rows);
    }
}
