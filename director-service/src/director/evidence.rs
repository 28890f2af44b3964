//! Keeps the proofs of double signs until the chain has acted on them.

use super::{Crypto, Director, Link, Millis, Output, Refusal, rates::Bucket};
use director_primitives::{
    AccountId32, CheckpointNumber, Control, DoubleSignProof, H256, OffenceContext, PublicKey,
    Reason, RevocationReason, Snapshot,
};
use std::collections::{BTreeMap, BTreeSet};

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

/// Proofs that were right when they came and that the chain has not acted on.
#[derive(Debug, Default)]
pub(super) struct Evidence {
    known: BTreeMap<H256, (AccountId32, DoubleSignProof)>,
    /// Those that were made after the punishment, for as long as it holds.
    late: BTreeMap<AccountId32, BTreeSet<(CheckpointNumber, H256)>>,
    /// How often others' proofs have taken a place since the last finalized block, by validator.
    replaced: BTreeMap<AccountId32, usize>,
    /// What each director may still have checked.
    checked: BTreeMap<PublicKey, Bucket>,
}

impl Evidence {
    /// Forgets proofs of offences that are punished or excused.
    pub(super) fn finalized(&mut self, snapshot: &Snapshot) {
        self.known.retain(|_, (_, proof)| proof.check(snapshot).is_ok());
        self.late.retain(|validator, _| snapshot.is_punished(validator));
        self.replaced.clear();
        self.checked.retain(|director, _| snapshot.director_by_peer_key(director).is_some());
    }

    /// Whether a director may have one proof more checked, which counts however it turns out.
    fn may_check(&mut self, director: &PublicKey, now: Millis) -> bool {
        let full = || Bucket::full(CHECKED_PER_S, CHECKED_BURST_MS, 1);
        self.checked.entry(*director).or_insert_with(full).take(1, now)
    }

    /// Whether a proof that came after the punishment is new, and not one too many.
    fn keep_late(&mut self, validator: AccountId32, proof: &DoubleSignProof) -> bool {
        let late = self.late.entry(validator).or_default();
        let checkpoint = proof.first.vote.checkpoint;
        if late.len() >= MAX_PROOFS_PER_VALIDATOR {
            if late.last().is_some_and(|(highest, _)| checkpoint <= *highest) {
                return false;
            }
            late.pop_first();
        }
        late.insert((checkpoint, proof.id()))
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
        for (_, proof) in self.known.values() {
            let message = Control::Evidence(*proof);
            out.push(Output::Send { to: *peer, link: Link::Mesh, message });
        }
    }

    /// Whether this proof is known.
    pub(super) fn knows(&self, proof: &DoubleSignProof) -> bool {
        self.known.contains_key(&proof.id())
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
            // Governance may still excuse what it is punished for, and not this: the reporter keeps it for that.
            Err(Reason::AlreadyPunished) => {
                self.refuse(Refusal::LateProof);
                let validator = snapshot.key_owner(&proof.first.key);
                if validator.is_some_and(|of| self.evidence.keep_late(of, &proof)) {
                    out.push(Output::Proven(proof));
                }
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
        match proof.check(snapshot) {
            Ok(offence) => {
                if self.keep_proof(now, snapshot, offence.validator, proof, Some(&from), out) {
                    self.stats.proofs_from_peers += 1;
                }
            }
            // Its signatures are not looked at then. Whoever made it keeps it.
            Err(Reason::AlreadyPunished | Reason::Excused) => self.refuse(Refusal::LateProof),
            Err(_) => self.refuse(Refusal::ForgedProof),
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
