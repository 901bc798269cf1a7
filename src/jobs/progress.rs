//! Whether the workers get anywhere: what READY and the watchdog are told from.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::{Notify, watch};

/// What all workers report to.
#[derive(Debug)]
pub struct ProgressBoard {
    workers: usize,
    /// Who has not gone round its loop since the last full round.
    awaited: Mutex<HashSet<usize>>,
    round: Notify,
    first_passes: watch::Sender<usize>,
}

/// One worker's line to the board.
#[derive(Debug, Clone)]
pub struct Progress {
    worker: usize,
    board: Arc<ProgressBoard>,
}

impl ProgressBoard {
    /// A board for so many workers, and their lines to it.
    pub fn new(workers: usize) -> (Arc<Self>, Vec<Progress>) {
        let board = Arc::new(Self {
            workers,
            awaited: Mutex::new((0..workers).collect()),
            round: Notify::new(),
            first_passes: watch::Sender::new(0),
        });
        let lines = (0..workers).map(|worker| Progress { worker, board: Arc::clone(&board) }).collect();
        (board, lines)
    }

    /// Ends when every worker has gone round its loop since the last time; never where one hangs.
    pub async fn full_round(&self) {
        self.round.notified().await;
    }

    /// Ends when the first pass of every worker is over.
    pub async fn all_first_passes(&self) {
        let mut count = self.first_passes.subscribe();
        // The sender lives as long as the board.
        let _ = count.wait_for(|done| *done >= self.workers).await;
    }
}

impl Progress {
    /// The worker goes round its loop.
    pub fn beat(&self) {
        let mut awaited = self.board.awaited.lock().unwrap_or_else(PoisonError::into_inner);
        awaited.remove(&self.worker);
        if awaited.is_empty() {
            awaited.extend(0..self.board.workers);
            self.board.round.notify_one();
        }
    }

    /// The worker's first pass is over. To be said once.
    pub fn first_pass_done(&self) {
        self.board.first_passes.send_modify(|done| *done += 1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn one_hanging_worker_keeps_the_watchdog_from_being_fed() {
        let (board, lines) = ProgressBoard::new(2);
        lines[0].beat();
        lines[0].beat();
        let mut round = std::pin::pin!(board.full_round());
        assert!(futures_poll(&mut round).is_pending());
        lines[1].beat();
        round.await;
    }

    fn futures_poll<F: Future>(future: &mut std::pin::Pin<&mut F>) -> std::task::Poll<F::Output> {
        future.as_mut().poll(&mut std::task::Context::from_waker(std::task::Waker::noop()))
    }
}
