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
    for at in 0..MAX_WAITING as u64 {
        signing.enqueue(job(10 + at)).unwrap();
    }
    assert_eq!(signing.enqueue(job(100)).unwrap_err().code, "busy");
    for at in 0..MAX_WAITING as u64 {
        let Outcome { job, result } = signing.outcome().await.unwrap();
        assert_eq!((job.checkpoint, result.is_ok()), (10 + at, true), "in their order");
    }
    assert!(signing.is_idle() && signing.enqueue(job(100)).is_ok());
}
