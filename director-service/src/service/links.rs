//! Keeps the mesh in the shape that the chain says: one connection to each other active director.

use crate::{
    config,
    director::Waiting,
    network::{Handle, Multiaddr, ip_of},
};
use director_primitives::{
    AccountId32, PublicKey, Snapshot,
    runtime_api::{DirectorInfo, EndpointScope, ValidatorInfo, ValidatorStatus},
};
use std::{
    collections::{BTreeMap, HashSet},
    net::IpAddr,
};
use tracing::{info, warn};

/// Whom the mesh keeps a connection to, and where.
pub(super) struct Links {
    wanted: BTreeMap<[u8; 32], Vec<Multiaddr>>,
    standing: Option<Standing>,
    /// Whether the mesh hears only addresses that active directors have on chain.
    known_addresses_only: bool,
    /// Those, as the mesh was told; `None` for all.
    addresses: Option<HashSet<IpAddr>>,
    /// Candidates that wait, since which block, and when that was said last.
    waiting: BTreeMap<AccountId32, (u64, Option<u64>)>,
}

/// What the chain says of this director.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Standing {
    Active,
    OtherKey,
    Invited,
    Unknown,
}

/// Blocks after which a candidate that still waits is worth a word.
const PATIENCE_BLOCKS: u64 = 4;

/// Blocks until the next word about it.
const AGAIN_BLOCKS: u64 = 50;

impl Links {
    pub(super) fn new(config: &config::Mesh) -> Self {
        Self {
            wanted: BTreeMap::new(),
            standing: None,
            known_addresses_only: config.known_addresses_only,
            addresses: None,
            waiting: BTreeMap::new(),
        }
    }

    /// Says in the log which candidates have waited long for other directors, and what is missing.
    pub(super) fn say_waiting(
        &mut self,
        snapshot: &Snapshot,
        waiting: &[Waiting],
        connected: usize,
    ) {
        self.waiting.retain(|account, _| waiting.iter().any(|of| of.validator == *account));
        for Waiting { validator, votes, needed, .. } in waiting {
            let now = snapshot.number;
            let (since, said_at) = self.waiting.entry(validator.clone()).or_insert((now, None));
            let next = said_at.map_or(*since + PATIENCE_BLOCKS, |at| at + AGAIN_BLOCKS);
            if votes >= needed || now < next {
                continue;
            }
            *said_at = Some(now);
            let others = snapshot.directors.active.len().saturating_sub(1);
            warn!(
                %validator,
                "a candidate waits: {votes} of {needed} approvals are there, {connected} of {others} \
                 other directors are connected"
            );
        }
    }

    /// Brings the networks in line with a finalized block: whom the mesh keeps a connection to and hears
    /// at all, and which validators are only candidates. The network decides which of two directors dials;
    /// here each pair is wanted from both sides.
    pub(super) fn update(
        &mut self,
        mesh: &Handle,
        public: &Handle,
        snapshot: &Snapshot,
        account: &AccountId32,
        peer_key: &PublicKey,
    ) {
        let standing = standing(snapshot, account, peer_key);
        if self.standing.replace(standing) != Some(standing) {
            say(standing, account, peer_key);
        }
        let others = match standing {
            Standing::Active => wanted(snapshot, peer_key),
            // Others would refuse us.
            _ => BTreeMap::new(),
        };
        for key in self.wanted.keys().filter(|key| !others.contains_key(*key)) {
            mesh.forget(&PublicKey::from_raw(*key));
        }
        for (key, addresses) in &others {
            if self.wanted.get(key) != Some(addresses) {
                mesh.maintain(PublicKey::from_raw(*key), addresses.clone());
            }
        }
        // A name cannot be dialed, and must not open the mesh to everybody: it is as good as absent.
        let addresses: HashSet<_> = others.values().flatten().filter_map(ip_of).collect();
        let addresses = Some(addresses).filter(|_| self.known_addresses_only);
        if self.addresses != addresses {
            mesh.allow_addresses(addresses.clone());
            self.addresses = addresses;
        }
        let is_candidate =
            |of: &&ValidatorInfo<AccountId32>| of.status == ValidatorStatus::Candidate;
        let candidates = snapshot.validators().iter().filter(is_candidate);
        public.restrict(candidates.map(|of| of.peer_key));
        self.wanted = others;
    }
}

fn wanted(snapshot: &Snapshot, us: &PublicKey) -> BTreeMap<[u8; 32], Vec<Multiaddr>> {
    let others = snapshot.directors.active.iter().filter(|director| director.peer_key != *us);
    others.map(|director| (director.peer_key.0, mesh_addresses(director))).collect()
}

/// Where a director says that its peers reach it. What is no multiaddr is as good as absent: the
/// chain does not parse them.
fn mesh_addresses(director: &DirectorInfo<AccountId32>) -> Vec<Multiaddr> {
    let of_mesh = director.endpoints.iter().filter(|at| at.scope == EndpointScope::Mesh);
    of_mesh
        .filter_map(|endpoint| std::str::from_utf8(&endpoint.address).ok()?.parse().ok())
        .collect()
}

fn standing(snapshot: &Snapshot, account: &AccountId32, peer_key: &PublicKey) -> Standing {
    match snapshot.director(account) {
        Some(us) if us.peer_key == *peer_key => Standing::Active,
        Some(_) => Standing::OtherKey,
        None if snapshot.directors.invited.contains(account) => Standing::Invited,
        None => Standing::Unknown,
    }
}

fn say(standing: Standing, account: &AccountId32, peer_key: &PublicKey) {
    match standing {
        Standing::Active => info!(%account, "the chain has this director as active: serving"),
        Standing::OtherKey => warn!(
            "the chain has another peer key for {account}, ours is {}; not serving until keys.peer, or \
             the file beside it that `director rotate-key` makes, holds that one",
            hex::encode(peer_key.0)
        ),
        Standing::Invited => warn!(
            "{account} is invited and not active yet; not serving until `director register` is done"
        ),
        Standing::Unknown => warn!(
            "{account} is no director on this chain; not serving until governance has invited it \
             (director_registry.add_director) and `director register` is done"
        ),
    }
}
