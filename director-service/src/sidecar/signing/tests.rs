#![allow(clippy::unwrap_used)]

use super::*;
use crate::client::LocalKey;
use director_primitives::PublicKey;
use std::path::Path;

const GENESIS: H256 = H256::repeat_byte(9);

fn local() -> Signer {
    Signer::Local(LocalKey::from_seed(&[7; 32]))
}

fn refusing(key: PublicKey) -> Signer {
    let answer = r#"cat > /dev/null; echo '{"error":"closed"}'"#;
    let program = ["/bin/sh", "-c", answer].map(String::from).to_vec();
    Signer::Command { program, key }
}

fn open(dir: &Path, is_new: bool) -> Protection {
    let (path, key) = (dir.join("protection"), local().key());
    match is_new {
        true => Protection::create(&path, GENESIS, key, 2).unwrap(),
        false => Protection::open(&path, GENESIS, key).unwrap(),
    }
}

async fn ask(signing: &mut Signing, checkpoint: u64, block: u8) -> Result<bool, &'static str> {
    let block_hash = H256::repeat_byte(block);
    signing.enqueue(Job { checkpoint, block_hash, asked: None }).unwrap();
    let Outcome { job, result } = signing.outcome().await.unwrap();
    assert_eq!((job.checkpoint, job.block_hash), (checkpoint, block_hash));
    result
        .map(|(vote, again)| {
            assert!(vote.verify(&GENESIS));
            again
        })
        .map_err(|refusal| refusal.code)
}

#[tokio::test]
async fn a_vote_is_remembered_though_the_signer_refused() {
    let dir = tempfile::tempdir().unwrap();
    let mut signing = Signing::start(GENESIS, refusing(local().key()), open(dir.path(), true));
    assert_eq!(ask(&mut signing, 3, 1).await, Err("signer"));
    signing.stop().await;

    // Perhaps it had signed, and the answer was lost: no other block, also after a restart.
    let mut signing = Signing::start(GENESIS, local(), open(dir.path(), false));
    assert_eq!(ask(&mut signing, 3, 2).await, Err("already-signed"));
    assert_eq!(ask(&mut signing, 3, 1).await, Ok(true));
    assert_eq!(ask(&mut signing, 4, 1).await, Ok(false));
    assert_eq!(ask(&mut signing, 1, 1).await, Err("too-old"));
}

#[tokio::test]
async fn more_votes_than_can_wait_are_refused() {
    let dir = tempfile::tempdir().unwrap();
    let mut signing = Signing::start(GENESIS, local(), open(dir.path(), true));
    let job = |checkpoint| Job { checkpoint, block_hash: H256::zero(), asked: None };
    // Nobody takes the outcomes: one is under way, as many wait at both ends.
    let mut taken = 0;
    let refused = loop {
        match signing.enqueue(job(10 + taken)) {
            Ok(()) => taken += 1,
            Err(refusal) => break refusal,
        }
        assert!(taken <= 2 * MAX_WAITING as u64 + 1, "bounded");
    };
    assert_eq!(refused.code, "busy");
    for _ in 0..taken {
        assert!(signing.outcome().await.unwrap().result.is_ok());
    }
    assert!(signing.enqueue(job(100)).is_ok());
}
