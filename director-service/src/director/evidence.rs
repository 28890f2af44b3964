//! Keeps the proofs of double signs until the chain has acted on them.

use super::{Crypto, Director, Link, Millis, Output, Refusal, rates::Bucket};
use director_primitives::{
    AccountId32, CheckpointNumber, Control, DoubleSignProof, H256, OffenceContext, PublicKey,
    Reason, RevocationReason, Snapshot,
};
use std::collections::{BTreeMap, VecDeque};

/// Proofs that are kept against one validator. One is enough to punish it; the rest is for the case
/// that governance excuses the older offences. It excuses what is at lower checkpoints, so that a validator could fill
/// all places with what will be excused: one at a higher checkpoint than all of them takes the place of the lowest.
const MAX_PROOFS_PER_VALIDATOR: usize = 4;

/// How many of these places others' proofs may take anew from one finalized block to the next: who has the key of a validator makes right
/// ones for as many checkpoints as it likes, and each of them is written to disk and told to everybody.
const MAX_REPLACED_PER_BLOCK: usize = 4;

/// Proofs that one director may have checked in a second, right ones or wrong ones, and how long it may save them up: to a
/// director that has just connected all are told at once, four against each of a thousand validators.
const CHECKED_PER_S: u64 = 100;
const CHECKED_BURST_MS: u64 = 40_000;

/// Proofs that one director may have wait because nobody has their keys, and for how many finalized blocks: its node may have the
/// block in which a validator has rotated its key, and ours not yet. It tells a proof once.
const MAX_EARLY: usize = 8;
const EARLY_BLOCKS: u32 = 16;

/// Proofs that were right when they came and that the chain has not acted on.
#[derive(Debug, Default)]
pub(super) struct Evidence {
    known: BTreeMap<H256, (AccountId32, DoubleSignProof)>,
    /// Those against who is punished, for as long as that holds.
    late: BTreeMap<AccountId32, BTreeMap<(CheckpointNumber, H256), DoubleSignProof>>,
    /// How often others' proofs have taken a place since the last finalized block, by validator.
    replaced: BTreeMap<AccountId32, usize>,
    /// What each director may still have checked.
    checked: BTreeMap<PublicKey, Bucket>,
    /// Those that are right if their keys turn out to be a validator's, by who has sent them, and at how many finalized blocks they
    /// were not.
    early: BTreeMap<PublicKey, VecDeque<(DoubleSignProof, u32)>>,
}

impl Evidence {
    /// Forgets proofs of offences that are excused, and keeps those against who is punished apart: for one of them, or for
    /// none; governance may take that back.
    pub(super) fn finalized(&mut self, snapshot: &Snapshot) {
        let known = std::mem::take(&mut self.known).into_values().map(|(_, proof)| proof);
        let late = std::mem::take(&mut self.late).into_values().flat_map(BTreeMap::into_values);
        for proof in known.chain(late) {
            match proof.check(snapshot) {
                Ok(offence) => {
                    self.known.insert(proof.id(), (offence.validator, proof));
                }
                Err(Reason::AlreadyPunished) => self.set_apart(snapshot, proof),
                Err(_) => {}
            }
        }
        self.replaced.clear();
        self.checked.retain(|director, _| snapshot.director_by_peer_key(director).is_some());
    }

    /// Keeps a proof whose key nobody has yet, if its sender may have one more wait, or has this one.
    fn keep_early(&mut self, from: PublicKey, proof: DoubleSignProof) -> bool {
        let early = self.early.entry(from).or_default();
        let is_known = early.iter().any(|(known, _)| known.id() == proof.id());
        let has_room = early.len() < MAX_EARLY;
        if has_room && !is_known {
            early.push_back((proof, 0));
        }
        has_room || is_known
    }

    /// Whether a director may have one proof more checked, which counts however it turns out.
    fn may_check(&mut self, director: &PublicKey, now: Millis) -> bool {
        let full = || Bucket::full(CHECKED_PER_S, CHECKED_BURST_MS, 1);
        self.checked.entry(*director).or_insert_with(full).take(1, now)
    }

    fn set_apart(&mut self, snapshot: &Snapshot, proof: DoubleSignProof) {
        let Some(validator) = snapshot.key_owner(&proof.first.key) else { return };
        let checkpoint = proof.first.vote.checkpoint;
        if checkpoint >= snapshot.slashable_from(&validator) {
            self.late.entry(validator).or_default().insert((checkpoint, proof.id()), proof);
        }
    }

    /// Whether a proof that came after the punishment is not one too many, which is kept then. It is none that is known.
    fn keep_late(
        &mut self,
        validator: &AccountId32,
        proof: &DoubleSignProof,
        is_own: bool,
    ) -> bool {
        let late = self.late.get(validator);
        let checkpoint = proof.first.vote.checkpoint;
        if late.is_some_and(|late| late.len() >= MAX_PROOFS_PER_VALIDATOR) {
            let highest = late.and_then(|late| late.last_key_value());
            let is_higher = highest.is_some_and(|((highest, _), _)| checkpoint > *highest);
            if !is_higher || !is_own && !self.may_replace(validator) {
                return false;
            }
        }
        let late = self.late.entry(validator.clone()).or_default();
        if late.len() >= MAX_PROOFS_PER_VALIDATOR {
            late.pop_first();
        }
        late.insert((checkpoint, proof.id()), *proof);
        true
    }

    /// Makes room for a proof against a validator, if it may have some.
    fn make_room(
        &mut self,
        validator: &AccountId32,
        proof: &DoubleSignProof,
        is_own: bool,
    ) -> bool {
        let against = self.known.iter().filter(|(_, (accused, _))| accused == validator);
        let mut against: Vec<_> =
            against.map(|(id, (_, proof))| (proof.first.vote.checkpoint, *id)).collect();
        if against.len() < MAX_PROOFS_PER_VALIDATOR {
            return true;
        }
        against.sort_unstable();
        let is_higher =
            against.last().is_some_and(|(highest, _)| proof.first.vote.checkpoint > *highest);
        if !is_higher || !is_own && !self.may_replace(validator) {
            return false;
        }
        if let Some((_, lowest)) = against.first() {
            self.known.remove(lowest);
        }
        true
    }

    /// Whether one more of others' proofs may take a place, until the next block.
    fn may_replace(&mut self, validator: &AccountId32) -> bool {
        let replaced = self.replaced.entry(validator.clone()).or_default();
        *replaced += 1;
        *replaced <= MAX_REPLACED_PER_BLOCK
    }

    /// Tells a director that has just connected what it may have missed.
    pub(super) fn tell(&self, peer: &PublicKey, out: &mut Vec<Output>) {
        let known = self.known.values().map(|(_, proof)| proof);
        for proof in known.chain(self.late.values().flat_map(BTreeMap::values)) {
            let message = Control::Evidence(*proof);
            out.push(Output::Send { to: *peer, link: Link::Mesh, message });
        }
    }

    /// Whether this proof is known.
    pub(super) fn knows(&self, proof: &DoubleSignProof) -> bool {
        let id = proof.id();
        let slot = (proof.first.vote.checkpoint, id);
        self.known.contains_key(&id) || self.late.values().any(|late| late.contains_key(&slot))
    }

    /// Whether there is a proof against the validator that the chain has not acted on.
    pub(super) fn accuses(&self, validator: &AccountId32) -> bool {
        self.known.values().any(|(accused, _)| accused == validator)
    }
}

impl<C: Crypto> Director<C> {
    /// The detector made a proof.
    pub(super) fn own_evidence(
        &mut self,
        now: Millis,
        snapshot: &Snapshot,
        proof: DoubleSignProof,
        out: &mut Vec<Output>,
    ) {
        match proof.check(snapshot) {
            Ok(offence) => {
                self.stats.double_signs_detected += 1;
                self.keep_proof(now, snapshot, offence.validator, proof, None, out);
            }
            Err(Reason::AlreadyPunished) => {
                self.refuse(Refusal::LateProof);
                self.keep_late_proof(snapshot, proof, None, out);
            }
            // Excused already, or the first key has expired since.
            Err(_) => self.refuse(Refusal::LateProof),
        }
    }

    /// A director sent a proof: believe it nothing, check everything.
    pub(super) fn evidence_of_peer(
        &mut self,
        now: Millis,
        snapshot: &Snapshot,
        from: PublicKey,
        proof: DoubleSignProof,
        out: &mut Vec<Output>,
    ) {
        // It may differ from the known one in its signatures alone, and they do not matter.
        if self.evidence.knows(&proof) {
            return;
        }
        if !self.evidence.may_check(&from, now) {
            return self.refuse(Refusal::RateLimited);
        }
        self.judge_proof(now, snapshot, from, proof, out);
    }

    /// Looks again at proofs whose keys nobody had before this finalized block.
    pub(super) fn early_proofs(&mut self, now: Millis, snapshot: &Snapshot, out: &mut Vec<Output>) {
        for (from, proofs) in std::mem::take(&mut self.evidence.early) {
            if snapshot.director_by_peer_key(&from).is_none() {
                continue;
            }
            for (proof, blocks) in proofs {
                if proof.check(snapshot) != Err(Reason::UnknownKey) {
                    if !self.evidence.knows(&proof) {
                        self.judge_proof(now, snapshot, from, proof, out);
                    }
                } else if blocks + 1 < EARLY_BLOCKS {
                    let early = self.evidence.early.entry(from).or_default();
                    early.push_back((proof, blocks + 1));
                } else {
                    self.refuse(Refusal::ForgedProof);
                }
            }
        }
    }

    fn judge_proof(
        &mut self,
        now: Millis,
        snapshot: &Snapshot,
        from: PublicKey,
        proof: DoubleSignProof,
        out: &mut Vec<Output>,
    ) {
        match proof.check(snapshot) {
            Ok(offence) => {
                if self.keep_proof(now, snapshot, offence.validator, proof, Some(&from), out) {
                    self.stats.proofs_from_peers += 1;
                }
            }
            Err(Reason::AlreadyPunished) => {
                self.refuse(Refusal::LateProof);
                self.keep_late_proof(snapshot, proof, Some(&from), out);
            }
            Err(Reason::Excused) => self.refuse(Refusal::LateProof),
            Err(Reason::UnknownKey) if is_signed(snapshot, &proof) => {
                if !self.evidence.keep_early(from, proof) {
                    self.refuse(Refusal::SurplusProof);
                }
            }
            Err(_) => self.refuse(Refusal::ForgedProof),
        }
    }

    /// Keeps a proof against a validator that is punished already: governance may still excuse what it is punished for, and not
    /// this. The others are told, for this director may not be there when that happens.
    fn keep_late_proof(
        &mut self,
        snapshot: &Snapshot,
        proof: DoubleSignProof,
        from: Option<&PublicKey>,
        out: &mut Vec<Output>,
    ) {
        let Some(validator) = snapshot.key_owner(&proof.first.key) else { return };
        let is_excused = proof.first.vote.checkpoint < snapshot.slashable_from(&validator);
        if !is_excused
            && !self.evidence.knows(&proof)
            && (from.is_none() || is_signed(snapshot, &proof))
            && self.evidence.keep_late(&validator, &proof, from.is_none())
        {
            out.push(Output::Proven(proof));
            self.tell_mesh(from, &Control::Evidence(proof), out);
        }
    }

    fn keep_proof(
        &mut self,
        now: Millis,
        snapshot: &Snapshot,
        validator: AccountId32,
        proof: DoubleSignProof,
        except: Option<&PublicKey>,
        out: &mut Vec<Output>,
    ) -> bool {
        let id = proof.id();
        if self.evidence.known.contains_key(&id) {
            return false;
        }
        if !self.evidence.make_room(&validator, &proof, except.is_none()) {
            self.refuse(Refusal::SurplusProof);
            return false;
        }
        self.evidence.known.insert(id, (validator.clone(), proof));
        out.push(Output::Proven(proof));
        self.tell_mesh(except, &Control::Evidence(proof), out);
        self.revoke(now, snapshot, &validator, RevocationReason::DoubleSign, out);
        true
    }
}

/// Whether the keys that a proof names have signed its votes. The chain's check does not come to that where it finds something else.
fn is_signed(snapshot: &Snapshot, proof: &DoubleSignProof) -> bool {
    let genesis_hash = &snapshot.domain.genesis_hash;
    [&proof.first, &proof.second].iter().all(|of| of.verify(genesis_hash))
}
