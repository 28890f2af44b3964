//! Knows who is connected, who may be, and who receives.

use super::{DisconnectReason, Link, Millis, Output, revocation::Outlaws, survey::Seated};
use director_primitives::{
    Answer, Control, PublicKey, Snapshot, Welcome,
    runtime_api::{ValidatorInfo, ValidatorStatus},
};
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

/// What a peer may do here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Standing {
    /// An active director, on the mesh.
    Director,
    /// An authorized validator: speaks and receives.
    Authorized,
    /// A registered candidate: may ask to be authorized.
    Candidate,
    /// Not here.
    Refused(DisconnectReason),
}

/// What a peer may do at the finalized block.
pub(super) fn standing(
    snapshot: &Snapshot,
    outlaws: &Outlaws,
    own_key: &PublicKey,
    peer: &PublicKey,
    link: Link,
) -> Standing {
    if snapshot.director_by_peer_key(own_key).is_none() {
        return Standing::Refused(DisconnectReason::NoDirectorOurselves);
    }
    match link {
        Link::Mesh if peer != own_key && snapshot.director_by_peer_key(peer).is_some() => {
            Standing::Director
        }
        Link::Mesh => Standing::Refused(DisconnectReason::NotADirector),
        Link::Public => {
            let validator = snapshot.validator_by_peer_key(peer);
            let standing = match validator.map(|validator| validator.status) {
                Some(ValidatorStatus::Authorized) => Standing::Authorized,
                Some(ValidatorStatus::Candidate) => Standing::Candidate,
                _ => return Standing::Refused(DisconnectReason::NotAllowed),
            };
            match validator {
                Some(of) if outlaws.revoked(&of.account).is_some() => {
                    Standing::Refused(DisconnectReason::Revoked)
                }
                Some(of) if outlaws.unwanted(&of.account).is_some() => {
                    Standing::Refused(DisconnectReason::Unwanted)
                }
                _ => standing,
            }
        }
    }
}

/// What a validator is told before it is disconnected for a revocation.
fn farewell(snapshot: &Snapshot, outlaws: &Outlaws, peer: &PublicKey) -> Option<Answer> {
    let account = &snapshot.validator_by_peer_key(peer)?.account;
    outlaws.revoked(account).or_else(|| outlaws.unwanted(account)).map(Answer::Revoked)
}

/// As what a validator is here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Seat {
    /// It gets everything as it comes; so does a candidate once it is authorized.
    Primary,
    /// It gets what it asks for, and word of what there is.
    Standby,
    /// There was no room. Until then it may say that it only wants to stand by.
    Guest {
        /// When it has to have said so.
        until: Millis,
    },
}

/// A validator or candidate that is connected.
#[derive(Debug)]
struct Visitor {
    /// What it was told about its authorization.
    told: Option<bool>,
    seat: Seat,
}

/// Connected peers and who of them receives.
#[derive(Debug)]
pub(super) struct Members {
    own_key: PublicKey,
    mesh: BTreeSet<PublicKey>,
    public: BTreeMap<PublicKey, Visitor>,
    allowed: Option<(Vec<PublicKey>, Vec<PublicKey>)>,
    mesh_receivers: Arc<[PublicKey]>,
    public_receivers: Arc<[PublicKey]>,
    standbys: Arc<[PublicKey]>,
}

impl Members {
    pub(super) fn new(own_key: PublicKey) -> Self {
        Self {
            own_key,
            mesh: BTreeSet::new(),
            public: BTreeMap::new(),
            allowed: None,
            mesh_receivers: Arc::new([]),
            public_receivers: Arc::new([]),
            standbys: Arc::new([]),
        }
    }

    /// Connected active directors, in ascending order.
    pub(super) fn mesh(&self) -> &Arc<[PublicKey]> {
        &self.mesh_receivers
    }

    /// Connected authorized validators that receive everything, in ascending order.
    pub(super) fn public(&self) -> &Arc<[PublicKey]> {
        &self.public_receivers
    }

    /// Connected authorized validators that stand by, in ascending order.
    pub(super) fn standbys(&self) -> &Arc<[PublicKey]> {
        &self.standbys
    }

    /// Connected directors.
    pub(super) fn directors(&self) -> u64 {
        self.mesh.len() as u64
    }

    /// Connected validators and candidates: those that stand by, and the others.
    pub(super) fn visitors(&self) -> (u64, u64) {
        let standbys = self.public.values().filter(|visitor| visitor.seat == Seat::Standby).count();
        (standbys as u64, (self.public.len() - standbys) as u64)
    }

    /// Whether this validator or candidate is connected.
    pub(super) fn is_public(&self, peer: &PublicKey) -> bool {
        self.public.contains_key(peer)
    }

    /// As what a validator or candidate is here.
    pub(super) fn seat(&self, peer: &PublicKey) -> Option<Seat> {
        self.public.get(peer).map(|visitor| visitor.seat)
    }

    /// Gives a connected validator another seat.
    pub(super) fn sit(&mut self, snapshot: &Snapshot, peer: &PublicKey, seat: Seat) {
        if let Some(visitor) = self.public.get_mut(peer) {
            visitor.seat = seat;
            self.list_receivers(snapshot);
        }
    }

    /// Whether there is one more such seat, so many being allowed; `peer` itself does not count.
    pub(super) fn has_room(&self, seat: Seat, capacity: u32, peer: &PublicKey) -> bool {
        let others = self.public.iter().filter(|(key, of)| *key != peer && of.seat == seat);
        others.count() < capacity as usize
    }

    /// A candidate that has to make room for an authorized validator.
    pub(super) fn candidate(&self, snapshot: &Snapshot) -> Option<PublicKey> {
        self.seated().find(|peer| !snapshot.is_authorized(peer)).copied()
    }

    /// Validators and candidates on the seats of which there is a number, in ascending order.
    pub(super) fn seated(&self) -> impl Iterator<Item = &PublicKey> {
        let seated = self.public.iter().filter(|(_, visitor)| visitor.seat == Seat::Primary);
        seated.map(|(peer, _)| peer)
    }

    /// Who is connected and on no seat.
    pub(super) fn not_seated(&self) -> impl Iterator<Item = (PublicKey, Seated)> + '_ {
        let visitors = self.public.iter();
        visitors.filter_map(|(peer, visitor)| Some((*peer, Option::from(visitor.seat)?)))
    }

    /// Whoever there was no room for and has said nothing in time.
    pub(super) fn overdue(&self, now: Millis) -> Vec<PublicKey> {
        let is_overdue = |visitor: &Visitor| match visitor.seat {
            Seat::Guest { until } => now >= until,
            Seat::Primary | Seat::Standby => false,
        };
        let overdue = self.public.iter().filter(|(_, visitor)| is_overdue(visitor));
        overdue.map(|(peer, _)| *peer).collect()
    }

    /// A connection stands; a validator's with this seat. `true` if a peer director may be told what it
    /// missed.
    pub(super) fn up(
        &mut self,
        snapshot: Option<&Snapshot>,
        outlaws: &Outlaws,
        peer: PublicKey,
        (link, seat): (Link, Seat),
        last_epoch: impl Fn(&PublicKey) -> u64,
        out: &mut Vec<Output>,
    ) -> bool {
        match link {
            Link::Mesh => {
                self.mesh.insert(peer);
            }
            // Whoever comes anew is welcomed anew.
            Link::Public => {
                self.public.insert(peer, Visitor { told: None, seat });
            }
        }
        if let Some(snapshot) = snapshot {
            self.settle(snapshot, outlaws, last_epoch, out);
        }
        self.mesh_receivers.binary_search(&peer).is_ok()
    }

    /// A connection is gone.
    pub(super) fn down(&mut self, snapshot: Option<&Snapshot>, peer: &PublicKey, link: Link) {
        match link {
            Link::Mesh => {
                self.mesh.remove(peer);
            }
            Link::Public => {
                self.public.remove(peer);
            }
        }
        if let Some(snapshot) = snapshot {
            self.list_receivers(snapshot);
        }
    }

    /// A block was finalized, or a validator revoked: allows, disconnects and welcomes accordingly.
    pub(super) fn follow(
        &mut self,
        snapshot: &Snapshot,
        outlaws: &Outlaws,
        last_epoch: impl Fn(&PublicKey) -> u64,
        out: &mut Vec<Output>,
    ) {
        let directors = snapshot.directors.active.iter().map(|director| director.peer_key);
        let mesh = self.allowed_of(snapshot, outlaws, Link::Mesh, directors);
        let validators = snapshot.validators().iter().map(|v: &ValidatorInfo<_>| v.peer_key);
        let public = self.allowed_of(snapshot, outlaws, Link::Public, validators);
        // First, so that whoever is cut off hears why.
        self.settle(snapshot, outlaws, last_epoch, out);
        let allowed = Some((mesh, public));
        if allowed != self.allowed {
            self.allowed = allowed;
            if let Some((mesh, public)) = self.allowed.clone() {
                out.push(Output::Allow { mesh, public });
            }
        }
    }

    fn allowed_of(
        &self,
        snapshot: &Snapshot,
        outlaws: &Outlaws,
        link: Link,
        keys: impl Iterator<Item = PublicKey>,
    ) -> Vec<PublicKey> {
        let allowed: BTreeSet<_> = keys
            .filter(|key| {
                let standing = standing(snapshot, outlaws, &self.own_key, key, link);
                !matches!(standing, Standing::Refused(_))
            })
            .collect();
        allowed.into_iter().collect()
    }

    /// Disconnects whoever may not be here, welcomes whoever was not told where it stands.
    fn settle(
        &mut self,
        snapshot: &Snapshot,
        outlaws: &Outlaws,
        last_epoch: impl Fn(&PublicKey) -> u64,
        out: &mut Vec<Output>,
    ) {
        let own_key = self.own_key;
        self.mesh.retain(|peer| match standing(snapshot, outlaws, &own_key, peer, Link::Mesh) {
            Standing::Refused(reason) => {
                out.push(Output::Disconnect { peer: *peer, link: Link::Mesh, reason });
                false
            }
            _ => true,
        });
        self.public.retain(|peer, visitor| {
            let authorized = match standing(snapshot, outlaws, &own_key, peer, Link::Public) {
                Standing::Refused(reason) => {
                    if let Some(answer) = farewell(snapshot, outlaws, peer) {
                        let message = Control::AuthorizationAnswer(answer);
                        out.push(Output::Send { to: *peer, link: Link::Public, message });
                    }
                    out.push(Output::Disconnect { peer: *peer, link: Link::Public, reason });
                    return false;
                }
                standing => standing == Standing::Authorized,
            };
            if visitor.told.replace(authorized) != Some(authorized) {
                let welcome = Welcome { last_epoch: last_epoch(peer), authorized };
                let message = Control::Welcome(welcome);
                out.push(Output::Send { to: *peer, link: Link::Public, message });
            }
            true
        });
        self.list_receivers(snapshot);
    }

    fn list_receivers(&mut self, snapshot: &Snapshot) {
        self.mesh_receivers = self.mesh.iter().copied().collect();
        let with = |seat| {
            let seated = self.public.iter().filter(move |(_, visitor)| visitor.seat == seat);
            seated.map(|(peer, _)| *peer).filter(|peer| snapshot.is_authorized(peer)).collect()
        };
        self.public_receivers = with(Seat::Primary);
        self.standbys = with(Seat::Standby);
    }
}
