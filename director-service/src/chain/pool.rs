//! Hands extrinsics to the node's transaction pool and reads why it does not take one.

use super::{
    CALL_TIMEOUT, ChainError, Node,
    extrinsic::LIFETIME,
    session::{Session, limit, sp_hash, timeout, unexpected},
};
use director_primitives::H256;
use subxt::{
    Metadata,
    ext::frame_decode::extrinsics::decode_extrinsic,
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

/// A call that waits in the pool.
pub(super) struct PendingCall {
    /// Who signed it: a hash of how the extrinsic names them.
    pub(super) signer: H256,
    pub(super) arguments: Vec<u8>,
}

impl Node {
    /// All calls of this one's kind and length that wait in the node's pool and could be in its next
    /// block, whoever signed them. Only as good as the pool's word.
    ///
    /// # Errors
    ///
    /// If the node does not answer, or tells nobody what its pool has.
    pub(super) async fn pending_like<C: Payload>(
        &self,
        call: &C,
    ) -> Result<Vec<PendingCall>, ChainError> {
        let session = self.session().await?;
        let at = session.at(self.newest(&session).await?).await?;
        let call = at.tx().call_data(call).map_err(unexpected)?;
        // A full pool is more than a connection takes, which ends by it: so one for this alone.
        let own = limit(RpcClient::from_insecure_url(&session.url)).await?;
        let pending = own.request("author_pendingExtrinsics", rpc_params![]);
        let pending: Vec<Bytes> = limit(pending).await?;
        let metadata = at.metadata();
        let like = |extrinsic: &Bytes| {
            // Few come so far: to read all of a full pool would take long.
            let arguments = arguments_like(&extrinsic.0, &call)?;
            let signer = signer_of_call(&extrinsic.0, call.len(), &metadata)?;
            Some(PendingCall { signer, arguments })
        };
        Ok(pending.iter().filter_map(like).collect())
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

/// Who signed an extrinsic, if its last so many bytes are its call: a remark may end with the bytes of any other call. What cannot be
/// read is given the benefit of the doubt, as one that nobody else has signed.
fn signer_of_call(extrinsic: &[u8], len: usize, metadata: &Metadata) -> Option<H256> {
    let Ok(read) = decode_extrinsic(&mut &*extrinsic, metadata, metadata.types()) else {
        return Some(sp_hash(extrinsic));
    };
    let call = read.call_data_range();
    let signer = read.signature_payload().and_then(|signed| extrinsic.get(signed.address_range()));
    ((call.len(), call.end) == (len, extrinsic.len())).then(|| sp_hash(signer.unwrap_or(extrinsic)))
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
        BANNED => Err(Refusal::Void(format!(
            "{cause}: the pool has dropped it before, most often because no block took it while it was valid \
             ({LIFETIME} blocks), or because it was signed for another runtime"
        ))),
        INVALID if cause.contains("outdated") => Err(Refusal::Nonce(cause)),
        INVALID if cause.contains("Inability to pay") => Err(Refusal::Fees),
        INVALID if cause.contains("ancient birth") => Err(Refusal::Old(cause)),
        INVALID if cause.contains("bad signature") => Err(Refusal::Void(cause)),
        _ => Err(Refusal::Other(cause)),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::{arguments_like, signer_of_call};
    use crate::chain::{interface::METADATA, session::sp_hash};
    use codec::Encode;
    use subxt::{Metadata, dynamic::Value, ext::frame_decode::extrinsics::encode_call_data};

    /// An extrinsic that nobody has signed, with this call.
    fn unsigned(call: &[u8]) -> Vec<u8> {
        [&[4], call].concat().encode()
    }

    #[test]
    fn a_remark_that_ends_like_a_call_is_none() {
        let metadata = Metadata::decode_from(METADATA).unwrap();
        let remark = |text: &[u8]| {
            let text = vec![Value::from_bytes(text)];
            encode_call_data("System", "remark", &text, &metadata, metadata.types()).unwrap()
        };
        let call = remark(&[7; 30]);
        let decoy = unsigned(&remark(&[&[1, 2, 3], call.as_slice()].concat()));
        assert_eq!(arguments_like(&decoy, &call), arguments_like(&unsigned(&call), &call));
        let own = unsigned(&call);
        assert_eq!(signer_of_call(&own, call.len(), &metadata), Some(sp_hash(&own)));
        assert_eq!(signer_of_call(&decoy, call.len(), &metadata), None);
        // By an account: its address, a signature of a kind, extensions of which some say nothing, and the call.
        let signed = |account: u8| {
            let extensions = [0; 3];
            let signature = [&[0x84, 0][..], &[account; 32], &[1], &[9; 64], &extensions];
            [&signature.concat(), call.as_slice()].concat().encode()
        };
        let address = |account: u8| sp_hash(&[&[0][..], &[account; 32]].concat());
        for account in [1, 2] {
            let signer = signer_of_call(&signed(account), call.len(), &metadata);
            assert_eq!(signer, Some(address(account)));
        }
        let unread = [0xff; 9];
        assert_eq!(signer_of_call(&unread, 5, &metadata), Some(sp_hash(&unread)), "nobody knows");
    }

    #[test]
    fn a_call_is_found_at_the_end_of_an_extrinsic() {
        let call = [7, 0, 1, 2, 3];
        assert_eq!(arguments_like(&[132, 9, 9, 7, 0, 4, 5, 6], &call), Some(vec![4, 5, 6]));
        for other in [&[132, 9, 9, 7, 1, 4, 5, 6][..], &[7, 0, 4, 5], &[]] {
            assert_eq!(arguments_like(other, &call), None, "{other:?}");
        }
    }
}
