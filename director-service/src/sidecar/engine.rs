//! Stands between the consumers and the client: carries out commands, tells what happens, counts votes.
//!
//! One task. Signing is another one (`signing`), since a disk and a remote signer take their time.

use super::{
    outlet::{Line, Outlet},
    protocol::{self, Command, Refusal, Request, Subscription, Writing, answer},
    signing::{Job, Outcome, Signing},
};
use crate::{
    chain::{FinalizedBlocks, Head},
    client::{Certifier, Client, Counted, Event, Message, PublishError},
};
use codec::Encode;
use director_primitives::{
    AccountId32, CheckpointNumber, H256, PayloadKind, Priority, PublicKey, SignedVote, Snapshot,
    runtime_api::ValidatorStatus,
};
use serde_json::{Value, json};
use std::{
    sync::Arc,
    time::{Duration, Instant},
};
use tokio::{
    sync::{mpsc, watch},
    time::timeout,
};
use tracing::{info, warn};

/// Checkpoints whose votes are counted.
const WINDOW: u64 = 16;

/// Checkpoints beyond the last finalized one that are signed. Directors refuse votes that are further.
const AHEAD: u64 = 16;

/// Longest wait for own messages to be with two directors, before the link is closed.
const LAST_MESSAGES: Duration = Duration::from_secs(2);

/// How often that is looked at, which cannot be awaited.
const LOOK: Duration = Duration::from_millis(20);

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
        last_signed: Option<(CheckpointNumber, H256)>,
    ) -> Self {
        let certifier = Certifier::new(identity.genesis_hash, WINDOW);
        let (consumers, director, standby) = (Vec::new(), None, None);
        Self {
            identity,
            client,
            finalized,
            certifier,
            signing,
            consumers,
            director,
            standby,
            is_authorized: false,
            last_signed,
        }
    }

    /// Works until `stop` resolves, then says so, and closes the link.
    pub(super) async fn run(
        mut self,
        mut said: mpsc::Receiver<Said>,
        mut blocks: FinalizedBlocks,
        stop: impl Future<Output = ()>,
    ) {
        tokio::pin!(stop);
        loop {
            tokio::select! {
                () = &mut stop => break,
                Some(said) = said.recv() => self.on_said(said),
                Some(outcome) = self.signing.outcome() => self.on_outcome(outcome),
                block = blocks.next() => self.on_block(block),
                event = self.client.next() => match event {
                    Some(event) => self.on_event(event),
                    None => break,
                },
            }
        }
        // What a validator said right before it closed the pipe is answered.
        while let Ok(last) = said.try_recv() {
            self.on_said(last);
        }
        self.hand_over().await;
        self.tell(json!({ "event": "stopping" }).to_string());
        for consumer in &self.consumers {
            consumer.outlet.close();
        }
        self.signing.stop().await;
        self.client.shutdown().await;
    }

    /// Gives what was published a moment to be with two directors: a vote that only a director has which dies
    /// is lost with this process.
    async fn hand_over(&mut self) {
        let end = Instant::now() + LAST_MESSAGES;
        while self.is_authorized
            && self.client.publisher().unconfirmed() > 0
            && Instant::now() < end
        {
            // What comes meanwhile must be read, or the client stands still.
            match timeout(LOOK, self.client.next()).await {
                Ok(Some(event)) => self.on_event(event),
                Ok(None) => return,
                Err(_) => {}
            }
        }
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
    fn vote(&self, job: Job) -> Result<(), Refusal> {
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
                self.last_signed = Some((checkpoint, block_hash));
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
        match &asked {
            Some((outlet, _)) => outlet.say(line.into()),
            None => self.tell(line),
        }
        if let Ok((vote, _)) = published {
            self.count(&vote);
        }
    }

    fn on_block(&mut self, block: Head) {
        if !block.number.is_multiple_of(self.identity.interval) {
            return;
        }
        let checkpoint = block.number / self.identity.interval;
        let Head { number, hash } = block;
        self.tell(
            json!({
                "event": "checkpoint",
                "checkpoint": checkpoint,
                "block_number": number,
                "block_hash": hash,
            })
            .to_string(),
        );
        // While no director is connected too: the vote waits for one.
        if self.identity.votes_automatically && self.may_vote() {
            let job = Job { checkpoint, block_hash: hash, asked: None };
            if let Err(refusal) = self.vote(job) {
                warn!(checkpoint, "no vote: {}", refusal.message);
                self.tell(refusal.line(None));
            }
        }
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

    fn hello(&self) -> String {
        let Identity { genesis_hash, account, peer_key, checkpoint_key, interval, .. } =
            &self.identity;
        json!({
            "event": "hello",
            "protocol": protocol::VERSION,
            "version": env!("CARGO_PKG_VERSION"),
            "genesis_hash": genesis_hash,
            "account": account.to_string(),
            "peer_key": hex::encode(peer_key.0),
            "checkpoint_key": hex::encode(checkpoint_key.0),
            "checkpoint_interval": interval,
        })
        .to_string()
    }

    fn status(&self) -> Value {
        let snapshot = self.finalized.borrow().clone();
        let key = |key: PublicKey| hex::encode(key.0);
        let known = snapshot.as_ref().and_then(|of| of.validator(&self.identity.account));
        json!({
            "event": "status",
            "authorized": self.is_authorized,
            "director": self.director.map(key),
            "standby": self.standby.map(key),
            "chain": snapshot.as_ref().map(|of| json!({
                "finalized": of.number,
                "finalized_hash": of.hash,
                "checkpoint": of.number / self.identity.interval,
                "directors": of.directors.active.len(),
                "validators": of.validators().len(),
                "authorized_validators": of.authorized_count(),
                "status": known.map(|known| protocol::kebab(&known.status)),
            })),
            "last_signed": self.last_signed.map(|(checkpoint, block_hash)| {
                json!({ "checkpoint": checkpoint, "block_hash": block_hash })
            }),
            "unconfirmed": self.client.publisher().unconfirmed(),
            "stats": protocol::stats(&self.client.stats()),
        })
    }
}
