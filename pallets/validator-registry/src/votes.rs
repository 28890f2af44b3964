//! Takes the directors' votes and counts them over the directors of today.
//!
//! What is stored is each director's *latest word* about each validator. Nothing is used up by a
//! decision; a later word replaces the earlier one. Nonces stay known as long as the registration
//! lives, also of votes that have expired: else an older vote, valid for longer, could be replayed.
//!
//! Approvals and revocations can never both be enough: each director has one word, and twice
//! `ceil(2n/3)` is more than `n`.

use crate::*;
use director_primitives::threshold::approvals_needed;

/// Votes that count today.
pub(crate) struct Tally {
    pub(crate) approvals: u32,
    pub(crate) revocations: u32,
    pub(crate) directors: u32,
}

impl<T: Config> Pallet<T> {
    /// Checks and stores one vote.
    ///
    /// An error is this vote's alone: what can befall a vote between its submission and its block must not
    /// spoil the others, or one director could hold up all by signing votes that last just too short.
    pub(crate) fn take_vote(signed: SignedDirectorVote<T::AccountId>) -> Result<(), Error<T>> {
        let (director, vote) = (&signed.director, &signed.vote);
        let validator = Validators::<T>::get(&vote.validator).ok_or(Error::<T>::NotRegistered)?;
        ensure!(validator.registration_id == vote.registration_id, Error::<T>::OtherRegistration);
        ensure!(is_staying(validator.status), Error::<T>::NotEligible);
        ensure!(vote.valid_until >= Self::now(), Error::<T>::VoteExpired);
        let peer_key = T::Directors::peer_key(director).ok_or(Error::<T>::NotDirector)?;
        ensure!(vote.nonce >= FirstNonces::<T>::get(director), Error::<T>::VoidVote);
        // Nobody can have signed it at this block, which is not finalized, or at a later one: else a vote
        // of one term could count in the next.
        ensure!(vote.nonce < first_nonce(Self::now()), Error::<T>::NonceTooHigh);
        let mut votes = Votes::<T>::get(&vote.validator);
        let known = votes.iter().position(|known| known.director == *director);
        ensure!(known.is_none_or(|at| votes[at].nonce < vote.nonce), Error::<T>::OldNonce);
        ensure!(signed.verify(&Self::genesis_hash(), &peer_key), Error::<T>::InvalidSignature);

        let stored = StoredVote {
            director: director.clone(),
            decision: vote.decision,
            nonce: vote.nonce,
            valid_until: vote.valid_until,
        };
        match known {
            Some(at) => votes[at] = stored,
            None => {
                // Makes room: votes of who is no director now are void if it comes back.
                votes.retain(|known| T::Directors::peer_key(&known.director).is_some());
                votes.try_push(stored).map_err(|_| Error::<T>::TooManyVotes)?;
            }
        }
        Votes::<T>::insert(&vote.validator, votes);
        Self::deposit_event(Event::VoteTaken {
            validator: vote.validator.clone(),
            director: director.clone(),
            decision: vote.decision,
            nonce: vote.nonce,
        });
        Ok(())
    }

    /// Whether a stored vote counts today.
    pub(crate) fn counts(vote: &StoredVote<T::AccountId>) -> bool {
        vote.valid_until >= Self::now()
            && T::Directors::peer_key(&vote.director).is_some()
            && vote.nonce >= FirstNonces::<T>::get(&vote.director)
    }

    /// Counts the votes about a validator.
    pub(crate) fn tally(validator: &T::AccountId) -> Tally {
        let mut tally =
            Tally { approvals: 0, revocations: 0, directors: T::Directors::active_count() };
        for vote in Votes::<T>::get(validator).iter().filter(|v| Self::counts(v)) {
            match vote.decision {
                Decision::Approve => tally.approvals += 1,
                Decision::Revoke(_) => tally.revocations += 1,
            }
        }
        tally
    }

    /// Does what enough directors have decided about a validator, if it has the stake for it. `true` if
    /// that changed anything.
    pub(crate) fn decide(account: &T::AccountId) -> bool {
        let Ok(mut validator) = Self::staying(account) else {
            return false;
        };
        let Tally { approvals, revocations, directors } = Self::tally(account);
        let needed = approvals_needed(directors);
        let registration_id = validator.registration_id;
        let is_authorized = validator.status == ValidatorStatus::Authorized;
        if !is_authorized && approvals >= needed && validator.stake >= T::MinStake::get() {
            Self::set_status(&mut validator, ValidatorStatus::Authorized);
            validator.was_authorized = true;
            Self::deposit_event(Event::ValidatorAuthorized {
                validator: account.clone(),
                registration_id,
                approvals,
                directors,
            });
        } else if validator.status != ValidatorStatus::Revoked && revocations >= needed {
            Self::set_status(&mut validator, ValidatorStatus::Revoked);
            Self::deposit_event(Event::ValidatorRevoked {
                validator: account.clone(),
                registration_id,
                cause: RevocationCause::Directors { revocations, directors },
            });
        } else {
            return false;
        }
        Validators::<T>::insert(account, validator);
        true
    }

    /// How far the directors are with a validator, for the runtime API.
    pub fn vote_progress(validator: &T::AccountId) -> Option<VoteProgress<T::AccountId>> {
        let registration_id = Validators::<T>::get(validator)?.registration_id;
        Some(VoteProgress {
            registration_id,
            needed: approvals_needed(T::Directors::active_count()),
            votes: Votes::<T>::get(validator).into_iter().filter(Self::counts).collect(),
        })
    }
}

impl<T: Config> OnDirectorSetChange<T::AccountId> for Pallet<T> {
    fn on_director_activated(activated: &T::AccountId) {
        // One write, however many validators there are: what it signed in an earlier term is void.
        FirstNonces::<T>::insert(activated, first_nonce(Self::now()));
    }

    fn on_director_removed(removed: &T::AccountId) {
        FirstNonces::<T>::remove(removed);
    }
}
