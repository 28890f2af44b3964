//! Signs what this director decides about validators, and collects what the others decided.
//!
//! * upon an approval or a reason to revoke: sign a vote, tell it to the other directors;
//! * upon a director's vote: check it with the peer key that the director has on chain, keep it, pass
//!   it on once, so that a cut mesh link costs a detour and no vote;
//! * upon `ceil(2n/3)` approvals of a candidate, or revocations of an authorized validator, that last
//!   until they have reached the chain: submit them when it is this director's turn, and again if the
//!   chain does not know after a while;
//! * upon `ceil(2n/3)` revocations: cut the validator off at once, whatever the chain says yet;
//! * upon a finalized block: drop what is decided; sign anew what expires soon; repeat what others may
//!   have missed.
//!
//! # What one director can do alone
//!
//! Refuse to serve a validator itself, which its operator may do anyway, and nothing else: votes count by
//! director, the newest of each, while they last, and while the director is one.
//!
//! * *Replayed votes*: a newer nonce replaces an older one, never the other way round; a vote is for one
//!   registration; votes of an earlier term of a director (with a nonce below that of the block in which it
//!   became one, as the chain says) or of a peer key that it has rotated out do not count, on the chain
//!   neither.
//! * *Votes from the future*: nonces beyond the blocks that another node can be ahead are refused, and
//!   none is submitted before this director's own view has come to its block: the chain would refuse it.
//! * *Short-lived votes* decide nothing on the chain, nor here: a director that signs such votes must not
//!   use up the turns of the others.
//!
//! # What travels after a revocation
//!
//! Connections end at once. What the validator said before is still on its way over the mesh and is passed
//! on for as long as a frame may be parked, so that all validators have the same; after that it is not.
//!
//! Nonces are `finalized block number * 65536 + counter`: they grow over restarts without a file, as
//! long as a director signs less than 65,536 votes in one block. Its own votes come back to a restarted
//! director from its peers.

use super::{
    Crypto, Director, Link, Millis, Output, Refusal,
    authorization::{Asked, eligible},
    rates::Bucket,
};
use codec::Encode;
use director_primitives::{
    AccountId32, Answer, Application, Control, Decision, DirectorVote, PublicKey, RegistrationId,
    RevocationReason, SignedDirectorVote, Snapshot,
    authorization::first_nonce,
    runtime_api::{ValidatorInfo, ValidatorStatus},
    signing_bytes,
    threshold::approvals_needed,
    turn::rank,
};
use std::collections::BTreeMap;

type Vote = SignedDirectorVote<AccountId32>;

/// Requests, votes and wrong things a second that one director may tell, and how long it may save them up. A thousand
/// candidates that wait are told anew every 3 blocks, and all at once to a director that connects.
const TOLD_PER_S: u64 = 500;
const TOLD_BURST_MS: u64 = 20_000;

/// What directors decided about one registration.
#[derive(Debug)]
pub(super) struct Ballot {
    registration_id: RegistrationId,
    /// The candidate's request, once it came and was found right.
    pub(super) application: Option<Application>,
    /// Latest vote of each director: at most as many as are active.
    pub(super) votes: BTreeMap<AccountId32, Vote>,
    /// Block at which request and own vote were told last.
    told_at: u64,
    /// Block at which the votes were enough.
    enough_since: Option<u64>,
    submitted_at: Option<u64>,
    /// What the candidate was told last.
    progress: Option<(u32, u32)>,
    /// The validator's status at the last block: another one means another question.
    status: Option<ValidatorStatus>,
}

impl Ballot {
    fn new(registration_id: RegistrationId) -> Self {
        Self {
            registration_id,
            application: None,
            votes: BTreeMap::new(),
            told_at: 0,
            enough_since: None,
            submitted_at: None,
            progress: None,
            status: None,
        }
    }

    /// The chain says what the validator may do.
    fn follow(&mut self, status: ValidatorStatus) {
        if self.status.replace(status).is_some_and(|before| before != status) {
            self.enough_since = None;
            self.submitted_at = None;
        }
    }

    /// What another director may have missed: the request with this director's own vote, and every
    /// revocation, since those that are told here may be all that is left of them.
    fn messages(&self, account: &AccountId32) -> impl Iterator<Item = Control> {
        let request = self.application.clone().map(Control::AuthorizationRequest);
        let votes = self.votes.values().filter(|vote| {
            vote.director == *account || matches!(vote.vote.decision, Decision::Revoke(_))
        });
        request.into_iter().chain(votes.cloned().map(Control::DirectorVote))
    }

    pub(super) fn revocation_by(&self, account: &AccountId32) -> Option<RevocationReason> {
        match self.votes.get(account)?.vote.decision {
            Decision::Revoke(reason) => Some(reason),
            Decision::Approve => None,
        }
    }
}

/// What is being decided: about at most as many validators as are registered.
#[derive(Debug, Default)]
pub(super) struct Ballots {
    pub(super) by_validator: BTreeMap<AccountId32, Ballot>,
    last_nonce: u64,
    /// Directors, with their peer keys and the first nonce of theirs that counts.
    terms: BTreeMap<AccountId32, (PublicKey, u64)>,
    /// What each director may still have checked here. A vote that is right counts for its signer, who can make as many
    /// as it likes; one that is wrong for who handed it over: so a director that floods uses up nobody's but its own.
    told: BTreeMap<PublicKey, Bucket>,
}

/// A candidate that waits for directors.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Waiting {
    /// Its account.
    pub validator: AccountId32,
    /// Approvals that count.
    pub votes: u32,
    /// Approvals that it takes.
    pub needed: u32,
    /// Directors whose approvals count, in ascending order.
    pub approved_by: Vec<AccountId32>,
}

impl Ballots {
    /// Tells a director that has just connected what it may have missed.
    pub(super) fn tell(&self, peer: &PublicKey, account: &AccountId32, out: &mut Vec<Output>) {
        for message in self.by_validator.values().flat_map(|ballot| ballot.messages(account)) {
            out.push(Output::Send { to: *peer, link: Link::Mesh, message });
        }
    }

    /// Whether this director's approval of this registration counts.
    pub(super) fn has_approved(
        &self,
        account: &AccountId32,
        validator: &AccountId32,
        registration_id: RegistrationId,
    ) -> bool {
        let ballot = self.by_validator.get(validator);
        let ballot = ballot.filter(|ballot| ballot.registration_id == registration_id);
        let vote = ballot.and_then(|ballot| ballot.votes.get(account));
        vote.is_some_and(|vote| vote.vote.decision == Decision::Approve)
    }

    pub(super) fn entry(
        &mut self,
        validator: &AccountId32,
        registration_id: RegistrationId,
    ) -> &mut Ballot {
        let new = || Ballot::new(registration_id);
        let ballot = self.by_validator.entry(validator.clone()).or_insert_with(new);
        if ballot.registration_id != registration_id {
            *ballot = new();
        }
        ballot
    }

    /// Follows who is a director. The chain says when a term began. One that has another peer key than at
    /// the last block begins anew too: what the old one signed, perhaps in a thief's hands, says nothing
    /// any more, as the chain sees it.
    fn follow_terms(&mut self, snapshot: &Snapshot) {
        let active = &snapshot.directors.active;
        self.told.retain(|key, _| active.iter().any(|of| of.peer_key == *key));
        let before = std::mem::take(&mut self.terms);
        for director in active {
            let begun = first_nonce(director.active_since);
            let first = match before.get(&director.account) {
                Some((key, first)) if *key == director.peer_key => begun.max(*first),
                Some(_) => first_nonce(snapshot.number),
                None => begun,
            };
            self.terms.insert(director.account.clone(), (director.peer_key, first));
        }
    }

    fn bucket(&mut self, director: &PublicKey) -> &mut Bucket {
        let full = || Bucket::full(TOLD_PER_S, TOLD_BURST_MS, 1);
        self.told.entry(*director).or_insert_with(full)
    }

    /// Whether a director may have one thing more checked, which then counts.
    pub(super) fn may_tell(&mut self, director: &PublicKey, now: Millis) -> bool {
        self.bucket(director).take(1, now)
    }

    /// The same, for what counts only if it turns out to be wrong: see [`Self::told_wrong`].
    pub(super) fn may_be_wrong(&mut self, director: &PublicKey, now: Millis) -> bool {
        self.bucket(director).has(1, now)
    }

    /// What a director handed over was wrong.
    pub(super) fn told_wrong(&mut self, director: &PublicKey, now: Millis) {
        self.bucket(director).take(1, now);
    }

    /// Whether a director's vote says something at this block.
    fn counts(&self, snapshot: &Snapshot, vote: &Vote) -> bool {
        let term = self.terms.get(&vote.director);
        vote.vote.valid_until >= snapshot.number
            && term.is_some_and(|(_, first)| vote.vote.nonce >= *first)
    }
}

/// Whether there is something to decide about a validator with this status.
pub(super) fn is_open(status: ValidatorStatus) -> bool {
    matches!(status, ValidatorStatus::Candidate | ValidatorStatus::Authorized)
}

/// What is decided about a validator with this status.
fn decides(status: ValidatorStatus, decision: Decision) -> bool {
    match decision {
        Decision::Approve => status == ValidatorStatus::Candidate,
        Decision::Revoke(_) => status == ValidatorStatus::Authorized,
    }
}

impl<C: Crypto> Director<C> {
    /// A director decided; the vote came over the mesh.
    pub(super) fn director_vote(
        &mut self,
        now: Millis,
        snapshot: &Snapshot,
        from: PublicKey,
        signed: Vote,
        out: &mut Vec<Output>,
    ) {
        let vote = &signed.vote;
        let known = self.ballots.by_validator.get(&vote.validator);
        let known = known.filter(|ballot| ballot.registration_id == vote.registration_id);
        let known = known.and_then(|ballot| ballot.votes.get(&signed.director));
        if known.is_some_and(|known| known.vote.nonce >= vote.nonce) {
            return;
        }
        let is_open = snapshot.validator(&vote.validator).is_some_and(|validator| {
            validator.registration_id == vote.registration_id
                // An approval of who is authorized says something only if it takes back a revocation.
                && (decides(validator.status, vote.decision)
                    || is_open(validator.status)
                        && (known.is_some() || vote.decision != Decision::Approve))
        });
        let newest = first_nonce(snapshot.number.saturating_add(self.config.request_ahead_blocks));
        let director = snapshot.director(&signed.director);
        let (Some(director), true) =
            (director, is_open && self.ballots.counts(snapshot, &signed) && vote.nonce < newest)
        else {
            return self.refuse(Refusal::UselessDirectorVote);
        };
        if !self.ballots.may_be_wrong(&from, now) {
            return self.refuse(Refusal::RateLimited);
        }
        if !signed.verify(&snapshot.domain.genesis_hash, &director.peer_key) {
            self.ballots.told_wrong(&from, now);
            return self.refuse(Refusal::BadDirectorVote);
        }
        if !self.ballots.may_tell(&director.peer_key, now) {
            return self.refuse(Refusal::RateLimited);
        }
        self.stats.director_votes_accepted += 1;
        let validator = vote.validator.clone();
        for peer in self.members.mesh().iter() {
            if *peer != from && *peer != director.peer_key {
                let message = Control::DirectorVote(signed.clone());
                out.push(Output::Send { to: *peer, link: Link::Mesh, message });
            }
        }
        if signed.director == self.config.account {
            // From before a restart.
            self.ballots.last_nonce = self.ballots.last_nonce.max(vote.nonce);
        }
        let ballot = self.ballots.entry(&validator, vote.registration_id);
        ballot.votes.insert(signed.director.clone(), signed);
        self.take_effect(now, snapshot, &validator, out);
    }

    /// A block was finalized. The gates follow afterwards, see [`super::members`].
    pub(super) fn ballots_finalized(
        &mut self,
        now: Millis,
        snapshot: &Snapshot,
        out: &mut Vec<Output>,
    ) {
        self.ballots.follow_terms(snapshot);
        let ballots = &mut self.ballots;
        ballots.by_validator.retain(|account, ballot| {
            let validator = snapshot.validator(account).filter(|validator| {
                is_open(validator.status) && validator.registration_id == ballot.registration_id
            });
            if let Some(validator) = validator {
                ballot.follow(validator.status);
            }
            validator.is_some()
        });
        let lasting = snapshot.number.saturating_add(self.config.submission_margin());
        let terms = &ballots.terms;
        for ballot in ballots.by_validator.values_mut() {
            ballot.votes.retain(|director, vote| {
                // Its own approval gives way to a new one before the chain would refuse it.
                let own = *director == self.config.account;
                let renewed = own && vote.vote.decision == Decision::Approve;
                let least = if renewed { lasting } else { snapshot.number };
                vote.vote.valid_until >= least
                    && terms.get(director).is_some_and(|(_, first)| vote.vote.nonce >= *first)
            });
        }
        ballots.by_validator.retain(|_, b| !b.votes.is_empty() || b.application.is_some());
        let accounts: Vec<_> = self.ballots.by_validator.keys().cloned().collect();
        self.outlaws.retain(|account| accounts.binary_search(account).is_ok());
        for account in &accounts {
            self.repeat_if_due(snapshot, account, out);
            self.judge_outlaw(now, snapshot, account);
            self.submit_if_due(snapshot, account, out);
        }
        self.revoke_low_stakes(now, snapshot, out);
    }

    /// Votes that count for what is to be decided about a validator, and how many it takes.
    pub(super) fn tally(
        &self,
        snapshot: &Snapshot,
        validator: &ValidatorInfo<AccountId32>,
    ) -> (u32, u32) {
        let needed = approvals_needed(snapshot.directors.active.len() as u32);
        (self.counting(snapshot, validator).count() as u32, needed)
    }

    /// The votes that count for that, in ascending order of directors.
    fn counting<'a>(
        &'a self,
        snapshot: &'a Snapshot,
        validator: &'a ValidatorInfo<AccountId32>,
    ) -> impl Iterator<Item = &'a Vote> {
        let ballot = self.ballots.by_validator.get(&validator.account);
        let ballot = ballot.filter(|of| of.registration_id == validator.registration_id);
        let votes = ballot.into_iter().flat_map(|ballot| ballot.votes.values());
        votes.filter(|vote| {
            decides(validator.status, vote.vote.decision) && self.ballots.counts(snapshot, vote)
        })
    }

    /// How far a candidate is.
    pub(super) fn progress(&self, snapshot: &Snapshot, validator: &AccountId32) -> Answer {
        let tally = snapshot.validator(validator).map(|of| self.tally(snapshot, of));
        let (votes, needed) = tally.unwrap_or_default();
        Answer::Approved { votes, needed }
    }

    /// Candidates that wait for directors, in ascending order of accounts.
    pub fn waiting(&self) -> Vec<Waiting> {
        let Some(snapshot) = &self.snapshot else { return Vec::new() };
        let candidates = self.ballots.by_validator.keys().filter_map(|account| {
            let validator = snapshot.validator(account)?;
            (validator.status == ValidatorStatus::Candidate).then_some(validator)
        });
        candidates
            .map(|validator| {
                let (votes, needed) = self.tally(snapshot, validator);
                let approved_by = self.counting(snapshot, validator);
                let approved_by = approved_by.map(|vote| vote.director.clone()).collect();
                Waiting { validator: validator.account.clone(), votes, needed, approved_by }
            })
            .collect()
    }

    /// Keeps the request and signs, unless an earlier approval still counts.
    pub(super) fn approve(
        &mut self,
        now: Millis,
        snapshot: &Snapshot,
        asked: &Asked,
        out: &mut Vec<Output>,
    ) {
        let request = &asked.application.request.request;
        let ballot = self.ballots.entry(&request.validator, request.registration_id);
        if ballot.application.replace(asked.application.clone()).is_none() {
            ballot.told_at = snapshot.number;
            let message = Control::AuthorizationRequest(asked.application.clone());
            self.tell_mesh(Some(&asked.from), &message, out);
        }
        self.sign(snapshot, &request.validator, Decision::Approve, out);
        self.take_effect(now, snapshot, &request.validator, out);
    }

    /// Signs a vote and tells it, unless an earlier one still counts.
    pub(super) fn sign(
        &mut self,
        snapshot: &Snapshot,
        validator: &AccountId32,
        decision: Decision,
        out: &mut Vec<Output>,
    ) {
        let account = self.config.account.clone();
        let ballots = &mut self.ballots;
        let Some(ballot) = ballots.by_validator.get_mut(validator) else {
            return;
        };
        if ballot.votes.contains_key(&account) {
            return;
        }
        let next = ballots.last_nonce.saturating_add(1);
        ballots.last_nonce = first_nonce(snapshot.number).max(next);
        let vote = DirectorVote {
            validator: validator.clone(),
            registration_id: ballot.registration_id,
            decision,
            nonce: ballots.last_nonce,
            valid_until: snapshot.number.saturating_add(self.config.approval_valid_blocks),
        };
        let signature = self.crypto.sign(&signing_bytes(&snapshot.domain.genesis_hash, &vote));
        let signed = SignedDirectorVote { director: account.clone(), vote, signature };
        ballot.votes.insert(account, signed.clone());
        match decision {
            Decision::Approve => self.stats.approvals_signed += 1,
            Decision::Revoke(_) => self.stats.revocations_signed += 1,
        }
        self.tell_mesh(None, &Control::DirectorVote(signed), out);
    }

    /// A vote has come or gone: does what follows from it.
    pub(super) fn take_effect(
        &mut self,
        now: Millis,
        snapshot: &Snapshot,
        validator: &AccountId32,
        out: &mut Vec<Output>,
    ) {
        if self.judge_outlaw(now, snapshot, validator) {
            self.follow_members(snapshot, out);
        }
        self.tell_progress(snapshot, validator, out);
        self.submit_if_due(snapshot, validator, out);
    }

    /// Tells a candidate of this director that its approvals have become more, or fewer.
    fn tell_progress(
        &mut self,
        snapshot: &Snapshot,
        validator: &AccountId32,
        out: &mut Vec<Output>,
    ) {
        let Some(info) = snapshot.validator(validator) else { return };
        if info.status != ValidatorStatus::Candidate || !self.members.is_public(&info.peer_key) {
            return;
        }
        let (votes, needed) = self.tally(snapshot, info);
        let Some(ballot) = self.ballots.by_validator.get_mut(validator) else { return };
        if votes == 0 || ballot.progress.replace((votes, needed)) == Some((votes, needed)) {
            return;
        }
        let message = Control::AuthorizationAnswer(Answer::Approved { votes, needed });
        out.push(Output::Send { to: info.peer_key, link: Link::Public, message });
    }

    /// Tells request and votes again while there is something to decide: a peer whose view of the chain
    /// was behind has refused them. Signs anew what has expired.
    fn repeat_if_due(
        &mut self,
        snapshot: &Snapshot,
        validator: &AccountId32,
        out: &mut Vec<Output>,
    ) {
        let Some(info) = snapshot.validator(validator) else { return };
        let Some(ballot) = self.ballots.by_validator.get_mut(validator) else {
            return;
        };
        let account = &self.config.account;
        let is_ours = ballot.application.is_some() || ballot.revocation_by(account).is_some();
        if !is_ours || snapshot.number < ballot.told_at.saturating_add(self.config.resend_blocks) {
            return;
        }
        if info.status == ValidatorStatus::Authorized && ballot.revocation_by(account).is_none() {
            // It is decided: an application that is left over says nothing.
            ballot.application = None;
            return;
        }
        ballot.told_at = snapshot.number;
        ballot.progress = None;
        let messages: Vec<_> = ballot.messages(account).collect();
        for message in &messages {
            self.tell_mesh(None, message, out);
        }
        if eligible(&self.config, snapshot, info).is_ok() {
            self.sign(snapshot, validator, Decision::Approve, out);
        }
        self.tell_progress(snapshot, validator, out);
    }

    /// Hands the votes to the chain if they are enough and it is this director's turn.
    fn submit_if_due(
        &mut self,
        snapshot: &Snapshot,
        validator: &AccountId32,
        out: &mut Vec<Output>,
    ) {
        let Some(info) = snapshot.validator(validator) else { return };
        // The proof of a double sign revokes by itself, and it is on its way.
        if info.status == ValidatorStatus::Authorized && self.evidence.accuses(validator) {
            return;
        }
        let Some(ballot) = self.ballots.by_validator.get_mut(validator) else {
            return;
        };
        // A vote that may expire before it lands decides nothing on the chain, nor does it here; and the
        // chain refuses one that was signed at a block which it has not come to.
        let lasting = snapshot.number.saturating_add(self.config.submission_margin());
        let newest = first_nonce(snapshot.number.saturating_add(1));
        let terms = &self.ballots.terms;
        let lands = |vote: &&Vote| {
            decides(info.status, vote.vote.decision)
                && vote.vote.valid_until >= lasting
                && vote.vote.nonce < newest
                && terms.get(&vote.director).is_some_and(|(_, first)| vote.vote.nonce >= *first)
        };
        let votes: Vec<_> = ballot.votes.values().filter(lands).cloned().collect();
        let directors = &snapshot.directors.active;
        if votes.len() < approvals_needed(directors.len() as u32) as usize {
            ballot.enough_since = None;
            return;
        }
        let since = *ballot.enough_since.get_or_insert(snapshot.number);
        let subject = (validator, ballot.registration_id).encode();
        let accounts = directors.iter().map(|director| &director.account);
        let Some(rank) = rank(&subject, &self.config.account, accounts) else {
            return;
        };
        let turn = since.saturating_add(self.config.turn_blocks.saturating_mul(rank.into()));
        let again =
            ballot.submitted_at.map_or(0, |at| at.saturating_add(self.config.resubmit_blocks));
        if snapshot.number < turn.max(again) {
            return;
        }
        ballot.submitted_at = Some(snapshot.number);
        self.stats.submissions += 1;
        out.push(Output::SubmitVotes { validator: validator.clone(), votes });
    }
}
