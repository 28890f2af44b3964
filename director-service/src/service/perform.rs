//! Does what the director's core says: relays, answers, writes down, reports.

use super::{ServiceError, core::Core, submissions::Submission};
use crate::{
    director::{DisconnectReason, Frame, Link, Output, Recipients},
    failpoint::{self, Failpoint},
    network::{Broadcast, Handle, Payload},
};
use director_primitives::{AccountId32, Answer, Control, Priority, PublicKey, SignedVote};
use std::sync::Arc;
use tracing::{debug, info, warn};

impl Core {
    pub(super) async fn execute(&mut self, outputs: Vec<Output>) -> Result<(), ServiceError> {
        let mut votes = Vec::new();
        let mut rest = Vec::with_capacity(outputs.len());
        for output in outputs {
            match output {
                Output::Remember(vote) => votes.push((vote.validator, vote.vote)),
                Output::Replace(vote) => {
                    // What it replaces may be among those.
                    self.remember(&mut votes).await?;
                    self.history.replace(vote.validator, vote.vote).await?;
                }
                Output::Recall(vote) => {
                    // A look-up sees what was handed over before it, and nothing that came later.
                    self.remember(&mut votes).await?;
                    rest.push(Output::Recall(vote));
                    self.perform_all(&mut rest).await?;
                }
                other => rest.push(other),
            }
        }
        // To disk before on the way to others.
        self.remember(&mut votes).await?;
        self.perform_all(&mut rest).await
    }

    async fn remember(
        &self,
        votes: &mut Vec<(AccountId32, SignedVote)>,
    ) -> Result<(), ServiceError> {
        match votes.is_empty() {
            true => Ok(()),
            false => Ok(self.history.remember(std::mem::take(votes)).await?),
        }
    }

    async fn perform_all(&mut self, outputs: &mut Vec<Output>) -> Result<(), ServiceError> {
        let mut relays = Relays::default();
        for output in outputs.drain(..) {
            match output {
                Output::Relay { frame, class, to } => {
                    if !relays.go_to(&to) {
                        self.fan_out(std::mem::take(&mut relays));
                    }
                    relays.add(frame, class, to);
                }
                other => {
                    self.fan_out(std::mem::take(&mut relays));
                    self.perform(other).await?;
                }
            }
        }
        self.fan_out(relays);
        Ok(())
    }

    /// Peer directors first: behind each of them are others that wait. Drops are counted by the
    /// network, and a peer that is gone needs no frame.
    fn fan_out(&self, relays: Relays) {
        let Some(to) = relays.to else { return };
        for (link, list) in to.lists() {
            if !list.is_empty() {
                self.handle_of(link).fan_out(list, &relays.batch);
            }
        }
    }

    async fn perform(&mut self, output: Output) -> Result<(), ServiceError> {
        match output {
            // Taken out of the list by `perform_all`.
            Output::Relay { frame, class, to } => {
                let mut relays = Relays::default();
                relays.add(frame, class, to);
                self.fan_out(relays);
            }
            Output::Replay { to, link, frames } => {
                let handle = self.handle_of(link);
                for (class, frame) in frames {
                    handle.send(&to, class, Payload::Envelope(frame));
                }
            }
            Output::SendAll { to, link, message } => {
                let (handle, payload) = (self.handle_of(link), Payload::control(&message));
                for peer in to.iter() {
                    handle.send(peer, Priority::Critical, payload.clone());
                }
            }
            Output::Drained { left } => self.end_handover(left),
            Output::Send { to, link, message } => {
                if let (Link::Public, Control::AuthorizationAnswer(answer)) = (link, &message) {
                    say_answer(&to, answer);
                }
                self.handle_of(link).send(&to, Priority::Critical, Payload::control(&message));
            }
            Output::Disconnect { peer, link, reason } => {
                info!(peer = %hex::encode(peer.0), ?link, ?reason, "disconnecting");
                match reason {
                    DisconnectReason::Revoked
                    | DisconnectReason::Unwanted
                    | DisconnectReason::Full => {
                        // It was just told why.
                        self.handle_of(link).disconnect_after_flush(&peer);
                    }
                    DisconnectReason::NotADirector
                    | DisconnectReason::NotAllowed
                    | DisconnectReason::NoDirectorOurselves => {
                        self.handle_of(link).disconnect(&peer);
                    }
                }
            }
            Output::Allow { mesh, public } => {
                debug!(mesh = mesh.len(), public = public.len(), "the gates have a new set");
                self.mesh.allow(mesh);
                self.public.allow(public);
            }
            // Taken out of the list by `execute`.
            Output::Remember(vote) => {
                self.history.remember(vec![(vote.validator, vote.vote)]).await?;
            }
            Output::Replace(vote) => self.history.replace(vote.validator, vote.vote).await?,
            Output::Recall(vote) => {
                let sent = self.recalls.send(vote).await;
                sent.map_err(|_| ServiceError::Ended("the history"))?;
            }
            Output::Forget { below } => {
                let finalized = self.director.stats().finalized;
                if let Some(below) = self.forgetter.forget(below, finalized) {
                    self.history.prune(below).await?;
                }
            }
            Output::Proven(proof) => {
                let checkpoint = proof.first.vote.checkpoint;
                failpoint::hit(Failpoint::Proven);
                warn!(id = ?proof.id(), checkpoint, "a double sign is proven");
                self.reports.report(proof)?;
            }
            Output::CheckStake(application) => {
                if let Err(refused) = self.stakes.try_send(*application) {
                    self.unchecked.push(refused.into_inner().request);
                }
            }
            Output::Revoked { validator, outcome } => {
                info!(%validator, ?outcome, "revocation by the operator");
                if let Some(answer) = self.revoking.take() {
                    // Whoever asked may have gone.
                    let _ = answer.send(outcome);
                }
            }
            Output::SubmitVotes { validator, votes } => {
                if self.submissions.try_send(Submission { validator, votes }).is_err() {
                    // The core asks again a few blocks later.
                    warn!("too many submissions wait; leaving out one");
                    self.view.metrics.submission_failed();
                }
            }
        }
        Ok(())
    }

    fn handle_of(&self, link: Link) -> &Handle {
        match link {
            Link::Mesh => &self.mesh,
            Link::Public => &self.public,
        }
    }
}

/// Messages in a row that go to the same lists of peers.
#[derive(Default)]
struct Relays {
    to: Option<Recipients>,
    batch: Vec<Broadcast>,
}

impl Relays {
    /// Whether a message for these recipients may be added.
    fn go_to(&self, to: &Recipients) -> bool {
        let Some(have) = &self.to else { return true };
        let mut both = have.lists().into_iter().zip(to.lists());
        both.all(|((_, have), (_, want))| Arc::ptr_eq(have, want))
    }

    fn add(&mut self, frame: Frame, class: Priority, to: Recipients) {
        self.batch.push(Broadcast { frame, class, except: to.except() });
        self.to.get_or_insert(to);
    }
}

/// A no is for the log too.
fn say_answer(peer: &PublicKey, answer: &Answer) {
    let peer = hex::encode(peer.0);
    match answer {
        Answer::Approved { .. } | Answer::AlreadyAuthorized => debug!(%peer, "{answer}"),
        Answer::Stale | Answer::Unavailable => {
            info!(%peer, "a candidate has to ask again: {answer}")
        }
        refused => warn!(%peer, "a candidate is turned down: {refused}"),
    }
}
