//! Processes that have the real file and are killed: at each step of writing it, and at moments that nobody has chosen.
//!
//! The parent starts this test's own program again, which votes by [`signer`] until it is ended. What it has printed is what the
//! world has: that is never two blocks for one checkpoint, whatever was killed before, and the file can always be used again.
//!
//! What the system has in its memory a kill does not take; what a power cut does is in `never_two_blocks_for_one_checkpoint`.

use super::*;
use crate::failpoint::VARIABLE;
#[cfg(debug_assertions)]
use crate::failpoint::{Failpoint, arm};
use rand::{Rng, SeedableRng, rngs::StdRng};
use std::{
    collections::BTreeSet,
    env, fs,
    io::{BufRead, BufReader, Write},
    process::{Child, Command, Stdio},
};

/// Where the file is, and from which seed blocks are drawn: for a signer.
const FOLDER: &str = "PROTECTION_TEST_FOLDER";
const SEED: &str = "PROTECTION_TEST_SEED";

/// Votes of one life at the most. A life that is to be killed ends before.
const VOTES: u64 = 120;

/// Few, so that the file is written anew again and again.
const FEW: usize = 6;

/// Not a test of its own: the process that is killed. Without its folder it does nothing.
#[test]
fn signer() {
    let Some(folder) = env::var_os(FOLDER) else { return };
    let path = PathBuf::from(folder).join("protection");
    let mut rng = StdRng::seed_from_u64(env::var(SEED).unwrap().parse().unwrap());
    let made = match path.exists() {
        true => LockedFile::open(&path),
        false => LockedFile::create(&path, text(GENESIS, key(), 0, 0, &BTreeMap::new()).as_bytes()),
    };
    let medium = made.unwrap_or_else(|error| panic!("unusable: {error}"));
    let mut protection = Protection::load(path, medium, Some((GENESIS, key())), FEW)
        .unwrap_or_else(|error| panic!("unusable: {error}"));
    let mut out = std::io::stdout().lock();
    writeln!(out, "\nopened").unwrap();
    // Asks for what it may have asked for in another life, too.
    let first = protection.latest().map_or(0, |(latest, _)| latest.saturating_sub(2));
    for vote in 0..VOTES {
        let (checkpoint, block) = (first + vote / 3, rng.random_range(1..=3));
        if protection.permit(checkpoint, hash(block)).is_ok() {
            writeln!(out, "signed {checkpoint} {block}").unwrap();
            out.flush().unwrap();
        }
    }
}

/// A folder with the file, and all that was ever signed.
struct World {
    dir: tempfile::TempDir,
    signed: BTreeMap<u64, u8>,
}

impl World {
    fn new() -> Self {
        Self { dir: tempfile::tempdir().unwrap(), signed: BTreeMap::new() }
    }

    fn life(&self, seed: u64) -> Child {
        let mut program = Command::new(env::current_exe().unwrap());
        program
            .args(["sidecar::protection::tests::crash::signer", "--exact", "--nocapture"])
            .env(FOLDER, self.dir.path())
            .env(SEED, seed.to_string())
            .env(VARIABLE, self.dir.path().join("failpoint"))
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        program.spawn().unwrap()
    }

    /// Reads until it ends, or until so many votes are out and it is killed; whether it opened the file at all.
    fn follow(&mut self, mut life: Child, votes: usize, what: &str) -> bool {
        let lines = BufReader::new(life.stdout.take().unwrap()).lines();
        let (mut seen, mut has_opened) = (0, false);
        for line in lines {
            let line = line.unwrap();
            has_opened |= line == "opened";
            let mut words = line.split(' ');
            if words.next() != Some("signed") {
                continue;
            }
            let mut number = || words.next().unwrap().parse::<u64>().unwrap();
            let (checkpoint, block) = (number(), number() as u8);
            let first = *self.signed.entry(checkpoint).or_insert(block);
            assert_eq!(first, block, "{what}: checkpoint {checkpoint} was signed twice");
            seen += 1;
            if seen == votes {
                // What it says before it is gone counts as well.
                life.kill().unwrap();
            }
        }
        let ended = life.wait_with_output().unwrap();
        let log = String::from_utf8_lossy(&ended.stderr);
        assert!(!log.contains("unusable") && !log.contains("panicked"), "{what}: {log}");
        has_opened
    }

    /// The file is there or was never made, and nothing of what was signed may be contradicted.
    fn check(&self, what: &str) {
        let path = self.dir.path().join("protection");
        if !path.exists() {
            assert!(self.signed.is_empty(), "{what}: the file is gone");
            return;
        }
        let mut protection = Protection::load(
            path.clone(),
            LockedFile::open(&path).unwrap_or_else(|error| panic!("{what}: {error}")),
            Some((GENESIS, key())),
            FEW,
        )
        .unwrap_or_else(|error| panic!("{what}: {error}"));
        for (checkpoint, block) in &self.signed {
            let other = protection.permit(*checkpoint, hash(block + 10));
            assert!(other.is_err(), "{what}: another block for checkpoint {checkpoint}");
        }
        drop(protection);
        let names = fs::read_dir(self.dir.path()).unwrap().map(|of| of.unwrap().file_name());
        let names: BTreeSet<_> = names.filter(|name| name != "failpoint").collect();
        assert_eq!(names.len(), 1, "{what}: {names:?} is left");
    }
}

/// Whoever is ended in the middle of a step leaves a file that has all that was signed.
#[test]
#[cfg(debug_assertions)]
fn a_process_that_ends_at_any_step_leaves_a_file_that_knows_all_it_signed() {
    // Not in `Signing`, which is above this: `validators_speak_any_language` ends a whole sidecar there.
    for at in Failpoint::SIGNING.into_iter().filter(|at| *at != Failpoint::VoteSigned) {
        let mut world = World::new();
        let file = world.dir.path().join("failpoint");
        // A file is made once. Other steps are passed again and again.
        let passings = if at == Failpoint::FileLinked { 1 } else { 4 };
        for passing in 1..=passings {
            let what = format!("{} {passing}", at.name());
            arm(&file, at, passing).unwrap();
            let life = world.life(u64::from(passing));
            world.follow(life, usize::MAX, &what);
            assert!(!file.exists(), "{what} was not passed");
            world.check(&what);
            // The next one lives to its end.
            let life = world.life(100 + u64::from(passing));
            assert!(world.follow(life, usize::MAX, &what), "{what}: it opens the file");
            world.check(&what);
        }
        assert!(world.signed.len() > 5, "{}: {:?}", at.name(), world.signed);
    }
}

#[test]
fn a_process_that_is_killed_at_any_moment_leaves_a_file_that_knows_all_it_signed() {
    let seed = rand::random();
    eprintln!("seed {seed}");
    let mut rng = StdRng::seed_from_u64(seed);
    let mut world = World::new();
    for round in 0..40 {
        let what = format!("seed {seed}, round {round}");
        let life = world.life(rng.random());
        world.follow(life, rng.random_range(1..20), &what);
        if round % 8 == 7 {
            world.check(&what);
        }
    }
    assert!(world.signed.len() > 20, "{:?}", world.signed);
}
