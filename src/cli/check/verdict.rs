//! What a check has found out.

use crate::cli::failure::Failure;

/// Collected while everything is looked at, told at the end.
#[derive(Debug, Default)]
pub(super) struct Verdict {
    facts: Vec<(&'static str, String)>,
    findings: Vec<String>,
    problems: Vec<String>,
}

impl Verdict {
    /// How things are, under a heading.
    pub(super) fn fact(&mut self, heading: &'static str, fact: impl Into<String>) {
        self.facts.push((heading, fact.into()));
    }

    /// Something that is not as it should be, but does not stop the daemon.
    pub(super) fn finding(&mut self, key: &str, finding: impl AsRef<str>) {
        self.findings.push(format!("{key}: {}", finding.as_ref()));
    }

    /// Something that stops the daemon.
    pub(super) fn problem(&mut self, key: &str, problem: impl AsRef<str>) {
        self.problems.push(format!("{key}: {}", problem.as_ref()));
    }

    /// Facts and findings, for stdout.
    pub(super) fn page(&self) -> String {
        let mut page = String::new();
        let mut last = "";
        for (heading, fact) in &self.facts {
            // A heading stands once, before the first of its lines.
            let shown = if *heading == last { "" } else { *heading };
            last = heading;
            page += &line(&format!("{shown:<11}{fact}"));
        }
        for finding in &self.findings {
            page += &line(&format!("finding: {finding}"));
        }
        page += &match (self.problems.len(), self.findings.len()) {
            (0, 0) => "nothing is wrong\n".to_owned(),
            (0, findings) => format!("{}; the daemon would run\n", count(findings, "finding")),
            (problems, findings) => {
                format!("{}, {}; the daemon would not run\n", count(problems, "problem"), count(findings, "finding"))
            }
        };
        page
    }

    /// The problems, for stderr.
    pub(super) fn result(&self) -> Result<(), Failure> {
        if self.problems.is_empty() {
            return Ok(());
        }
        let lines: String = self.problems.iter().map(|problem| format!("\n  {}", line(problem).trim_end())).collect();
        Err(Failure::Failed(format!("the daemon would not run:{lines}")))
    }
}

fn count(number: usize, noun: &str) -> String {
    if number == 1 { format!("1 {noun}") } else { format!("{number} {noun}s") }
}

/// File names are other people's: they must not break a line or move the cursor.
fn line(text: &str) -> String {
    text.replace(char::is_control, " ") + "\n"
}
