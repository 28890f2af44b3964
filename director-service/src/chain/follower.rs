//! The task behind a [`super::Node`]: connects, follows the finalized chain, changes nodes.
//!
//! A subscription can be silent because nothing happens or because it is dead; hence the node is
//! also asked every [`POLL_INTERVAL`]. Snapshots are of the newest finalized block, older ones are
//! skipped; whoever needs every block uses [`super::Node::blocks`].
//!
//! The runtime is looked at with each of these blocks: its version there is the one that an extrinsic is
//! signed for. If an upgrade leaves what this program needs to follow the chain, it goes on; if it leaves
//! that alone, nothing is submitted any more ([`super::Node::runtime`]).

use super::{
    ChainError,
    lookout::{self, Better},
    node::{Connection, Shared},
    session::{Head, Runtime, Session, head_of, limit},
    snapshot,
};
use futures::{FutureExt, StreamExt, stream::FuturesUnordered};
use std::{
    sync::{Arc, atomic::Ordering},
    time::Duration,
};
use tokio::time::{Instant, sleep};
use tracing::{debug, error, info, warn};

/// How often the node is asked for its finalized head, should its subscription be silent.
const POLL_INTERVAL: Duration = Duration::from_secs(5);

/// Waits between two attempts to connect: first and longest.
const RETRY_DELAY: (Duration, Duration) = (Duration::from_millis(250), Duration::from_secs(5));

/// How long a node that is wanted more may take before the next one is tried as well.
const HEAD_START: Duration = Duration::from_secs(2);

/// How often it is said that the node is still away.
const COMPLAIN_INTERVAL: Duration = Duration::from_secs(30);

/// Works for as long as it is not aborted.
pub(super) async fn run(shared: Arc<Shared>) {
    let (mut delay, longest) = RETRY_DELAY;
    let mut complained: Option<Instant> = None;
    let mut away_since = Instant::now();
    loop {
        let error = match open_any(&shared).await {
            Ok((mut index, mut session)) => {
                (delay, complained) = (RETRY_DELAY.0, None);
                let mut last = *shared.head.borrow();
                let error = loop {
                    take(&shared, index, &session);
                    match follow(&shared, index, session, last).await {
                        Ok(Better { index: better, session: its, why, retracts }) => {
                            let node = &shared.endpoints().all[index].name.clone();
                            warn!(endpoint = index, %node, "leaving this node: {why}");
                            (index, session, last) = (better, its, *shared.head.borrow());
                            if retracts {
                                shared.retract(None);
                                last = None;
                            }
                        }
                        Err(error) => break error,
                    }
                };
                shared.session.send_replace(None);
                shared.refuse(index, &error);
                away_since = Instant::now();
                error
            }
            Err(error) => error,
        };
        if complained.is_none_or(|at| at.elapsed() >= COMPLAIN_INTERVAL) {
            complain(&shared, &error, away_since.elapsed());
            complained = Some(Instant::now());
        }
        shared.connection.send_replace(match error.is_temporary() {
            true => Connection::Connecting(Some(error)),
            false => Connection::Unusable(error),
        });
        sleep(delay).await;
        delay = (delay * 2).min(longest);
    }
}

/// From now on this connection is used.
fn take(shared: &Shared, index: usize, session: &Session) {
    let genesis = *shared.genesis.get_or_init(|| session.genesis);
    let node = {
        let mut endpoints = shared.endpoints();
        endpoints.taken(index);
        endpoints.all[index].name.clone()
    };
    info!(endpoint = index, %node, ?genesis, "connected to the node");
    told_of(session);
    shared.session.send_replace(Some(session.clone()));
    shared.connection.send_replace(Connection::Connected);
}

/// Connects to the first node that answers and is the right one. Each has a head start before the next.
async fn open_any(shared: &Shared) -> Result<(usize, Session), ChainError> {
    let mut waiting = shared.endpoints().order().into_iter();
    let mut attempts = FuturesUnordered::new();
    let mut cause = None;
    loop {
        if let Some(index) = waiting.next() {
            attempts.push(lookout::open(shared, index).map(move |opened| (index, opened)));
        }
        tokio::select! {
            attempt = attempts.next() => match attempt {
                Some((index, Ok(session))) => return Ok((index, session)),
                Some((index, Err(error))) => {
                    shared.refuse(index, &error);
                    // What may pass says more about all of them than what does not.
                    if error.is_temporary() || cause.is_none() {
                        cause = Some(error);
                    }
                }
                None if waiting.len() == 0 => {
                    let none = || ChainError::Config("no node is named".into());
                    return Err(cause.unwrap_or_else(none));
                }
                None => {}
            },
            () = sleep(HEAD_START), if waiting.len() > 0 => {}
        }
    }
}

fn complain(shared: &Shared, error: &ChainError, away: Duration) {
    let names: Vec<_> = shared.endpoints().all.iter().map(|of| of.name.clone()).collect();
    let nodes = names.join(", ");
    match error {
        ChainError::Unreachable(cause) if away < COMPLAIN_INTERVAL => warn!(
            "cannot reach the node at {nodes} ({cause}); trying again until it answers, check that \
             it runs and that this address is right"
        ),
        error if error.is_temporary() => {
            warn!("{error}; no connection to {nodes} for {} s now, trying again", away.as_secs());
        }
        // At the start, whoever waits for the node is told and says it.
        error if shared.snapshot.borrow().is_none() => debug!("cannot use {nodes}: {error}"),
        error => error!("cannot use the node at {nodes} any more: {error}"),
    }
}

/// Says which runtime the chain has, and what cannot be done with it.
fn told_of(session: &Session) {
    let Runtime { spec_version, acting } = &session.runtime;
    match acting {
        Ok(()) => debug!(spec_version, "the runtime has the interface that is needed"),
        Err(error) => error!(spec_version, "relaying goes on, but nothing is submitted: {error}"),
    }
}

/// A node that is below what was finalized once: since when, and where it was then.
struct Below {
    since: Instant,
    first: u64,
}

impl Below {
    /// Whether the node goes on below that, and says that it is not behind: what it or another one has claimed is not so.
    /// One that is behind will come there, and what was final then holds until it does.
    async fn is_for_good(
        &self,
        shared: &Shared,
        index: usize,
        session: &Session,
        at: Head,
    ) -> bool {
        let claimed = shared.finalized_number();
        self.since.elapsed() >= shared.settings.patience
            && at.number > self.first
            && shared.horizon().is_groundless(index, claimed, Instant::now())
            && session.is_well().await
    }
}

/// Reads finalized blocks until another node is better. `last` is the newest one that was read.
///
/// # Errors
///
/// Why the connection cannot be used any more.
async fn follow(
    shared: &Arc<Shared>,
    index: usize,
    mut session: Session,
    mut last: Option<Head>,
) -> Result<Better, ChainError> {
    let ended = || ChainError::Unreachable("the node closed the connection".into());
    let mut heads = limit(session.rpc.chain_subscribe_finalized_heads()).await?;
    let mut poll = tokio::time::interval(POLL_INTERVAL);
    let better = lookout::watch(shared, index);
    tokio::pin!(better);
    let mut below: Option<Below> = None;
    loop {
        let (head, state_root) = tokio::select! {
            header = heads.next() => {
                let mut header = header.ok_or_else(ended)?;
                // Only the newest counts; what waits behind it would be read in vain.
                while let Some(Some(newer)) = heads.next().now_or_never() {
                    header = newer;
                }
                let header = header.map_err(|error| ChainError::Unreachable(error.to_string()))?;
                (head_of(&header), header.state_root)
            }
            _ = poll.tick() => session.finalized_header().await?,
            better = &mut better => return Ok(better),
        };
        shared.told.store(head.number, Ordering::Relaxed);
        match last {
            Some(known) if head.number == known.number => {
                below = None;
                continue;
            }
            Some(known) if head.number < known.number => {
                debug!(
                    head.number,
                    known.number, "the node lags behind what was finalized already"
                );
                let first = head.number;
                let is_below = below.get_or_insert(Below { since: Instant::now(), first });
                if !is_below.is_for_good(shared, index, &session, head).await {
                    continue;
                }
                shared.retract(Some(head.number));
                // From here on it is a head as any other.
                last = None;
                if !shared.believes(index, head.number) {
                    continue;
                }
            }
            _ if !shared.believes(index, head.number) => continue,
            _ => {}
        }
        below = None;
        let version = session.spec_version(head.hash).await?;
        if version != session.runtime.spec_version {
            session = session.upgraded(head).await?;
            let old = shared.session.borrow().as_ref().map_or(0, |of| of.runtime.spec_version);
            info!(block = head.number, "the runtime was upgraded from version {old} to {version}");
            told_of(&session);
            shared.session.send_replace(Some(session.clone()));
        }
        let snapshot = snapshot::read(&session, head).await?;
        shared.publish(index, head, state_root, snapshot);
        last = Some(head);
    }
}
