//! A forged, a stale, another chain's and another validator's stake proof are refused, each with its
//! own answer, by a director that then believes the truth of the very same candidate.

#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used)]

use anyhow::{Context, ensure};
use director_primitives::{Answer, H256, PublicKey, StakeProof, runtime_api::ValidatorStatus};
use director_service::chain::Head;
use integration_tests::{
    keys::Identity,
    namespaces::{self, Newcomer, Plan, World},
    stake::{Draft, stake_proof},
};
use std::{path::PathBuf, time::Duration};
use tokio::time::timeout;

/// Bounds a failure.
const PATIENCE: Duration = Duration::from_secs(150);

/// Bounds a step.
const SOON: Duration = Duration::from_secs(30);

/// A day: further than a director lets anybody's clock be off.
const DAY_MS: u64 = 24 * 60 * 60 * 1_000;

/// Blocks further than a director lets anybody's view be ahead.
const FAR_AHEAD: u64 = 10_000;

/// Blocks that a request may be old, as far as a director's defaults go; and some.
const TOO_OLD: u64 = 101;

#[test]
fn a_stake_proof_that_proves_nothing_is_refused() {
    namespaces::test(PATIENCE, run);
}

async fn run(dir: PathBuf) -> anyhow::Result<()> {
    // Quick, so that there soon is a block that is too old.
    let plan = Plan { validators: 1, block_time_ms: 300, ..Plan::default() };
    let world = World::start(&dir, plan).await?;
    let mut newcomer = world.newcomer("newcomer").await?;
    let registered = newcomer.register(&world).await?;
    let home = world.sites[0].key();
    timeout(SOON, newcomer.enter(&world.sites[0].for_clients())).await??;

    lies(&world, &mut newcomer, home, registered).await?;
    let status = newcomer.on_chain(&world).await?.status;
    ensure!(status == ValidatorStatus::Candidate, "lies have made it {status:?}");
    for site in &world.sites {
        let signed = site.status().await?["stats"]["approvals_signed"].as_u64();
        // One for the validator that is there.
        ensure!(signed == Some(1), "{} has signed {signed:?} approvals", site.identity.name);
    }

    timeout(SOON, newcomer.is_admitted(&world, home)).await.context("the truth")??;
    let mut again = timeout(SOON, newcomer.apply(&world, home)).await??;
    // It was told of the approvals more than once while it waited.
    while matches!(again, Answer::Approved { .. }) {
        again = timeout(SOON, newcomer.probe.answer(home)).await??;
    }
    ensure!(again == Answer::AlreadyAuthorized, "{again:?}");
    newcomer.probe.shutdown().await;
    world.shutdown().await;
    Ok(())
}

async fn lies(
    world: &World,
    newcomer: &mut Newcomer,
    home: PublicKey,
    registered: Head,
) -> anyhow::Result<()> {
    let chain = world.chain();
    let identity = newcomer.identity.clone();
    let of_other = world.network.identities[0].id();
    let before = chain.node.block_hash(registered.number - 1).await?.context("there was one")?;
    let head = || chain.node.head().borrow().context("there are blocks");
    let honest = async || Draft::honest(chain, &identity, head()?).await;

    let mut say = async |what: &str, draft: Draft, signer: &Identity, expected: Answer| {
        let application = draft.sign(&chain.genesis_hash, signer);
        let answer =
            timeout(SOON, newcomer.probe.apply(home, application)).await.context("no answer")??;
        ensure!(answer == expected, "{what} is answered {answer:?}, not {expected:?}");
        anyhow::Ok(())
    };

    let mut draft = honest().await?;
    draft.stake_proof = StakeProof::default();
    say("a proof of nothing", draft, &identity, Answer::InvalidStakeProof).await?;

    let mut draft = honest().await?;
    draft.stake_proof = tampered(&draft.stake_proof);
    say("a tampered proof", draft, &identity, Answer::InvalidStakeProof).await?;

    let mut draft = honest().await?;
    draft.stake_proof = stake_proof(chain, &identity.id(), before).await?;
    say("another block's proof", draft, &identity, Answer::InvalidStakeProof).await?;

    let mut draft = honest().await?;
    draft.stake_proof = stake_proof(chain, &of_other, draft.request.block_hash).await?;
    say("another's proof", draft, &identity, Answer::OtherValidatorsProof).await?;

    // From before it registered: the proof is right, and proves that it was not there.
    let mut draft = honest().await?;
    draft.request.block_number = registered.number - 1;
    draft.request.block_hash = before;
    draft.stake_proof = stake_proof(chain, &identity.id(), before).await?;
    say("a proof of its absence", draft, &identity, Answer::NotRegistered).await?;

    let mut draft = honest().await?;
    draft.request.block_hash = H256::repeat_byte(7);
    say("another chain's block", draft, &identity, Answer::OtherChain).await?;

    let mut draft = honest().await?;
    draft.request.block_number += FAR_AHEAD;
    say("a block of the future", draft, &identity, Answer::Stale).await?;

    for off in [-(DAY_MS as i64), DAY_MS as i64] {
        let mut draft = honest().await?;
        draft.request.timestamp_ms = draft.request.timestamp_ms.saturating_add_signed(off);
        say("a clock that is off", draft, &identity, Answer::Stale).await?;
    }

    let mut draft = honest().await?;
    draft.request.registration_id += 1;
    say("another registration", draft, &identity, Answer::NotRegistered).await?;

    let other = Identity::named("somebody-else".into());
    say("another's signature", honest().await?, &other, Answer::InvalidSignature).await?;

    // Once it was right.
    let old = honest().await?;
    let mut heads = chain.node.head();
    let later = old.request.block_number + TOO_OLD;
    timeout(2 * SOON, heads.wait_for(|head| head.is_some_and(|of| of.number > later))).await??;
    let mut draft = old;
    draft.request.timestamp_ms = honest().await?.request.timestamp_ms;
    say("an old block", draft, &identity, Answer::Stale).await
}

/// The proof with one bit changed in its longest node.
fn tampered(proof: &StakeProof) -> StakeProof {
    let mut nodes: Vec<Vec<u8>> = proof.nodes.iter().map(|node| node.to_vec()).collect();
    let longest = nodes.iter_mut().max_by_key(|node| node.len()).unwrap();
    let middle = longest.len() / 2;
    longest[middle] ^= 1;
    StakeProof::new(nodes).unwrap()
}
