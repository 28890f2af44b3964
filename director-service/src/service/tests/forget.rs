//! A node that claims too much does not cost the votes that prove a double sign.

use super::super::forget::certainly_below;
use crate::{
    director::{
        Config, Director, Output, ValidatorVote,
        tests::world::{
            INTERVAL, Rig, TestCrypto, World, config, director_key, from_validator,
            validator_account, vote, vote_frame,
        },
    },
    store::{Recent, Store},
};
use director_primitives::SignedVote;
use tempfile::tempdir;

/// Checkpoints in the history.
const HISTORY: u64 = 1_000;

/// Where the chain is, and what a node claims.
const REAL: u64 = 20_000;
const CLAIMED: u64 = 2_000_000;

/// What the core forgets at this finalized block, with only a settled one for sure.
fn below(finalized: u64, settled: u64) -> u64 {
    certainly_below((finalized / INTERVAL).saturating_sub(HISTORY), finalized, settled, INTERVAL)
}

#[test]
fn only_what_is_settled_makes_votes_too_old() {
    assert_eq!(below(20_000, 20_000), 1_000);
    assert_eq!(below(20_009, 19_999), 999, "a block is not settled yet");
    assert_eq!(below(2_000_000, 20_000), 1_000);
    assert_eq!(below(2_000_000, 0), 0);
    assert_eq!(below(500, 500), 0);
    assert_eq!(below(20_000, 25_000), 1_000, "what is settled is never ahead");
}

/// Director 0 with what is on disk.
fn begin(history: Recent) -> Rig {
    let votes = history.votes.into_iter();
    let votes = votes.map(|(validator, vote)| ValidatorVote { validator, vote }).collect();
    let config = Config { history_checkpoints: HISTORY, ..config(0) };
    let crypto = TestCrypto(director_key(0));
    let core = Director::resume(config, crypto, votes, history.complete_from);
    Rig::with(&World::new(3, 2).at(REAL), core)
}

/// Validator 0 votes; what is to be done about it.
fn say(rig: &mut Rig, seq: u64, vote: &SignedVote) -> Vec<Output> {
    rig.frames(vec![from_validator(0, &vote_frame(0, seq, vote))])
}

#[tokio::test]
async fn a_double_sign_is_proven_though_a_node_claimed_too_much_between_the_votes() {
    let folder = tempdir().unwrap();
    let store = Store::open(folder.path()).unwrap();
    let history = store.history();
    let checkpoint = REAL / INTERVAL;
    let (first, second) = (vote(0, checkpoint, 0xaa), vote(0, checkpoint, 0xbb));
    let mut rig = begin(history.recent(100).await.unwrap());
    say(&mut rig, 1, &first);
    history.remember(vec![(validator_account(0), first)]).await.unwrap();

    // The node claims too much: the core thinks that the vote is of long ago.
    let out = rig.finalize(&World::new(3, 2).at(CLAIMED));
    let forget = out.iter().find_map(|output| match output {
        Output::Forget { below } => Some(*below),
        _ => None,
    });
    let forget = forget.unwrap();
    assert!(forget > checkpoint);
    history.prune(certainly_below(forget, CLAIMED, REAL, INTERVAL)).await.unwrap();

    // It was not so, and everything begins anew.
    let mut rig = begin(history.recent(100).await.unwrap());
    let out = say(&mut rig, 2, &second);
    assert!(out.iter().any(|output| matches!(output, Output::Proven(_))), "{out:?}");
    store.close().await;
}
