//! What is carried from one signer to another.

use super::*;
use rand::{Rng, SeedableRng, rngs::StdRng};

#[test]
fn what_was_exported_protects_elsewhere() {
    let (here, there) = (fresh(), fresh());
    let mut here = load(&here, 100).unwrap();
    for checkpoint in [3, 5] {
        here.permit(checkpoint, hash(1)).unwrap();
    }
    here.below = 2;
    let json = serde_json::to_string(&here.export()).unwrap();
    let read = Interchange::from_json(&json).unwrap();
    assert_eq!(read, here.export());

    let mut second = load(&there, 100).unwrap();
    second.permit(5, hash(2)).unwrap();
    let imported = second.import(&read).unwrap();
    assert_eq!(imported, Imported { new: 1, known: 0, conflicts: vec![5] });
    assert_eq!(second.import(&read).unwrap().known, 1);
    // From the disk, not from memory.
    let mut second = load(&there, 100).unwrap();
    // After the conflict, not only after what is exported.
    assert!(matches!(second.permit(1, hash(1)), Err(ProtectionError::TooOld { below: 6, .. })));
    assert!(matches!(second.permit(3, hash(2)), Err(ProtectionError::AlreadySigned { .. })));
    assert!(matches!(second.permit(3, hash(1)), Ok(Permit::Again)), "both permit it");
}

#[test]
fn where_two_blocks_were_signed_neither_is_signed_again() {
    let (mut here, mut there) = (load(&fresh(), 100).unwrap(), load(&fresh(), 100).unwrap());
    for checkpoint in [4, 5, 7] {
        here.permit(checkpoint, hash(1)).unwrap();
    }
    there.permit(5, hash(2)).unwrap();
    assert_eq!(here.import(&there.export()).unwrap().conflicts, [5]);
    for block in [1, 2, 3] {
        let refused = here.permit(5, hash(block));
        assert!(matches!(refused, Err(ProtectionError::TooOld { below: 6, .. })), "block {block}");
    }
    assert!(matches!(here.permit(4, hash(1)), Ok(Permit::Again)));
    assert!(matches!(here.permit(6, hash(1)), Ok(Permit::New)));
    assert!(matches!(here.permit(7, hash(2)), Err(ProtectionError::AlreadySigned { .. })));
}

#[test]
fn a_list_that_contradicts_itself_permits_neither_block() {
    let mut here = load(&fresh(), 100).unwrap();
    here.permit(5, hash(1)).unwrap();
    let mut export = here.export();
    export.signed.push(Signed { checkpoint: 5, block_hash: hash(2) });
    let dir = tempfile::tempdir().unwrap();
    let mut made = Protection::create_from(&dir.path().join("made"), &export).unwrap();
    let mut imported = load(&fresh(), 100).unwrap();
    assert_eq!(imported.import(&export).unwrap().conflicts, [5]);
    for block in [1, 2] {
        assert!(made.permit(5, hash(block)).is_err() && imported.permit(5, hash(block)).is_err());
    }
    assert!(made.permit(6, hash(1)).is_ok() && imported.permit(6, hash(1)).is_ok());
}

const CHECKPOINTS: u64 = 12;
const BLOCKS: u8 = 3;

/// What a signer knows that has lived for a while.
fn any_protection(chance: &mut StdRng) -> Protection<Shared> {
    let mut any = load(&fresh(), chance.random_range(2..20)).unwrap();
    any.below = chance.random_range(0..CHECKPOINTS);
    for _ in 0..chance.random_range(0..CHECKPOINTS) {
        let (checkpoint, block) =
            (chance.random_range(0..CHECKPOINTS), chance.random_range(0..BLOCKS));
        let _ = any.permit(checkpoint, hash(block));
    }
    // A later floor leaves what was signed below it.
    any.below = any.below.max(chance.random_range(0..CHECKPOINTS));
    any
}

/// Whether it may be signed; nothing is written down for it.
fn permits(of: &Protection<Shared>, checkpoint: CheckpointNumber, block: u8) -> bool {
    match of.signed.get(&checkpoint) {
        Some(signed) => *signed == hash(block),
        None => checkpoint >= of.below,
    }
}

/// `INTERCHANGE_SEED` repeats one run.
#[test]
fn after_an_import_nothing_is_signed_that_either_forbids() {
    let seed = std::env::var("INTERCHANGE_SEED").ok().and_then(|seed| seed.parse().ok());
    let seeds = seed.map_or(0..5_000, |seed: u64| seed..seed + 1);
    let mut still = 0;
    for seed in seeds.clone() {
        let mut chance = StdRng::seed_from_u64(seed);
        let (here, there) = (any_protection(&mut chance), any_protection(&mut chance));
        let both = |checkpoint, block| {
            permits(&here, checkpoint, block) && permits(&there, checkpoint, block)
        };
        let mut merged = load(&here.medium, here.keep).unwrap();
        merged.signed = here.signed.clone();
        merged.below = here.below;
        let conflicts = merged.import(&there.export()).unwrap().conflicts;
        // From the disk, not from memory.
        let merged = load(&merged.medium, merged.keep).unwrap();
        let is_exact = here.signed.len() + there.signed.len() <= here.keep;
        for (checkpoint, block) in
            (0..=CHECKPOINTS).flat_map(|at| (0..BLOCKS).map(move |n| (at, n)))
        {
            let (is, may) = (permits(&merged, checkpoint, block), both(checkpoint, block));
            let what = format!("checkpoint {checkpoint}, block {block}: INTERCHANGE_SEED={seed}");
            assert!(may || !is, "forbidden by one and permitted after: {what}");
            // Beyond conflicts, and with room for all, nothing is forbidden that both permit.
            if is_exact && conflicts.iter().all(|conflict| *conflict < checkpoint) {
                assert_eq!(is, may, "{what}");
            }
            still += u32::from(is);
        }
    }
    println!("seeds {seeds:?}: {still} votes are permitted still");
}

#[test]
fn what_is_no_export_is_not_imported() {
    let mut here = load(&fresh(), 100).unwrap();
    let good = serde_json::to_string(&here.export()).unwrap();
    for wrong in ["", "{}", &good.replace("\"version\":1", "\"version\":2"), &good[1..]] {
        let error = Interchange::from_json(wrong).unwrap_err().to_string();
        assert!(error.contains("protection export"), "{error}");
    }
    let mut other = Interchange::from_json(&good).unwrap();
    other.genesis_hash = hash(1);
    assert!(matches!(here.import(&other), Err(InterchangeError::Other("chain"))));
    // The floor above it could not be said.
    here.permit(u64::MAX, hash(1)).unwrap();
    let last = serde_json::to_string(&here.export()).unwrap();
    assert!(matches!(Interchange::from_json(&last), Err(InterchangeError::Malformed(_))));
}
