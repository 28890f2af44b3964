//! Knows who is connected, who may be, and who receives.

use super::{DisconnectReason, Link, Output, revocation::Outlaws};
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

/// Connected peers and who of them receives.
#[derive(Debug)]
pub(super) struct Members {
    own_key: PublicKey,
    mesh: BTreeSet<PublicKey>,
    /// With what each was told about its authorization.
    public: BTreeMap<PublicKey, Option<bool>>,
    allowed: Option<(Vec<PublicKey>, Vec<PublicKey>)>,
    mesh_receivers: Arc<[PublicKey]>,
    public_receivers: Arc<[PublicKey]>,
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
        }
    }

    /// Connected active directors, in ascending order.
    pub(super) fn mesh(&self) -> &Arc<[PublicKey]> {
        &self.mesh_receivers
    }

    /// Connected authorized validators, in ascending order.
    pub(super) fn public(&self) -> &Arc<[PublicKey]> {
        &self.public_receivers
    }

    /// Connections on both networks: directors, validators and candidates.
    pub(super) fn connections(&self) -> (u64, u64) {
        (self.mesh.len() as u64, self.public.len() as u64)
    }

    /// Whether this validator or candidate is connected.
    pub(super) fn is_public(&self, peer: &PublicKey) -> bool {
        self.public.contains_key(peer)
    }

    /// Whether there is room for one more, so many being allowed; `peer` itself does not count.
    pub(super) fn has_room(&self, capacity: u32, peer: &PublicKey) -> bool {
        let others = self.public.len() - usize::from(self.public.contains_key(peer));
        others < capacity as usize
    }

    /// A connected candidate that has to make room for an authorized validator.
    pub(super) fn candidate(&self, snapshot: &Snapshot) -> Option<PublicKey> {
        self.public.keys().find(|peer| !snapshot.is_authorized(peer)).copied()
    }

    /// A connection stands. `true` if a peer director may be told what it missed.
    pub(super) fn up(
        &mut self,
        snapshot: Option<&Snapshot>,
        outlaws: &Outlaws,
        peer: PublicKey,
        link: Link,
        last_epoch: impl Fn(&PublicKey) -> u64,
        out: &mut Vec<Output>,
    ) -> bool {
        match link {
            Link::Mesh => {
                self.mesh.insert(peer);
            }
            // Whoever comes anew is welcomed anew.
            Link::Public => {
                self.public.insert(peer, None);
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
        self.public.retain(|peer, told| {
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
            if told.replace(authorized) != Some(authorized) {
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
        let authorized = |peer: &&PublicKey| snapshot.is_authorized(peer);
        self.public_receivers = self.public.keys().filter(authorized).copied().collect();
    }
}
