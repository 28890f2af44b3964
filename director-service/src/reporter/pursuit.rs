//! Brings one proof to its end.

use super::{
    Config,
    backoff::{Backoff, Blocks, is_away},
    desk::{Desk, Seen, seen},
    progress::Teller,
    refusals::Refusals,
    rivals::{Advice, Rivals},
    turn::{RESUBMIT_BLOCKS, Standing, Turn},
};
use crate::{
    chain::{Again, Chain, ChainError, Extrinsic, Fate, LIFETIME},
    failpoint::{self, Failpoint},
    store::State,
};
use director_primitives::{DoubleSignProof, Snapshot};
use std::sync::Arc;
use tokio::time::{Instant, sleep};

/// Blocks that may have been finalized between an old version's note that it submits and its
/// signature.
const SLACK_BLOCKS: u64 = 8;

/// One proof on its way.
pub(super) struct Pursuit {
    pub(super) config: Arc<Config>,
    pub(super) chain: Arc<dyn Chain>,
    pub(super) proof: DoubleSignProof,
    pub(super) state: State,
    pub(super) teller: Teller,
    turn: Turn,
    /// The finalized block at which the node got the report last, in this life.
    handed_at: Option<u64>,
    backoff: Backoff,
    /// Whether the pursuit before this one ended by a fault of its own.
    faulty: bool,
    /// Whether a former life of the director began it.
    resumed: bool,
    rivals: Rivals,
    /// What blocks have said against reports of this validator.
    refused: Option<Refusals>,
    /// The newest finalized block that this director knew of when the proof's state changed last.
    pub(super) known_block: u64,
    /// Since when a node that is not behind is below that.
    pub(super) below_since: Option<Instant>,
}

/// What was before a pursuit.
pub(super) struct Past {
    /// How often one of the same proof ended by a fault of its own.
    pub(super) faults: u32,
    /// Whether a former life of the director began it.
    pub(super) resumed: bool,
    /// What blocks have said against reports of its validator.
    pub(super) refused: Option<Refusals>,
    /// The newest finalized block that this director knew of when the proof's state changed last.
    pub(super) known_block: u64,
    /// Since when a node that is not behind is below that.
    pub(super) below_since: Option<Instant>,
}

/// How a pursuit ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    /// The chain has spoken.
    Spoken,
    /// Blocks refuse its report: it begins anew every [`super::RECHECK_BLOCKS`] blocks, and keeps no other one from the chain meanwhile.
    Refused,
    /// The node is behind: it begins anew at the next block, and keeps no other one from the chain meanwhile.
    Behind {
        /// Since when the node says that it is not, but is below what this director knew once.
        below_since: Option<Instant>,
    },
}

/// What to do after a try.
pub(super) enum Next {
    /// Nothing is left to do.
    Done(State),
    /// Another director's turn, or the report is on its way: look again at the next finalized block.
    Block,
    /// No report is paid for now.
    Rest,
    /// What the chain says is not its last word.
    Later,
}

impl Pursuit {
    /// A pursuit that goes on from this state.
    pub(super) fn new(
        config: Arc<Config>,
        chain: Arc<dyn Chain>,
        proof: DoubleSignProof,
        state: State,
        teller: Teller,
        Past { faults, resumed, refused, known_block, below_since }: Past,
    ) -> Self {
        let failures = faults.saturating_sub(1);
        let backoff = Backoff::new(&config, proof.id().to_low_u64_be(), failures);
        let (turn, faulty) = (Turn::default(), faults > 0);
        Self {
            config,
            chain,
            proof,
            state,
            teller,
            turn,
            handed_at: None,
            backoff,
            faulty,
            resumed,
            rivals: Rivals::default(),
            refused,
            known_block,
            below_since,
        }
    }

    /// Tries until the chain has spoken, or refuses what it calls right.
    pub(super) async fn run(mut self) -> End {
        if self.faulty {
            self.backoff.wait(false, &mut self.chain.finalized()).await;
        }
        self.first_block().await;
        loop {
            // Before the try: a block that comes during it is a reason for the next one.
            let mut blocks = self.chain.finalized();
            match self.attempt().await {
                Ok(Next::Done(state)) => {
                    self.enter(state).await;
                    return End::Spoken;
                }
                Ok(Next::Rest) => return End::Refused,
                Ok(Next::Later) => return End::Behind { below_since: self.below_since },
                Ok(Next::Block) => {
                    self.backoff.reset();
                    self.next_block(&mut blocks).await;
                }
                Err(error) => {
                    self.teller.trouble(error.to_string()).await;
                    let away = is_away(&error);
                    if away {
                        self.was_away();
                    }
                    self.backoff.wait(away, &mut blocks).await;
                }
            }
        }
    }

    async fn attempt(&mut self) -> Result<Next, ChainError> {
        // Before anything is asked: the answers are of this block or a later one.
        let finalized = self.finalized();
        if let Some(extrinsic) = self.signed() {
            // Turns go on meanwhile.
            self.turn.see(finalized, self.config.turn_blocks);
            if let Some(next) = self.follow(&extrinsic, finalized).await? {
                return Ok(next);
            }
        }
        let offence = match self.chain.check_evidence(&self.proof).await? {
            Ok(offence) => offence,
            Err(reason) => return self.unwanted(reason, finalized).await,
        };
        failpoint::hit(Failpoint::Judged);
        let in_vain = self.refused.as_ref().and_then(|refused| refused.in_vain(finalized));
        self.teller.accused(offence.validator.clone(), in_vain.clone()).await;
        if matches!(self.state, State::Waiting { .. }) {
            tracing::info!(validator = ?offence.validator, "excused for another offence, but not for this");
            self.enter(State::Proven).await;
        }
        if in_vain.is_some() {
            return Ok(Next::Rest);
        }
        let Some(own) = self.standing().filter(|own| self.is_handed() || own.has_turn()) else {
            return Ok(Next::Block);
        };
        let seen = seen(&*self.chain, &self.proof).await?;
        let advice = self.rivals.weigh(&seen, finalized, &own);
        match advice {
            // What the node has had is no other one.
            Advice::TurnAnew | Advice::Wait if self.is_handed() && !seen.is_any() => {}
            Advice::TurnAnew => {
                self.turn = Turn::after_a_loss();
                // From this block on.
                let _ = self.standing();
                return Ok(Next::Block);
            }
            Advice::Wait => return Ok(Next::Block),
            Advice::Go | Advice::GoAnyway => {}
        }
        failpoint::hit(Failpoint::Due);
        self.submit(finalized, seen, advice == Advice::GoAnyway).await?;
        Ok(Next::Block)
    }

    /// The chain was away: what is known of others is of before, and a node that begins anew has an empty pool.
    fn was_away(&mut self) {
        self.turn = Turn::default();
        self.rivals.forget();
        // The same bytes again cost nothing.
        self.handed_at = self.handed_at.map(|_| 0);
    }

    /// What became of the signed report. `None` if it is to be submitted (again).
    async fn follow(
        &mut self,
        extrinsic: &Extrinsic,
        finalized: u64,
    ) -> Result<Option<Next>, ChainError> {
        let why = match self.chain.fate(extrinsic).await {
            Ok(Fate::Included(included)) => {
                failpoint::hit(Failpoint::Included);
                return Ok(Some(Next::Done(State::Finalized { block: included.block_number })));
            }
            Ok(Fate::Pending) => {
                // Either way: a node that has claimed too much is not believed any more, and the chain is lower again.
                let due = |at: u64| finalized.abs_diff(at) >= RESUBMIT_BLOCKS;
                return Ok(if self.handed_at.is_none_or(due) { None } else { Some(Next::Block) });
            }
            Ok(Fate::Failed(error)) => {
                let refused = Refusals::after(self.refused.as_ref(), &error, finalized);
                self.refused = Some(refused.clone());
                self.teller.refused(refused).await;
                self.enter(State::Proven).await;
                return Err(ChainError::Refused(error));
            }
            Ok(Fate::Displaced) => format!(
                "another extrinsic with nonce {} took the report's place: if this happens again, a \
                 second program submits from account {}, give each its own",
                extrinsic.nonce, self.config.account
            ),
            Ok(Fate::Expired) => format!("no block took the report within {LIFETIME} blocks"),
            // The node has forgotten those blocks. The dry run knows what they have led to.
            Err(ChainError::Unexpected(error)) if finalized >= extrinsic.expires() => error,
            Err(error) => return Err(error),
        };
        self.teller.trouble(why).await;
        self.enter(State::Proven).await;
        Ok(None)
    }

    /// This director's place at the newest finalized block; `None` while it must not submit, whoever else does.
    fn standing(&mut self) -> Option<Standing> {
        let snapshot = self.snapshot()?;
        match self.state {
            // What an old version submitted is not known: it must have expired.
            State::Submitted { block } if snapshot.number < block + LIFETIME + SLACK_BLOCKS => None,
            _ => {
                let (config, proof) = (&self.config, &self.proof);
                Some(Standing::at(&snapshot, config, proof, self.resumed, &mut self.turn))
            }
        }
    }

    /// Whether the signed report was handed to the node in this life. What a former life signed waits for its turn: others may be
    /// about to report.
    fn is_handed(&self) -> bool {
        matches!(self.state, State::Signed { .. }) && self.handed_at.is_some()
    }

    /// Hands the signed report to the node, or signs one, given where one was seen and whether the pool counts.
    async fn submit(
        &mut self,
        finalized: u64,
        seen: Seen,
        ignores_pool: bool,
    ) -> Result<(), ChainError> {
        let result = match self.signed() {
            Some(extrinsic) => self.chain.submit_again(&extrinsic).await.map(|again| match again {
                Again::Taken => Ok(Some(extrinsic)),
                Again::Void(why) => Err(why),
            }),
            None => {
                let (teller, chain, proof) = (&self.teller, &*self.chain, &self.proof);
                let desk = Desk { teller, chain, proof, seen, ignores_pool };
                self.chain.report_double_sign(&self.proof, &desk).await.map(Ok)
            }
        };
        match result {
            Ok(Ok(None)) => {
                // It was signed in vain, and its number is free.
                self.enter(self.state.clone()).await;
                Ok(())
            }
            Ok(Ok(Some(Extrinsic { bytes, nonce, born }))) => {
                self.enter(State::Signed { bytes, nonce, born }).await;
                failpoint::hit(Failpoint::Submitted);
                self.handed_at = Some(finalized);
                Ok(())
            }
            Ok(Err(why)) => {
                // With the next number of the account, which is the same while no block has it.
                self.enter(State::Proven).await;
                Err(ChainError::Pool(why))
            }
            Err(error @ ChainError::FeesMissing(_)) => {
                self.enter(State::FeesMissing).await;
                Err(error)
            }
            Err(error) => {
                if !matches!(self.state, State::Signed { .. }) {
                    // The journal may have what the pool refused.
                    self.enter(self.state.clone()).await;
                }
                Err(error)
            }
        }
    }

    /// The report that is signed, if one is.
    pub(super) fn signed(&self) -> Option<Extrinsic> {
        match &self.state {
            State::Signed { bytes, nonce, born } => {
                Some(Extrinsic { bytes: bytes.clone(), nonce: *nonce, born: *born })
            }
            _ => None,
        }
    }

    pub(super) fn snapshot(&self) -> Option<Arc<Snapshot>> {
        self.chain.finalized().borrow().clone()
    }

    /// The newest finalized block.
    fn finalized(&self) -> u64 {
        self.snapshot().map_or(0, |snapshot| snapshot.number)
    }

    /// Waits until a finalized block is known.
    async fn first_block(&self) {
        let mut finalized = self.chain.finalized();
        if finalized.borrow().is_none() {
            self.teller.trouble("no finalized block is known yet".into()).await;
        }
        // Without a follower of the chain the first try says so.
        let _ = finalized.wait_for(Option::is_some).await;
    }

    /// Waits for the next finalized block, but not for ever: finality may stand still while the best
    /// block that was waited for is gone.
    async fn next_block(&self, blocks: &mut Blocks) {
        tokio::select! {
            biased;
            Ok(()) = blocks.changed() => {}
            () = sleep(self.config.last_retry) => {}
        }
    }

    async fn enter(&mut self, state: State) {
        if matches!(self.state, State::Signed { .. }) && !matches!(state, State::Signed { .. }) {
            self.rivals.forget();
        }
        self.state = state.clone();
        self.teller.state(state).await;
    }
}
