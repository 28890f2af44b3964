//! Puts together what the rooms know into the parts that the page has.

mod cases;

pub(super) use cases::evidence;

use super::{Identity, View, hash, lock};
use crate::{
    chain::Connection,
    director::{Neighbour, Seated, Survey},
    http::{
        Authorization, Authorizations, BlockStatus, ByStatus, Chain, Checkpoint, Checkpoints, Mesh,
        MeshDirector, Parts, Validator, Validators, VotedBlock,
    },
    network::{Handle, Peer},
};
use director_primitives::{
    AccountId32, PublicKey, Snapshot,
    runtime_api::{DirectorInfo, EndpointScope, ValidatorInfo, ValidatorStatus},
    threshold::{approvals_needed, tolerated_liars},
};
use std::collections::HashMap;

/// What is younger says something of a director, in milliseconds: 25 heartbeats.
const FRESH_MS: u64 = 5_000;

/// Everything but the alarms.
pub(super) fn build(view: &View, now: u64) -> Parts {
    let snapshot = view.snapshot();
    let snapshot = snapshot.as_deref();
    let survey = lock(&view.board.survey).clone();
    Parts {
        chain: chain(view, snapshot, now),
        mesh: snapshot.map(|known| mesh(view, known, &survey)).unwrap_or_default(),
        validators: snapshot.map(|known| validators(view, known, &survey)).unwrap_or_default(),
        checkpoints: snapshot.map(|known| checkpoints(known, &survey, now)).unwrap_or_default(),
        authorizations: snapshot.map(|known| authorizations(known, &survey)).unwrap_or_default(),
        evidence: cases::all(view, snapshot),
        alarms: Default::default(),
    }
}

fn chain(view: &View, snapshot: Option<&Snapshot>, now: u64) -> Chain {
    let (connected, trouble) = match &*view.node.connection().borrow() {
        Connection::Connected => (true, None),
        Connection::Connecting(None) => (false, None),
        Connection::Connecting(Some(error)) | Connection::Unusable(error) => {
            (false, Some(error.to_string()))
        }
    };
    let Some(known) = snapshot else { return Chain { connected, trouble, ..Chain::default() } };
    let domain = &known.domain;
    let mut validators = ByStatus::default();
    for of in known.validators() {
        *match of.status {
            ValidatorStatus::Candidate => &mut validators.candidate,
            ValidatorStatus::Authorized => &mut validators.authorized,
            ValidatorStatus::Revoked => &mut validators.revoked,
            ValidatorStatus::Exiting => &mut validators.exiting,
            ValidatorStatus::Tombstoned => &mut validators.tombstoned,
        } += 1;
    }
    Chain {
        connected,
        trouble,
        genesis: Some(hash(&domain.genesis_hash)),
        finalized: Some(BlockStatus { number: known.number, hash: hash(&known.hash) }),
        finalized_at_ms: view.finalized_at(now),
        checkpoint: known.number / domain.checkpoint_interval.max(1),
        checkpoint_interval: domain.checkpoint_interval,
        set_version: known.directors.version,
        directors: known.directors.active.len() as u32,
        directors_allowed: [domain.min_directors, domain.max_directors],
        invited: known.directors.invited.iter().map(ToString::to_string).collect(),
        validators,
        max_validators: domain.max_validators,
        min_stake: domain.min_stake.to_string(),
        unbonding_period: domain.unbonding_period,
        slash_defer_period: domain.slash_defer_period,
    }
}

fn mesh(view: &View, known: &Snapshot, survey: &Survey) -> Mesh {
    let Identity { peer_key, .. } = view.identity();
    let peers = peers(view.networks().map(|networks| networks.mesh));
    let farthest = farthest(known.directors.active.len() as u32, survey);
    let own = Neighbour {
        director: peer_key,
        age_ms: 0,
        clock_ms: 0,
        validators: lock(&view.core).public_connections as u32,
        capacity: 0,
        cpu_permille: survey.cpu_permille,
        bandwidth_bytes_per_s: survey.bandwidth_bytes_per_s,
        finalized: survey.finalized,
    };
    let directors = known.directors.active.iter().map(|of| {
        let this = of.peer_key == peer_key;
        let heard = survey.neighbours.iter().find(|heard| heard.director == of.peer_key);
        let said = if this { Some(&own) } else { heard };
        let peer = peers.get(&of.peer_key);
        MeshDirector {
            this,
            connected: this || peer.is_some(),
            rtt_ms: peer.and_then(rtt_ms),
            heard_ms_ago: said.map(|said| said.age_ms),
            clock_ms: said.map(|said| said.clock_ms),
            validators: said.map(|said| said.validators),
            cpu_permille: said.map(|said| said.cpu_permille),
            bandwidth_bytes_per_s: said.map(|said| said.bandwidth_bytes_per_s),
            finalized: said.map(|said| said.finalized),
            lag_blocks: said.map(|said| farthest.saturating_sub(said.finalized)),
            waiting_bytes: peer.map_or(0, |peer| peer.waiting_bytes),
            stale: of.is_stale(known.number, known.domain.stale_after),
            ..on_chain(of)
        }
    });
    Mesh { directors: directors.collect() }
}

/// The block that the directors have finalized: what so many say that one of them is no liar. Else one could make all
/// others look as if they lagged.
///
/// As of the survey, as what the others said: blocks that came since say nothing of anybody.
fn farthest(directors: u32, survey: &Survey) -> u64 {
    let liars = tolerated_liars(directors) as usize;
    let fresh = survey.neighbours.iter().filter(|of| of.age_ms < FRESH_MS);
    let mut said: Vec<_> = fresh.map(|of| of.finalized).collect();
    said.sort_unstable_by(|a, b| b.cmp(a));
    // Our own node is believed. Of few that are heard, what the last of them says.
    let others = said.get(liars).or(said.last()).copied().unwrap_or_default();
    others.max(survey.finalized)
}

/// Who is connected.
fn peers(network: Option<Handle>) -> HashMap<PublicKey, Peer> {
    let peers = network.map(|network| network.peers()).unwrap_or_default();
    peers.into_iter().map(|peer| (peer.key, peer)).collect()
}

/// To a tenth of a millisecond: more digits than that say nothing.
fn rtt_ms(peer: &Peer) -> Option<f64> {
    peer.round_trip.map(|took| (took.as_secs_f64() * 10_000.0).round() / 10.0)
}

/// What the chain has of a director.
fn on_chain(of: &DirectorInfo<AccountId32>) -> MeshDirector {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let public = of.endpoints.iter().filter(|at| at.scope == EndpointScope::Public);
    MeshDirector {
        account: of.account.to_string(),
        peer: hex::encode(of.peer_key.0),
        region: text(&of.region),
        endpoints: public.map(|at| text(&at.address)).collect(),
        capacity: of.capacity,
        ..MeshDirector::default()
    }
}

fn validators(view: &View, known: &Snapshot, survey: &Survey) -> Validators {
    let peers = peers(view.networks().map(|networks| networks.public));
    let seats: HashMap<_, _> = survey.not_seated.iter().copied().collect();
    // The newest one is under way, and so is what somebody has voted for before its block is finalized.
    let current = known.number / known.domain.checkpoint_interval.max(1);
    let ahead = survey.checkpoints.iter().take_while(|of| of.checkpoint > current).count();
    let under_way = (ahead + 1).min(survey.checkpoints.len()) as u32;
    let looked_at = survey.checkpoints.len() as u32 - under_way;
    let validator = |of: &ValidatorInfo<AccountId32>| {
        let voted = survey.voted.get(&of.account).copied().unwrap_or_default();
        let newest = survey.checkpoints.get(voted.trailing_zeros() as usize);
        let seat = || match seats.get(&of.peer_key) {
            None => "primary",
            Some(Seated::Standby) => "standby",
            Some(Seated::Guest) => "guest",
        };
        let peer = peers.get(&of.peer_key);
        Validator {
            account: of.account.to_string(),
            peer: hex::encode(of.peer_key.0),
            status: status(of.status),
            stake: of.stake.to_string(),
            connection: peer.map(|_| seat()),
            rtt_ms: peer.and_then(rtt_ms),
            waiting_bytes: peer.map_or(0, |peer| peer.waiting_bytes),
            last_vote: newest.map(|newest| newest.checkpoint),
            missed: looked_at - (u32::from(voted) >> under_way).count_ones().min(looked_at),
        }
    };
    let items: Vec<_> = known.validators().iter().map(validator).collect();
    Validators {
        total: items.len() as u32,
        connected: items.iter().filter(|of| of.connection.is_some()).count() as u32,
        looked_at,
        next: None,
        items,
    }
}

fn status(status: ValidatorStatus) -> &'static str {
    match status {
        ValidatorStatus::Candidate => "candidate",
        ValidatorStatus::Authorized => "authorized",
        ValidatorStatus::Revoked => "revoked",
        ValidatorStatus::Exiting => "exiting",
        ValidatorStatus::Tombstoned => "tombstoned",
    }
}

fn checkpoints(known: &Snapshot, survey: &Survey, now: u64) -> Checkpoints {
    let interval = known.domain.checkpoint_interval;
    let items = survey.checkpoints.iter().map(|of| Checkpoint {
        checkpoint: of.checkpoint,
        block: of.checkpoint.saturating_mul(interval),
        votes: of.blocks.iter().map(|(_, votes)| votes).sum(),
        needed: of.needed,
        voters: of.voters,
        certified: of.certified,
        certified_after_ms: of.certified_after_ms,
        // The survey is up to a second old: to a second, so that it stays what it is.
        begun_at_ms: of.begun_ms_ago.map(|ago| (now.saturating_sub(ago) + 500) / 1_000 * 1_000),
        blocks: of
            .blocks
            .iter()
            .map(|(block, votes)| VotedBlock { hash: hash(block), votes: *votes })
            .collect(),
    });
    Checkpoints { interval, items: items.collect() }
}

fn authorizations(known: &Snapshot, survey: &Survey) -> Authorizations {
    let active = &known.directors.active;
    let items = survey.waiting.iter().map(|of| {
        let missing = active.iter().map(|director| &director.account);
        let missing = missing.filter(|account| !of.approved_by.contains(account));
        Authorization {
            validator: of.validator.to_string(),
            stake: known.validator(&of.validator).map_or(0, |of| of.stake).to_string(),
            approved_by: of.approved_by.iter().map(ToString::to_string).collect(),
            missing: missing.map(ToString::to_string).collect(),
        }
    });
    Authorizations { needed: approvals_needed(active.len() as u32), items: items.collect() }
}

#[cfg(test)]
mod tests;
