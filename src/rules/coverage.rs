//! Who asks for a chain.
//!
//! Any store's answer holds the rows of its whole chain (vendor/pospal.md). With `coverage = "chain"`
//! one member asks, the answer serves all configured sisters that it contains, and the next time it is
//! another member's turn, so that the cost is shared.

use chrono::{DateTime, Utc};
use std::collections::{BTreeMap, BTreeSet};

/// A configured app that has something to do for the current slot.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Candidate {
    /// The app's key in the database.
    pub app_key: i64,
    /// When it last asked by itself; `None`: never.
    pub last_asked: Option<DateTime<Utc>>,
    /// Its poll is under way, or waits for a retry: its chain waits with it.
    pub busy: bool,
}

/// The apps that may ask now: of each chain the one whose turn it is, none of a chain that is busy.
/// `sightings`: pairs of (asker, app that its newest answer contained). Apps that no answer has
/// connected yet could be of one chain, so they take turns as if they were.
pub fn whose_turn(candidates: &[Candidate], sightings: &[(i64, i64)]) -> Vec<i64> {
    let chain_of = chains(sightings);
    let mut by_chain: BTreeMap<Option<i64>, Vec<&Candidate>> = BTreeMap::new();
    for candidate in candidates {
        by_chain.entry(chain_of.get(&candidate.app_key).copied()).or_default().push(candidate);
    }
    by_chain
        .into_values()
        .filter(|members| !members.iter().any(|member| member.busy))
        .filter_map(|members| members.into_iter().min_by_key(|member| member.last_asked))
        .map(|member| member.app_key)
        .collect()
}

/// The chain of each sighted app, named by its smallest member.
fn chains(sightings: &[(i64, i64)]) -> BTreeMap<i64, i64> {
    let mut neighbours: BTreeMap<i64, Vec<i64>> = BTreeMap::new();
    for (asker, seen) in sightings {
        neighbours.entry(*asker).or_default().push(*seen);
        neighbours.entry(*seen).or_default().push(*asker);
    }
    let mut chain_of = BTreeMap::new();
    let mut open: BTreeSet<i64> = neighbours.keys().copied().collect();
    while let Some(name) = open.pop_first() {
        let mut reached = vec![name];
        while let Some(app) = reached.pop() {
            chain_of.insert(app, name);
            reached.extend(neighbours[&app].iter().filter(|next| open.remove(next)));
        }
    }
    chain_of
}

#[cfg(test)]
mod tests {
    use super::*;

    fn candidate(app_key: i64, last_asked: Option<i64>) -> Candidate {
        let last_asked = last_asked.and_then(|seconds| DateTime::from_timestamp(seconds, 0));
        Candidate { app_key, last_asked, busy: false }
    }

    #[test]
    fn of_each_chain_the_one_that_asked_longest_ago_asks() {
        let candidates = [candidate(1, Some(20)), candidate(2, Some(10)), candidate(3, Some(5)), candidate(4, None)];
        let sightings = [(1, 1), (1, 2), (3, 3), (3, 9), (9, 4)];
        assert_eq!(whose_turn(&candidates, &sightings), vec![2, 4]);
    }

    #[test]
    fn apps_that_no_answer_has_connected_yet_ask_one_after_the_other() {
        let candidates = [candidate(1, None), candidate(2, None), candidate(3, None)];
        assert_eq!(whose_turn(&candidates, &[]), vec![1]);
    }

    #[test]
    fn a_chain_waits_for_the_member_that_is_asking_or_retrying() {
        let mut candidates = [candidate(1, Some(1)), candidate(2, Some(2)), candidate(3, None)];
        candidates[1].busy = true;
        assert_eq!(whose_turn(&candidates, &[(1, 2), (3, 3)]), vec![3]);
    }
}
