//! Reads directors and validators at a block, with as few questions as there are pages.

use super::{
    ChainError,
    session::{Head, Session},
};
use director_primitives::{
    AccountId32, Snapshot,
    runtime_api::{DirectorSet, Domain, MAX_PAGE, ValidatorInfo},
};

/// Directors and validators at a block.
pub(super) async fn read(session: &Session, at: Head) -> Result<Snapshot, ChainError> {
    let (mut domain, directors, validators) = tokio::try_join!(
        session.call::<Domain>("DirectorApi_domain", (), at.hash),
        session.call::<DirectorSet<AccountId32>>("DirectorApi_directors", (), at.hash),
        read_validators(session, at),
    )?;
    if at.number == 0 {
        // The runtime learns the hash of the first block when it makes the second.
        domain.genesis_hash = session.genesis;
    } else if domain.genesis_hash != session.genesis {
        return Err(ChainError::Unexpected(format!(
            "the runtime says its genesis is {:?}, the node says {:?}",
            domain.genesis_hash, session.genesis
        )));
    }
    Ok(Snapshot::new(at.number, at.hash, domain, directors, validators))
}

async fn read_validators(
    session: &Session,
    at: Head,
) -> Result<Vec<ValidatorInfo<AccountId32>>, ChainError> {
    let mut all: Vec<ValidatorInfo<AccountId32>> = Vec::new();
    loop {
        let after = all.last().map(|validator| validator.account.clone());
        let page: Vec<_> =
            session.call("DirectorApi_validators", (after.clone(), MAX_PAGE), at.hash).await?;
        let grows = page.first().is_none_or(|first: &ValidatorInfo<AccountId32>| {
            after.is_none_or(|after| first.account > after)
        });
        if !grows {
            return Err(ChainError::Unexpected("the pages of validators go round".into()));
        }
        let full = page.len() >= MAX_PAGE as usize;
        all.extend(page);
        if !full {
            return Ok(all);
        }
    }
}
