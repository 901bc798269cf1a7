//! Whether the workers get anywhere: what READY, the watchdog and `/healthz` are told from.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::{Notify, watch};
use tokio::time::Instant;

/// What all workers report to.
#[derive(Debug)]
pub struct ProgressBoard {
    /// For people, in the order of the lines.
    workers: Vec<String>,
    rounds: Mutex<Rounds>,
    round: Notify,
    first_passes: watch::Sender<usize>,
}

#[derive(Debug)]
struct Rounds {
    /// Who has not gone round its loop since the last full round.
    awaited: HashSet<usize>,
    /// When each last went round, by a clock that stands still while the machine is suspended.
    last_beats: Vec<Instant>,
}

/// One worker's line to the board.
#[derive(Debug, Clone)]
pub struct Progress {
    worker: usize,
    board: Arc<ProgressBoard>,
}

impl ProgressBoard {
    /// A board for workers of these names, and their lines to it.
    pub fn new(workers: Vec<String>) -> (Arc<Self>, Vec<Progress>) {
        let count = workers.len();
        let board = Arc::new(Self {
            workers,
            rounds: Mutex::new(Rounds { awaited: (0..count).collect(), last_beats: vec![Instant::now(); count] }),
            round: Notify::new(),
            first_passes: watch::Sender::new(0),
        });
        let lines = (0..count).map(|worker| Progress { worker, board: Arc::clone(&board) }).collect();
        (board, lines)
    }

    fn rounds(&self) -> MutexGuard<'_, Rounds> {
        self.rounds.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Ends when every worker has gone round its loop since the last time; never where one hangs.
    pub async fn full_round(&self) {
        self.round.notified().await;
    }

    /// Ends when the first pass of every worker is over.
    pub async fn all_first_passes(&self) {
        let mut count = self.first_passes.subscribe();
        // The sender lives as long as the board.
        let _ = count.wait_for(|done| *done >= self.workers.len()).await;
    }

    /// The workers that have not gone round their loop for longer than `bound`, and for how long.
    pub fn stuck(&self, now: Instant, bound: Duration) -> Vec<(String, Duration)> {
        let rounds = self.rounds();
        let idle = rounds.last_beats.iter().map(|beat| now.duration_since(*beat));
        let stuck = self.workers.iter().zip(idle).filter(|(_, idle)| *idle > bound);
        stuck.map(|(worker, idle)| (worker.clone(), idle)).collect()
    }
}

impl Progress {
    /// The worker goes round its loop.
    pub fn beat(&self) {
        let mut rounds = self.board.rounds();
        rounds.last_beats[self.worker] = Instant::now();
        rounds.awaited.remove(&self.worker);
        if rounds.awaited.is_empty() {
            rounds.awaited.extend(0..self.board.workers.len());
            self.board.round.notify_one();
        }
    }

    /// Ends when the first pass of every other worker is over; to be awaited before one's own is.
    pub async fn others_first_passes(&self) {
        let mut count = self.board.first_passes.subscribe();
        let _ = count.wait_for(|done| done + 1 >= self.board.workers.len()).await;
    }

    /// The worker's first pass is over. To be said once.
    pub fn first_pass_done(&self) {
        self.board.first_passes.send_modify(|done| *done += 1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn board() -> (Arc<ProgressBoard>, Vec<Progress>) {
        ProgressBoard::new(vec!["one".into(), "two".into()])
    }

    #[tokio::test]
    async fn one_hanging_worker_keeps_the_watchdog_from_being_fed() {
        let (board, lines) = board();
        lines[0].beat();
        lines[0].beat();
        let mut round = std::pin::pin!(board.full_round());
        assert!(futures_poll(&mut round).is_pending());
        lines[1].beat();
        round.await;
    }

    #[test]
    fn a_worker_that_does_not_go_round_is_named() {
        let bound = Duration::from_secs(120);
        let (board, lines) = board();
        let later = Instant::now() + bound + Duration::from_secs(60);
        assert_eq!(board.stuck(Instant::now(), bound), []);
        board.rounds().last_beats[0] = later - bound;
        let stuck = board.stuck(later, bound);
        assert_eq!(stuck.iter().map(|(worker, _)| worker.as_str()).collect::<Vec<_>>(), ["two"]);
        lines[1].beat();
        assert_eq!(board.stuck(Instant::now() + bound / 2, bound), []);
    }

    fn futures_poll<F: Future>(future: &mut std::pin::Pin<&mut F>) -> std::task::Poll<F::Output> {
        future.as_mut().poll(&mut std::task::Context::from_waker(std::task::Waker::noop()))
    }
}
