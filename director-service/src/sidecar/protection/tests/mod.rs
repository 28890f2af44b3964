#![allow(clippy::unwrap_used)]

mod crash;
mod damage;
mod file;
mod interchange;

use super::*;
use proptest::prelude::*;
use std::{cell::RefCell, rc::Rc};

const GENESIS: H256 = H256::repeat_byte(9);

fn key() -> PublicKey {
    PublicKey::from_raw([7; 32])
}

fn hash(n: u8) -> H256 {
    H256::repeat_byte(n)
}

fn path() -> PathBuf {
    "protection".into()
}

/// A disk that fails, tears and forgets.
#[derive(Default)]
struct Disk {
    /// What survives a crash.
    durable: Vec<u8>,
    /// What was appended since.
    cached: Vec<u8>,
    /// Operations until one fails; `None`: none does.
    fails_in: Option<usize>,
    /// How much of an append arrives that fails.
    torn_at: usize,
    /// Whether a replacement that fails has happened all the same.
    replaces_anyway: bool,
    /// What somebody else did to it.
    standing: Standing,
}

impl Disk {
    fn step(&mut self) -> io::Result<()> {
        match &mut self.fails_in {
            Some(0) => Err(io::ErrorKind::StorageFull.into()),
            Some(left) => {
                *left -= 1;
                Ok(())
            }
            None => Ok(()),
        }
    }

    /// What is there after a crash: all that was synced, and some of the rest.
    fn crash(&self, arrived: usize, is_zeroed: bool) -> Vec<u8> {
        let mut left = self.durable.clone();
        let arrived = arrived.min(self.cached.len());
        left.extend(&self.cached[..arrived]);
        if is_zeroed {
            // The file was made longer, and the data did not come.
            left.resize(self.durable.len() + self.cached.len(), 0);
        }
        left
    }
}

#[derive(Clone, Default)]
struct Shared(Rc<RefCell<Disk>>);

impl Medium for Shared {
    fn read(&mut self) -> io::Result<Vec<u8>> {
        let disk = self.0.borrow();
        Ok([&*disk.durable, &*disk.cached].concat())
    }

    fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        let mut disk = self.0.borrow_mut();
        let done = disk.step();
        let arrived = if done.is_ok() { bytes.len() } else { disk.torn_at.min(bytes.len()) };
        disk.cached.extend(&bytes[..arrived]);
        done
    }

    fn sync(&mut self) -> io::Result<()> {
        let mut disk = self.0.borrow_mut();
        disk.step()?;
        let cached = std::mem::take(&mut disk.cached);
        disk.durable.extend(cached);
        Ok(())
    }

    fn replace(&mut self, bytes: &[u8]) -> io::Result<()> {
        let mut disk = self.0.borrow_mut();
        let done = disk.step();
        if done.is_ok() || disk.replaces_anyway {
            disk.durable = bytes.to_vec();
            disk.cached.clear();
        }
        done
    }

    fn standing(&self) -> io::Result<Standing> {
        Ok(self.0.borrow().standing)
    }
}

fn load(disk: &Shared, keep: usize) -> Result<Protection<Shared>, ProtectionError> {
    Protection::load(path(), disk.clone(), Some((GENESIS, key())), keep)
}

fn fresh() -> Shared {
    let disk = Shared::default();
    disk.0.borrow_mut().durable = text(GENESIS, key(), 0, 0, &BTreeMap::new()).into_bytes();
    disk
}

#[derive(Clone, Debug)]
enum Step {
    /// Ask for a block of a checkpoint.
    Vote(u64, u8),
    /// The process dies: so much of what was not synced arrives, perhaps as zeros.
    Crash(usize, bool),
    /// The disk fails after so many operations, with so much of an append, and a rename that may have happened.
    Fail(usize, usize, bool),
    /// It works again.
    Mend,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        6 => (0_u64..12, 1_u8..4).prop_map(|(checkpoint, block)| Step::Vote(checkpoint, block)),
        2 => (0_usize..120, any::<bool>()).prop_map(|(arrived, zero)| Step::Crash(arrived, zero)),
        2 => (0_usize..4, 0_usize..120, any::<bool>())
            .prop_map(|(after, torn, anyway)| Step::Fail(after, torn, anyway)),
        1 => Just(Step::Mend),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    /// Whatever happens to process and disk, no two blocks of one checkpoint are ever permitted.
    #[test]
    fn never_two_blocks_for_one_checkpoint(
        steps in prop::collection::vec(step(), 1..60),
        keep in 2_usize..12,
    ) {
        let disk = fresh();
        let mut protection = Some(load(&disk, keep).unwrap());
        let mut signed = BTreeMap::new();
        for step in steps {
            match step {
                Step::Vote(checkpoint, block) => {
                    let Some(protection) = &mut protection else { continue };
                    if protection.permit(checkpoint, hash(block)).is_ok() {
                        let first = *signed.entry(checkpoint).or_insert(block);
                        prop_assert_eq!(first, block, "checkpoint {} was signed twice", checkpoint);
                    }
                }
                Step::Crash(arrived, is_zeroed) => {
                    let left = disk.0.borrow().crash(arrived, is_zeroed);
                    *disk.0.borrow_mut() = Disk { durable: left, ..Disk::default() };
                    protection = Some(load(&disk, keep).expect("a crash damages nothing"));
                }
                Step::Fail(after, torn_at, replaces_anyway) => {
                    let mut disk = disk.0.borrow_mut();
                    (disk.fails_in, disk.torn_at) = (Some(after), torn_at);
                    disk.replaces_anyway = replaces_anyway;
                }
                Step::Mend => disk.0.borrow_mut().fails_in = None,
            }
        }
        // A disk that works again leads to a file that works.
        disk.0.borrow_mut().fails_in = None;
        if let Some(protection) = &mut protection {
            prop_assert!(protection.permit(1_000, hash(1)).is_ok());
        }
        let left = disk.0.borrow().crash(0, false);
        *disk.0.borrow_mut() = Disk { durable: left, ..Disk::default() };
        let refused = load(&disk, keep).unwrap().permit(1_000, hash(2));
        let is_refused = matches!(refused, Err(ProtectionError::AlreadySigned { .. }));
        prop_assert!(is_refused, "after a restart");
    }
}

#[test]
fn the_same_block_may_be_signed_again_and_no_other() {
    let disk = fresh();
    let mut protection = load(&disk, 100).unwrap();
    assert_eq!(protection.permit(3, hash(1)).unwrap(), Permit::New);
    assert_eq!(protection.permit(3, hash(1)).unwrap(), Permit::Again);
    let refused = protection.permit(3, hash(2)).unwrap_err().to_string();
    assert!(refused.contains("checkpoint 3 was signed with 0x0101"), "{refused}");
}

#[test]
fn a_record_that_did_not_reach_the_disk_is_brought_there_before_its_signature() {
    let disk = fresh();
    let mut protection = load(&disk, 100).unwrap();
    // The first one writes the whole file.
    protection.permit(2, hash(1)).unwrap();
    // The append works, the sync does not.
    disk.0.borrow_mut().fails_in = Some(1);
    assert!(matches!(protection.permit(3, hash(1)), Err(ProtectionError::Io { .. })));
    assert!(matches!(protection.permit(3, hash(1)), Err(ProtectionError::Io { .. })));
    disk.0.borrow_mut().fails_in = None;
    assert_eq!(protection.permit(3, hash(1)).unwrap(), Permit::Again);
    let left = disk.0.borrow().crash(0, false);
    *disk.0.borrow_mut() = Disk { durable: left, ..Disk::default() };
    assert_eq!(load(&disk, 100).unwrap().latest(), Some((3, hash(1))));
}

#[test]
fn what_is_forgotten_is_never_signed() {
    let disk = fresh();
    let mut protection = load(&disk, 3).unwrap();
    for checkpoint in 1..=20 {
        protection.permit(checkpoint, hash(1)).unwrap();
        let lines = disk.0.borrow().durable.iter().filter(|byte| **byte == b'\n').count();
        assert!(lines <= 8, "{lines} lines");
    }
    for mut of in [protection, load(&disk, 3).unwrap()] {
        let refused = of.permit(17, hash(2));
        assert!(matches!(refused, Err(ProtectionError::TooOld { below: 18, .. })));
        assert!(matches!(of.permit(18, hash(1)), Ok(Permit::Again)));
    }
}

#[test]
fn what_a_killed_process_left_in_memory_is_synced_before_it_is_relied_on() {
    let disk = fresh();
    let mut first = load(&disk, KEEP).unwrap();
    first.permit(2, hash(1)).unwrap();
    // It appends, and is gone before it synced.
    disk.0.borrow_mut().fails_in = Some(1);
    assert!(first.permit(3, hash(1)).is_err());
    disk.0.borrow_mut().fails_in = None;
    let mut second = load(&disk, KEEP).unwrap();
    assert!(matches!(second.permit(3, hash(1)), Ok(Permit::Again)));
    // Then the power fails: what was not synced is lost.
    let left = disk.0.borrow().crash(0, false);
    let after = Shared::default();
    after.0.borrow_mut().durable = left;
    let mut third = load(&after, KEEP).unwrap();
    assert!(third.permit(3, hash(2)).is_err(), "two blocks for one checkpoint");
}
