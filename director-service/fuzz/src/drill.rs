//! Runs a target without a fuzzer: on its whole corpus, and on a bounded number of inputs around it.
//!
//! What libFuzzer does in minutes with its eyes open this does for seconds in the dark; it needs neither another
//! compilation nor another compiler. The seed is printed, and `FUZZ_SEED=n` repeats it.

use crate::Target;
use rand::{Rng, SeedableRng, rngs::StdRng};
use std::{
    env, fs,
    panic::{AssertUnwindSafe, catch_unwind, resume_unwind},
    path::{Path, PathBuf},
};

/// Longest input; libFuzzer's limit, too (`xtask/src/fuzz.rs`).
pub const MAX_LEN: usize = 4_096;

/// Changes of one input.
const MAX_CHANGES: usize = 8;

/// Bytes at which something ends or begins.
const EDGES: [u8; 12] = [0, 1, 2, 3, 4, 0x0a, 0x20, 0x22, 0x7f, 0x80, 0xfe, 0xff];

/// Where the corpora are.
pub fn corpora() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus")
}

/// Judges the corpus of a target, and so many inputs made from it.
///
/// # Panics
///
/// If something is found. The input is in a file that is named.
pub fn drill(name: &str, target: Target, executions: usize) {
    let corpus = read(&corpora().join(name));
    for (file, bytes) in &corpus {
        println!("{}", file.display());
        target(bytes);
    }
    let seed = match env::var("FUZZ_SEED") {
        Ok(seed) => seed.parse().expect("FUZZ_SEED is a number"),
        Err(_) => u64::from(rand::random::<u32>()),
    };
    println!("FUZZ_SEED={seed}");
    let mut mutator = Mutator { rng: StdRng::seed_from_u64(seed), corpus };
    for _ in 0..executions {
        let input = mutator.next();
        if let Err(panic) = catch_unwind(AssertUnwindSafe(|| target(&input))) {
            let file = env::temp_dir().join(format!("finding-{name}-{seed}"));
            match fs::write(&file, &input) {
                Ok(()) => println!("the input is in {}", file.display()),
                Err(error) => println!("the input is {input:?} ({error})"),
            }
            resume_unwind(panic);
        }
    }
}

fn read(folder: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let files = fs::read_dir(folder).unwrap_or_else(|error| {
        panic!("cannot read {}: {error}; `cargo run -p director-service-fuzz --example doors` makes it", folder.display())
    });
    let mut files: Vec<_> = files.flatten().map(|file| file.path()).collect();
    files.sort();
    assert!(!files.is_empty(), "{} is empty", folder.display());
    files.into_iter().map(|file| (file.clone(), fs::read(&file).expect("a file"))).collect()
}

/// Makes inputs from others.
struct Mutator {
    rng: StdRng,
    corpus: Vec<(PathBuf, Vec<u8>)>,
}

impl Mutator {
    fn next(&mut self) -> Vec<u8> {
        let mut bytes = self.one().to_vec();
        for _ in 0..self.rng.random_range(1..=MAX_CHANGES) {
            self.change(&mut bytes);
        }
        bytes.truncate(MAX_LEN);
        bytes
    }

    fn one(&mut self) -> &[u8] {
        let at = self.rng.random_range(0..self.corpus.len());
        &self.corpus[at].1
    }

    /// A part of `0..len`, short ones more often than long ones.
    fn part(&mut self, len: usize) -> std::ops::Range<usize> {
        let start = self.rng.random_range(0..=len);
        let most = (len - start).min(1 << self.rng.random_range(0..12));
        start..start + self.rng.random_range(0..=most)
    }

    fn change(&mut self, bytes: &mut Vec<u8>) {
        if bytes.is_empty() {
            bytes.push(self.rng.random());
        }
        let at = self.rng.random_range(0..bytes.len());
        match self.rng.random_range(0..8) {
            0 => bytes[at] ^= 1 << self.rng.random_range(0..8),
            1 => bytes[at] = self.rng.random(),
            2 => bytes[at] = EDGES[self.rng.random_range(0..EDGES.len())],
            3 => {
                let part = self.part(bytes.len());
                bytes.drain(part);
            }
            4 => {
                let part = self.part(bytes.len());
                let again = bytes[part].to_vec();
                bytes.splice(at..at, again);
            }
            5 => {
                let mut new = vec![0; self.rng.random_range(1..32)];
                self.rng.fill(&mut new[..]);
                bytes.splice(at..at, new);
            }
            // Of another input: in between, or all of the rest.
            6 => {
                let other = self.one().to_vec();
                let part = self.part(other.len());
                bytes.splice(at..at, other[part].to_vec());
            }
            _ => {
                let other = self.one().to_vec();
                let from = self.rng.random_range(0..=other.len());
                bytes.truncate(at);
                bytes.extend_from_slice(&other[from..]);
            }
        }
    }
}
