//! Hands extrinsics to the node's transaction pool and reads why it does not take one.

use super::{
    CALL_TIMEOUT, ChainError, Node,
    session::{Session, limit, timeout, unexpected},
};
use subxt::{
    rpcs::{self, RpcClient, methods::legacy::Bytes, rpc_params},
    tx::Payload,
};

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

impl Node {
    /// The arguments of all calls of this one's kind and length that wait in the node's pool and could be in its next
    /// block, whoever signed them. Only as good as the pool's word: what ends like such a call is taken for one.
    ///
    /// # Errors
    ///
    /// If the node does not answer, or tells nobody what its pool has.
    pub(super) async fn pending_like<C: Payload>(
        &self,
        call: &C,
    ) -> Result<Vec<Vec<u8>>, ChainError> {
        let session = self.session().await?;
        let at = session.at(self.newest(&session).await?).await?;
        let call = at.tx().call_data(call).map_err(unexpected)?;
        // A full pool is more than a connection takes, which ends by it: so one for this alone.
        let own = limit(RpcClient::from_insecure_url(&session.url)).await?;
        let pending = own.request("author_pendingExtrinsics", rpc_params![]);
        let pending: Vec<Bytes> = limit(pending).await?;
        Ok(pending.iter().filter_map(|extrinsic| arguments_like(extrinsic, &call)).collect())
    }
}

/// Bytes that name pallet and call.
const CALL_NAME: usize = 2;

/// The arguments of the call at an extrinsic's end, if it may be another one of this call.
fn arguments_like(extrinsic: &[u8], call: &[u8]) -> Option<Vec<u8>> {
    let (_, theirs) = extrinsic.split_at_checked(extrinsic.len().checked_sub(call.len())?)?;
    let (name, arguments) = theirs.split_at_checked(CALL_NAME)?;
    call.starts_with(name).then(|| arguments.to_vec())
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

#[cfg(test)]
mod tests {
    use super::arguments_like;

    #[test]
    fn a_call_is_found_at_the_end_of_an_extrinsic() {
        let call = [7, 0, 1, 2, 3];
        assert_eq!(arguments_like(&[132, 9, 9, 7, 0, 4, 5, 6], &call), Some(vec![4, 5, 6]));
        for other in [&[132, 9, 9, 7, 1, 4, 5, 6][..], &[7, 0, 4, 5], &[]] {
            assert_eq!(arguments_like(other, &call), None, "{other:?}");
        }
    }
}
