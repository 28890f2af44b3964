//! Hands extrinsics to the node's transaction pool and reads why it does not take one.

use super::{
    CALL_TIMEOUT, ChainError,
    session::{Session, timeout},
};
use subxt::rpcs;

/// Why the pool has not taken an extrinsic.
pub(super) enum Refusal {
    /// Its nonce was used already, by the chain or in the pool.
    Nonce(String),
    /// The account cannot pay.
    Fees,
    /// It is too old for the block that comes after the best one.
    Old(String),
    /// It will never be valid again: signed for another runtime, or the pool has found it invalid
    /// before.
    Void(String),
    /// Anything else that the pool says.
    Other(String),
    /// No answer.
    Failed(ChainError),
}

/// Hands an extrinsic to the node; one that it has already is as good as taken.
pub(super) async fn hand(session: &Session, encoded: &[u8]) -> Result<(), Refusal> {
    let submitted = timeout(CALL_TIMEOUT, session.rpc.author_submit_extrinsic(encoded)).await;
    match submitted.map_err(Refusal::Failed)? {
        Ok(_) => Ok(()),
        Err(rpcs::Error::User(answer)) => {
            let data = answer.data.as_ref().map(|data| data.get().trim_matches('"'));
            refusal(answer.code, &answer.message, data)
        }
        Err(error) => Err(Refusal::Failed(ChainError::Unreachable(error.to_string()))),
    }
}

/// What a node's error means. The codes are sc-rpc-api's, the words sp-runtime's.
pub(super) fn refusal(code: i32, message: &str, data: Option<&str>) -> Result<(), Refusal> {
    const INVALID: i32 = 1010;
    const BANNED: i32 = 1012;
    const ALREADY_IMPORTED: i32 = 1013;
    const TOO_LOW_PRIORITY: i32 = 1014;
    let cause = data.map_or(message.to_owned(), |data| format!("{message}: {data}"));
    match code {
        ALREADY_IMPORTED => Ok(()),
        TOO_LOW_PRIORITY => Err(Refusal::Nonce(cause)),
        BANNED => Err(Refusal::Void(cause)),
        INVALID if cause.contains("outdated") => Err(Refusal::Nonce(cause)),
        INVALID if cause.contains("Inability to pay") => Err(Refusal::Fees),
        INVALID if cause.contains("ancient birth") => Err(Refusal::Old(cause)),
        INVALID if cause.contains("bad signature") => Err(Refusal::Void(cause)),
        _ => Err(Refusal::Other(cause)),
    }
}
