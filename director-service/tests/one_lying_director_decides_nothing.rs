//! Two honest cores and a third director that lies in every way that the protocol lets it.
#![allow(clippy::unwrap_used)]

use core::{DisconnectReason, Input, Link, Output};
use director_primitives::{
    AccountId32, Control, Decision, PublicKey, SignedDirectorVote, Snapshot, StakeRefusal,
    runtime_api::ValidatorStatus,
};
use director_primitives::{Signature, test_utils::TestKey};
use director_service::{
    client::Signer,
    director as core,
    testing::{FalseApprover, FalseRevoker, Liar, Replayer, Withholder},
};
use std::{collections::VecDeque, sync::Arc};
use world::*;

#[path = "../src/director/tests/world.rs"]
#[allow(dead_code)]
mod world;

const LIAR: u8 = 2;
const CANDIDATE: u8 = 1;

/// The liar's key, which stands on chain.
struct Key(TestKey);

impl Signer for Key {
    fn key(&self) -> PublicKey {
        self.0.public()
    }

    fn sign(&self, bytes: &[u8]) -> Signature {
        self.0.sign_bytes(bytes)
    }
}

fn liar() -> Liar<Key> {
    Liar::new(genesis(), director_account(LIAR), Key(director_key(LIAR)))
}

/// The honest directors, with a mesh between them and the liar.
struct Mesh {
    honest: Vec<Rig>,
    world: World,
    /// Whether a stake proof is found right.
    stake_is_right: bool,
    /// What the liar heard.
    heard: Vec<Control>,
    submitted: Vec<Vec<SignedDirectorVote<AccountId32>>>,
    disconnected: Vec<(PublicKey, DisconnectReason)>,
}

impl Mesh {
    /// As many directors as the world has, number [`LIAR`] being no core.
    fn new(world: World) -> Self {
        let honest: Vec<_> = world.directors.iter().filter(|n| **n != LIAR).collect();
        let mut mesh = Self {
            honest: honest.iter().map(|n| Rig::bare(director(**n, Vec::new()))).collect(),
            world: world.clone(),
            stake_is_right: false,
            heard: Vec::new(),
            submitted: Vec::new(),
            disconnected: Vec::new(),
        };
        mesh.finalize(world.clone());
        for at in 0..mesh.honest.len() {
            for peer in &world.directors {
                if *peer != mesh.number(at) {
                    let peer = director_key(*peer).public();
                    mesh.put(at, Input::Up { peer, link: Link::Mesh });
                }
            }
            for n in 0..world.validators.len() as u8 {
                let peer = validator_key(n).public();
                mesh.put(at, Input::Up { peer, link: Link::Public });
            }
        }
        mesh
    }

    fn number(&self, at: usize) -> u8 {
        self.world.directors.iter().copied().filter(|n| *n != LIAR).nth(at).unwrap()
    }

    fn snapshot(&self) -> Arc<Snapshot> {
        self.world.snapshot()
    }

    fn finalize(&mut self, world: World) {
        self.world = world;
        for at in 0..self.honest.len() {
            let snapshot = self.snapshot();
            self.put(at, Input::Finalized(snapshot));
        }
    }

    /// The liar says something to every honest director.
    fn lie(&mut self, messages: Vec<Control>) {
        for message in messages {
            for at in 0..self.honest.len() {
                let from = director_key(LIAR).public();
                self.put(at, Input::Control { from, link: Link::Mesh, message: message.clone() });
            }
        }
    }

    /// The candidate asks the director at this place.
    fn ask(&mut self, at: usize, number: u64) {
        let message = Control::AuthorizationRequest(application(request(CANDIDATE, number)));
        let from = validator_key(CANDIDATE).public();
        self.put(at, Input::Control { from, link: Link::Public, message });
    }

    fn put(&mut self, at: usize, input: Input) {
        let mut inputs = VecDeque::from([(at, input)]);
        while let Some((at, input)) = inputs.pop_front() {
            let from = director_key(self.number(at)).public();
            for output in self.honest[at].put(input) {
                match output {
                    Output::Send { to, link: Link::Mesh, message } => {
                        if to == director_key(LIAR).public() {
                            self.heard.push(message);
                            continue;
                        }
                        let of = |at: &usize| director_key(self.number(*at)).public() == to;
                        let to = (0..self.honest.len()).find(of).unwrap();
                        inputs.push_back((to, Input::Control { from, link: Link::Mesh, message }));
                    }
                    Output::CheckStake(application) => {
                        let mut checked = check_stake(&self.snapshot(), &application);
                        if let (false, Input::StakeChecked { result, .. }) =
                            (self.stake_is_right, &mut checked)
                        {
                            *result = Err(StakeRefusal::Invalid);
                        }
                        inputs.push_back((at, checked));
                    }
                    Output::SubmitVotes { votes, .. } => self.submitted.push(votes),
                    Output::Disconnect { peer, reason, .. } => {
                        self.disconnected.push((peer, reason));
                    }
                    _ => {}
                }
            }
        }
    }
}

/// Three directors, a validator and a candidate.
fn world() -> World {
    World::new(3, 2).status(CANDIDATE, ValidatorStatus::Candidate)
}

#[test]
fn who_approves_without_stake_authorizes_nobody() {
    let mut mesh = Mesh::new(world());
    let mut approver = FalseApprover::new(liar());
    for block in 100..150 {
        mesh.finalize(world().at(block));
        let lies = approver.approve_everybody(&mesh.snapshot());
        mesh.lie(lies);
        mesh.lie(vec![approver.pass_on(request(CANDIDATE, block))]);
        mesh.ask(0, block);
    }
    assert_eq!(mesh.submitted, Vec::<Vec<_>>::new());
    assert!(mesh.honest.iter().all(|rig| rig.core.stats().approvals_signed == 0));
    // With its stake proven, the same candidate is authorized, by votes of which none is a lie.
    mesh.stake_is_right = true;
    mesh.ask(0, 149);
    for block in 150..156 {
        mesh.finalize(world().at(block));
    }
    assert!(!mesh.submitted.is_empty());
}

#[test]
fn who_revokes_the_honest_revokes_nobody() {
    let mut mesh = Mesh::new(World::new(3, 4));
    let mut revoker = FalseRevoker::new(liar());
    for block in 100..150 {
        mesh.finalize(World::new(3, 4).at(block));
        let lies = revoker.revoke_everybody(&mesh.snapshot());
        mesh.lie(lies);
    }
    assert_eq!(mesh.disconnected, vec![]);
    assert_eq!(mesh.submitted, Vec::<Vec<_>>::new());
    for rig in &mesh.honest {
        assert_eq!(rig.core.stats().public_connections, 4);
        assert_eq!(rig.core.stats().revocations_signed, 0);
    }
}

#[test]
fn who_withholds_votes_holds_up_nobody() {
    for directors in [3, 4, 5, 7] {
        let world = World::new(directors, 2).status(CANDIDATE, ValidatorStatus::Candidate);
        let mut mesh = Mesh::new(world.clone());
        mesh.stake_is_right = true;
        mesh.ask(0, 100);
        // An honest director in its place would have passed on what it heard.
        let mut withholder = Withholder::default();
        let said: Vec<_> = std::mem::take(&mut mesh.heard)
            .into_iter()
            .filter_map(|m| withholder.pass(m))
            .collect();
        assert!(withholder.withheld() > 0);
        mesh.lie(said);
        let most = 2 * u64::from(directors);
        for block in 101..=100 + most {
            mesh.finalize(world.clone().at(block));
        }
        assert!(!mesh.submitted.is_empty(), "{directors} directors");
        let own = director_account(LIAR);
        assert!(mesh.submitted.iter().flatten().all(|vote| vote.director != own));
    }
}

#[test]
fn who_replays_old_votes_decides_nothing() {
    let mut mesh = Mesh::new(world());
    let mut replayer = Replayer::default();
    mesh.stake_is_right = true;
    mesh.ask(0, 100);
    let authorized = World::new(3, 2).at(101);
    mesh.finalize(authorized.clone());
    // The operators of both honest directors had the other validator out; it left and is there anew.
    for at in [0, 1] {
        mesh.put(at, Input::Revoke { validator: validator_account(0) });
    }
    mesh.heard.iter().for_each(|message| replayer.hear(message));
    let votes = replayer.replay();
    let revoke = |message: &&Control| matches!(message, Control::DirectorVote(v) if matches!(v.vote.decision, Decision::Revoke(_)));
    assert!(votes.iter().filter(revoke).count() >= 2 && votes.len() >= 6);

    let mut anew = authorized.at(102);
    anew.validators[0].registration_id = 50;
    anew.validators[1].registration_id = 51;
    let anew = anew.status(CANDIDATE, ValidatorStatus::Candidate);
    mesh.finalize(anew.clone());
    (mesh.submitted, mesh.disconnected) = Default::default();
    for n in [0, 1] {
        for at in 0..2 {
            let peer = validator_key(n).public();
            mesh.put(at, Input::Up { peer, link: Link::Public });
        }
    }
    for block in 103..130 {
        mesh.lie(replayer.replay());
        mesh.finalize(anew.clone().at(block));
    }
    assert_eq!((mesh.submitted.len(), mesh.disconnected), (0, vec![]));
    for rig in &mesh.honest {
        assert_eq!(rig.core.stats().public_connections, 2);
    }
}
