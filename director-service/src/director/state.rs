//! Ties the parts of the core together.

use super::{
    Config, Crypto, Input, Link, Millis, Output, Refusal, Stats, ValidatorVote,
    authorization::{Asked, Requests},
    ballots::Ballots,
    catch_up::CatchUp,
    certificates::Certificates,
    conduct::Conduct,
    detector::Detector,
    drain::Drain,
    evidence::Evidence,
    heartbeats::{Heartbeats, Load},
    log::Log,
    members::{Members, Seat},
    parked::Parked,
    rates::Senders,
    relay::Recalls,
    repair::{Budgets, Wanted},
    revocation::Outlaws,
    seen::Seen,
    vectors::Vectors,
    window::Windows,
};
use crate::repair::Planner;
use director_primitives::{CheckpointNumber, Control, PublicKey, Snapshot};
use std::sync::Arc;

/// The core of a director. See the [module](super) for what it does.
///
/// Its methods are spread over the rooms of this module: `relay`, `evidence`, `authorization`, `ballots`,
/// `heartbeats`, `roles`, `repair`, `vectors`, `catch_up`, `drain`.
pub struct Director<C> {
    pub(super) config: Config,
    pub(super) crypto: C,
    pub(super) stats: Stats,
    /// Latest finalized block; `None` until the first.
    pub(super) snapshot: Option<Arc<Snapshot>>,
    pub(super) members: Members,
    pub(super) seen: Seen,
    pub(super) windows: Windows,
    pub(super) senders: Senders,
    pub(super) parked: Parked,
    pub(super) detector: Detector,
    pub(super) certificates: Certificates,
    pub(super) recalls: Recalls,
    pub(super) evidence: Evidence,
    pub(super) requests: Requests,
    pub(super) ballots: Ballots,
    pub(super) outlaws: Outlaws,
    pub(super) conduct: Conduct,
    pub(super) heartbeats: Heartbeats,
    pub(super) load: Load,
    pub(super) log: Log,
    pub(super) vectors: Vectors,
    pub(super) planner: Planner,
    pub(super) budgets: Budgets,
    pub(super) catch_up: CatchUp,
    pub(super) drain: Option<Drain>,
}

impl<C: Crypto> Director<C> {
    /// A core that knows the votes in `history`: all that are on disk.
    pub fn new(config: Config, crypto: C, history: Vec<ValidatorVote>) -> Self {
        Self::resume(config, crypto, history, 0)
    }

    /// A core that knows the newest votes on disk: all for checkpoints from `complete_from` on. It
    /// asks for older ones ([`Output::Recall`]), however near to the finalized checkpoint they are.
    pub fn resume(
        config: Config,
        crypto: C,
        history: Vec<ValidatorVote>,
        complete_from: CheckpointNumber,
    ) -> Self {
        let detector = Detector::new(&config, history, complete_from);
        Self {
            stats: Stats::default(),
            snapshot: None,
            members: Members::new(config.peer_key),
            seen: Seen::new(config.seen_capacity),
            windows: Windows::new(config.max_epoch_jump),
            senders: Senders::new(&config.rates),
            parked: Parked::default(),
            certificates: Certificates::new(&detector),
            detector,
            recalls: Recalls::default(),
            evidence: Evidence::default(),
            requests: Requests::default(),
            ballots: Ballots::default(),
            outlaws: Outlaws::default(),
            conduct: Conduct::new(config.conduct),
            heartbeats: Heartbeats::default(),
            load: Load::default(),
            log: Log::new(config.log_bytes, config.log_ms),
            vectors: Vectors::default(),
            planner: Planner::new(config.repair),
            budgets: Budgets::new(&config),
            catch_up: CatchUp::default(),
            drain: None,
            config,
            crypto,
        }
    }

    /// Takes one input and appends what is to be done about it, in order.
    ///
    /// `now` must not go backwards; if it does, what waits waits longer.
    pub fn handle(&mut self, now: Millis, input: Input, out: &mut Vec<Output>) {
        match input {
            Input::Finalized(snapshot) => self.finalized(now, snapshot, out),
            Input::Up { peer, link } => self.up(now, peer, link, out),
            Input::Down { peer, link } => {
                self.members.down(self.snapshot.as_deref(), &peer, link);
                self.sync_peers(out);
            }
            Input::Frames(batch) => self.frames(now, batch, true, out),
            Input::Control { from, link, message } => self.control(now, from, link, message, out),
            Input::Recalled { vote, first } => self.recalled(now, vote, first, out),
            Input::StakeChecked { request, result } => {
                if let Some(snapshot) = self.snapshot.clone() {
                    self.stake_checked(now, &snapshot, &request, result, out);
                }
            }
            Input::Revoke { validator } => {
                let outcome = self.revoke_for_operator(now, &validator, out);
                out.push(Output::Revoked { validator, outcome });
            }
            Input::Drain => self.begin_drain(now, out),
            Input::Tick => self.tick(now, out),
        }
        self.stats.mesh_connections = self.members.directors();
        (self.stats.standby_connections, self.stats.public_connections) = self.members.visitors();
    }

    fn tick(&mut self, now: Millis, out: &mut Vec<Output>) {
        self.log.expire(now);
        self.expire_parked(now, out);
        self.settle_guests(now, out);
        self.beat(now, out);
        self.repair(now, out);
        self.look_ready(now);
        self.tell_waiting(now, out);
        self.look_for_certificates(now);
        self.go_on_draining(now, out);
        self.stats.log_frames = self.log.frames() as u64;
        self.stats.log_bytes = self.log.bytes() as u64;
        self.stats.log_oldest_ms = self.log.oldest_ms(now);
        self.stats.behind = self.planner.behind() as u64;
    }

    /// Says what its owner measures: how busy the machine's processors are with it, in thousandths, and how
    /// many bytes a second it could still write. Heartbeats tell it to others.
    pub fn set_load(&mut self, cpu_permille: u16, bandwidth_bytes_per_s: u64) {
        self.load = Load { cpu_permille, bandwidth_bytes_per_s };
    }

    /// Sets the wall clock, which may be corrected at any time: `unix_ms` since the Unix epoch at the core's
    /// moment `now`.
    pub fn set_clock(&mut self, now: Millis, unix_ms: u64) {
        self.config.unix_ms_at_start = unix_ms.saturating_sub(now);
    }

    /// What the core did so far.
    pub fn stats(&self) -> &Stats {
        &self.stats
    }

    fn finalized(&mut self, now: Millis, snapshot: Arc<Snapshot>, out: &mut Vec<Output>) {
        if self.snapshot.as_ref().is_some_and(|known| known.number > snapshot.number) {
            return;
        }
        let before = self.snapshot.replace(snapshot.clone());
        self.stats.finalized = snapshot.number;
        self.stats.authorized = snapshot.authorized_count().into();
        self.forget_origins(&snapshot);
        self.senders.retain(&snapshot);
        let checkpoint = snapshot.number / snapshot.domain.checkpoint_interval.max(1);
        if let Some(below) = self.detector.advance(&self.config, checkpoint) {
            out.push(Output::Forget { below });
        }
        self.stats.votes_in_memory = self.detector.len() as u64;
        self.conduct.retain(&snapshot);
        self.heartbeats.finalized(&snapshot);
        self.evidence.finalized(&snapshot);
        self.requests.finalized(&snapshot);
        self.ballots_finalized(now, &snapshot, out);
        self.early_proofs(now, &snapshot, out);
        self.follow_members(&snapshot, out);
        self.sync_peers(out);
        self.want_newcomers(now, before.as_deref(), &snapshot);
        self.look_ready(now);
        let ready = self.parked.take_ready(&snapshot);
        self.frames(now, ready, false, out);
        self.expire_parked(now, out);
    }

    /// Drops what is kept about origins that are not registered any more.
    fn forget_origins(&mut self, snapshot: &Snapshot) {
        let is_registered = |origin: &PublicKey| snapshot.validator_by_peer_key(origin).is_some();
        self.windows.retain(is_registered);
        self.log.retain(is_registered);
        self.vectors.retain(is_registered);
        self.planner.retain(is_registered);
        self.budgets.retain(snapshot);
    }

    /// Looks what others have of those that may speak from this block on.
    fn want_newcomers(&mut self, now: Millis, before: Option<&Snapshot>, snapshot: &Snapshot) {
        let wanted = Wanted { windows: &self.windows, snapshot };
        for validator in snapshot.validators() {
            let origin = &validator.peer_key;
            let could_speak = before.is_some_and(|before| before.is_authorized(origin));
            if !could_speak && snapshot.is_authorized(origin) {
                self.planner.wanted(now, origin, &wanted);
            }
        }
    }

    /// Brings connections in line with the finalized block and with what directors decided since.
    pub(super) fn follow_members(&mut self, snapshot: &Snapshot, out: &mut Vec<Output>) {
        let windows = &self.windows;
        let last_epoch = |peer: &PublicKey| windows.last_epoch(peer);
        self.members.follow(snapshot, &self.outlaws, last_epoch, out);
    }

    fn up(&mut self, now: Millis, peer: PublicKey, link: Link, out: &mut Vec<Output>) {
        let seat = match link {
            Link::Public => self.seat_of_newcomer(now, &peer),
            Link::Mesh => Seat::Primary,
        };
        if link == Link::Mesh {
            self.heartbeats.forget(&peer);
            self.planner.lost(&peer);
        }
        let windows = &self.windows;
        let last_epoch = |peer: &PublicKey| windows.last_epoch(peer);
        let snapshot = self.snapshot.as_deref();
        let place = (link, seat);
        let told_nothing = self.members.up(snapshot, &self.outlaws, peer, place, last_epoch, out);
        if told_nothing && link == Link::Mesh {
            self.evidence.tell(&peer, out);
            self.ballots.tell(&peer, &self.config.account, out);
        }
        self.sync_peers(out);
    }

    fn control(
        &mut self,
        now: Millis,
        from: PublicKey,
        link: Link,
        message: Control,
        out: &mut Vec<Output>,
    ) {
        let Some(snapshot) = self.snapshot.clone() else {
            return self.refuse(Refusal::NotReady);
        };
        if link == Link::Mesh && snapshot.director_by_peer_key(&from).is_none() {
            return self.refuse(Refusal::NotADirector);
        }
        // Votes and proofs are counted where they are checked.
        let is_costly = matches!(message, Control::AuthorizationRequest(_) | Control::Heartbeat(_));
        if link == Link::Mesh && is_costly && !self.ballots.may_tell(&from, now) {
            return self.refuse(Refusal::RateLimited);
        }
        match (message, link) {
            (Control::AuthorizationRequest(application), _) => {
                // Who wants to be let in wants a seat.
                if link == Link::Public && !self.seat_primary(now, &snapshot, &from, out) {
                    return;
                }
                self.request(now, &snapshot, Asked { from, link, application }, out);
            }
            (Control::DirectorVote(vote), Link::Mesh) => {
                self.director_vote(now, &snapshot, from, vote, out);
            }
            (Control::Evidence(proof), Link::Mesh) => {
                self.evidence_of_peer(now, &snapshot, from, proof, out);
            }
            (Control::Heartbeat(heartbeat), Link::Mesh) => {
                self.heartbeat(now, &snapshot, from, &heartbeat, out);
            }
            (Control::Vector(vector), Link::Mesh) => {
                self.heard_vector(now, &snapshot, from, &vector.entries, vector.complete);
            }
            (Control::Fetched(fetched), Link::Mesh) => self.fetched(now, from, &fetched, out),
            (Control::Attach(attach), Link::Public) => {
                self.attach(now, &snapshot, from, &attach, out);
            }
            (Control::Fetch(fetch), _) => self.fetch(now, &snapshot, (from, link), &fetch, out),
            (Control::VectorRequest, _) => {
                self.vector_request(now, &snapshot, (from, link), out);
            }
            _ => self.refuse(Refusal::UnexpectedControl),
        }
    }

    pub(super) fn refuse(&mut self, reason: Refusal) {
        self.stats.refused.add(reason);
    }

    /// Sends a message to all connected directors but `except`.
    pub(super) fn tell_mesh(
        &self,
        except: Option<&PublicKey>,
        message: &Control,
        out: &mut Vec<Output>,
    ) {
        for peer in self.members.mesh().iter().filter(|peer| Some(*peer) != except) {
            out.push(Output::Send { to: *peer, link: Link::Mesh, message: message.clone() });
        }
    }
}
