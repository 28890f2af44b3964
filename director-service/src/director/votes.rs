//! Approves candidates and collects what the other directors decided about them.
//!
//! * upon a candidate's request: check registration, stake and signature, sign an approval, tell the
//!   approval and the request to the other directors, so that they sign too;
//! * upon a director's vote: check it with the peer key that the director has on chain, keep it, pass
//!   it on once, so that a cut mesh link costs a detour and no vote;
//! * upon `ceil(2n/3)` approvals that last until they have reached the chain: submit them when it is
//!   this director's turn, and again if the chain does not know after a while;
//! * upon a finalized block: drop what is decided; sign anew what expires soon; repeat what others may
//!   have missed.
//!
//! Nonces are `finalized block number * 65536 + counter`: they grow over restarts without a file, as
//! long as a director signs less than 65,536 votes in one block.

use super::{Config, Crypto, Director, Link, Output, Refusal};
use codec::Encode;
use director_primitives::{
    AccountId32, Answer, Application, AuthorizationRequest, Control, Decision, DirectorVote, H256, PublicKey,
    RegistrationId, SignedAuthorizationRequest, SignedDirectorVote, Snapshot,
    authorization::first_nonce,
    runtime_api::{ValidatorInfo, ValidatorStatus},
    signing_bytes,
    threshold::approvals_needed,
    turn::rank,
};
use std::collections::{BTreeMap, VecDeque};

/// Finalized blocks whose hashes are kept to compare requests with.
const BLOCKS_KEPT: usize = 256;

type Request = SignedAuthorizationRequest<AccountId32>;
type Vote = SignedDirectorVote<AccountId32>;

/// A candidate that waits.
#[derive(Debug)]
struct Waiting {
    registration_id: RegistrationId,
    /// Its request, once it came and was found right.
    request: Option<Request>,
    /// Latest vote of each director.
    votes: BTreeMap<AccountId32, Vote>,
    /// Block at which request and own vote were told last.
    told_at: u64,
    /// Block at which the approvals were enough.
    enough_since: Option<u64>,
    submitted_at: Option<u64>,
}

impl Waiting {
    fn new(registration_id: RegistrationId) -> Self {
        Self {
            registration_id,
            request: None,
            votes: BTreeMap::new(),
            told_at: 0,
            enough_since: None,
            submitted_at: None,
        }
    }

    /// Request and own vote, as messages.
    fn messages(&self, account: &AccountId32) -> impl Iterator<Item = Control> {
        let vote = self.votes.get(account).filter(|_| self.request.is_some());
        let request = self.request.clone().map(|request| {
            Control::AuthorizationRequest(Application { request, stake_proof: Default::default() })
        });
        request.into_iter().chain(vote.cloned().map(Control::DirectorVote))
    }
}

/// All candidates that wait: at most as many as are registered.
#[derive(Debug, Default)]
pub(super) struct Authorization {
    waiting: BTreeMap<AccountId32, Waiting>,
    blocks: VecDeque<(u64, H256)>,
    last_nonce: u64,
}

impl Authorization {
    /// Tells a director that has just connected what it may have missed.
    pub(super) fn tell(&self, peer: &PublicKey, account: &AccountId32, out: &mut Vec<Output>) {
        for message in self.waiting.values().flat_map(|waiting| waiting.messages(account)) {
            out.push(Output::Send { to: *peer, link: Link::Mesh, message });
        }
    }

    fn entry(&mut self, validator: &AccountId32, registration_id: RegistrationId) -> &mut Waiting {
        let waiting =
            self.waiting.entry(validator.clone()).or_insert_with(|| Waiting::new(registration_id));
        if waiting.registration_id != registration_id {
            *waiting = Waiting::new(registration_id);
        }
        waiting
    }

    /// Whether the block that a request names is one that this director could have seen lately.
    ///
    /// A block that it has not seen itself passes: its view may be behind, and the request binds to
    /// a registration, so that an old one gives nothing that a new one would not.
    fn is_recent(
        &self,
        config: &Config,
        finalized: u64,
        request: &AuthorizationRequest<AccountId32>,
    ) -> bool {
        let oldest = finalized.saturating_sub(config.request_max_age_blocks);
        let newest = finalized.saturating_add(config.request_ahead_blocks);
        let known = self.blocks.iter().find(|(number, _)| *number == request.block_number);
        (oldest..=newest).contains(&request.block_number)
            && known.is_none_or(|(_, hash)| *hash == request.block_hash)
    }
}

/// Whether a director with this policy approves the validator.
fn eligible(
    config: &Config,
    snapshot: &Snapshot,
    validator: &ValidatorInfo<AccountId32>,
) -> Result<(), Answer> {
    let least = snapshot.domain.min_stake.max(config.min_stake.unwrap_or_default());
    match validator.status {
        ValidatorStatus::Authorized => Err(Answer::AlreadyAuthorized),
        ValidatorStatus::Candidate if validator.stake < least => Err(Answer::LowStake),
        ValidatorStatus::Candidate => Ok(()),
        _ => Err(Answer::NotEligible),
    }
}

impl<C: Crypto> Director<C> {
    /// A candidate asks, or a director passes on that it asked.
    pub(super) fn request(
        &mut self,
        snapshot: &Snapshot,
        from: PublicKey,
        link: Link,
        request: Request,
        out: &mut Vec<Output>,
    ) {
        self.stats.requests += 1;
        let asker = (link == Link::Public).then_some(&from);
        let answer = match self.consider_request(snapshot, asker, &request) {
            Ok(()) => {
                self.approve(snapshot, &request, &from, out);
                Answer::Approved { votes: 1, needed: 1 }
            }
            Err(answer) => {
                if answer != Answer::AlreadyAuthorized {
                    self.refuse(Refusal::RequestRefused);
                }
                answer
            }
        };
        if link == Link::Public {
            let message = Control::AuthorizationAnswer(answer);
            out.push(Output::Send { to: from, link, message });
        }
    }

    /// A director decided; the vote came over the mesh.
    pub(super) fn director_vote(
        &mut self,
        snapshot: &Snapshot,
        from: PublicKey,
        signed: Vote,
        out: &mut Vec<Output>,
    ) {
        let vote = &signed.vote;
        let waits = snapshot.validator(&vote.validator).is_some_and(|validator| {
            validator.status == ValidatorStatus::Candidate
                && validator.registration_id == vote.registration_id
        });
        let director = snapshot.director(&signed.director);
        let (Some(director), true) = (director, waits && vote.valid_until >= snapshot.number)
        else {
            return self.refuse(Refusal::UselessDirectorVote);
        };
        if signed.director == self.config.account {
            return;
        }
        let known = self.authorization.waiting.get(&vote.validator);
        let known = known.filter(|waiting| waiting.registration_id == vote.registration_id);
        if known
            .and_then(|waiting| waiting.votes.get(&signed.director))
            .is_some_and(|known| known.vote.nonce >= vote.nonce)
        {
            return;
        }
        if !signed.verify(&snapshot.domain.genesis_hash, &director.peer_key) {
            return self.refuse(Refusal::BadDirectorVote);
        }
        self.stats.director_votes_accepted += 1;
        let validator = vote.validator.clone();
        for peer in self.members.mesh().iter() {
            if *peer != from && *peer != director.peer_key {
                let message = Control::DirectorVote(signed.clone());
                out.push(Output::Send { to: *peer, link: Link::Mesh, message });
            }
        }
        let waiting = self.authorization.entry(&validator, vote.registration_id);
        waiting.votes.insert(signed.director.clone(), signed);
        self.submit_if_due(snapshot, &validator, out);
    }

    /// A block was finalized.
    pub(super) fn authorization_finalized(&mut self, snapshot: &Snapshot, out: &mut Vec<Output>) {
        let authorization = &mut self.authorization;
        if authorization.blocks.len() >= BLOCKS_KEPT {
            authorization.blocks.pop_front();
        }
        authorization.blocks.push_back((snapshot.number, snapshot.hash));
        authorization.waiting.retain(|account, waiting| {
            snapshot.validator(account).is_some_and(|validator| {
                validator.status == ValidatorStatus::Candidate
                    && validator.registration_id == waiting.registration_id
            })
        });
        let lasting = snapshot.number.saturating_add(self.config.submission_margin());
        for waiting in authorization.waiting.values_mut() {
            waiting.votes.retain(|director, vote| {
                // Its own one gives way to a new one before the chain would refuse it.
                let own = *director == self.config.account;
                let least = if own { lasting } else { snapshot.number };
                vote.vote.valid_until >= least && snapshot.director(director).is_some()
            });
        }
        let accounts: Vec<_> = authorization.waiting.keys().cloned().collect();
        for account in accounts {
            self.repeat_if_due(snapshot, &account, out);
            self.submit_if_due(snapshot, &account, out);
        }
    }

    fn consider_request(
        &self,
        snapshot: &Snapshot,
        asker: Option<&PublicKey>,
        signed: &Request,
    ) -> Result<(), Answer> {
        let request = &signed.request;
        let validator = snapshot
            .validator(&request.validator)
            .filter(|validator| {
                validator.registration_id == request.registration_id
                    && asker.is_none_or(|asker| *asker == validator.peer_key)
            })
            .ok_or(Answer::NotRegistered)?;
        eligible(&self.config, snapshot, validator)?;
        if !self.authorization.is_recent(&self.config, snapshot.number, request) {
            return Err(Answer::Stale);
        }
        if !signed.verify(&snapshot.domain.genesis_hash, &validator.peer_key) {
            return Err(Answer::InvalidSignature);
        }
        Ok(())
    }

    /// Keeps the request and signs, unless an earlier approval still counts.
    fn approve(
        &mut self,
        snapshot: &Snapshot,
        request: &Request,
        from: &PublicKey,
        out: &mut Vec<Output>,
    ) {
        let AuthorizationRequest { validator, registration_id, .. } = &request.request;
        let waiting = self.authorization.entry(validator, *registration_id);
        let is_new = waiting.request.is_none();
        waiting.request = Some(request.clone());
        if is_new {
            waiting.told_at = snapshot.number;
            let message = Control::AuthorizationRequest(Application {
                request: request.clone(),
                stake_proof: Default::default(),
            });
            self.tell_mesh(Some(from), &message, out);
        }
        self.sign_approval(snapshot, validator, out);
        self.submit_if_due(snapshot, validator, out);
    }

    /// Signs an approval and tells it, unless an earlier one still counts.
    fn sign_approval(
        &mut self,
        snapshot: &Snapshot,
        validator: &AccountId32,
        out: &mut Vec<Output>,
    ) {
        let account = self.config.account.clone();
        let authorization = &mut self.authorization;
        let Some(waiting) = authorization.waiting.get_mut(validator) else {
            return;
        };
        if waiting.votes.contains_key(&account) {
            return;
        }
        let next = authorization.last_nonce.saturating_add(1);
        authorization.last_nonce = first_nonce(snapshot.number).max(next);
        let vote = DirectorVote {
            validator: validator.clone(),
            registration_id: waiting.registration_id,
            decision: Decision::Approve,
            nonce: authorization.last_nonce,
            valid_until: snapshot.number.saturating_add(self.config.approval_valid_blocks),
        };
        let signature = self.crypto.sign(&signing_bytes(&snapshot.domain.genesis_hash, &vote));
        let signed = SignedDirectorVote { director: account.clone(), vote, signature };
        waiting.votes.insert(account, signed.clone());
        self.stats.approvals_signed += 1;
        self.tell_mesh(None, &Control::DirectorVote(signed), out);
    }

    /// Tells request and vote again while the candidate waits: a peer whose view of the chain was
    /// behind has refused them. Signs anew what has expired.
    fn repeat_if_due(
        &mut self,
        snapshot: &Snapshot,
        validator: &AccountId32,
        out: &mut Vec<Output>,
    ) {
        let Some(waiting) = self.authorization.waiting.get_mut(validator) else {
            return;
        };
        if waiting.request.is_none()
            || snapshot.number < waiting.told_at.saturating_add(self.config.resend_blocks)
        {
            return;
        }
        waiting.told_at = snapshot.number;
        let messages: Vec<_> = waiting.messages(&self.config.account).collect();
        for message in &messages {
            self.tell_mesh(None, message, out);
        }
        let info = snapshot.validator(validator);
        if info.is_some_and(|info| eligible(&self.config, snapshot, info).is_ok()) {
            self.sign_approval(snapshot, validator, out);
        }
    }

    /// Hands the votes to the chain if they are enough and it is this director's turn.
    fn submit_if_due(
        &mut self,
        snapshot: &Snapshot,
        validator: &AccountId32,
        out: &mut Vec<Output>,
    ) {
        let Some(waiting) = self.authorization.waiting.get_mut(validator) else {
            return;
        };
        // What expires before it lands counts for nothing on the chain, nor does it here: a director
        // that signs such votes must not use up the turns of the others.
        let lasting = snapshot.number.saturating_add(self.config.submission_margin());
        let approves = |vote: &&Vote| {
            vote.vote.decision == Decision::Approve
                && vote.vote.valid_until >= lasting
                && snapshot.director(&vote.director).is_some()
        };
        let votes: Vec<_> = waiting.votes.values().filter(approves).cloned().collect();
        let directors = &snapshot.directors.active;
        if votes.len() < approvals_needed(directors.len() as u32) as usize {
            waiting.enough_since = None;
            return;
        }
        let since = *waiting.enough_since.get_or_insert(snapshot.number);
        let subject = (validator, waiting.registration_id).encode();
        let accounts = directors.iter().map(|director| &director.account);
        let Some(rank) = rank(&subject, &self.config.account, accounts) else {
            return;
        };
        let turn = since.saturating_add(self.config.turn_blocks.saturating_mul(rank.into()));
        let again =
            waiting.submitted_at.map_or(0, |at| at.saturating_add(self.config.resubmit_blocks));
        if snapshot.number < turn.max(again) {
            return;
        }
        waiting.submitted_at = Some(snapshot.number);
        self.stats.submissions += 1;
        out.push(Output::SubmitVotes { validator: validator.clone(), votes });
    }
}
