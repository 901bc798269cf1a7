//! Group commit: what several want written at the same time shares one transaction and one wait for the
//! disk. While one group is on its way to the disk, the next one gathers.

use super::error::StoreError;
use std::sync::{Mutex, PoisonError};
use tokio::sync::{Mutex as Turn, oneshot};

/// Requests of one kind, each with a result of its own.
#[derive(Debug)]
pub(super) struct GroupCommit<Q, R> {
    waiting: Mutex<Vec<Waiting<Q, R>>>,
    turn: Turn<()>,
}

type Waiting<Q, R> = (Q, oneshot::Sender<Result<R, StoreError>>);

impl<Q, R> Default for GroupCommit<Q, R> {
    fn default() -> Self {
        Self { waiting: Mutex::default(), turn: Turn::default() }
    }
}

impl<Q: Clone, R> GroupCommit<Q, R> {
    /// Has `request` written with those of all others who wait; `write` takes a group, in one transaction,
    /// and gives one result for each. Where a group fails each is tried alone, so that nobody fails for
    /// another's sake.
    pub(super) async fn submit<F>(&self, request: Q, write: impl Fn(Vec<Q>) -> F) -> Result<R, StoreError>
    where
        F: Future<Output = Result<Vec<R>, StoreError>>,
    {
        let (result, mut written) = oneshot::channel();
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner).push((request, result));
        let turn = tokio::select! {
            biased;
            result = &mut written => return result.unwrap_or_else(|_| Err(abandoned())),
            turn = self.turn.lock() => turn,
        };
        let group = std::mem::take(&mut *self.waiting.lock().unwrap_or_else(PoisonError::into_inner));
        let (requests, mut results): (Vec<Q>, Vec<_>) = group.into_iter().unzip();
        let all = if requests.is_empty() { Ok(Vec::new()) } else { write(requests.clone()).await };
        match all {
            Ok(all) => results.into_iter().zip(all).for_each(|(result, one)| drop(result.send(Ok(one)))),
            Err(error) if results.len() == 1 => drop(results.pop().map(|result| result.send(Err(error)))),
            Err(_) => {
                for (request, result) in requests.into_iter().zip(results) {
                    let one = write(vec![request]).await;
                    drop(result.send(one.and_then(|mut one| one.pop().ok_or_else(abandoned))));
                }
            }
        }
        drop(turn);
        written.await.unwrap_or_else(|_| Err(abandoned()))
    }
}

/// Whoever had the turn ended before the group was written.
fn abandoned() -> StoreError {
    StoreError::Sql(sqlx::Error::WorkerCrashed)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use tokio::sync::Semaphore;

    #[tokio::test]
    async fn those_who_wait_for_a_group_are_the_next_one() {
        let (groups, disk, writes) = (GroupCommit::default(), Semaphore::new(0), AtomicUsize::new(0));
        let submit = |request: usize| {
            groups.submit(request, |group| async {
                writes.fetch_add(1, Ordering::Relaxed);
                disk.acquire().await.expect("open").forget();
                Ok(group.into_iter().map(|request| request * 10).collect())
            })
        };
        let disk = async {
            for _ in 0..100 {
                tokio::task::yield_now().await;
            }
            disk.add_permits(2);
        };
        let (results, ()) = tokio::join!(futures_util::future::join_all((0..9).map(submit)), disk);
        let results: Vec<_> = results.into_iter().map(|result| result.expect("written")).collect();
        assert_eq!(results, (0..90).step_by(10).collect::<Vec<_>>());
        assert_eq!(writes.load(Ordering::Relaxed), 2, "the first alone, then the eight that came meanwhile");
    }

    #[tokio::test]
    async fn one_that_cannot_be_written_fails_alone() {
        let groups = GroupCommit::default();
        let submit = |request: usize| {
            groups.submit(request, |group| async {
                tokio::task::yield_now().await;
                if group.contains(&3) { Err(abandoned()) } else { Ok(group) }
            })
        };
        let results = futures_util::future::join_all((0..9).map(submit)).await;
        let failed = results.iter().enumerate().filter(|(_, result)| result.is_err()).map(|(request, _)| request);
        assert_eq!(failed.collect::<Vec<_>>(), [3]);
    }
}
