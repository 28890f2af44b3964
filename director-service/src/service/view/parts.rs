//! Puts together what the rooms know into the parts that the page has.

use super::{Identity, View, evidence, hash, lock};
use crate::{
    chain::Connection,
    director::{Neighbour, Seated, Survey},
    http::{
        Authorization, Authorizations, BlockStatus, ByStatus, Case, Cases, Chain, Checkpoint,
        Checkpoints, Mesh, MeshDirector, Parts, Step, Validator, Validators, VotedBlock,
    },
    reporter::{self, EvidenceStatus},
    store::State,
};
use director_primitives::{
    AccountId32, Snapshot,
    runtime_api::{DirectorInfo, EndpointScope, ValidatorInfo, ValidatorStatus},
    threshold::approvals_needed,
};
use std::collections::HashMap;

/// Double signs that are told, the newest.
const MAX_CASES: usize = 100;

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
        evidence: cases(view, snapshot),
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
    let mesh = view.networks().map(|networks| networks.mesh);
    let waiting: HashMap<_, _> =
        mesh.map(|mesh| mesh.waiting()).unwrap_or_default().into_iter().collect();
    let fresh = survey.neighbours.iter().filter(|of| of.age_ms < FRESH_MS);
    // As of the survey, as what the others said: blocks that came since say nothing of anybody.
    let farthest = fresh.map(|of| of.finalized).chain([survey.finalized]).max().unwrap_or_default();
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
        MeshDirector {
            this,
            connected: this || waiting.contains_key(&of.peer_key),
            heard_ms_ago: said.map(|said| said.age_ms),
            clock_ms: said.map(|said| said.clock_ms),
            validators: said.map(|said| said.validators),
            cpu_permille: said.map(|said| said.cpu_permille),
            bandwidth_bytes_per_s: said.map(|said| said.bandwidth_bytes_per_s),
            finalized: said.map(|said| said.finalized),
            lag_blocks: said.map(|said| farthest.saturating_sub(said.finalized)),
            waiting_bytes: waiting.get(&of.peer_key).copied().unwrap_or_default(),
            stale: of.is_stale(known.number, known.domain.stale_after),
            ..on_chain(of)
        }
    });
    Mesh { directors: directors.collect() }
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
    let public = view.networks().map(|networks| networks.public);
    let waiting: HashMap<_, _> =
        public.map(|public| public.waiting()).unwrap_or_default().into_iter().collect();
    let seats: HashMap<_, _> = survey.not_seated.iter().copied().collect();
    let looked_at = survey.checkpoints.len().saturating_sub(1) as u32;
    let validator = |of: &ValidatorInfo<AccountId32>| {
        let voted = survey.voted.get(&of.account).copied().unwrap_or_default();
        let newest = survey.checkpoints.get(voted.trailing_zeros() as usize);
        let seat = || match seats.get(&of.peer_key) {
            None => "primary",
            Some(Seated::Standby) => "standby",
            Some(Seated::Guest) => "guest",
        };
        Validator {
            account: of.account.to_string(),
            peer: hex::encode(of.peer_key.0),
            status: status(of.status),
            stake: of.stake.to_string(),
            connection: waiting.contains_key(&of.peer_key).then(seat),
            waiting_bytes: waiting.get(&of.peer_key).copied().unwrap_or_default(),
            last_vote: newest.map(|newest| newest.checkpoint),
            missed: looked_at - (voted >> 1).count_ones().min(looked_at),
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
        voters: known.authorized_count(),
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

fn cases(view: &View, snapshot: Option<&Snapshot>) -> Cases {
    let known = view.reporter.get().map(reporter::Handle::status).unwrap_or_default();
    let newest = known.iter().rev().take(MAX_CASES);
    Cases { items: newest.map(|of| case(of, snapshot)).collect() }
}

fn case(of: &EvidenceStatus, snapshot: Option<&Snapshot>) -> Case {
    let validator = of.validator.as_ref().zip(snapshot).and_then(|(id, known)| known.validator(id));
    let reported = match &of.state {
        State::Finalized { block } => Some(*block),
        _ => None,
    };
    let deferred = snapshot.map_or(0, |known| known.domain.slash_defer_period);
    let slash_from_block = reported.map(|block| block.saturating_add(deferred));
    Case {
        evidence: evidence(of),
        validator_status: validator.map(|of| status(of.status)),
        slash_from_block,
        steps: steps(of, reported, slash_from_block, snapshot.map_or(0, |known| known.number)),
    }
}

/// From the proof to the slash. What another director brought to the chain ends with that.
fn steps(of: &EvidenceStatus, reported: Option<u64>, slash: Option<u64>, number: u64) -> Vec<Step> {
    let step = |name, state, at_ms, block| Step { name, state, at_ms, block };
    let proven = step("proven", "done", Some(of.proven_at_ms), None);
    let changed = Some(of.changed_at_ms);
    match &of.state {
        State::Finalized { .. } => {
            let is_due = slash.is_some_and(|block| number > block);
            vec![
                proven,
                step("submitted", "done", None, None),
                step("finalized", "done", changed, reported),
                step("slash", if is_due { "done" } else { "now" }, None, slash),
            ]
        }
        State::Obsolete { .. } => vec![proven, step("finalized", "done", changed, None)],
        State::Submitted { block } | State::Signed { born: block, .. } => vec![
            proven,
            step("submitted", "now", changed, Some(*block)),
            step("finalized", "ahead", None, None),
            step("slash", "ahead", None, None),
        ],
        State::Proven | State::Waiting { .. } | State::FeesMissing => vec![
            proven,
            step("submitted", "now", None, None),
            step("finalized", "ahead", None, None),
            step("slash", "ahead", None, None),
        ],
    }
}
