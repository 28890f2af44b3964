//! Decides about candidates' requests: registration, policy, age, signature, and the stake itself.
//!
//! * upon a request: what costs nothing is looked at first (is it registered, is it wanted, is the block
//!   recent, is it signed), then the stake proof is handed out to be checked against the header of the
//!   block that the request names ([`Output::CheckStake`]);
//! * upon what that found: the proof must be about the registration that this director sees today, with
//!   the same key, and as much must be on hold as the registration says; then an approval is signed, and
//!   request and proof are passed on to the other directors, who check all of it anew;
//! * upon a no: the candidate is told why, and so is the log.
//!
//! # Bounds
//!
//! One check at a time for each registered validator, and one request that waits behind it: of the
//! candidate itself if there is one, since a director could pass on a good request with a bad proof.

use super::{Config, Crypto, Director, Link, Millis, Output, Refusal, rates::Bucket};
use director_primitives::{
    AccountId32, Answer, Application, AuthorizationRequest, Control, H256, ProvenStake, PublicKey,
    SignedAuthorizationRequest, Snapshot, StakeRefusal,
    runtime_api::{ValidatorInfo, ValidatorStatus},
};
use std::collections::{BTreeMap, VecDeque};

/// Finalized blocks whose hashes are kept to compare requests with.
const BLOCKS_KEPT: usize = 256;

/// Requests a second that a candidate may make, and how long it may save them up: a client makes one
/// in a few blocks.
const REQUESTS_PER_S: u64 = 4;
const BURST_MS: u64 = 8_000;

/// A request and how it came.
#[derive(Debug)]
pub(super) struct Asked {
    pub(super) from: PublicKey,
    pub(super) link: Link,
    pub(super) application: Application,
}

impl Asked {
    fn request(&self) -> &AuthorizationRequest<AccountId32> {
        &self.application.request.request
    }

    /// The candidate, if it asked by itself.
    fn asker(&self) -> Option<&PublicKey> {
        (self.link == Link::Public).then_some(&self.from)
    }
}

/// Requests whose stake proofs are being checked, by account: at most as many as are registered.
#[derive(Debug, Default)]
pub(super) struct Requests {
    checking: BTreeMap<AccountId32, (Asked, Option<Asked>)>,
    blocks: VecDeque<(u64, H256)>,
    /// What each connected candidate may still ask.
    buckets: BTreeMap<PublicKey, Bucket>,
}

impl Requests {
    /// A block was finalized.
    pub(super) fn finalized(&mut self, snapshot: &Snapshot) {
        if self.blocks.len() >= BLOCKS_KEPT {
            self.blocks.pop_front();
        }
        self.blocks.push_back((snapshot.number, snapshot.hash));
        self.buckets.retain(|key, _| snapshot.validator_by_peer_key(key).is_some());
    }

    /// Whether a candidate may ask once more by itself: each time costs a signature's check.
    fn may_ask(&mut self, asker: &PublicKey, now: Millis) -> bool {
        let full = || Bucket::full(REQUESTS_PER_S, BURST_MS, 1);
        self.buckets.entry(*asker).or_insert_with(full).take(1, now)
    }

    /// Whether a request's proof may be checked now; if not, it waits, or another one does.
    fn begin(&mut self, asked: Asked) -> Option<Application> {
        let validator = asked.request().validator.clone();
        if let Some((_, waits)) = self.checking.get_mut(&validator) {
            if waits.is_none() || asked.link == Link::Public {
                *waits = Some(asked);
            }
            return None;
        }
        let application = asked.application.clone();
        self.checking.insert(validator, (asked, None));
        Some(application)
    }

    /// The request that was checked, and the one that waits behind it.
    fn end(
        &mut self,
        request: &SignedAuthorizationRequest<AccountId32>,
    ) -> Option<(Asked, Option<Asked>)> {
        let validator = &request.request.validator;
        let (asked, _) = self.checking.get(validator)?;
        if asked.application.request != *request {
            return None;
        }
        self.checking.remove(validator)
    }

    /// Compares the block that a request names with those that this director has seen lately.
    fn block(
        &self,
        config: &Config,
        finalized: u64,
        request: &AuthorizationRequest<AccountId32>,
    ) -> Result<(), Answer> {
        let oldest = finalized.saturating_sub(config.request_max_age_blocks);
        let newest = finalized.saturating_add(config.request_ahead_blocks);
        if !(oldest..=newest).contains(&request.block_number) {
            return Err(Answer::Stale);
        }
        let known = self.blocks.iter().find(|(number, _)| *number == request.block_number);
        match known {
            Some((_, hash)) if *hash != request.block_hash => Err(Answer::OtherChain),
            // Whoever checks the proof looks for the block.
            _ => Ok(()),
        }
    }
}

/// Whether a director with this policy approves the validator, as far as its record goes.
pub(super) fn eligible(
    config: &Config,
    snapshot: &Snapshot,
    validator: &ValidatorInfo<AccountId32>,
) -> Result<(), Answer> {
    match validator.status {
        ValidatorStatus::Authorized => Err(Answer::AlreadyAuthorized),
        ValidatorStatus::Candidate if !config.policy.admits(&validator.account) => {
            Err(Answer::Denied)
        }
        ValidatorStatus::Candidate if validator.stake < config.policy.least_stake(snapshot) => {
            Err(Answer::LowStake)
        }
        ValidatorStatus::Candidate => Ok(()),
        _ => Err(Answer::NotEligible),
    }
}

/// What the candidate is told about a proof that proves nothing.
fn answer_to(refusal: StakeRefusal) -> Answer {
    match refusal {
        StakeRefusal::NotFinalized => Answer::Stale,
        StakeRefusal::OtherChain => Answer::OtherChain,
        StakeRefusal::Invalid => Answer::InvalidStakeProof,
        StakeRefusal::OtherValidator => Answer::OtherValidatorsProof,
        StakeRefusal::NotRegistered => Answer::NotRegistered,
        StakeRefusal::Unavailable => Answer::Unavailable,
    }
}

impl<C: Crypto> Director<C> {
    /// A candidate asks, or a director passes on that it asked.
    pub(super) fn request(
        &mut self,
        now: Millis,
        snapshot: &Snapshot,
        asked: Asked,
        out: &mut Vec<Output>,
    ) {
        self.stats.requests += 1;
        if let Some(asker) = asked.asker()
            && !self.requests.may_ask(asker, now)
        {
            return self.refuse(Refusal::RateLimited);
        }
        if let Err(answer) = self.consider_request(now, snapshot, &asked) {
            return self.turn_down(&asked, answer, out);
        }
        let AuthorizationRequest { validator, registration_id, .. } = asked.request();
        if self.ballots.has_approved(&self.config.account, validator, *registration_id) {
            let answer = self.progress(snapshot, validator);
            return answer_asker(&asked, answer, out);
        }
        if let Some(application) = self.requests.begin(asked) {
            self.stats.stakes_checked += 1;
            out.push(Output::CheckStake(Box::new(application)));
        }
    }

    /// A stake proof was checked.
    pub(super) fn stake_checked(
        &mut self,
        now: Millis,
        snapshot: &Snapshot,
        request: &SignedAuthorizationRequest<AccountId32>,
        result: Result<ProvenStake, StakeRefusal>,
        out: &mut Vec<Output>,
    ) {
        let Some((asked, waits)) = self.requests.end(request) else {
            return;
        };
        // Blocks may have been finalized in the meantime.
        let found = self.consider_request(now, snapshot, &asked).and_then(|()| {
            let proven = result.map_err(answer_to)?;
            self.consider_stake(snapshot, asked.request(), &proven)
        });
        match found {
            Ok(()) => {
                self.approve(now, snapshot, &asked, out);
                let answer = self.progress(snapshot, &asked.request().validator);
                answer_asker(&asked, answer, out);
            }
            Err(answer) => self.turn_down(&asked, answer, out),
        }
        if let Some(asked) = waits {
            self.request(now, snapshot, asked, out);
        }
    }

    fn consider_request(
        &self,
        now: Millis,
        snapshot: &Snapshot,
        asked: &Asked,
    ) -> Result<(), Answer> {
        let request = asked.request();
        let validator = snapshot
            .validator(&request.validator)
            .filter(|validator| {
                validator.registration_id == request.registration_id
                    && asked.asker().is_none_or(|asker| *asker == validator.peer_key)
            })
            .ok_or(Answer::NotRegistered)?;
        eligible(&self.config, snapshot, validator)?;
        if let Some(reason) = self.outlaws.unwanted(&validator.account) {
            return Err(Answer::Revoked(reason));
        }
        self.requests.block(&self.config, snapshot.number, request)?;
        let time_ms = self.config.unix_ms(now);
        let oldest = time_ms.saturating_sub(self.config.request_max_age_ms);
        let newest = time_ms.saturating_add(self.config.clock_skew_ms);
        if !(oldest..=newest).contains(&request.timestamp_ms) {
            return Err(Answer::Stale);
        }
        let signed = &asked.application.request;
        if !signed.verify(&snapshot.domain.genesis_hash, &validator.peer_key) {
            return Err(Answer::InvalidSignature);
        }
        Ok(())
    }

    /// Compares what is proven with what this director's own view says.
    fn consider_stake(
        &self,
        snapshot: &Snapshot,
        request: &AuthorizationRequest<AccountId32>,
        proven: &ProvenStake,
    ) -> Result<(), Answer> {
        let validator = snapshot.validator(&request.validator).ok_or(Answer::NotRegistered)?;
        if proven.registration_id != request.registration_id
            || proven.peer_key != validator.peer_key
        {
            return Err(Answer::NotRegistered);
        }
        if proven.status != ValidatorStatus::Candidate {
            return Err(Answer::NotEligible);
        }
        if proven.stake < self.config.policy.least_stake(snapshot) {
            return Err(Answer::LowStake);
        }
        if proven.held < proven.stake.saturating_add(proven.unbonding) {
            return Err(Answer::StakeNotHeld);
        }
        Ok(())
    }

    fn turn_down(&mut self, asked: &Asked, answer: Answer, out: &mut Vec<Output>) {
        if answer != Answer::AlreadyAuthorized {
            self.refuse(Refusal::RequestRefused);
        }
        // Who asked here is told, which the log says too. Another director's candidate hears nothing of us.
        let is_final =
            !matches!(answer, Answer::AlreadyAuthorized | Answer::Stale | Answer::Unavailable);
        if asked.link == Link::Mesh && is_final {
            let validator = &asked.application.request.request.validator;
            tracing::warn!(%validator, "a candidate that asked another director is turned down: {answer}");
        }
        answer_asker(asked, answer, out);
    }
}

fn answer_asker(asked: &Asked, answer: Answer, out: &mut Vec<Output>) {
    if asked.link == Link::Public {
        let message = Control::AuthorizationAnswer(answer);
        out.push(Output::Send { to: asked.from, link: asked.link, message });
    }
}
