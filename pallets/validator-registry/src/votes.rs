//! Takes the directors' votes and counts them over the directors of today.
//!
//! What is stored is each director's *latest word* about each validator. Nothing is used up by a
//! decision; a later word replaces the earlier one. Nonces stay known as long as the registration
//! lives, also of votes that have expired: else an older vote, valid for longer, could be replayed.

use crate::*;
use director_primitives::threshold::approvals_needed;

/// Votes that count today.
pub(crate) struct Tally {
    pub(crate) approvals: u32,
    pub(crate) revocations: u32,
    pub(crate) directors: u32,
}

/// What became of a vote that is no reason to refuse those that come with it.
pub(crate) enum Taken<T> {
    /// It is stored.
    Yes,
    /// It says nothing (any more), for this reason.
    PassedOver(Error<T>),
}

impl<T: Config> Pallet<T> {
    /// Checks and stores one vote.
    ///
    /// What can befall a vote between its submission and its block does not spoil the others: it
    /// expires, somebody else brings it, its director is removed. Else one director could hold up
    /// all by signing votes that last just too short.
    pub(crate) fn take_vote(
        signed: SignedDirectorVote<T::AccountId>,
    ) -> Result<Taken<T>, Error<T>> {
        let (director, vote) = (&signed.director, &signed.vote);
        let validator = Validators::<T>::get(&vote.validator).ok_or(Error::<T>::NotRegistered)?;
        ensure!(validator.registration_id == vote.registration_id, Error::<T>::OtherRegistration);
        ensure!(is_staying(validator.status), Error::<T>::NotEligible);
        if vote.valid_until < Self::now() {
            return Ok(Taken::PassedOver(Error::VoteExpired));
        }
        let Some(peer_key) = T::Directors::peer_key(director) else {
            return Ok(Taken::PassedOver(Error::NotDirector));
        };
        let nonces = DirectorNonces::<T>::get(director);
        if nonces.void_up_to.is_some_and(|void| vote.nonce <= void) {
            return Ok(Taken::PassedOver(Error::VoidVote));
        }
        let mut votes = Votes::<T>::get(&vote.validator);
        let known = votes.iter().position(|known| known.director == *director);
        if known.is_some_and(|at| votes[at].nonce >= vote.nonce) {
            return Ok(Taken::PassedOver(Error::OldNonce));
        }
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
                // Makes room: who is no director now has its nonces in `DirectorNonces`.
                votes.retain(|known| T::Directors::peer_key(&known.director).is_some());
                votes.try_push(stored).map_err(|_| Error::<T>::TooManyVotes)?;
            }
        }
        Votes::<T>::insert(&vote.validator, votes);
        DirectorNonces::<T>::mutate(director, |nonces| {
            nonces.highest = nonces.highest.max(vote.nonce);
        });
        Self::deposit_event(Event::VoteTaken {
            validator: vote.validator.clone(),
            director: director.clone(),
            decision: vote.decision,
            nonce: vote.nonce,
        });
        Ok(Taken::Yes)
    }

    /// Whether a stored vote counts today.
    pub(crate) fn counts(vote: &StoredVote<T::AccountId>) -> bool {
        vote.valid_until >= Self::now()
            && T::Directors::peer_key(&vote.director).is_some()
            && DirectorNonces::<T>::get(&vote.director)
                .void_up_to
                .is_none_or(|void| vote.nonce > void)
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

    /// Does what enough directors have decided about a validator. `true` if that changed anything.
    pub(crate) fn decide(account: &T::AccountId) -> Result<bool, Error<T>> {
        let Tally { approvals, revocations, directors } = Self::tally(account);
        let needed = approvals_needed(directors);
        Validators::<T>::try_mutate(account, |validator| {
            let validator = validator.as_mut().ok_or(Error::<T>::NotRegistered)?;
            let registration_id = validator.registration_id;
            match validator.status {
                ValidatorStatus::Candidate | ValidatorStatus::Revoked if approvals >= needed => {
                    ensure!(validator.stake >= T::MinStake::get(), Error::<T>::StakeTooLow);
                    Self::set_status(validator, ValidatorStatus::Authorized);
                    Self::deposit_event(Event::ValidatorAuthorized {
                        validator: account.clone(),
                        registration_id,
                        approvals,
                        directors,
                    });
                    Ok(true)
                }
                ValidatorStatus::Candidate | ValidatorStatus::Authorized
                    if revocations >= needed =>
                {
                    Self::set_status(validator, ValidatorStatus::Revoked);
                    Self::deposit_event(Event::ValidatorRevoked {
                        validator: account.clone(),
                        registration_id,
                        cause: RevocationCause::Directors { revocations, directors },
                    });
                    Ok(true)
                }
                _ => Ok(false),
            }
        })
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
    fn on_director_removed(removed: &T::AccountId) {
        // One write, however many validators there are: every vote that it has given so far is void.
        DirectorNonces::<T>::mutate_exists(removed, |nonces| {
            if let Some(nonces) = nonces {
                nonces.void_up_to = Some(nonces.highest);
            }
        });
    }
}
