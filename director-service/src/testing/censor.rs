//! Keeps one validator's messages from some others, and says that it has passed them on.
//!
//! The honest core between two real networks, under the keys of a director that the chain has: what its
//! heartbeats and vectors claim, and what it answers, is what a director would say that has relayed everything.
//! Only what leaves it passes through its [`Censorship`].
//!
//! It is a shell of its own, and not the service with a filter: a director that people run must have no place
//! where somebody could hang one in. What a censor has no use for is not here: no disk, no reports, no page,
//! no node to ask; it admits nobody.

use crate::{
    client::{LocalKey, Signer},
    director::{Config, Crypto, Director, Frame, Input, Link, Output, Received},
    network::{self, Event, Events, Handle, Multiaddr, NetworkError, Payload, Side},
};
use director_primitives::{
    AccountId32, H256, Priority, PublicKey, Signature, SignedEnvelope, Snapshot, StakeRefusal,
    runtime_api::{DirectorInfo, EndpointScope},
};
use std::{
    collections::VecDeque,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};
use tokio::{
    sync::watch,
    task::JoinSet,
    time::{MissedTickBehavior, interval},
};

/// How often the core is told that time went by: as often as an honest director's.
const TICK: Duration = Duration::from_millis(50);

/// What the chain says, block by block.
type Finalized = watch::Receiver<Option<Arc<Snapshot>>>;

/// What is kept from whom.
#[derive(Clone, Debug)]
pub struct Censorship {
    /// Peer key of the validator whose messages they are.
    pub origin: PublicKey,
    /// Peer keys of those who do not get them.
    pub receivers: Vec<PublicKey>,
    /// Whether they get them if they ask. Then they lose time, and no message.
    pub answers: bool,
}

/// A director that censors. It ends when this is dropped.
pub struct Censor {
    mesh: Handle,
    public: Handle,
    censorship: watch::Sender<Option<Censorship>>,
    withheld: Arc<AtomicU64>,
    /// The shell, which must not outlive this.
    tasks: JoinSet<()>,
}

impl Censor {
    /// Starts a director with this account and the peer key with this seed, on free ports of loopback. It is
    /// an honest one until it is told to [`Self::censor`].
    ///
    /// # Errors
    ///
    /// If a network does not start.
    pub async fn start(
        account: AccountId32,
        secret: [u8; 32],
        genesis_hash: H256,
        finalized: Finalized,
    ) -> Result<Self, NetworkError> {
        let (mesh, mesh_events) = open(Side::Mesh, secret, genesis_hash).await?;
        let (public, public_events) = open(Side::Public, secret, genesis_hash).await?;
        let (censorship, withheld) = (watch::Sender::new(None), Arc::<AtomicU64>::default());
        let key = LocalKey::from_seed(&secret);
        let config = Config { unix_ms_at_start: unix_ms(), ..Config::new(account, key.key()) };
        let shell = Shell {
            core: Director::new(config, SignsAlone(key), Vec::new()),
            mesh: mesh.clone(),
            public: public.clone(),
            censorship: censorship.subscribe(),
            withheld: withheld.clone(),
            started: Instant::now(),
        };
        let mut tasks = JoinSet::new();
        tasks.spawn(shell.run(mesh_events, public_events, finalized));
        Ok(Self { mesh, public, censorship, withheld, tasks })
    }

    /// Where it listens on one of its networks.
    pub fn listening(&self, link: Link) -> Vec<Multiaddr> {
        match link {
            Link::Mesh => self.mesh.listening(),
            Link::Public => self.public.listening(),
        }
    }

    /// Withholds from here on.
    pub fn censor(&self, censorship: Censorship) {
        self.censorship.send_replace(Some(censorship));
    }

    /// How often it should have sent a message and did not.
    pub fn withheld(&self) -> u64 {
        self.withheld.load(Relaxed)
    }

    /// Closes all connections, and returns when they are closed.
    pub async fn shutdown(mut self) {
        tokio::join!(self.mesh.shutdown(), self.public.shutdown());
        // The shell ends with its networks.
        while self.tasks.join_next().await.is_some() {}
    }
}

async fn open(
    side: Side,
    secret: [u8; 32],
    genesis_hash: H256,
) -> Result<(Handle, Events), NetworkError> {
    let mut config = network::Config::new(side, secret, genesis_hash);
    config.listen.extend("/ip4/127.0.0.1/tcp/0".parse());
    network::start(config).await
}

fn unix_ms() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_millis() as u64)
}

/// Feeds the core and does what it says, but for what is censored.
struct Shell {
    core: Director<SignsAlone>,
    mesh: Handle,
    public: Handle,
    censorship: watch::Receiver<Option<Censorship>>,
    withheld: Arc<AtomicU64>,
    started: Instant,
}

impl Shell {
    /// Works until a network or the chain's follower ends.
    async fn run(mut self, mut mesh: Events, mut public: Events, mut finalized: Finalized) {
        let mut ticks = interval(TICK);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        finalized.mark_changed();
        loop {
            let input = tokio::select! {
                event = mesh.recv() => match event {
                    Some(event) => input_of(Link::Mesh, event),
                    None => return,
                },
                event = public.recv() => match event {
                    Some(event) => input_of(Link::Public, event),
                    None => return,
                },
                changed = finalized.changed() => match changed {
                    Ok(()) => finalized.borrow_and_update().clone().map(Input::Finalized),
                    Err(_) => return,
                },
                _ = ticks.tick() => Some(Input::Tick),
            };
            if let Some(input) = input {
                self.handle(input);
            }
        }
    }

    fn handle(&mut self, input: Input) {
        let snapshot = match &input {
            Input::Finalized(snapshot) => Some(snapshot.clone()),
            _ => None,
        };
        let mut inputs = VecDeque::from([input]);
        while let Some(input) = inputs.pop_front() {
            let (now, mut outputs) = (self.started.elapsed().as_millis() as u64, Vec::new());
            self.core.handle(now, input, &mut outputs);
            inputs.extend(outputs.into_iter().filter_map(|output| self.perform(output)));
        }
        // After the core has said whom the mesh lets through.
        for director in snapshot.iter().flat_map(|snapshot| &snapshot.directors.active) {
            self.mesh.maintain(director.peer_key, mesh_addresses(director));
        }
    }

    /// Does what the core wants, and answers it if it wants to know something.
    fn perform(&self, output: Output) -> Option<Input> {
        match output {
            Output::Relay { frame, class, to } => {
                for (link, peer) in to.iter() {
                    self.pass_on(link, peer, class, &frame, false);
                }
            }
            Output::Replay { to, link, frames } => {
                for (class, frame) in &frames {
                    self.pass_on(link, &to, *class, frame, true);
                }
            }
            Output::SendAll { to, link, message } => {
                let (handle, payload) = (self.handle_of(link), Payload::control(&message));
                for peer in to.iter() {
                    handle.send(peer, Priority::Critical, payload.clone());
                }
            }
            Output::Send { to, link, message } => {
                self.handle_of(link).send(&to, Priority::Critical, Payload::control(&message));
            }
            Output::Disconnect { peer, link, .. } => {
                self.handle_of(link).disconnect_after_flush(&peer);
            }
            Output::Allow { mesh, public } => {
                self.mesh.allow(mesh);
                self.public.allow(public);
            }
            // There is no disk on which something could be.
            Output::Recall(vote) => return Some(Input::Recalled { vote, first: None }),
            Output::CheckStake(application) => {
                let (request, result) = (application.request, Err(StakeRefusal::Unavailable));
                return Some(Input::StakeChecked { request, result });
            }
            Output::Remember(_)
            | Output::Replace(_)
            | Output::Forget { .. }
            | Output::Proven(_)
            | Output::Revoked { .. }
            | Output::Drained { .. }
            | Output::SubmitVotes { .. } => {}
        }
        None
    }

    /// Sends a message, unless it is censored. `asked` is whether the receiver has asked for it.
    fn pass_on(&self, link: Link, to: &PublicKey, class: Priority, frame: &Frame, asked: bool) {
        let is_censored = self.censorship.borrow().as_ref().is_some_and(|of| {
            // An envelope begins with its origin.
            frame.starts_with(&of.origin.0) && of.receivers.contains(to) && !(asked && of.answers)
        });
        if is_censored {
            self.withheld.fetch_add(1, Relaxed);
        } else {
            self.handle_of(link).send(to, class, Payload::Envelope(frame.clone()));
        }
    }

    fn handle_of(&self, link: Link) -> &Handle {
        match link {
            Link::Mesh => &self.mesh,
            Link::Public => &self.public,
        }
    }
}

fn input_of(link: Link, event: Event) -> Option<Input> {
    Some(match event {
        Event::Up { peer } => Input::Up { peer, link },
        Event::Down { peer, .. } => Input::Down { peer, link },
        Event::Frames(frames) => Input::Frames(
            frames.into_iter().map(|(from, frame)| Received { from, link, frame }).collect(),
        ),
        Event::Control(from, message) => Input::Control { from, link, message },
        Event::DialFailed { .. } => return None,
    })
}

fn mesh_addresses(director: &DirectorInfo<AccountId32>) -> Vec<Multiaddr> {
    let of_mesh = director.endpoints.iter().filter(|at| at.scope == EndpointScope::Mesh);
    of_mesh.filter_map(|at| std::str::from_utf8(&at.address).ok()?.parse().ok()).collect()
}

/// Checks signatures one by one: nobody measures a censor.
struct SignsAlone(LocalKey);

impl Crypto for SignsAlone {
    fn verify_envelopes(&mut self, genesis_hash: &H256, frames: &[&[u8]]) -> Vec<bool> {
        let is_signed = |frame: &&[u8]| {
            SignedEnvelope::from_bytes(frame).is_ok_and(|of| of.verify(genesis_hash))
        };
        frames.iter().map(is_signed).collect()
    }

    fn sign(&self, bytes: &[u8]) -> Signature {
        self.0.sign(bytes)
    }
}
