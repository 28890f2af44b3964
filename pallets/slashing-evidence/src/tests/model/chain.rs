//! Does the steps on the mock runtime and compares all that it stores with the model.

use super::{
    operations::{ACTORS, Call, Claim, Details, Half, Origin, Proof, Step, Vote, keys},
    reference::{Account, Key, Model, Pending, SMALL_ORDER, Status, Validator},
};
use crate::{mock::*, *};
use director_primitives::{
    Decision, DirectorVote, KeyRole, RevocationReason, Signature, SignedDirectorVote, SignedVote,
    authorization::first_nonce,
    runtime_api::{Endpoint, EndpointScope, Endpoints, Region, StoredVote, ValidatorStatus},
    test_utils::TestKey,
};
use frame_support::dispatch::DispatchResultWithPostInfo;
use pallet_director_registry as director_registry;
use pallet_session::SessionManager;
use pallet_validator_registry as validator_registry;
use sp_runtime::traits::Dispatchable;
use std::{collections::BTreeMap, fmt::Debug};

/// The chain's side: keys, and signatures that were made before.
pub(super) struct Chain {
    keys: BTreeMap<Key, TestKey>,
    possessions: BTreeMap<(Key, Account, u8), Signature>,
    votes: BTreeMap<(Key, u64, u8), SignedVote>,
    /// What the events of this run told.
    slashed: Balance,
    rewarded: Balance,
    step: u64,
}

impl Chain {
    pub(super) fn new() -> Self {
        Self {
            keys: keys().map(|key| (key, TestKey::new(key))).collect(),
            possessions: BTreeMap::new(),
            votes: BTreeMap::new(),
            slashed: 0,
            rewarded: 0,
            step: 0,
        }
    }

    /// Forgets what the run before told.
    pub(super) fn begin(&mut self) {
        (self.slashed, self.rewarded) = (0, 0);
        System::reset_events();
    }

    /// Does a step that the model has done already; the name of the error if it is refused.
    pub(super) fn step(&mut self, step: &Step, model: &Model) -> Result<bool, String> {
        match step {
            Step::GoTo(block) => {
                System::set_block_number(*block);
                SlashingEvidence::on_initialize(*block);
            }
            Step::Idle { slashes } => {
                let each = <() as crate::WeightInfo>::apply_slash();
                let weight = <() as crate::WeightInfo>::on_idle() + each * *slashes;
                SlashingEvidence::on_idle(System::block_number(), weight);
            }
            Step::Plan => {
                let set = <ValidatorRegistry as SessionManager<_>>::new_session(0);
                return if set == model.plan { Ok(false) } else { Err(format!("{set:?}")) };
            }
            Step::SetMinStake(amount) => MinStake::set(amount),
            Step::Call(origin, call) => {
                let who = if let Origin::Signed(who) = origin { *who } else { 0 };
                let outcome = self.call(who, call).dispatch(to_origin(*origin));
                return to_outcome(outcome);
            }
        }
        Ok(false)
    }

    fn public(&self, key: Key) -> PublicKey {
        self.keys.get(&key).map_or(PublicKey::from_raw([0; 32]), TestKey::public)
    }

    fn claim(&mut self, who: Account, claim: Claim, role: KeyRole) -> (PublicKey, Signature) {
        let Some(key) = self.keys.get(&claim.key) else {
            return (self.public(SMALL_ORDER), Signature::from_raw([0; 64]));
        };
        // A proof for somebody else's account is as bad as any.
        let account = if claim.is_good { who } else { who + 1 };
        let possession = self
            .possessions
            .entry((claim.key, account, role as u8))
            .or_insert_with(|| key.possession(&GENESIS, account, role));
        (key.public(), *possession)
    }

    fn call(&mut self, who: Account, call: &Call) -> RuntimeCall {
        match call {
            Call::Add(_)
            | Call::Remove(_)
            | Call::Swap(..)
            | Call::Activate(..)
            | Call::Update(_)
            | Call::RotateDirectorKey(_)
            | Call::Refresh => RuntimeCall::DirectorRegistry(self.of_director(who, call)),
            Call::Report(_) | Call::Cancel(_) | Call::Apply(_) => {
                RuntimeCall::SlashingEvidence(self.of_evidence(call))
            }
            _ => RuntimeCall::ValidatorRegistry(self.of_validator(who, call)),
        }
    }

    fn of_director(&mut self, who: Account, call: &Call) -> director_registry::Call<Test> {
        use director_registry::Call as To;
        match call {
            Call::Add(director) => To::add_director { director: *director },
            Call::Remove(director) => To::remove_director { director: *director },
            Call::Swap(director, successor) => {
                To::swap_director { director: *director, successor: *successor }
            }
            Call::Activate(claim, details) => {
                let (peer_key, possession) = self.claim(who, *claim, KeyRole::DirectorPeer);
                let (endpoints, region, capacity) = to_details(*details);
                To::activate { peer_key, possession, endpoints, region, capacity }
            }
            Call::Update(details) => {
                let (endpoints, region, capacity) = to_details(*details);
                To::update_record { endpoints, region, capacity }
            }
            Call::RotateDirectorKey(claim) => {
                let (new, possession) = self.claim(who, *claim, KeyRole::DirectorPeer);
                To::rotate_peer_key { new, possession }
            }
            _ => To::refresh {},
        }
    }

    fn of_validator(&mut self, who: Account, call: &Call) -> validator_registry::Call<Test> {
        use validator_registry::Call as To;
        match call {
            Call::Register { stake, checkpoint, peer } => {
                let (checkpoint_key, checkpoint_possession) =
                    self.claim(who, *checkpoint, KeyRole::Checkpoint);
                let (peer_key, peer_possession) = self.claim(who, *peer, KeyRole::ValidatorPeer);
                let stake = *stake;
                To::register {
                    stake,
                    checkpoint_key,
                    checkpoint_possession,
                    peer_key,
                    peer_possession,
                }
            }
            Call::SubmitVotes(votes) => {
                let votes: Vec<_> = votes.iter().map(|vote| self.signed_vote(vote)).collect();
                To::submit_votes { votes: votes.try_into().unwrap() }
            }
            Call::RequestExit => To::request_exit {},
            Call::Withdraw => To::withdraw {},
            Call::CleanUp(validator) => To::clean_up { validator: *validator },
            Call::RotateCheckpointKey(claim) => {
                let (new, possession) = self.claim(who, *claim, KeyRole::Checkpoint);
                To::rotate_checkpoint_key { new, possession }
            }
            Call::RotatePeerKey(claim) => {
                let (new, possession) = self.claim(who, *claim, KeyRole::ValidatorPeer);
                To::rotate_peer_key { new, possession }
            }
            Call::RevokeLowStake(validator) => To::revoke_low_stake { validator: *validator },
            Call::BondMore(amount) => To::bond_more { amount: *amount },
            Call::Unbond(amount) => To::unbond { amount: *amount },
            _ => To::withdraw_unbonded {},
        }
    }

    fn of_evidence(&mut self, call: &Call) -> crate::Call<Test> {
        use crate::Call as To;
        match call {
            Call::Report(proof) => To::report_double_sign { proof: self.proof(*proof) },
            Call::Cancel(validator) => To::cancel_slash { validator: *validator },
            Call::Apply(validator) => To::apply_slash { validator: *validator },
            other => panic!("no call of this pallet: {other:?}"),
        }
    }

    fn signed_vote(&self, vote: &Vote) -> SignedDirectorVote<Account> {
        let body = DirectorVote {
            validator: vote.validator,
            registration_id: vote.id,
            decision: decision(vote),
            nonce: vote.nonce,
            valid_until: vote.until,
        };
        let key = self.keys.get(&vote.signer).unwrap_or(&self.keys[&1]);
        key.director_vote(&GENESIS, vote.director, body)
    }

    fn half(&mut self, half: Half) -> SignedVote {
        let key = self.keys.get(&half.key).unwrap_or(&self.keys[&1]);
        let mut vote = *self
            .votes
            .entry((half.key, half.checkpoint, half.hash))
            .or_insert_with(|| vote(key, half.checkpoint, half.hash));
        vote.key = self.public(half.key);
        if half.is_forged {
            vote.signature.0[0] ^= 1;
        }
        vote
    }

    fn proof(&mut self, proof: Proof) -> DoubleSignProof {
        let genesis_hash = if proof.is_here { GENESIS } else { H256([8; 32]) };
        DoubleSignProof {
            genesis_hash,
            first: self.half(proof.first),
            second: self.half(proof.second),
        }
    }
}

/// Comparison.
impl Chain {
    /// Compares everything with the model, and the money with what the events tell.
    pub(super) fn compare(&mut self, model: &Model) -> Result<(), String> {
        self.compare_directors(model)?;
        let stored = validator_registry::Validators::<Test>::iter_keys().count();
        same("validators", stored, model.validators.len())?;
        for (who, validator) in &model.validators {
            self.compare_validator(*who, validator, model)?;
        }
        same(
            "the next registration",
            validator_registry::NextRegistrationId::<Test>::get(),
            model.next_id,
        )?;
        same(
            "the planned set",
            validator_registry::Planned::<Test>::get().into_inner(),
            model.planned.clone(),
        )?;
        compare_slashes(model)?;
        self.compare_keys(model)?;
        self.compare_money(model)
    }

    fn compare_directors(&self, model: &Model) -> Result<(), String> {
        let set = DirectorRegistry::director_set();
        same("the version of the directors", set.version, model.version)?;
        let active = set.active.into_iter().map(|info| {
            let since = validator_registry::FirstNonces::<Test>::get(info.account);
            (info.account, info.peer_key, info.refreshed_at, info.active_since, since)
        });
        let expected = model.directors.iter().map(|(who, director)| {
            let first = first_nonce(director.since);
            (*who, self.public(director.key), director.refreshed_at, director.since, first)
        });
        same("active directors", active.collect::<Vec<_>>(), expected.collect())?;
        let invited = DirectorRegistry::invitations().into_iter();
        let invited: Vec<_> = invited.map(|item| (item.account, item.replaces)).collect();
        let expected: Vec<_> = model.invited.iter().map(|(who, whom)| (*who, *whom)).collect();
        same("invitations", invited, expected)
    }

    fn compare_validator(
        &self,
        who: Account,
        expected: &Validator,
        model: &Model,
    ) -> Result<(), String> {
        let stored = validator_registry::Validators::<Test>::get(who)
            .ok_or_else(|| format!("validator {who} is not stored"))?;
        let name = |what: &str| format!("{what} of validator {who}");
        same(&name("the id"), stored.registration_id, expected.id)?;
        same(&name("the status"), stored.status, to_status(expected.status))?;
        same(&name("the stake"), stored.stake, expected.stake)?;
        let unbonding: Vec<_> = stored.unbonding.iter().map(|p| (p.amount, p.until)).collect();
        same(&name("the unbonding"), unbonding, expected.unbonding.clone())?;
        same(
            &name("the checkpoint key"),
            stored.checkpoint_key,
            self.public(expected.checkpoint_key),
        )?;
        same(&name("the peer key"), stored.peer_key, self.public(expected.peer_key))?;
        let locked = |retired: &validator_registry::RetiredKeys| {
            let lasting = retired.iter().filter(|old| old.until >= model.now);
            lasting.map(|old| (old.key, old.until)).collect::<Vec<_>>()
        };
        let lasting = |old: &[(Key, u64)]| {
            let old = old.iter().filter(|(_, until)| *until >= model.now);
            old.map(|(key, until)| (self.public(*key), *until)).collect::<Vec<_>>()
        };
        let (old, expected_old) = (locked(&stored.retired_keys), &expected.old_checkpoint_keys);
        same(&name("replaced checkpoint keys"), old, lasting(expected_old))?;
        let (old, expected_old) = (locked(&stored.retired_peer_keys), &expected.old_peer_keys);
        same(&name("replaced peer keys"), old, lasting(expected_old))?;
        same(&name("was_authorized"), stored.was_authorized, expected.was_authorized)?;
        same(&name("slashable_from"), stored.slashable_from, expected.slashable_from)?;
        same(&name("bonded_until"), stored.bonded_until, expected.bonded_until)?;
        let punished =
            stored.punishment.map(|p| (p.status_before, p.bonded_until_before, p.slash_pending));
        let expected_punished =
            expected.punished.as_ref().map(|p| (to_status(p.status), p.bonded_until, p.is_pending));
        same(&name("the punishment"), punished, expected_punished)?;
        same(&name("held"), held(who), expected.held())?;

        let progress = ValidatorRegistry::vote_progress(&who).ok_or("no vote progress")?;
        same("votes needed", progress.needed as usize, model.votes_needed())?;
        let mut votes = progress.votes;
        votes.sort_by_key(|vote| vote.director);
        let counting: Vec<_> = model.counting(who).into_iter().map(to_stored_vote).collect();
        same(&name("votes"), votes, counting)
    }

    /// Asks for the owner of a few keys, others at each step.
    fn compare_keys(&mut self, model: &Model) -> Result<(), String> {
        self.step += 1;
        let skip = (self.step % 8) as usize;
        for key in self.keys.keys().skip(skip).step_by(8) {
            let public = self.public(*key);
            let owner = ValidatorRegistry::checkpoint_key_owner(&public);
            same("a checkpoint key's owner", owner, model.checkpoint_key_owner(*key))?;
            let owner = ValidatorRegistry::peer_key_owner(&public);
            same("a peer key's owner", owner, model.peer_key_owner(*key))?;
        }
        Ok(())
    }

    fn compare_money(&mut self, model: &Model) -> Result<(), String> {
        use validator_registry::Event::StakeSlashed;
        for record in System::events() {
            match record.event {
                RuntimeEvent::ValidatorRegistry(StakeSlashed { amount, shortfall, .. }) => {
                    same("the shortfall", shortfall, 0)?;
                    self.slashed += amount;
                }
                RuntimeEvent::SlashingEvidence(Event::SlashApplied { reward, .. }) => {
                    self.rewarded += reward;
                }
                _ => {}
            }
        }
        System::reset_events();
        same("slashed", self.slashed, model.slashed)?;
        same("rewarded", self.rewarded, model.rewarded)?;
        for (who, expected) in &model.free {
            same(&format!("free money of {who}"), free(*who), *expected)?;
        }
        let for_treasury = free(TREASURY) - FUNDS;
        same("slashed and where it went", self.slashed, self.rewarded + for_treasury)?;
        same("the issuance", Balances::total_issuance(), model.free.len() as u64 * FUNDS)
    }

    /// After everybody has left: nothing is stored of anybody but the directors of today.
    pub(super) fn is_empty(&self) -> Result<(), String> {
        use director_registry as directors;
        use validator_registry as validators;
        let active = directors::Active::<Test>::get().len();
        same("validators", validators::Validators::<Test>::iter_keys().count(), 0)?;
        same("their number", validators::Validators::<Test>::count(), 0)?;
        same("authorized", validators::AuthorizedCount::<Test>::get(), 0)?;
        same("checkpoint keys", validators::CheckpointKeys::<Test>::iter_keys().count(), 0)?;
        same("peer keys", validators::PeerKeys::<Test>::iter_keys().count(), 0)?;
        same("votes", validators::Votes::<Test>::iter_keys().count(), 0)?;
        same("first nonces", validators::FirstNonces::<Test>::iter_keys().count(), active)?;
        same("records", directors::Records::<Test>::iter_keys().count(), active)?;
        same("directors' keys", directors::PeerKeys::<Test>::iter_keys().count(), active)?;
        same("slashes", Slashes::<Test>::iter_keys().count(), 0)?;
        same("the queue", Queue::<Test>::get().len(), 0)?;
        same("the window", Window::<Test>::get().len(), 0)?;
        same("held", ACTORS.into_iter().map(held).sum::<Balance>(), 0)
    }
}

fn compare_slashes(model: &Model) -> Result<(), String> {
    let queue: Vec<_> = Queue::<Test>::get().into_iter().map(|item| item.validator).collect();
    let expected: Vec<_> = model.pending.iter().map(|slash| slash.validator).collect();
    same("slashes in their order", queue, expected)?;
    model.pending.iter().try_for_each(|slash| compare_slash(slash, model))
}

fn compare_slash(expected: &Pending, model: &Model) -> Result<(), String> {
    let who = expected.validator;
    let slash = Slashes::<Test>::get(who).ok_or_else(|| format!("no slash waits for {who}"))?;
    let name = |what: &str| format!("{what} of the slash of {who}");
    same(&name("the checkpoint"), slash.offence.checkpoint, expected.checkpoint)?;
    same(&name("the stake"), slash.punished.stake, expected.stake)?;
    same(&name("the n"), u64::from(slash.punished.authorized), expected.authorized)?;
    same(&name("was_authorized"), slash.punished.was_authorized, expected.counts)?;
    same(&name("the reporter"), slash.reporter, expected.reporter)?;
    same(&name("is_rewarded"), slash.is_rewarded, expected.is_rewarded)?;
    same(&name("reported_at"), slash.reported_at, expected.reported_at)?;
    same(&name("apply_at"), slash.apply_at, expected.apply_at)?;
    let (k, fraction) = SlashingEvidence::fraction(&slash);
    let fraction = (u64::from(k), u64::from(fraction.deconstruct()));
    same(&name("the k and the fraction"), fraction, model.fraction(expected))
}

/// An error that names what differs.
fn same<T: Debug + PartialEq>(what: &str, chain: T, model: T) -> Result<(), String> {
    if chain == model { Ok(()) } else { Err(format!("{what}: {chain:?}, but should be {model:?}")) }
}

fn to_origin(origin: Origin) -> RuntimeOrigin {
    match origin {
        Origin::Root => RuntimeOrigin::root(),
        Origin::Signed(who) => RuntimeOrigin::signed(who),
        Origin::Nobody => RuntimeOrigin::none(),
    }
}

/// Whether it was free, or the bare name of the error.
fn to_outcome(outcome: DispatchResultWithPostInfo) -> Result<bool, String> {
    match outcome {
        Ok(info) => Ok(info.pays_fee == Pays::No),
        Err(failed) => Err(match failed.error {
            DispatchError::Module(error) => error.message.unwrap_or("unknown").into(),
            DispatchError::Token(error) => format!("{error:?}"),
            other => format!("{other:?}"),
        }),
    }
}

fn to_status(status: Status) -> ValidatorStatus {
    match status {
        Status::Candidate => ValidatorStatus::Candidate,
        Status::Authorized => ValidatorStatus::Authorized,
        Status::Revoked => ValidatorStatus::Revoked,
        Status::Exiting => ValidatorStatus::Exiting,
        Status::Tombstoned => ValidatorStatus::Tombstoned,
    }
}

fn decision(vote: &Vote) -> Decision {
    if vote.approves { Decision::Approve } else { Decision::Revoke(RevocationReason::Operator) }
}

fn to_stored_vote(vote: &Vote) -> StoredVote<Account> {
    StoredVote {
        director: vote.director,
        decision: decision(vote),
        nonce: vote.nonce,
        valid_until: vote.until,
    }
}

fn to_details(details: Details) -> (Endpoints, Region, u32) {
    let endpoint = |address: &[u8]| Endpoint {
        scope: EndpointScope::Public,
        address: address.to_vec().try_into().unwrap(),
    };
    let (addresses, capacity): (&[&[u8]], _) = match details {
        Details::Good => (&[b"/ip4/203.0.113.7/tcp/30400"], 100),
        Details::NoEndpoints => (&[], 100),
        Details::NoCapacity => (&[b"/ip4/203.0.113.7/tcp/30400"], 0),
        Details::NoText => (&[b"/\xff"], 100),
    };
    let endpoints: Vec<_> = addresses.iter().map(|address| endpoint(address)).collect();
    (endpoints.try_into().unwrap(), Region::default(), capacity)
}
