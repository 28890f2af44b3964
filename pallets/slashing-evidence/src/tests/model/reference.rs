//! Predicts what the three pallets do, from their documentation and with plain maps.
//!
//! Written apart from the pallets' code: nothing is cached, counted or pruned here. What the pallets
//! keep in a window, an index or a counter, this model works out from all that ever happened.
//! Keys are numbers of [`TestKey`](director_primitives::test_utils::TestKey)s.

use super::operations::{Call, Claim, Details, Half, Origin, Proof, Step, Vote};
use crate::mock::{CORRELATION, DEFER, ED, FUNDS, TREASURY, UNBONDING};
use std::collections::{BTreeMap, BTreeSet};

pub(super) type Account = u64;
pub(super) type Key = u64;

/// Stands for a key of small order, which verifies anything.
pub(super) const SMALL_ORDER: Key = 0;

const MIN_DIRECTORS: usize = 1;
const MAX_DIRECTORS: usize = 7;
const MAX_ACTIVE_VALIDATORS: usize = 10;
const MAX_RETIRED: usize = 4;
const MAX_UNBONDING: usize = 8;
const CHECKPOINT_INTERVAL: u64 = 10;
const NONCES_PER_BLOCK: u64 = 1 << 16;

/// Whether a call that went through is free, or the name of the error.
pub(super) type Outcome = Result<bool, &'static str>;

const PAID: Outcome = Ok(false);
const FREE: Outcome = Ok(true);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Status {
    Candidate,
    Authorized,
    Revoked,
    Exiting,
    Tombstoned,
}

pub(super) struct Director {
    pub(super) key: Key,
    pub(super) since: u64,
    pub(super) refreshed_at: u64,
}

/// Why a validator is tombstoned and how to undo it.
pub(super) struct Punished {
    pub(super) status: Status,
    pub(super) bonded_until: Option<u64>,
    pub(super) is_pending: bool,
}

pub(super) struct Validator {
    pub(super) id: u64,
    pub(super) status: Status,
    pub(super) stake: u64,
    /// Amounts and the last block at which each must stay.
    pub(super) unbonding: Vec<(u64, u64)>,
    pub(super) checkpoint_key: Key,
    pub(super) peer_key: Key,
    /// Keys and the last block at which each is the validator's.
    pub(super) old_checkpoint_keys: Vec<(Key, u64)>,
    pub(super) old_peer_keys: Vec<(Key, u64)>,
    pub(super) was_authorized: bool,
    pub(super) slashable_from: u64,
    pub(super) bonded_until: Option<u64>,
    pub(super) punished: Option<Punished>,
    /// The latest word of each director of today.
    pub(super) votes: BTreeMap<Account, Vote>,
}

impl Validator {
    pub(super) fn held(&self) -> u64 {
        self.stake + self.unbonding.iter().map(|(amount, _)| amount).sum::<u64>()
    }

    pub(super) fn stays(&self) -> bool {
        !matches!(self.status, Status::Exiting | Status::Tombstoned)
    }

    fn is_locked(&self) -> bool {
        self.punished.as_ref().is_some_and(|punished| punished.is_pending)
    }

    fn through(&self, now: u64) -> u64 {
        self.unbonding.iter().filter(|(_, until)| *until < now).map(|(amount, _)| amount).sum()
    }
}

/// A slash that waits.
pub(super) struct Pending {
    pub(super) validator: Account,
    pub(super) checkpoint: u64,
    pub(super) stake: u64,
    pub(super) authorized: u64,
    pub(super) counts: bool,
    pub(super) reporter: Account,
    pub(super) is_rewarded: bool,
    pub(super) reported_at: u64,
    pub(super) apply_at: u64,
}

/// All there is to know.
pub(super) struct Model {
    pub(super) now: u64,
    pub(super) min_stake: u64,
    pub(super) directors: BTreeMap<Account, Director>,
    /// Who was invited, and whose place it takes.
    pub(super) invited: BTreeMap<Account, Option<Account>>,
    pub(super) version: u64,
    pub(super) validators: BTreeMap<Account, Validator>,
    pub(super) next_id: u64,
    pub(super) planned: Vec<Account>,
    /// What the last plan of a session said.
    pub(super) plan: Option<Vec<Account>>,
    /// In the order of the reports.
    pub(super) pending: Vec<Pending>,
    /// Blocks of all offences that were proven, count, and were not pardoned.
    pub(super) proven: Vec<u64>,
    pub(super) free: BTreeMap<Account, u64>,
    pub(super) slashed: u64,
    pub(super) rewarded: u64,
    /// Votes that were ever submitted, to submit them again.
    pub(super) seen: Vec<Vote>,
    /// How often something worth seeing happened.
    pub(super) notes: BTreeMap<String, u32>,
}

impl Model {
    /// The chain of `new_test_ext`: block 1, three directors.
    pub(super) fn new(accounts: &[Account], directors: &[(Account, Key)]) -> Self {
        let director = |key| Director { key, since: 0, refreshed_at: 0 };
        let rich = accounts.iter().chain([&TREASURY]);
        Self {
            now: 1,
            min_stake: 1_000,
            directors: directors.iter().map(|(who, key)| (*who, director(*key))).collect(),
            invited: BTreeMap::new(),
            version: directors.len() as u64,
            validators: BTreeMap::new(),
            next_id: 0,
            planned: Vec::new(),
            plan: None,
            pending: Vec::new(),
            proven: Vec::new(),
            free: rich.map(|who| (*who, FUNDS)).collect(),
            slashed: 0,
            rewarded: 0,
            seen: Vec::new(),
            notes: BTreeMap::new(),
        }
    }

    pub(super) fn note(&mut self, what: impl Into<String>) {
        *self.notes.entry(what.into()).or_default() += 1;
    }

    /// Does a step. Steps that are no calls always succeed.
    pub(super) fn step(&mut self, step: &Step) -> Outcome {
        match step {
            Step::GoTo(block) => self.now = *block,
            Step::Idle { slashes } => self.apply_due(*slashes),
            Step::Plan => self.plan = self.plan_session(),
            Step::SetMinStake(amount) => self.min_stake = *amount,
            Step::Call(origin, call) => return self.call(*origin, call),
        }
        PAID
    }

    fn call(&mut self, origin: Origin, call: &Call) -> Outcome {
        let by_root =
            matches!(call, Call::Add(_) | Call::Remove(_) | Call::Swap(..) | Call::Cancel(_));
        let who = match (origin, by_root) {
            (Origin::Signed(who), false) => who,
            (Origin::Root, true) => 0,
            _ => return Err("BadOrigin"),
        };
        match call {
            Call::Add(director) => self.invite(*director, None),
            Call::Remove(director) => self.remove(*director),
            Call::Swap(director, successor) => self.swap(*director, *successor),
            Call::Activate(claim, details) => self.activate(who, *claim, *details),
            Call::Update(details) => self.update(who, *details),
            Call::RotateDirectorKey(claim) => self.rotate_director_key(who, *claim),
            Call::Refresh => {
                self.directors.get_mut(&who).ok_or("NotActive")?.refreshed_at = self.now;
                PAID
            }
            Call::Register { stake, checkpoint, peer } => {
                self.register(who, *stake, *checkpoint, *peer)
            }
            Call::SubmitVotes(votes) => self.submit(votes),
            Call::RequestExit => self.exit(who),
            Call::Withdraw => self.withdraw(who),
            Call::CleanUp(validator) => self.withdraw(*validator),
            Call::RotateCheckpointKey(claim) => self.rotate(who, *claim, true),
            Call::RotatePeerKey(claim) => self.rotate(who, *claim, false),
            Call::RevokeLowStake(validator) => self.revoke_low_stake(*validator),
            Call::BondMore(amount) => self.bond_more(who, *amount),
            Call::Unbond(amount) => self.unbond(who, *amount),
            Call::WithdrawUnbonded => self.withdraw_unbonded(who),
            Call::Report(proof) => self.report(who, proof),
            Call::Cancel(validator) => self.cancel(*validator),
            Call::Apply(validator) => self.apply(*validator),
        }
    }
}

/// The directors.
impl Model {
    fn invite(&mut self, account: Account, replaces: Option<Account>) -> Outcome {
        if self.directors.contains_key(&account) || self.invited.contains_key(&account) {
            return Err("AlreadyDirector");
        }
        let more = self.invited.values().filter(|replaces| replaces.is_none()).count();
        if replaces.is_none() && self.directors.len() + more >= MAX_DIRECTORS {
            return Err("TooManyDirectors");
        }
        if self.invited.len() >= MAX_DIRECTORS {
            return Err("TooManyDirectors");
        }
        self.invited.insert(account, replaces);
        self.version += 1;
        PAID
    }

    fn remove(&mut self, account: Account) -> Outcome {
        if self.directors.contains_key(&account) {
            if self.directors.len() <= MIN_DIRECTORS {
                return Err("TooFewDirectors");
            }
            self.retire(account);
        } else {
            self.invited.remove(&account).ok_or("NotDirector")?;
            self.version += 1;
        }
        PAID
    }

    /// Ends a term: nothing that was said in it counts, ever.
    fn retire(&mut self, account: Account) {
        self.directors.remove(&account);
        for replaces in self.invited.values_mut().filter(|replaces| **replaces == Some(account)) {
            *replaces = None;
        }
        for validator in self.validators.values_mut() {
            validator.votes.remove(&account);
        }
        self.version += 1;
    }

    fn swap(&mut self, director: Account, successor: Account) -> Outcome {
        if self.directors.contains_key(&director) {
            if self.invited.values().any(|replaces| *replaces == Some(director)) {
                return Err("AlreadyBeingReplaced");
            }
            return self.invite(successor, Some(director));
        }
        let replaces = *self.invited.get(&director).ok_or("NotDirector")?;
        self.invited.remove(&director);
        let outcome = self.invite(successor, replaces);
        if outcome.is_err() {
            self.invited.insert(director, replaces);
        }
        outcome
    }

    fn activate(&mut self, who: Account, claim: Claim, details: Details) -> Outcome {
        let replaces = *self.invited.get(&who).ok_or("NotInvited")?;
        self.check_details(details)?;
        self.check_director_key(claim)?;
        self.invited.remove(&who);
        if let Some(former) = replaces {
            self.retire(former);
            self.note("a successor took a director's place");
        }
        let director = Director { key: claim.key, since: self.now, refreshed_at: self.now };
        self.directors.insert(who, director);
        self.version += 1;
        PAID
    }

    fn update(&mut self, who: Account, details: Details) -> Outcome {
        self.check_details(details)?;
        self.directors.get_mut(&who).ok_or("NotActive")?.refreshed_at = self.now;
        self.version += 1;
        PAID
    }

    fn rotate_director_key(&mut self, who: Account, claim: Claim) -> Outcome {
        if !self.directors.contains_key(&who) {
            return Err("NotActive");
        }
        self.check_director_key(claim)?;
        let refreshed_at = self.now;
        if let Some(director) = self.directors.get_mut(&who) {
            *director = Director { key: claim.key, refreshed_at, since: director.since };
        }
        self.version += 1;
        PAID
    }

    fn check_details(&self, details: Details) -> Result<(), &'static str> {
        match details {
            Details::Good => Ok(()),
            Details::NoEndpoints => Err("NoEndpoints"),
            Details::NoCapacity => Err("NoCapacity"),
            Details::NoText => Err("InvalidText"),
        }
    }

    fn check_director_key(&self, claim: Claim) -> Result<(), &'static str> {
        if self.is_taken(claim.key) {
            return Err("PeerKeyTaken");
        }
        match claim {
            Claim { key: SMALL_ORDER, .. } => Err("SmallOrderKey"),
            Claim { is_good: false, .. } => Err("InvalidPossession"),
            _ => Ok(()),
        }
    }
}

/// Keys.
impl Model {
    /// Whether anybody has the key today, or a validator had it so lately that it is its still.
    pub(super) fn is_taken(&self, key: Key) -> bool {
        self.directors.values().any(|director| director.key == key)
            || self.checkpoint_key_owner(key).is_some()
            || self.peer_key_owner(key).is_some()
    }

    pub(super) fn checkpoint_key_owner(&self, key: Key) -> Option<Account> {
        let owns = |v: &Validator| {
            v.checkpoint_key == key
                || v.old_checkpoint_keys.iter().any(|old| old.0 == key && old.1 >= self.now)
        };
        self.validators.iter().find(|(_, validator)| owns(validator)).map(|(who, _)| *who)
    }

    pub(super) fn peer_key_owner(&self, key: Key) -> Option<Account> {
        let owns = |v: &Validator| {
            v.peer_key == key || v.old_peer_keys.iter().any(|old| old.0 == key && old.1 >= self.now)
        };
        self.validators.iter().find(|(_, validator)| owns(validator)).map(|(who, _)| *who)
    }

    fn check_claim(&self, claim: Claim) -> Result<(), &'static str> {
        if claim.key == SMALL_ORDER {
            return Err("SmallOrderKey");
        }
        if self.is_taken(claim.key) {
            return Err("KeyTaken");
        }
        if claim.is_good { Ok(()) } else { Err("InvalidPossession") }
    }

    fn rotate(&mut self, who: Account, claim: Claim, is_checkpoint: bool) -> Outcome {
        self.staying(who)?;
        self.check_claim(claim)?;
        let (now, until) = (self.now, self.now + UNBONDING);
        let validator = self.staying(who)?;
        let (current, old) = if is_checkpoint {
            (&mut validator.checkpoint_key, &mut validator.old_checkpoint_keys)
        } else {
            (&mut validator.peer_key, &mut validator.old_peer_keys)
        };
        if old.iter().filter(|(_, until)| *until >= now).count() >= MAX_RETIRED {
            return Err("TooManyRetiredKeys");
        }
        old.push((*current, until));
        *current = claim.key;
        PAID
    }
}

/// Stakes.
impl Model {
    fn staying(&mut self, who: Account) -> Result<&mut Validator, &'static str> {
        let validator = self.validators.get_mut(&who).ok_or("NotRegistered")?;
        if validator.stays() { Ok(validator) } else { Err("NotEligible") }
    }

    fn register(&mut self, who: Account, stake: u64, checkpoint: Claim, peer: Claim) -> Outcome {
        if self.validators.contains_key(&who) {
            return Err("AlreadyRegistered");
        }
        if stake < self.min_stake {
            return Err("StakeTooLow");
        }
        if checkpoint.key == peer.key {
            return Err("SameKey");
        }
        self.check_claim(checkpoint)?;
        self.check_claim(peer)?;
        self.hold(who, stake)?;
        let validator = Validator {
            id: self.next_id,
            status: Status::Candidate,
            stake,
            unbonding: Vec::new(),
            checkpoint_key: checkpoint.key,
            peer_key: peer.key,
            old_checkpoint_keys: Vec::new(),
            old_peer_keys: Vec::new(),
            was_authorized: false,
            slashable_from: self.now / CHECKPOINT_INTERVAL,
            bonded_until: None,
            punished: None,
            votes: BTreeMap::new(),
        };
        self.next_id += 1;
        self.validators.insert(who, validator);
        PAID
    }

    /// Takes from what is free; the existential deposit stays.
    fn hold(&mut self, who: Account, amount: u64) -> Result<(), &'static str> {
        let free = self.free.entry(who).or_default();
        if amount > free.saturating_sub(ED) {
            return Err("FundsUnavailable");
        }
        *free -= amount;
        Ok(())
    }

    fn exit(&mut self, who: Account) -> Outcome {
        let until = self.now + UNBONDING;
        let validator = self.staying(who)?;
        validator.status = Status::Exiting;
        validator.bonded_until = Some(until);
        PAID
    }

    fn withdraw(&mut self, who: Account) -> Outcome {
        let validator = self.validators.get(&who).ok_or("NotRegistered")?;
        if validator.is_locked() {
            self.note("an escape by withdrawing was refused");
            return Err("SlashPending");
        }
        let until = validator.bonded_until.ok_or("NotExiting")?;
        let held = validator.held();
        match self.now.checked_sub(until) {
            None => return Err("StillBonded"),
            Some(0) => {
                self.note("withdraw at the last bonded block");
                return Err("StillBonded");
            }
            Some(1) => self.note("withdraw at the first free block"),
            Some(_) => {}
        }
        self.validators.remove(&who);
        *self.free.entry(who).or_default() += held;
        PAID
    }

    fn bond_more(&mut self, who: Account, amount: u64) -> Outcome {
        if amount == 0 {
            return Err("ZeroAmount");
        }
        self.staying(who)?;
        self.hold(who, amount)?;
        self.staying(who)?.stake += amount;
        if self.decide(who) {
            self.note("bonding more decided");
        }
        PAID
    }

    fn unbond(&mut self, who: Account, amount: u64) -> Outcome {
        if amount == 0 {
            return Err("ZeroAmount");
        }
        let (min_stake, until) = (self.min_stake, self.now + UNBONDING);
        let validator = self.staying(who)?;
        if validator.stake.saturating_sub(amount) < min_stake {
            return Err("StakeTooLow");
        }
        let parts = validator.unbonding.len();
        match validator.unbonding.iter_mut().find(|part| part.1 == until) {
            Some(part) => part.0 += amount,
            None if parts >= MAX_UNBONDING => return Err("TooManyUnbonding"),
            None => validator.unbonding.push((amount, until)),
        }
        validator.stake -= amount;
        PAID
    }

    fn withdraw_unbonded(&mut self, who: Account) -> Outcome {
        let now = self.now;
        let validator = self.validators.get_mut(&who).ok_or("NotRegistered")?;
        if validator.is_locked() {
            self.note("an escape by unbonding was refused");
            return Err("SlashPending");
        }
        let amount = validator.through(now);
        let is_last_block = validator.unbonding.iter().any(|part| part.1 == now);
        let is_first_block = validator.unbonding.iter().any(|part| part.1 + 1 == now);
        if is_last_block {
            self.note("unbonded at its last block");
        }
        if amount == 0 {
            return Err("NothingToWithdraw");
        }
        if is_first_block {
            self.note("unbonded at its first free block");
        }
        if let Some(validator) = self.validators.get_mut(&who) {
            validator.unbonding.retain(|part| part.1 >= now);
        }
        *self.free.entry(who).or_default() += amount;
        PAID
    }

    /// Revokes for too little stake. `true` if that was so.
    fn revoke_if_low(&mut self, who: Account) -> bool {
        let min_stake = self.min_stake;
        match self.validators.get_mut(&who) {
            Some(v) if v.status == Status::Authorized && v.stake < min_stake => {
                v.status = Status::Revoked;
                true
            }
            _ => false,
        }
    }

    fn revoke_low_stake(&mut self, who: Account) -> Outcome {
        if !self.validators.contains_key(&who) {
            return Err("NotRegistered");
        }
        if self.revoke_if_low(who) { FREE } else { Err("StakeNotLow") }
    }

    fn authorized(&self) -> impl Iterator<Item = (&Account, &Validator)> {
        self.validators.iter().filter(|(_, v)| v.status == Status::Authorized)
    }

    /// Plans a session; `None` to leave the set as it is.
    fn plan_session(&mut self) -> Option<Vec<Account>> {
        let everybody: Vec<_> = self.validators.keys().copied().collect();
        for who in everybody {
            if self.revoke_if_low(who) {
                self.note("a session revoked for low stake");
            }
        }
        let mut by_stake: Vec<_> =
            self.authorized().map(|(who, v)| (u64::MAX - v.stake, v.id, *who)).collect();
        by_stake.sort_unstable();
        let mut set: Vec<_> = by_stake.iter().map(|(_, _, who)| *who).collect();
        set.truncate(MAX_ACTIVE_VALIDATORS);
        // At most a third less, at least one: never more than the part that was configured.
        let may_go = (self.planned.len() * 33 / 100).max(1);
        let least = self.planned.len().saturating_sub(may_go);
        let is_tombstoned =
            |who: &Account| self.validators.get(who).is_none_or(|v| v.status == Status::Tombstoned);
        let (gone, leaving): (Vec<_>, Vec<_>) =
            self.planned.iter().copied().filter(|who| !set.contains(who)).partition(is_tombstoned);
        let missing = least.saturating_sub(set.len());
        set.extend(leaving.into_iter().chain(gone).take(missing));
        if missing > 0 {
            self.note("a session kept somebody to stay large enough");
        }
        if set.is_empty() {
            return None;
        }
        self.planned = set.clone();
        Some(set)
    }
}

/// Votes.
impl Model {
    fn submit(&mut self, votes: &[Vote]) -> Outcome {
        self.seen.extend(votes);
        let (mut about, mut first_reason, mut taken) = (BTreeSet::new(), None, false);
        for vote in votes {
            let outcome = self.take_vote(vote);
            if let Err(reason) = outcome {
                self.note(format!("vote refused: {reason}"));
                first_reason = first_reason.or(Some(reason));
            }
            taken |= outcome.is_ok();
            if matches!(outcome, Ok(()) | Err("OldNonce")) {
                about.insert(vote.validator);
            }
        }
        let decided = about.into_iter().filter(|who| self.decide(*who)).count() > 0;
        if taken || decided { Ok(decided) } else { Err(first_reason.unwrap_or("NoVotes")) }
    }

    fn take_vote(&mut self, vote: &Vote) -> Result<(), &'static str> {
        let now = self.now;
        let validator = self.validators.get_mut(&vote.validator).ok_or("NotRegistered")?;
        if validator.id != vote.id {
            return Err("OtherRegistration");
        }
        if !validator.stays() {
            return Err("NotEligible");
        }
        if vote.until < now {
            return Err("VoteExpired");
        }
        let director = self.directors.get(&vote.director).ok_or("NotDirector")?;
        let signed_at = vote.nonce / NONCES_PER_BLOCK;
        if signed_at < director.since {
            return Err("VoidVote");
        }
        if signed_at >= now {
            return Err("NonceTooHigh");
        }
        if validator.votes.get(&vote.director).is_some_and(|known| known.nonce >= vote.nonce) {
            return Err("OldNonce");
        }
        if vote.signer != director.key {
            return Err("InvalidSignature");
        }
        validator.votes.insert(vote.director, *vote);
        if vote.until == now {
            self.note("a vote at its last block");
        }
        Ok(())
    }

    pub(super) fn votes_needed(&self) -> usize {
        (2 * self.directors.len()).div_ceil(3)
    }

    /// The votes about a validator that count now.
    pub(super) fn counting(&self, who: Account) -> Vec<&Vote> {
        let votes = self.validators.get(&who).into_iter().flat_map(|v| v.votes.values());
        votes.filter(|vote| vote.until >= self.now).collect()
    }

    /// Does what the directors want of a validator. `true` if that changed anything.
    fn decide(&mut self, who: Account) -> bool {
        let (needed, min_stake) = (self.votes_needed(), self.min_stake);
        let votes = self.counting(who);
        let approvals = votes.iter().filter(|vote| vote.approves).count();
        let revocations = votes.len() - approvals;
        let Ok(validator) = self.staying(who) else { return false };
        let has_stake = validator.stake >= min_stake;
        if approvals >= needed && validator.status != Status::Authorized && has_stake {
            validator.status = Status::Authorized;
            validator.was_authorized = true;
            self.note("authorized");
        } else if revocations >= needed && validator.status != Status::Revoked {
            validator.status = Status::Revoked;
            self.note("revoked by votes");
        } else {
            return false;
        }
        true
    }
}

/// Punishment.
impl Model {
    fn report(&mut self, reporter: Account, proof: &Proof) -> Outcome {
        let Proof { is_here, first, second } = proof;
        if !is_here {
            return Err("OtherChain");
        }
        if first.hash == second.hash {
            return Err("SameBlock");
        }
        if first.hash > second.hash {
            return Err("NotCanonical");
        }
        if first.checkpoint != second.checkpoint {
            return Err("DifferentCheckpoints");
        }
        if first.key == SMALL_ORDER || second.key == SMALL_ORDER {
            return Err("SmallOrderKey");
        }
        let who = self.checkpoint_key_owner(first.key).ok_or("UnknownKey");
        let second_owner = self.checkpoint_key_owner(second.key).ok_or("UnknownKey");
        if who.is_err() || second_owner.is_err() {
            self.note_expired_key(first, second);
        }
        let (who, second_owner) = (who?, second_owner?);
        if who != second_owner {
            return Err("DifferentValidators");
        }
        let authorized_others = self.authorized().filter(|(other, _)| **other != who).count();
        let (now, validator) = (self.now, &self.validators[&who]);
        if validator.punished.is_some() {
            return Err("AlreadyPunished");
        }
        if first.checkpoint < validator.slashable_from {
            return Err("Excused");
        }
        if first.is_forged {
            return Err("InvalidFirstSignature");
        }
        if second.is_forged {
            return Err("InvalidSecondSignature");
        }
        let is_old = |key| validator.checkpoint_key != key;
        let with_old_key = is_old(first.key) || is_old(second.key);
        let at_last_block = validator
            .old_checkpoint_keys
            .iter()
            .any(|(key, until)| (*key == first.key || *key == second.key) && *until == now);
        self.pending.push(Pending {
            validator: who,
            checkpoint: first.checkpoint,
            stake: validator.held(),
            authorized: authorized_others as u64 + 1,
            counts: validator.was_authorized,
            reporter,
            is_rewarded: self.directors.contains_key(&reporter) && reporter != who,
            reported_at: now,
            apply_at: now + DEFER,
        });
        if validator.was_authorized {
            self.proven.push(now);
        }
        self.punish(who);
        if with_old_key {
            self.note("proven by a replaced key");
        }
        if at_last_block {
            self.note("proven by a replaced key at its last block");
        }
        if reporter == who {
            self.note("proven by the offender itself");
        }
        FREE
    }

    fn note_expired_key(&mut self, first: &Half, second: &Half) {
        let now = self.now;
        let is_just_over = self.validators.values().any(|v| {
            let mut old = v.old_checkpoint_keys.iter();
            old.any(|(key, until)| (*key == first.key || *key == second.key) && until + 1 == now)
        });
        if is_just_over {
            self.note("a replaced key the block after its last");
        }
    }

    fn punish(&mut self, who: Account) {
        let until = self.now + UNBONDING;
        if let Some(validator) = self.validators.get_mut(&who) {
            validator.punished = Some(Punished {
                status: validator.status,
                bonded_until: validator.bonded_until,
                is_pending: true,
            });
            validator.status = Status::Tombstoned;
            validator.bonded_until = validator.bonded_until.or(Some(until));
        }
    }

    fn cancel(&mut self, who: Account) -> Outcome {
        let at = self.pending.iter().position(|slash| slash.validator == who);
        let slash = self.pending.remove(at.ok_or("NoPendingSlash")?);
        if slash.counts
            && let Some(at) = self.proven.iter().position(|block| *block == slash.reported_at)
        {
            self.proven.remove(at);
        }
        if let Some(validator) = self.validators.get_mut(&who)
            && let Some(before) = validator.punished.take()
        {
            validator.status = before.status;
            validator.bonded_until = before.bonded_until;
            validator.slashable_from = validator.slashable_from.max(slash.checkpoint + 1);
        }
        if self.revoke_if_low(who) {
            self.note("pardoned, but with too little stake");
        }
        self.note("slash cancelled");
        PAID
    }

    fn apply(&mut self, who: Account) -> Outcome {
        let at = self.pending.iter().position(|slash| slash.validator == who);
        let at = at.ok_or("NoPendingSlash")?;
        let apply_at = self.pending[at].apply_at;
        if self.now < apply_at {
            if self.now + 1 == apply_at {
                self.note("applied a block too early");
            }
            return Err("NotDue");
        }
        if self.now == apply_at {
            self.note("applied in its first block");
        }
        self.take(at);
        FREE
    }

    /// What is left of a block applies what is due, as many as there is weight for.
    fn apply_due(&mut self, slashes: u64) {
        for _ in 0..slashes {
            let Some(at) = self.pending.iter().position(|slash| slash.apply_at <= self.now) else {
                return;
            };
            self.take(at);
            self.note("slash applied on idle");
        }
    }

    /// Offenders that are correlated with a slash, and billionths of the stake that it takes.
    pub(super) fn fraction(&self, slash: &Pending) -> (u64, u64) {
        let is_near = |block: &&u64| block.abs_diff(slash.reported_at) <= CORRELATION;
        let k = self.proven.iter().filter(is_near).count().max(1) as u64;
        let n = slash.authorized;
        let one: u64 = 1_000_000_000;
        let square = (9 * k * k * one).div_ceil(n * n);
        (k, square.min(one).max(one / 10))
    }

    fn take(&mut self, at: usize) {
        let (k, billionths) = self.fraction(&self.pending[at]);
        let slash = self.pending.remove(at);
        let amount = (slash.stake * billionths).div_ceil(1_000_000_000);
        let reward = if slash.is_rewarded { (amount * 20 + 50) / 100 } else { 0 };
        *self.free.entry(slash.reporter).or_default() += reward;
        *self.free.entry(TREASURY).or_default() += amount - reward;
        self.slashed += amount;
        self.rewarded += reward;
        let Some(validator) = self.validators.get_mut(&slash.validator) else { return };
        if let Some(punished) = &mut validator.punished {
            punished.is_pending = false;
        }
        // The stake first, then what is on its way out, from the latest on.
        let mut rest = amount;
        let of_stake = rest.min(validator.stake);
        validator.stake -= of_stake;
        rest -= of_stake;
        let took_unbonding = rest > 0;
        while rest > 0 {
            let Some(last) = validator.unbonding.last_mut() else { break };
            let of_part = rest.min(last.0);
            last.0 -= of_part;
            rest -= of_part;
            if last.0 == 0 {
                validator.unbonding.pop();
            }
        }
        self.note("slash applied");
        if k > 1 {
            self.note("slash correlated");
        }
        if took_unbonding && billionths < 1_000_000_000 {
            self.note("slash took a part of what was unbonding");
        }
        if reward > 0 {
            self.note("reward paid");
        }
        let edge = |block: &u64| block.abs_diff(slash.reported_at);
        let (last, over) = (
            self.proven.iter().any(|block| edge(block) == CORRELATION),
            self.proven.iter().any(|block| edge(block) == CORRELATION + 1),
        );
        if last {
            self.note("correlated at the edge of the window");
        }
        if over {
            self.note("not correlated a block after the window");
        }
    }
}
