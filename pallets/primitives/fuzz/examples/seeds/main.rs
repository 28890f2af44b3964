//! Writes the corpus that fuzzing begins with: `cargo run --example seeds` in this crate's folder.

mod messages;

use codec::Encode;
use director_primitives::{
    AccountId32, Decision, DirectorVote, H256, RevocationReason, SignedDirectorVote,
    test_utils::{TestKey, double_sign},
};
use director_primitives_fuzz::{
    GENESIS, MADE, READ, control, director_vote, envelope, proof, request, vote,
};
use std::{fs, io, path::Path};

/// What judges an input.
type Target = fn(&[u8]);

/// Inputs with their names.
type Seeds = Vec<(&'static str, Vec<u8>)>;

fn main() -> io::Result<()> {
    let targets: [(&str, Target, Seeds); 6] = [
        ("proof", proof, proofs()),
        ("director_vote", director_vote, director_votes()),
        ("envelope", envelope, messages::envelopes()),
        ("request", request, messages::requests()),
        ("vote", vote, messages::votes()),
        ("control", control, messages::controls()),
    ];
    for (target, judge, seeds) in targets {
        for (name, bytes) in seeds {
            judge(&bytes);
            write(target, name, &bytes)?;
        }
    }
    Ok(())
}

fn write(target: &str, name: &str, bytes: &[u8]) -> io::Result<()> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus").join(target);
    fs::create_dir_all(&folder)?;
    fs::write(folder.join(name), bytes)
}

/// Second byte: what the chain knows, 0 for a chain that punished and excused nobody.
fn proofs() -> Seeds {
    let mut rotated = double_sign(&TestKey::new(1), GENESIS, 3);
    rotated.second = TestKey::new(2).vote(&GENESIS, 3, rotated.second.vote.block_hash);
    let one_key = double_sign(&TestKey::new(1), GENESIS, 3).encode();
    let of_nobody = double_sign(&TestKey::new(4), GENESIS, 3).encode();
    vec![
        ("read_one_key", [&[READ, 0], &one_key[..]].concat()),
        ("read_rotated_key", [&[READ, 0], &rotated.encode()[..]].concat()),
        ("read_punished", [&[READ, 0x10], &one_key[..]].concat()),
        ("read_unknown_key", [&[READ, 0], &of_nobody[..]].concat()),
        // Chain, genesis, checkpoint, key and hash of either vote, number of changes.
        ("made_valid", vec![MADE, 0, 0, 3, 1, 1, 1, 2, 0]),
        ("made_rotated_key", vec![MADE, 0, 0, 3, 1, 1, 2, 2, 0]),
        ("made_two_validators", vec![MADE, 0, 0, 3, 1, 1, 3, 2, 0]),
        ("made_small_order", vec![MADE, 0, 0, 3, 1, 1, 1, 2, 2, 0, 10, 1, 10]),
    ]
}

fn director_votes() -> Seeds {
    let signed = |number: u8, decision| -> SignedDirectorVote<AccountId32> {
        let vote = DirectorVote {
            validator: AccountId32::new([9; 32]),
            registration_id: 2,
            decision,
            nonce: 65_536,
            valid_until: 100,
        };
        // The first byte of the director's account tells its key.
        let director = AccountId32::new([number; 32]);
        TestKey::new(number.into()).director_vote(&GENESIS, director, vote)
    };
    let approved = |number| signed(number, Decision::Approve);
    let revoked = signed(3, Decision::Revoke(RevocationReason::DoubleSign));
    let elsewhere = {
        let signed = approved(1);
        TestKey::new(1).director_vote(&H256([8; 32]), signed.director, signed.vote)
    };
    let several = |count: u8| (0..count).map(|number| approved(number % 5)).collect::<Vec<_>>();
    let read = |encoded: Vec<u8>| [&[READ], &encoded[..]].concat();
    vec![
        ("read_approval", read(approved(1).encode())),
        ("read_revocation", read(revoked.encode())),
        ("read_other_chain", read(elsewhere.encode())),
        ("read_two", read(several(2).encode())),
        ("read_seven", read(several(7).encode())),
        ("read_eight", read(several(8).encode())),
        // Key, director, validator, registration, decision, nonce, end, number of changes.
        ("made_valid", vec![MADE, 1, 1, 2, 3, 0, 4, 5, 0]),
        ("made_other_key", vec![MADE, 1, 1, 2, 3, 1, 4, 5, 1, 0, 2]),
        ("made_other_decision", vec![MADE, 1, 1, 2, 3, 0, 4, 5, 1, 3, 3, 1]),
    ]
}
