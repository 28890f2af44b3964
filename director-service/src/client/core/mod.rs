//! Decides everything a client does: the core, without clock, sockets, chain or tasks.
//!
//! [`Core::handle`] takes an [`Input`] and appends [`Output`]s. Whoever owns the core does what they say,
//! in their order. Nothing here blocks, sleeps or fails.
//!
//! ```text
//!  Finalized ─► who is registered, who is a director ─► Allow
//!  Up, Down  ─► links: primary, standby, who is next ─► Dial, Disconnect, Flush
//!  Tick      ─► places: who is better, who drains    ─► Send (Attach), Tell (Moved)
//!            ─► watch: who is silent, who relays not ─► Disconnect
//!  Control   ─► admission: are we let in?            ─► Prove, Send
//!            ─► repair: what is missing, who has it? ─► Send (Attach, Fetch)
//!  Frames    ─► inbox: once each, rightly signed     ─► Deliver, Tell (Gap, Withheld)
//! ```

pub(in crate::client) mod admission;
mod input;
mod links;
mod output;
mod places;
mod repair;
mod session;
mod watch;

pub use input::{Input, Proven};
pub use output::Output;

use super::{
    Config, Directors, Event, Stats, Strategy,
    connect::{Choice, candidates_on_chain, fixed_candidates},
    inbox::{Accepted, Dropped, Inbox, Kept},
    outbox::Outbox,
    signer::Keys,
};
use crate::{
    network::Frame,
    repair::{Claims, Millis, Planner, Sequence, Settings},
};
use director_primitives::{
    Answer, Control, PublicKey, Snapshot, Welcome, runtime_api::ValidatorStatus,
};
use links::Links;
use repair::Patience;
use session::Slot;
use std::{
    collections::{BTreeMap, VecDeque},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};
use watch::Relayed;

/// The core of a client. See the [module](self).
pub struct Core<K> {
    pub(super) config: Config,
    pub(super) keys: K,
    outbox: Arc<Mutex<Outbox<K>>>,
    inbox: Inbox<K>,
    pub(super) planner: Planner,
    /// What directors had when their last connection ended.
    told: BTreeMap<PublicKey, Claims>,
    pub(super) choice: Choice,
    pub(super) links: Links,
    pub(super) snapshot: Option<Arc<Snapshot>>,
    on_chain: bool,
    /// Since which block the chain has us authorized, as far as was seen, and when that was.
    authorized_since: Option<(u64, Millis)>,
    /// The wall clock at the core's moment 0.
    unix_ms_at_start: u64,
    chance: Chance,
    ticked_at: Millis,
    /// Which messages came from the standby that the primary should have sent, and has not sent since; and when.
    withheld: VecDeque<(Millis, (Sequence, u64))>,
    /// How often in a row our own messages of each class were sent again, and no more of them came to a second director.
    sent_in_vain: [u32; 4],
    /// When a primary was left last because it did not do what it should, and how long the next one then is not left for a standby that
    /// is blamed itself.
    left: Option<(Millis, Millis)>,
    relayed: Relayed,
    patience: Patience,
    /// When it was last looked whether something is stuck, and when another standby was taken for it.
    looked_stuck_at: Option<Millis>,
    unstuck_at: Option<Millis>,
    attempts: u64,
    dropped: [u64; Dropped::COUNT],
    stats: Stats,
}

/// A generator for jitter: SplitMix64.
#[derive(Debug)]
struct Chance(u64);

impl Chance {
    /// A number in 0..1.
    fn next(&mut self) -> f64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((mixed ^ (mixed >> 31)) >> 11) as f64 / (1_u64 << 53) as f64
    }
}

impl<K: Keys> Core<K> {
    /// A core that signs with these keys and publishes what is in the outbox. `unix_ms` is the wall clock at
    /// its moment 0; `seed` decides about its jitter.
    pub fn new(
        config: Config,
        keys: K,
        outbox: Arc<Mutex<Outbox<K>>>,
        unix_ms: u64,
        seed: u64,
    ) -> Self {
        let (candidates, on_chain, strategy) = match &config.directors {
            Directors::Fixed(list) => (fixed_candidates(list.clone()), false, Strategy::Pinned),
            // Nobody is known, and nobody dialed, before the first finalized block is.
            Directors::OnChain => (Vec::new(), true, Strategy::Rendezvous),
        };
        let strategy = config.strategy.unwrap_or(strategy);
        let (base_ms, max_ms) = (config.redial_base_ms, config.redial_max_ms);
        let mut choice = Choice::new(strategy, keys.key(), base_ms, max_ms);
        choice.update(candidates);
        let strict = config.strict;
        let mut inbox = Inbox::new(config.genesis_hash, keys.clone(), strict, config.held_bytes);
        if !config.check_signatures {
            inbox.trust();
        }
        Self {
            planner: Planner::new(Settings::default()),
            told: BTreeMap::new(),
            config,
            keys,
            outbox,
            inbox,
            choice,
            links: Links::default(),
            snapshot: None,
            on_chain,
            authorized_since: None,
            unix_ms_at_start: unix_ms,
            chance: Chance(seed),
            ticked_at: 0,
            withheld: VecDeque::new(),
            sent_in_vain: [0; 4],
            left: None,
            relayed: Relayed::default(),
            patience: Patience::default(),
            looked_stuck_at: None,
            unstuck_at: None,
            attempts: 0,
            dropped: [0; Dropped::COUNT],
            stats: Stats::default(),
        }
    }

    /// Takes one input and appends what is to be done about it, in order.
    pub fn handle(&mut self, now: Millis, input: Input, out: &mut Vec<Output>) {
        match input {
            Input::Finalized(snapshot) => self.finalized(now, snapshot, out),
            Input::Retracted(snapshot) => self.retracted(now, snapshot, out),
            Input::Up { director } => self.up(now, director, out),
            Input::Down { director, reason } => self.down(now, &director, reason, out),
            Input::DialFailed { director, error } => self.dial_failed(now, director, error, out),
            Input::Arrived(directors) => {
                for director in directors {
                    self.links.heard(now, &director);
                }
            }
            Input::Frames(frames) => self.frames(now, frames, out),
            Input::Control { from, message } => self.control(now, from, message, out),
            Input::Proven(proven) => self.proven(now, proven, out),
            Input::Tick => self.tick(now, out),
        }
    }

    /// What came and was dropped since the start. What was published, the outbox knows.
    pub fn stats(&self) -> Stats {
        self.stats.with_dropped(&self.dropped)
    }

    /// The director that sends everything and takes our messages, if there is one.
    pub fn primary(&self) -> Option<PublicKey> {
        self.links.primary().filter(|key| self.links.is_authorized(key))
    }

    /// The second director, if it has said what it has.
    pub fn standby(&self) -> Option<PublicKey> {
        self.links.standby().filter(|key| self.links.is_level(key))
    }

    /// Sequences of which something is missing.
    pub fn behind(&self) -> usize {
        self.planner.behind()
    }

    /// What is kept of messages.
    pub fn kept(&self) -> Kept {
        Kept { outbox_bytes: self.outbox().bytes(), ..self.inbox.kept() }
    }

    /// When it is worth a [`Input::Tick`] before its turn: what is missing may be asked for then.
    pub fn due(&self) -> Option<Millis> {
        self.planner.due()
    }

    fn outbox(&self) -> MutexGuard<'_, Outbox<K>> {
        self.outbox.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn unix_ms(&self, now: Millis) -> u64 {
        self.unix_ms_at_start.saturating_add(now)
    }

    fn finalized(&mut self, now: Millis, snapshot: Arc<Snapshot>, out: &mut Vec<Output>) {
        if self.snapshot.as_ref().is_some_and(|known| known.number > snapshot.number) {
            // An older view, perhaps of another node: who is gone would be new again, and all that it ever said too.
            return;
        }
        let ended = self.inbox.keep(&snapshot);
        self.accepted(now, ended, out);
        self.believe(now, snapshot, out);
    }

    /// Whatever waits for a block must not wait for one that never was. Who is not registered in this one may be again in the
    /// next: what came of them must not come twice.
    fn retracted(&mut self, now: Millis, snapshot: Arc<Snapshot>, out: &mut Vec<Output>) {
        self.links.turn_back(snapshot.number);
        self.authorized_since = None;
        self.snapshot = None;
        self.believe(now, snapshot, out);
    }

    /// From here on this is the state of the chain.
    fn believe(&mut self, now: Millis, snapshot: Arc<Snapshot>, out: &mut Vec<Output>) {
        let is_first = self.snapshot.is_none();
        self.told.retain(|director, claims| {
            claims.retain(|origin| snapshot.validator_by_peer_key(origin).is_some());
            self.choice.is_known(director)
        });
        self.planner.retain(|origin| snapshot.validator_by_peer_key(origin).is_some());
        let is_another = self.on_chain && self.choice.update(candidates_on_chain(&snapshot));
        if is_another || is_first {
            out.push(Output::Allow(self.choice.keys().collect()));
            if self.choice.len() == 0 {
                tracing::warn!(
                    block = snapshot.number,
                    "the chain has no active director with a public address; waiting for one"
                );
            }
        }
        self.be_patient(&snapshot);
        let own = snapshot.validator_by_peer_key(&self.keys.key());
        let is_in = own.is_some_and(|own| {
            own.account == self.config.account && own.status == ValidatorStatus::Authorized
        });
        let since = self.authorized_since.unwrap_or((snapshot.number, now));
        self.authorized_since = is_in.then_some(since);
        self.snapshot = Some(snapshot);
        self.links.forget_refusals(|director| self.choice.is_known(director));
        self.lose_patience(now, out);
        self.ask(out);
        self.connect(now, out);
    }

    fn control(&mut self, now: Millis, from: PublicKey, message: Control, out: &mut Vec<Output>) {
        let Some(session) = self.links.session_mut(&from) else { return };
        session.heard_at = now;
        match message {
            Control::Welcome(welcome) => self.welcome(now, from, welcome, out),
            Control::AuthorizationAnswer(answer) => self.answer(now, from, answer, out),
            Control::Redirect(redirect) => {
                self.redirected(now, from, redirect.directors.into_inner(), out);
            }
            Control::Move(_) => self.asked_to_move(now, from, out),
            Control::Heartbeat(signed) => self.heartbeat(now, from, &signed.heartbeat, out),
            Control::Vector(vector) => self.vector(now, from, vector, out),
            Control::Fetched(fetched) => {
                self.planner.fetched(now, &from, &fetched);
                self.plan(now, out);
            }
            // The rest is not for us.
            _ => {}
        }
    }

    fn welcome(&mut self, now: Millis, from: PublicKey, welcome: Welcome, out: &mut Vec<Output>) {
        if !self.outbox().settle(welcome.last_epoch) {
            tracing::error!(
                "another process publishes with this validator's peer key; stop one of the two"
            );
        }
        let Some(session) = self.links.session_mut(&from) else { return };
        session.welcomed = true;
        if welcome.authorized {
            return self.authorized(now, from, out);
        }
        if session.authorized {
            self.shut_out(now, &from, Answer::NotEligible, out);
        }
        self.ask(out);
    }

    fn block(&self) -> u64 {
        self.snapshot.as_ref().map_or(0, |snapshot| snapshot.number)
    }

    /// A director takes our messages.
    fn authorized(&mut self, now: Millis, from: PublicKey, out: &mut Vec<Output>) {
        let Some(session) = self.links.session_mut(&from) else { return };
        if std::mem::replace(&mut session.authorized, true) {
            return;
        }
        let slot = session.slot;
        self.choice.succeeded(&from);
        match slot {
            Slot::Primary => self.take_up(now, from, out),
            Slot::Standby | Slot::Probe => self.attach(now, from, false, out),
        }
        self.connect(now, out);
    }

    fn frames(&mut self, now: Millis, frames: Vec<(PublicKey, Frame)>, out: &mut Vec<Output>) {
        // Connections are made when there is a snapshot.
        let Some(snapshot) = self.snapshot.clone() else { return };
        let mut heard = None;
        for (from, frame) in frames {
            if heard != Some(from) {
                heard = Some(from);
                self.links.heard(now, &from);
            }
            match self.inbox.accept(&snapshot, &frame) {
                Ok(accepted) => {
                    self.notice_withholding(now, &from, &accepted, out);
                    if let Some(place) = accepted.place {
                        self.mind_relaying(now, &from, place, out);
                    }
                    self.accepted(now, accepted, out);
                }
                Err(reason) => {
                    self.dropped[reason as usize] += 1;
                    if reason == Dropped::Duplicate {
                        self.mind_repeat(now, &from);
                        self.came_late(now, &from, &frame);
                    }
                    if reason == Dropped::Forged {
                        self.mind_forgery(now, &from, out);
                    }
                }
            }
        }
    }

    fn accepted(&mut self, now: Millis, accepted: Accepted, out: &mut Vec<Output>) {
        if let Some(sequence) = accepted.hole {
            self.planner.hole(now, sequence, &self.inbox);
        }
        self.dropped[Dropped::Undecompressible as usize] += accepted.undecompressible;
        for lost in accepted.lost {
            self.stats.gaps += 1;
            out.push(Output::Tell(Event::Gap(lost)));
        }
        self.stats.delivered += accepted.ready.len() as u64;
        out.extend(accepted.ready.into_iter().map(Output::Deliver));
    }

    fn tick(&mut self, now: Millis, out: &mut Vec<Output>) {
        let since = now.saturating_sub(self.ticked_at);
        if since > self.config.silence_ms / 2 {
            // It is us who were away: nobody else is to blame for the silence.
            self.links.forgive(since);
        }
        self.ticked_at = now;
        self.mind_silence(now, out);
        self.mind_answers(now, out);
        self.plan(now, out);
        self.mind_outbox(now, out);
        self.mind_stuck(now, out);
        self.settle(now, out);
        self.connect(now, out);
    }
}
