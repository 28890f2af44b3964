//! Judges what candidates send: requests to be authorized, and the stake proofs that go with them.

use crate::{
    ELSEWHERE, GENESIS, KEYS, PUBLIC,
    choices::{Choices, MADE},
    known,
    wire::{read, written},
};
use codec::{DecodeAll, Encode};
use director_primitives::{
    AccountId32, Application, AuthorizationRequest, SignedAuthorizationRequest, StakeProof,
    StatementKind,
    signing::signing_prefix,
    stake_proof::{MAX_PROOF_LEN, MAX_PROOF_NODE_LEN, MAX_PROOF_NODES},
};

type Request = SignedAuthorizationRequest<AccountId32>;

/// Judges the request or the application that is in these bytes, or that they tell how to make.
pub fn request(bytes: &[u8]) {
    let mut choices = Choices::new(bytes);
    if choices.byte() & 1 == MADE {
        made(&mut choices);
        return;
    }
    let rest = choices.rest();
    if let Some(request) = read::<Request>(rest) {
        judge(&request);
    }
    if let Some(application) = read::<Application>(rest) {
        judge_application(&application);
    }
}

/// A request verifies exactly if the validator's key made its signature, for the chain in question. The first
/// byte of the account tells the key, as the chain would.
fn judge(signed: &Request) {
    let validator: &[u8; 32] = signed.request.validator.as_ref();
    let number = usize::from(validator[0]) % KEYS.len();
    for genesis_hash in [GENESIS, ELSEWHERE] {
        let is_signed = KEYS[number].sign(&genesis_hash, &signed.request) == signed.signature;
        assert_eq!(signed.verify(&genesis_hash, &PUBLIC[number]), is_signed, "{signed:?}");
    }
}

pub(crate) fn judge_application(application: &Application) {
    judge(&application.request);
    let Application { stake_proof, .. } = application;
    assert!(stake_proof.nodes.len() <= MAX_PROOF_NODES as usize);
    let longest = stake_proof.nodes.iter().map(|node| node.len()).max().unwrap_or_default();
    assert!(longest <= MAX_PROOF_NODE_LEN as usize);
    // What is read may be longer altogether than what an honest candidate makes: the checker of proofs
    // looks at that.
    let nodes = stake_proof.nodes.iter().map(|node| node.to_vec()).collect();
    let again = StakeProof::new(nodes);
    assert_eq!(again.is_some(), stake_proof.len() <= MAX_PROOF_LEN);
    assert!(again.is_none_or(|again| again == *stake_proof));
}

/// Has a request signed, changes up to three things and judges what came of it.
fn made(choices: &mut Choices) {
    let number = usize::from(choices.byte()) % KEYS.len();
    let request = body(choices);
    let signature = KEYS[number].sign(&GENESIS, &request);
    let honest = Request { request, signature };
    assert!(honest.verify(&GENESIS, &PUBLIC[number]), "the right signature of {honest:?}");

    let (mut signed, mut key, mut genesis_hash) = (honest.clone(), PUBLIC[number], GENESIS);
    for _ in 0..choices.below(4) {
        match choices.below(4) {
            0 => key = PUBLIC[usize::from(choices.byte()) % PUBLIC.len()],
            1 => genesis_hash = choices.hash(),
            2 => signed.signature = choices.spoilt(&signed.signature),
            _ => spoil(&mut signed, number, choices),
        }
    }
    let verifies = signed.verify(&genesis_hash, &key);
    let again = known(&key).map(|key| key.sign(&genesis_hash, &signed.request));
    assert_eq!(verifies, again == Some(signed.signature), "{honest:?} was signed, not {signed:?}");
    written(&signed, choices);
    let application = application(signed, choices);
    judge_application(&application);
    written(&application, choices);
}

fn body(choices: &mut Choices) -> AuthorizationRequest<AccountId32> {
    AuthorizationRequest {
        validator: AccountId32::new(choices.hash().0),
        registration_id: choices.number(),
        block_number: choices.number(),
        block_hash: choices.hash(),
        timestamp_ms: choices.number(),
    }
}

/// The request with a few nodes that prove nothing.
fn application(request: Request, choices: &mut Choices) -> Application {
    let nodes = (0..choices.below(8)).map(|_| choices.some_bytes()).collect();
    Application { request, stake_proof: StakeProof::new(nodes).unwrap_or_default() }
}

/// A request that key 1 signed, with a proof of these choices.
pub(crate) fn made_application(choices: &mut Choices) -> Application {
    let request = body(choices);
    let signature = KEYS[1].sign(&GENESIS, &request);
    application(Request { request, signature }, choices)
}

/// Changes one thing that was signed, or has it signed as something else.
fn spoil(signed: &mut Request, number: usize, choices: &mut Choices) {
    let request = &mut signed.request;
    match choices.below(7) {
        0 => request.validator = AccountId32::new(choices.hash().0),
        1 => request.registration_id ^= 1 << choices.below(64),
        2 => request.block_number ^= 1 << choices.below(64),
        3 => request.block_hash = choices.hash(),
        4 => request.timestamp_ms ^= 1 << choices.below(64),
        5 => {
            let kind = choices.of(&StatementKind::ALL);
            let mut bytes = signing_prefix(kind, &choices.of(&[GENESIS, ELSEWHERE]));
            request.encode_to(&mut bytes);
            signed.signature = KEYS[number].sign_bytes(&bytes);
        }
        _ => {
            let mut bytes = signed.encode();
            choices.flip(&mut bytes);
            *signed = Request::decode_all(&mut &bytes[..]).expect("any bytes of that length");
        }
    }
}
