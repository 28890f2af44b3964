//! Works through requests beside the core, several at once.

use super::Stopper;
use std::{future::Future, panic::resume_unwind};
use tokio::{
    sync::mpsc,
    task::{JoinError, JoinSet},
};

/// Works until it is stopped or nobody is left to ask, on at most `at_once` requests at a time; what is
/// under way ends with it.
pub(super) async fn run<R, W>(
    mut requests: mpsc::Receiver<R>,
    at_once: usize,
    stopper: Stopper,
    work: impl Fn(R) -> W,
) where
    W: Future<Output = ()> + Send + 'static,
{
    let mut under_way = JoinSet::new();
    let stopped = stopper.stopped();
    tokio::pin!(stopped);
    loop {
        let request = tokio::select! {
            () = &mut stopped => return,
            Some(done) = under_way.join_next() => {
                if let Err(Ok(panic)) = done.map_err(JoinError::try_into_panic) {
                    // A part of the director has: it ends like any other.
                    resume_unwind(panic);
                }
                continue;
            }
            request = requests.recv(), if under_way.len() < at_once => request,
        };
        let Some(request) = request else { return };
        under_way.spawn(work(request));
    }
}
