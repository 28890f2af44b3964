//! Stands between the consumers and the client: carries out commands, tells what happens, counts votes.
//!
//! One task. Signing is another one (`signing`), since a disk and a remote signer take their time, and so is following the
//! chain (`heads`).

mod report;
mod stop;

use super::{
    automatic::Automatic,
    heads::Heads,
    outlet::{Line, Outlet},
    protocol::{self, Command, Refusal, Request, Subscription, Writing, answer},
    signing::{Job, Outcome, Signing},
};
use crate::{
    chain::Head,
    client::{Certifier, Client, Counted, Event, Message, PublishError},
};
use codec::Encode;
use director_primitives::{
    AccountId32, CheckpointNumber, H256, PayloadKind, Priority, PublicKey, SignedVote, Snapshot,
    runtime_api::ValidatorStatus,
};
use serde_json::{Value, json};
use std::{future::pending, sync::Arc, time::Instant};
pub(super) use stop::Ended;
use tokio::{
    sync::{mpsc, watch},
    time::sleep_until,
};
use tracing::{debug, info, warn};

/// Checkpoints whose votes are counted.
pub(super) const WINDOW: u64 = 16;

/// Checkpoints beyond the last finalized one that are signed. Directors refuse votes that are further.
pub(super) const AHEAD: u64 = 16;

/// What a consumer sends.
pub(super) enum Said {
    /// It is there.
    Joined(Arc<Outlet>),
    /// It wants something.
    Line(Arc<Outlet>, String),
    /// A line was too long to be read.
    TooLong(Arc<Outlet>),
}

/// Who this is, and the chain.
#[derive(Clone)]
pub(super) struct Identity {
    pub(super) genesis_hash: H256,
    pub(super) account: AccountId32,
    pub(super) peer_key: PublicKey,
    pub(super) checkpoint_key: PublicKey,
    pub(super) interval: u64,
    pub(super) votes_automatically: bool,
    /// Before this checkpoint the protection file lets nothing new be signed.
    pub(super) signs_from: CheckpointNumber,
    /// The latest that was signed before.
    pub(super) last_signed: Option<(CheckpointNumber, H256)>,
}

struct Consumer {
    outlet: Arc<Outlet>,
    subscription: Subscription,
}

/// The whole of it.
pub(super) struct Engine {
    identity: Identity,
    client: Client,
    finalized: watch::Receiver<Option<Arc<Snapshot>>>,
    certifier: Certifier,
    signing: Signing,
    automatic: Automatic,
    consumers: Vec<Consumer>,
    director: Option<PublicKey>,
    standby: Option<PublicKey>,
    is_authorized: bool,
    last_signed: Option<(CheckpointNumber, H256)>,
}

impl Engine {
    pub(super) fn new(
        identity: Identity,
        client: Client,
        finalized: watch::Receiver<Option<Arc<Snapshot>>>,
        signing: Signing,
    ) -> Self {
        let last_signed = identity.last_signed;
        let certifier = Certifier::new(identity.genesis_hash, WINDOW);
        let (consumers, director, standby) = (Vec::new(), None, None);
        Self {
            identity,
            client,
            finalized,
            certifier,
            signing,
            automatic: Automatic::default(),
            consumers,
            director,
            standby,
            is_authorized: false,
            last_signed,
        }
    }

    /// Works until `stop` resolves or a part of it is gone, then says so, and closes the link.
    pub(super) async fn run(
        mut self,
        mut said: mpsc::Receiver<Said>,
        mut heads: Heads,
        stop: impl Future<Output = ()>,
    ) -> Ended {
        tokio::pin!(stop);
        let ended = loop {
            let retry = self.automatic.due();
            let retry = async {
                match retry {
                    Some(at) => sleep_until(at.into()).await,
                    None => pending().await,
                }
            };
            tokio::select! {
                () = &mut stop => break Ended::Asked,
                Some(said) = said.recv() => self.on_said(said),
                outcome = self.signing.outcome() => match outcome {
                    Some(outcome) => self.on_outcome(outcome),
                    None => break Ended::Broken("signing"),
                },
                head = heads.next() => match head {
                    Some(head) => self.on_head(head),
                    None => break Ended::Broken("following the chain"),
                },
                event = self.client.next() => match event {
                    Some(event) => self.on_event(event),
                    None => break Ended::Broken("the link to the directors"),
                },
                () = retry => self.vote_by_itself(),
            }
        };
        self.wind_up(said, &ended).await;
        ended
    }

    fn on_said(&mut self, said: Said) {
        match said {
            Said::Joined(outlet) => {
                outlet.say(self.hello().into());
                let subscription = Subscription::default();
                self.forget_gone();
                self.consumers.push(Consumer { outlet, subscription });
            }
            Said::Line(outlet, line) => match Command::parse(&line) {
                Ok(command) => self.on_command(&outlet, command),
                Err((id, refusal)) => outlet.say(refusal.line(id.as_ref()).into()),
            },
            Said::TooLong(outlet) => {
                let message = format!("a line is longer than {} bytes", protocol::MAX_LINE);
                let remedy = "split the payload; at most 1 MiB may be published at once";
                outlet.say(Refusal::new("too-long", message, remedy).line(None).into());
            }
        }
    }

    fn on_command(&mut self, outlet: &Arc<Outlet>, Command { id, request }: Command) {
        let id_of = id.as_ref();
        let said = match request {
            Request::Status {} => Ok(self.status()),
            Request::Subscribe(subscription) => {
                let is_same = |of: &&mut Consumer| Arc::ptr_eq(&of.outlet, outlet);
                if let Some(consumer) = self.consumers.iter_mut().find(is_same) {
                    consumer.subscription = subscription;
                }
                Ok(json!({ "event": "subscribed" }))
            }
            Request::Publish { kind, topic, priority, payload_hex, payload_base64 } => {
                let class = priority.map_or(Priority::Normal, Priority::from);
                protocol::to_publish(kind, topic, payload_hex, payload_base64)
                    .and_then(|(kind, payload)| self.publish(kind, class, payload))
            }
            Request::Vote { checkpoint, block_hash } => {
                let job = Job { checkpoint, block_hash, asked: Some((outlet.clone(), id.clone())) };
                match self.vote(job) {
                    Ok(()) => return,
                    Err(refusal) => Err(refusal),
                }
            }
        };
        let line = said.map_or_else(|refusal| refusal.line(id_of), |said| answer(id_of, said));
        outlet.say(line.into());
    }

    fn publish(
        &self,
        kind: PayloadKind,
        class: Priority,
        payload: Vec<u8>,
    ) -> Result<Value, Refusal> {
        let published = self.client.publish(kind, class, payload);
        let id = published.map_err(|error| match error {
            PublishError::TooLong(_) => {
                Refusal::new("too-long", error.to_string(), "split the payload")
            }
            PublishError::Full => Refusal::new(
                "outbox-full",
                error.to_string(),
                "wait until `unconfirmed` in the status falls, then send it again",
            ),
        })?;
        let class = protocol::class_name(id.class);
        Ok(json!({ "event": "published", "epoch": id.epoch, "class": class, "seq": id.seq }))
    }

    /// Whether the chain counts this validator's votes.
    fn may_vote(&self) -> bool {
        let snapshot = self.finalized.borrow();
        let known = snapshot.as_ref().and_then(|of| of.validator(&self.identity.account));
        known.is_some_and(|known| known.status == ValidatorStatus::Authorized)
    }

    /// Hands a vote to the signing task.
    fn vote(&mut self, job: Job) -> Result<(), Refusal> {
        if !self.may_vote() {
            return Err(Refusal::new(
                "not-authorized",
                "the chain does not count this validator's votes now",
                "wait for the event `authorized`; `director validator status` says why it takes long",
            ));
        }
        let snapshot = self.finalized.borrow().clone();
        let finalized = snapshot.map_or(0, |of| of.number / self.identity.interval);
        if job.checkpoint > finalized.saturating_add(AHEAD) {
            let message = format!("checkpoint {} is far beyond {finalized}", job.checkpoint);
            let remedy =
                "vote for what is finalized; check that the validator is on the same chain";
            return Err(Refusal::new("too-far", message, remedy));
        }
        self.signing.enqueue(job)
    }

    fn on_outcome(&mut self, Outcome { job, result }: Outcome) {
        let Job { checkpoint, block_hash, asked } = job;
        let published = result.and_then(|(vote, again)| {
            self.publish(PayloadKind::CheckpointVote, Priority::Critical, vote.encode())?;
            Ok((vote, again))
        });
        let id = asked.as_ref().and_then(|(_, id)| id.as_ref());
        let line = match &published {
            Ok((vote, again)) => {
                // One that was tried again may be an older one.
                self.last_signed = self.last_signed.max(Some((checkpoint, block_hash)));
                answer(
                    id,
                    json!({
                        "event": "voted",
                        "checkpoint": checkpoint,
                        "block_hash": block_hash,
                        "key": hex::encode(vote.key.0),
                        "signature": hex::encode(vote.signature.0),
                        "again": again,
                    }),
                )
            }
            Err(refusal) => {
                warn!(checkpoint, ?block_hash, "no vote: {}", refusal.message);
                refusal.line(id)
            }
        };
        match (&asked, &published) {
            (Some((outlet, _)), _) => outlet.say(line.into()),
            (None, Ok(_)) => {
                self.automatic.done(checkpoint);
                self.tell(line);
            }
            (None, Err(refusal)) => self.on_failure(checkpoint, refusal),
        }
        if let Ok((vote, _)) = published {
            self.count(&vote);
        }
    }

    /// An own vote is not out.
    fn on_failure(&mut self, checkpoint: CheckpointNumber, refusal: &Refusal) {
        let failures = match refusal.may_pass() {
            true => self.automatic.failed(checkpoint, Instant::now()),
            false => {
                self.automatic.done(checkpoint);
                None
            }
        };
        // Once is enough; when it is given up they hear of it again.
        if failures.is_none_or(|failures| failures == 1) {
            self.tell(refusal.line(None));
        }
    }

    /// Asks for the own votes that are due.
    fn vote_by_itself(&mut self) {
        for (checkpoint, block_hash) in self.automatic.take(Instant::now()) {
            if let Err(refusal) = self.vote(Job { checkpoint, block_hash, asked: None }) {
                warn!(checkpoint, "no vote: {}", refusal.message);
                self.on_failure(checkpoint, &refusal);
            }
        }
    }

    fn on_head(&mut self, head: Head) {
        if !head.number.is_multiple_of(self.identity.interval) {
            return;
        }
        let checkpoint = head.number / self.identity.interval;
        let Head { number, hash } = head;
        self.tell(
            json!({
                "event": "checkpoint",
                "checkpoint": checkpoint,
                "block_number": number,
                "block_hash": hash,
            })
            .to_string(),
        );
        if !self.identity.votes_automatically || !self.may_vote() {
            return;
        }
        if checkpoint < self.identity.signs_from {
            return debug!(checkpoint, "no vote: the protection file is younger");
        }
        // While no director is connected too: the vote waits for one.
        for (checkpoint, failures) in self.automatic.add(checkpoint, hash, Instant::now()) {
            let message = format!(
                "the vote for checkpoint {checkpoint} is given up after {failures} attempts: nobody counts it any more"
            );
            warn!("{message}");
            let remedy = "mend what the errors before were about";
            self.tell(Refusal::new("given-up", message, remedy).line(None));
        }
        self.vote_by_itself();
    }

    fn on_event(&mut self, event: Event) {
        match &event {
            Event::Message(message) => return self.on_message(message),
            Event::Connected { director } => self.director = Some(*director),
            Event::Moved { from, to } => {
                (self.director, self.standby) = (Some(*to), Some(*from));
            }
            Event::Disconnected { director, .. } => {
                self.is_authorized = false;
                self.director.take_if(|of| of == director);
            }
            Event::Authorized { director } => {
                info!(director = %hex::encode(director.0), "authorized");
                (self.director, self.is_authorized) = (Some(*director), true);
                self.standby.take_if(|of| of == director);
            }
            Event::Standby { director } => self.standby = Some(*director),
            Event::Refused(reason) => {
                self.is_authorized = false;
                warn!("the director does not take us: {reason:?}");
            }
            Event::Withheld { .. } => warn!("the director keeps messages back: {event:?}"),
            Event::Gap(lost) => warn!("messages are lost: {lost:?}"),
            Event::Unreachable { .. } | Event::Approved { .. } | Event::Redirected { .. } => {}
        }
        if let Some(line) = protocol::link(&event) {
            self.tell(line);
        }
    }

    fn on_message(&mut self, message: &Message) {
        let snapshot = self.finalized.borrow().clone();
        self.forget_gone();
        // Written once in each of the two ways, and only if somebody wants it.
        let mut written: [Option<Line>; 2] = [None, None];
        for Consumer { outlet, subscription } in &self.consumers {
            if !subscription.wants(message) {
                continue;
            }
            let writing = subscription.payload;
            let line = written[usize::from(writing == Writing::Base64)].get_or_insert_with(|| {
                protocol::message(message, snapshot.as_deref(), writing).into()
            });
            outlet.message(line.clone());
        }
        if let Some(vote) = protocol::vote_of(message) {
            self.count(&vote);
        }
    }

    fn count(&mut self, vote: &SignedVote) {
        let Some(snapshot) = self.finalized.borrow().clone() else { return };
        if let Counted::Certificate(certificate) = self.certifier.count(&snapshot, vote) {
            info!(checkpoint = certificate.vote.checkpoint, "certificate");
            self.tell(protocol::certificate(&certificate));
        }
    }

    /// Tells everybody.
    fn tell(&mut self, line: String) {
        self.forget_gone();
        let line: Line = line.into();
        self.consumers.iter().for_each(|consumer| consumer.outlet.say(line.clone()));
    }

    fn forget_gone(&mut self) {
        self.consumers.retain(|consumer| !consumer.outlet.is_closed());
    }
}

#[cfg(test)]
mod tests;
