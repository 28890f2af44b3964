//! Whatever travels is read as it was written, and nothing else is: no part of it, and no byte more.

use crate::{
    AccountId32, Answer, Application, Attach, AuthorizationRequest, Certificate, CheckpointVote,
    Control, Decision, DirectorVote, DoubleSignProof, Encoding, Envelope, Fetch, Fetched, H256,
    Heartbeat, KeyRole, PayloadKind, Possession, Priority, PublicKey, Range, Redirect,
    RevocationReason, Role, Served, Signature, SignedAuthorizationRequest, SignedDirectorVote,
    SignedEnvelope, SignedHeartbeat, SignedVote, StakeProof, Topic, Vector, VectorEntry,
    VectorSummary, Welcome,
};
use codec::{DecodeAll, Encode, MaxEncodedLen};
use proptest::{collection::vec, prelude::*, sample::select};
use std::fmt::Debug;

/// Writes and reads, all of it, a part of it and more.
fn round_trip<T: Encode + DecodeAll + PartialEq + Debug>(value: &T, cut: usize) {
    let mut bytes = value.encode();
    assert_eq!(T::decode_all(&mut &bytes[..]).as_ref(), Ok(value));
    let cut = cut % bytes.len();
    assert!(T::decode_all(&mut &bytes[..cut]).is_err(), "{cut} bytes of {value:?} are enough");
    bytes.push(0);
    assert!(T::decode_all(&mut &bytes[..]).is_err(), "a byte more than {value:?} passes");
}

/// The same for what has a longest encoding, which the pallets reckon with.
fn bounded_round_trip<T>(value: &T, cut: usize)
where
    T: Encode + DecodeAll + MaxEncodedLen + PartialEq + Debug,
{
    assert!(value.encoded_size() <= T::max_encoded_len(), "{value:?} is longer than the longest");
    round_trip(value, cut);
}

fn key() -> impl Strategy<Value = PublicKey> {
    any::<[u8; 32]>().prop_map(PublicKey::from_raw)
}

fn signature() -> impl Strategy<Value = Signature> {
    any::<[u8; 64]>().prop_map(Signature::from_raw)
}

fn hash() -> impl Strategy<Value = H256> {
    any::<[u8; 32]>().prop_map(H256)
}

fn account() -> impl Strategy<Value = AccountId32> {
    any::<[u8; 32]>().prop_map(AccountId32::new)
}

fn class() -> impl Strategy<Value = Priority> {
    select(Priority::ALL.to_vec())
}

fn vote() -> impl Strategy<Value = CheckpointVote> {
    (any::<u64>(), hash())
        .prop_map(|(checkpoint, block_hash)| CheckpointVote { checkpoint, block_hash })
}

fn signed_vote() -> impl Strategy<Value = SignedVote> {
    (vote(), key(), signature()).prop_map(|(vote, key, signature)| SignedVote {
        vote,
        key,
        signature,
    })
}

fn certificate() -> impl Strategy<Value = Certificate> {
    (vote(), vec((key(), signature()), 0..20))
        .prop_map(|(vote, signatures)| Certificate { vote, signatures })
}

fn proof() -> impl Strategy<Value = DoubleSignProof> {
    (hash(), signed_vote(), signed_vote())
        .prop_map(|(genesis_hash, first, second)| DoubleSignProof { genesis_hash, first, second })
}

fn kind() -> impl Strategy<Value = PayloadKind> {
    prop_oneof![
        Just(PayloadKind::CheckpointVote),
        Just(PayloadKind::Certificate),
        Just(PayloadKind::BlockAnnouncement),
        vec(any::<u8>(), 0..=32).prop_map(|topic| PayloadKind::Opaque(Topic::truncate_from(topic))),
    ]
}

fn envelope() -> impl Strategy<Value = SignedEnvelope> {
    let encoding = select(vec![Encoding::Identity, Encoding::Zstd]);
    // Long enough for lengths of one, two and four bytes.
    let payload = prop_oneof![vec(any::<u8>(), 0..100), vec(any::<u8>(), 16_380..16_390)];
    let place = (key(), any::<u64>(), class(), any::<u64>());
    (place, kind(), encoding, payload, signature()).prop_map(
        |((origin, epoch, class, seq), kind, encoding, payload, signature)| SignedEnvelope {
            envelope: Envelope { origin, epoch, class, seq, kind, encoding, payload },
            signature,
        },
    )
}

fn reason() -> impl Strategy<Value = RevocationReason> {
    select(vec![
        RevocationReason::LowStake,
        RevocationReason::RateLimit,
        RevocationReason::EnvelopeEquivocation,
        RevocationReason::InvalidSignatures,
        RevocationReason::DoubleSign,
        RevocationReason::Operator,
    ])
}

fn director_vote() -> impl Strategy<Value = SignedDirectorVote<AccountId32>> {
    let decision = prop_oneof![Just(Decision::Approve), reason().prop_map(Decision::Revoke)];
    let numbers = any::<(u64, u64, u64)>();
    (account(), account(), decision, numbers, signature()).prop_map(
        |(director, validator, decision, (registration_id, nonce, valid_until), signature)| {
            let vote = DirectorVote { validator, registration_id, decision, nonce, valid_until };
            SignedDirectorVote { director, vote, signature }
        },
    )
}

fn request() -> impl Strategy<Value = SignedAuthorizationRequest<AccountId32>> {
    (account(), any::<(u64, u64, u64)>(), hash(), signature()).prop_map(
        |(validator, (registration_id, block_number, timestamp_ms), block_hash, signature)| {
            let request = AuthorizationRequest {
                validator,
                registration_id,
                block_number,
                block_hash,
                timestamp_ms,
            };
            SignedAuthorizationRequest { request, signature }
        },
    )
}

fn application() -> impl Strategy<Value = Application> {
    (request(), vec(vec(any::<u8>(), 0..200), 0..10)).prop_map(|(request, nodes)| {
        let stake_proof = StakeProof::new(nodes).expect("shorter than the longest");
        Application { request, stake_proof }
    })
}

fn entry() -> impl Strategy<Value = VectorEntry> {
    (key(), any::<u64>(), any::<[u64; 4]>()).prop_map(|(origin, epoch, contiguous)| VectorEntry {
        origin,
        epoch,
        contiguous,
    })
}

fn heartbeat() -> impl Strategy<Value = SignedHeartbeat> {
    let vector = prop_oneof![
        hash().prop_map(VectorSummary::Hash),
        vec(entry(), 0..70).prop_map(VectorSummary::Delta)
    ];
    let numbers = any::<(u64, u32, u32, u16, u64, u64)>();
    (key(), numbers, vector, signature()).prop_map(|(director, numbers, vector, signature)| {
        let (time_ms, validators, capacity, cpu_permille, bandwidth_bytes_per_s, finalized) =
            numbers;
        let heartbeat = Heartbeat {
            director,
            time_ms,
            validators,
            capacity,
            cpu_permille,
            bandwidth_bytes_per_s,
            finalized,
            vector,
        };
        SignedHeartbeat { heartbeat, signature }
    })
}

fn answer() -> impl Strategy<Value = Answer> {
    prop_oneof![
        any::<(u32, u32)>().prop_map(|(votes, needed)| Answer::Approved { votes, needed }),
        reason().prop_map(Answer::Revoked),
        select(vec![
            Answer::AlreadyAuthorized,
            Answer::NotRegistered,
            Answer::LowStake,
            Answer::NotEligible,
            Answer::InvalidSignature,
            Answer::Stale,
            Answer::OtherChain,
            Answer::InvalidStakeProof,
            Answer::OtherValidatorsProof,
            Answer::StakeNotHeld,
            Answer::Denied,
            Answer::Unavailable,
        ]),
    ]
}

fn redirect() -> impl Strategy<Value = Redirect> {
    vec(key(), 0..=16)
        .prop_map(|directors| Redirect { directors: directors.try_into().expect("16 at most") })
}

fn range() -> impl Strategy<Value = Range> {
    (key(), class(), any::<(u64, u64, u64)>()).prop_map(|(origin, class, (epoch, first, last))| {
        Range { origin, epoch, class, first, last }
    })
}

fn served() -> impl Strategy<Value = Served> {
    (range(), any::<(u64, u64)>()).prop_map(|(range, (gone_to, served_to))| Served {
        range,
        gone_to,
        served_to,
    })
}

fn control() -> impl Strategy<Value = Control> {
    let entries = || vec(entry(), 0..70).prop_map(|all| all.try_into().expect("1,500 at most"));
    let role = select(vec![Role::Primary, Role::Standby]);
    prop_oneof![
        any::<(u64, bool)>().prop_map(|(last_epoch, authorized)| {
            Control::Welcome(Welcome { last_epoch, authorized })
        }),
        application().prop_map(Control::AuthorizationRequest),
        answer().prop_map(Control::AuthorizationAnswer),
        director_vote().prop_map(Control::DirectorVote),
        proof().prop_map(Control::Evidence),
        heartbeat().prop_map(Control::Heartbeat),
        redirect().prop_map(Control::Redirect),
        (role, entries()).prop_map(|(role, vector)| Control::Attach(Attach { role, vector })),
        (entries(), any::<bool>())
            .prop_map(|(entries, complete)| Control::Vector(Vector { entries, complete })),
        Just(Control::VectorRequest),
        vec(range(), 0..=128).prop_map(|ranges| {
            Control::Fetch(Fetch { ranges: ranges.try_into().expect("128 at most") })
        }),
        vec(served(), 0..=128).prop_map(|ranges| {
            Control::Fetched(Fetched { ranges: ranges.try_into().expect("128 at most") })
        }),
        redirect().prop_map(Control::Move),
    ]
}

proptest! {
    #[test]
    fn envelopes(signed in envelope(), cut: usize) {
        round_trip(&signed, cut);
        round_trip(&signed.envelope, cut);
        let is_counted = signed.envelope.seq > 0;
        prop_assert_eq!(SignedEnvelope::from_bytes(&signed.encode()).is_ok(), is_counted);
    }

    #[test]
    fn votes_and_certificates(vote in signed_vote(), certificate in certificate(), cut: usize) {
        bounded_round_trip(&vote, cut);
        bounded_round_trip(&vote.vote, cut);
        round_trip(&certificate, cut);
    }

    #[test]
    fn proofs(proof in proof(), cut: usize) {
        bounded_round_trip(&proof, cut);
    }

    #[test]
    fn directors_votes_and_requests(vote in director_vote(), request in request(), cut: usize) {
        bounded_round_trip(&vote, cut);
        bounded_round_trip(&request, cut);
    }

    #[test]
    fn possessions(account in account(), key in key(), cut: usize) {
        for role in [KeyRole::DirectorPeer, KeyRole::ValidatorPeer, KeyRole::Checkpoint] {
            round_trip(&Possession { account: account.clone(), role, key }, cut);
        }
    }

    #[test]
    fn control_messages(message in control(), cut: usize) {
        round_trip(&message, cut);
    }

    #[test]
    fn any_bytes_are_nothing_or_what_they_encode(bytes in vec(any::<u8>(), 0..300)) {
        if let Ok(message) = Control::decode_all(&mut &bytes[..]) {
            prop_assert_eq!(message.encode(), &bytes[..]);
        }
        if let Ok(signed) = SignedEnvelope::decode_all(&mut &bytes[..]) {
            prop_assert_eq!(signed.encode(), &bytes[..]);
        }
    }
}
