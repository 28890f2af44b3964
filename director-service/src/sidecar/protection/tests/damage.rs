//! What was synced, and is not whole any more. Nothing of it may be taken for something that was never signed.

use super::*;

/// A disk with this on it.
fn with(bytes: &[u8]) -> Shared {
    let disk = Shared::default();
    disk.0.borrow_mut().durable = bytes.to_vec();
    disk
}

/// The checkpoints that come so far after each other, block 1 of each signed, and the file.
fn signed(steps: &[u64]) -> (Vec<u64>, Vec<u8>) {
    let disk = fresh();
    let mut protection = load(&disk, 100).unwrap();
    let mut checkpoint = 0;
    let mut all = Vec::new();
    for step in steps {
        checkpoint += step;
        protection.permit(checkpoint, hash(1)).unwrap();
        all.push(checkpoint);
    }
    let bytes = disk.0.borrow().durable.clone();
    (all, bytes)
}

/// Where the last line begins.
fn last_line(bytes: &[u8]) -> usize {
    bytes[..bytes.len() - 1].iter().rposition(|byte| *byte == b'\n').unwrap() + 1
}

fn is_refused(protection: &mut Protection<Shared>, checkpoint: u64) -> bool {
    let refused = protection.permit(checkpoint, hash(2));
    matches!(refused, Err(ProtectionError::AlreadySigned { .. } | ProtectionError::TooOld { .. }))
}

/// What becomes of a last line. Places are of it.
#[derive(Clone, Debug)]
enum Damage {
    /// So much of it is left.
    Cut(prop::sample::Index),
    /// A byte becomes another one.
    Change(prop::sample::Index, u8),
    /// Zeros from there on.
    Zero(prop::sample::Index),
}

fn damage() -> impl Strategy<Value = Damage> {
    let any_place = any::<prop::sample::Index>;
    prop_oneof![
        any_place().prop_map(Damage::Cut),
        (any_place(), any::<u8>()).prop_map(|(at, byte)| Damage::Change(at, byte)),
        any_place().prop_map(Damage::Zero),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn a_damaged_last_line_costs_votes_and_forgets_no_signature(
        steps in prop::collection::vec(prop_oneof![4 => 1_u64..4, 1 => 1_u64..1_000], 1..40),
        damage in damage(),
    ) {
        let (checkpoints, mut bytes) = signed(&steps);
        let from = last_line(&bytes);
        let length = bytes.len() - from;
        let at = |of: prop::sample::Index| from + of.index(length);
        let mut splits = false;
        match damage {
            // One byte at least: a file without its last line is a whole one.
            Damage::Cut(of) => {
                let at = at(of).max(from + 1);
                bytes.truncate(at);
            }
            Damage::Change(of, byte) => {
                let at = at(of);
                bytes[at] = byte;
                splits = byte == b'\n' && at + 1 < bytes.len();
            }
            Damage::Zero(of) => {
                let at = at(of);
                bytes[at..].fill(0);
            }
        }
        let disk = with(&bytes);
        let mut read = match load(&disk, 100) {
            Ok(read) => read,
            // Two lines of it, neither of them whole.
            Err(ProtectionError::Damaged { .. }) if splits => return Ok(()),
            Err(error) => return Err(TestCaseError::fail(error.to_string())),
        };
        prop_assert_eq!(&disk.0.borrow().durable, &bytes, "reading writes nothing");
        let exported = read.export();
        for checkpoint in &checkpoints {
            prop_assert!(is_refused(&mut read, *checkpoint), "checkpoint {}", checkpoint);
        }
        // And elsewhere, too.
        let there = fresh();
        load(&there, 100).unwrap().import(&exported).unwrap();
        let mut there = load(&there, 100).unwrap();
        for checkpoint in &checkpoints {
            prop_assert!(is_refused(&mut there, *checkpoint), "checkpoint {}, elsewhere", checkpoint);
        }
        // It goes on, not far from there.
        let next = checkpoints[checkpoints.len() - 1] + 1 + ROOM;
        prop_assert!(read.permit(next + 1, hash(2)).is_ok());
        let mut again = load(&disk, 100).unwrap();
        for checkpoint in &checkpoints {
            prop_assert!(is_refused(&mut again, *checkpoint), "checkpoint {}, later", checkpoint);
        }
    }

    /// A file cut off anywhere is torn or damaged, and never forgets what came before the cut.
    #[test]
    fn a_cut_costs_nothing_before_it(
        steps in prop::collection::vec(prop_oneof![4 => 1_u64..4, 1 => 1_u64..1_000], 1..40),
        cut in any::<prop::sample::Index>(),
    ) {
        let (checkpoints, bytes) = signed(&steps);
        let cut = cut.index(bytes.len());
        let Ok(mut read) = load(&with(&bytes[..cut]), 100) else {
            let header = text(GENESIS, key(), 0, 0, &BTreeMap::new());
            prop_assert!(cut < header.len(), "only within its first three lines");
            return Ok(());
        };
        let lines: Vec<_> = bytes[..cut].split(|byte| *byte == b'\n').collect();
        // The record that the cut went through is known as well, or is not signed.
        let kept = lines.iter().filter(|line| line.starts_with(b"signed")).count();
        for checkpoint in &checkpoints[..kept] {
            prop_assert!(is_refused(&mut read, *checkpoint), "checkpoint {}", checkpoint);
        }
    }

    #[test]
    fn a_changed_byte_is_noticed(at in any::<prop::sample::Index>(), bit in 0_u8..8) {
        let (checkpoints, mut bytes) = signed(&[1; 40]);
        let at = at.index(bytes.len());
        bytes[at] ^= 1 << bit;
        match load(&with(&bytes), 100) {
            Ok(mut read) => {
                prop_assert!(at >= last_line(&bytes), "only in the last line");
                for checkpoint in checkpoints {
                    prop_assert!(is_refused(&mut read, checkpoint), "checkpoint {}", checkpoint);
                }
            }
            Err(ProtectionError::Damaged { .. }) => {}
            Err(error) => prop_assert!(false, "{error}"),
        }
    }
}

#[test]
fn a_line_that_lacks_its_break_alone_is_whole() {
    let (_, bytes) = signed(&[12, 1]);
    let mut read = load(&with(&bytes[..bytes.len() - 1]), 100).unwrap();
    assert_eq!((read.latest(), read.below()), (Some((13, hash(1))), 0));
    assert!(matches!(read.permit(13, hash(1)), Ok(Permit::Again)));
    assert!(matches!(read.permit(13, hash(2)), Err(ProtectionError::AlreadySigned { .. })));
    assert!(matches!(read.permit(14, hash(2)), Ok(Permit::New)));
}

#[test]
fn what_a_lost_line_may_have_said_is_not_signed() {
    let (_, bytes) = signed(&[12, 1]);
    let mut read = load(&with(&bytes[..bytes.len() - 2]), 100).unwrap();
    assert_eq!(read.latest(), Some((12, hash(1))));
    // Its `until` is 28: nothing after that can have been in the line.
    assert_eq!(read.below(), 29);
    assert!(matches!(read.permit(12, hash(1)), Ok(Permit::Again)));
    assert!(matches!(read.permit(28, hash(1)), Err(ProtectionError::TooOld { .. })));
    assert!(matches!(read.permit(29, hash(1)), Ok(Permit::New)));
}

/// A checkpoint that is far from the last one, and its line is lost: the line before it said how far.
#[test]
fn a_leap_is_bounded_before_it_is_signed() {
    let (checkpoints, bytes) = signed(&[12, 1_000_000]);
    let mut read = load(&with(&bytes[..bytes.len() - 2]), 100).unwrap();
    assert!(is_refused(&mut read, checkpoints[1]));
}

#[test]
fn where_nothing_bounds_a_lost_line_nothing_is_signed() {
    let (_, bytes) = signed(&[12, 1]);
    let older: Vec<u8> = bytes
        .split_inclusive(|byte| *byte == b'\n')
        .filter(|line| !line.starts_with(b"until"))
        .flatten()
        .copied()
        .collect();
    assert_eq!(load(&with(&older), 100).unwrap().latest(), Some((13, hash(1))));
    let torn = load(&with(&older[..older.len() - 2]), 100).err().unwrap();
    assert!(matches!(torn, ProtectionError::Damaged { line: 4, .. }), "{torn}");
}
