//! Speaks a validator's protocol by hand, to directors that may not listen: what `client` never
//! sends, and everything that comes.
//!
//! A connection keeps the order of what is urgent: once a director has answered ([`Probe::fence`]),
//! whatever it sent before has come, and whatever was sent to it before was looked at.

#[cfg(target_os = "linux")]
mod by_hand;

use crate::keys::Identity;
use anyhow::{Context, bail, ensure};
use codec::Encode;
use director_primitives::{
    Answer, Application, AuthorizationRequest, Control, Encoding, Envelope, H256, PayloadKind,
    Priority, PublicKey, SignedAuthorizationRequest, SignedEnvelope, StakeProof, Welcome,
};
use director_service::{
    chain::{Head, Node},
    network::{self, Config, Event, Events, Handle, Payload, Sent, Side},
};
use std::{
    collections::VecDeque,
    time::{SystemTime, UNIX_EPOCH},
};

/// A registration that there never is.
const NO_REGISTRATION: u64 = u64::MAX;

/// Somebody who connects to directors with the peer key of an identity.
pub struct Probe {
    /// Whose key it uses.
    pub identity: Identity,
    /// Epoch of its envelopes.
    pub epoch: u64,
    /// Every envelope that came, from whichever director.
    pub received: Vec<SignedEnvelope>,
    /// Control messages that nobody asked for yet, with the director's key.
    pub told: VecDeque<(PublicKey, Control)>,
    genesis_hash: H256,
    handle: Handle,
    events: Events,
    /// Directors that it may be connected to.
    known: Vec<PublicKey>,
}

impl Probe {
    /// A probe without a connection.
    ///
    /// # Errors
    ///
    /// If the network does not start.
    pub async fn start(identity: Identity, genesis_hash: H256) -> anyhow::Result<Self> {
        let config = Config::new(Side::Client, identity.peer_secret(), genesis_hash);
        let (handle, events) = network::start(config).await?;
        let (received, told, known) = Default::default();
        // As everybody else does; a lower one would be dropped for its age, whatever it says.
        let epoch = now_ms()?;
        Ok(Self { identity, epoch, received, told, genesis_hash, handle, events, known })
    }

    /// Knocks once at a port of this machine where a director with `key` listens: why it was turned
    /// away, or `None` if it was let in.
    ///
    /// # Errors
    ///
    /// If the swarm ends.
    pub async fn knock(&mut self, key: PublicKey, port: u16) -> anyhow::Result<Option<String>> {
        self.know(key);
        self.handle.dial(key, vec![address(port)?]);
        loop {
            match self.next().await? {
                Event::Up { peer } if peer == key => return Ok(None),
                Event::DialFailed { peer, error } if peer == key => return Ok(Some(error)),
                _ => {}
            }
        }
    }

    /// Knocks until it is let in and the director has said where the probe stands. The director may
    /// be a block behind, and come back after a while.
    ///
    /// # Errors
    ///
    /// If the swarm ends.
    pub async fn enter(&mut self, key: PublicKey, port: u16) -> anyhow::Result<Welcome> {
        self.know(key);
        self.handle.maintain(key, vec![address(port)?]);
        while !self.handle.is_connected(&key) {
            self.next().await?;
        }
        self.welcome(key).await
    }

    /// The director's next word about where the probe stands.
    ///
    /// # Errors
    ///
    /// If the swarm ends.
    pub async fn welcome(&mut self, director: PublicKey) -> anyhow::Result<Welcome> {
        self.control(director, |control| match control {
            Control::Welcome(welcome) => Some(welcome.clone()),
            _ => None,
        })
        .await
    }

    /// Waits until it is connected again to a director that was away, and knows that it may speak.
    ///
    /// # Errors
    ///
    /// If the swarm ends.
    pub async fn comes_back(&mut self, director: PublicKey) -> anyhow::Result<()> {
        // The first welcome may be of the time before.
        while !(self.welcome(director).await?.authorized && self.is_connected(&director)) {}
        Ok(())
    }

    /// Asks to be authorized, with a stake proof of the newest finalized block; the answer. A director that has not
    /// heard of that block yet is asked again upon the next one, as a client does.
    ///
    /// # Errors
    ///
    /// If the chain does not know the probe, the node does not answer, or the swarm ends.
    pub async fn ask(&mut self, director: PublicKey, node: &Node) -> anyhow::Result<Answer> {
        let mut finalized = node.finalized();
        loop {
            finalized.mark_unchanged();
            match self.ask_once(director, node).await? {
                Answer::Stale => finalized.changed().await?,
                answer => return Ok(answer),
            }
        }
    }

    async fn ask_once(&mut self, director: PublicKey, node: &Node) -> anyhow::Result<Answer> {
        let snapshot = node.ready().await?;
        let own = snapshot.validator_by_peer_key(&self.identity.peer_key());
        let registration_id = own.context("the chain does not know the probe")?.registration_id;
        let at = Head { number: snapshot.number, hash: snapshot.hash };
        let stake_proof = node.stake_proof(&self.identity.id(), at).await?;
        self.apply(director, self.application(registration_id, at, stake_proof)?).await
    }

    /// Asks with whatever application this is; the answer.
    ///
    /// # Errors
    ///
    /// If there is no connection, or the swarm ends.
    pub async fn apply(
        &mut self,
        director: PublicKey,
        application: Application,
    ) -> anyhow::Result<Answer> {
        self.put(director, Payload::control(&Control::AuthorizationRequest(application)))?;
        self.control(director, |control| match control {
            Control::AuthorizationAnswer(answer) => Some(*answer),
            _ => None,
        })
        .await
    }

    /// An application of now, rightly signed.
    ///
    /// # Errors
    ///
    /// If this machine's clock is before 1970.
    pub fn application(
        &self,
        registration_id: u64,
        at: Head,
        stake_proof: StakeProof,
    ) -> anyhow::Result<Application> {
        let request = AuthorizationRequest {
            validator: self.identity.id(),
            registration_id,
            block_number: at.number,
            block_hash: at.hash,
            timestamp_ms: now_ms()?,
        };
        let signature = self.identity.sign_as_peer_key(&self.genesis_hash, &request);
        let request = SignedAuthorizationRequest { request, signature };
        Ok(Application { request, stake_proof })
    }

    /// Returns when everything that the director had sent before, and everything that was sent to
    /// it before, is where it goes: asks for what cannot be, and waits for the refusal.
    ///
    /// # Errors
    ///
    /// If the swarm ends, or the director grants it.
    pub async fn fence(&mut self, director: PublicKey) -> anyhow::Result<()> {
        let genesis = Head { number: 0, hash: self.genesis_hash };
        let impossible = self.application(NO_REGISTRATION, genesis, StakeProof::default())?;
        let answer = self.apply(director, impossible).await?;
        ensure!(answer == Answer::NotRegistered, "an impossible request is answered {answer:?}");
        Ok(())
    }

    /// An envelope with this place in the sequence, rightly signed.
    pub fn envelope(&self, seq: u64, kind: PayloadKind, payload: Vec<u8>) -> SignedEnvelope {
        let (epoch, class, encoding) = (self.epoch, Priority::Critical, Encoding::Identity);
        let origin = self.identity.peer_key();
        sign(
            &self.identity,
            &self.genesis_hash,
            Envelope { origin, epoch, class, seq, kind, encoding, payload },
        )
    }

    /// Sends an envelope, whatever it is.
    ///
    /// # Errors
    ///
    /// If there is no connection.
    pub fn send(&self, director: PublicKey, envelope: &SignedEnvelope) -> anyhow::Result<()> {
        self.put(director, Payload::Envelope(envelope.encode().into()))
    }

    /// Takes in what comes until `enough`.
    ///
    /// # Errors
    ///
    /// If the swarm ends.
    pub async fn receive_until(
        &mut self,
        mut enough: impl FnMut(&[SignedEnvelope]) -> bool,
    ) -> anyhow::Result<()> {
        while !enough(&self.received) {
            self.next().await?;
        }
        Ok(())
    }

    /// Closes its connections.
    pub async fn shutdown(self) {
        self.handle.shutdown().await;
    }

    fn know(&mut self, director: PublicKey) {
        self.known.push(director);
        self.handle.allow(self.known.iter().copied());
    }

    fn put(&self, director: PublicKey, payload: Payload) -> anyhow::Result<()> {
        let sent = self.handle.send(&director, Priority::Critical, payload);
        ensure!(sent == Sent::Queued, "cannot send: {sent:?}");
        Ok(())
    }

    /// The first control message of a director that `wanted` wants, of those that came or are yet to
    /// come.
    async fn control<T>(
        &mut self,
        director: PublicKey,
        wanted: impl Fn(&Control) -> Option<T>,
    ) -> anyhow::Result<T> {
        loop {
            let mut told = self.told.iter().enumerate();
            let found = told.find_map(|(at, (from, control))| {
                wanted(control).filter(|_| *from == director).map(|found| (at, found))
            });
            if let Some((at, found)) = found {
                self.told.remove(at);
                return Ok(found);
            }
            self.next().await?;
        }
    }

    /// The next event, after taking in what it brings.
    async fn next(&mut self) -> anyhow::Result<Event> {
        let Some(event) = self.events.recv().await else {
            bail!("the probe's network has ended");
        };
        match &event {
            Event::Frames(frames) => {
                for (_, frame) in frames {
                    let envelope = SignedEnvelope::from_bytes(frame);
                    self.received.push(envelope.map_err(|error| {
                        anyhow::anyhow!("a director sent what is no envelope: {error:?}")
                    })?);
                }
            }
            Event::Control(from, control) => self.told.push_back((*from, control.clone())),
            Event::Up { .. } | Event::Down { .. } | Event::DialFailed { .. } => {}
        }
        Ok(event)
    }
}

/// An envelope, signed with this identity's peer key, whoever its origin is.
pub fn sign(identity: &Identity, genesis_hash: &H256, envelope: Envelope) -> SignedEnvelope {
    let signature = identity.sign_as_peer_key(genesis_hash, &envelope);
    SignedEnvelope { envelope, signature }
}

fn now_ms() -> anyhow::Result<u64> {
    Ok(SystemTime::now().duration_since(UNIX_EPOCH)?.as_millis() as u64)
}

fn address(port: u16) -> anyhow::Result<network::Multiaddr> {
    Ok(format!("/ip4/127.0.0.1/tcp/{port}").parse()?)
}
