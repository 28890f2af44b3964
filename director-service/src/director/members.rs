//! Knows who is connected, who may be, and who receives.

use super::{DisconnectReason, Link, Output};
use director_primitives::{
    Control, PublicKey, Snapshot, Welcome,
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
        Link::Public => match snapshot.validator_by_peer_key(peer).map(|v| v.status) {
            Some(ValidatorStatus::Authorized) => Standing::Authorized,
            Some(ValidatorStatus::Candidate) => Standing::Candidate,
            _ => Standing::Refused(DisconnectReason::NotAllowed),
        },
    }
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

    /// A connection stands. `true` if a peer director may be told what it missed.
    pub(super) fn up(
        &mut self,
        snapshot: Option<&Snapshot>,
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
            self.settle(snapshot, last_epoch, out);
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

    /// A block was finalized: allows, disconnects and welcomes accordingly.
    pub(super) fn finalized(
        &mut self,
        snapshot: &Snapshot,
        last_epoch: impl Fn(&PublicKey) -> u64,
        out: &mut Vec<Output>,
    ) {
        let directors = snapshot.directors.active.iter().map(|director| director.peer_key);
        let mesh = self.allowed_of(snapshot, Link::Mesh, directors);
        let validators = snapshot.validators().iter().map(|v: &ValidatorInfo<_>| v.peer_key);
        let public = self.allowed_of(snapshot, Link::Public, validators);
        let allowed = Some((mesh, public));
        if allowed != self.allowed {
            self.allowed = allowed;
            if let Some((mesh, public)) = self.allowed.clone() {
                out.push(Output::Allow { mesh, public });
            }
        }
        self.settle(snapshot, last_epoch, out);
    }

    fn allowed_of(
        &self,
        snapshot: &Snapshot,
        link: Link,
        keys: impl Iterator<Item = PublicKey>,
    ) -> Vec<PublicKey> {
        let allowed: BTreeSet<_> = keys
            .filter(|key| {
                !matches!(standing(snapshot, &self.own_key, key, link), Standing::Refused(_))
            })
            .collect();
        allowed.into_iter().collect()
    }

    /// Disconnects whoever may not be here, welcomes whoever was not told where it stands.
    fn settle(
        &mut self,
        snapshot: &Snapshot,
        last_epoch: impl Fn(&PublicKey) -> u64,
        out: &mut Vec<Output>,
    ) {
        let own_key = self.own_key;
        self.mesh.retain(|peer| match standing(snapshot, &own_key, peer, Link::Mesh) {
            Standing::Refused(reason) => {
                out.push(Output::Disconnect { peer: *peer, link: Link::Mesh, reason });
                false
            }
            _ => true,
        });
        self.public.retain(|peer, told| {
            let authorized = match standing(snapshot, &own_key, peer, Link::Public) {
                Standing::Refused(reason) => {
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
