//! Every door of a director and of a sidecar takes what is in its corpus, and thousands of inputs around it.
//!
//! `cargo xtask fuzz` looks longer, and where it is going; what it finds is added to the corpora.

use director_service_fuzz::{
    TARGETS,
    drill::{corpora, drill},
};
use std::{collections::BTreeSet, fs, path::Path};

/// Judges the target of this name.
fn door(name: &str, executions: usize) {
    let target = TARGETS.into_iter().find(|(of, _)| *of == name);
    let (_, target) = target.expect("it is one of the targets");
    drill(name, target, executions);
}

#[test]
fn a_stream_of_frames() {
    door("frame", 3_000);
}

#[test]
fn the_core_of_a_director() {
    door("core", 100);
}

#[test]
fn the_core_of_a_client() {
    door("client", 100);
}

#[test]
fn a_stake_proof() {
    door("stake_proof", 2_000);
}

#[test]
fn a_request_to_the_page() {
    door("http", 1_000);
}

#[test]
fn a_configuration() {
    door("config", 1_000);
}

#[test]
fn a_line_of_the_pipe() {
    door("pipe", 3_000);
}

fn names(folder: &Path) -> BTreeSet<String> {
    let files = fs::read_dir(folder).expect("there is such a folder").flatten();
    let name =
        |file: fs::DirEntry| Path::new(&file.file_name()).file_stem()?.to_str().map(Into::into);
    files.filter_map(name).collect()
}

#[test]
fn every_target_has_a_program_and_a_corpus() {
    let targets: BTreeSet<_> = TARGETS.iter().map(|(name, _)| name.to_string()).collect();
    assert_eq!(names(&corpora()), targets);
    let programs = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz_targets");
    assert_eq!(names(&programs), targets);
}

#[test]
fn the_corpora_are_small() {
    let files = TARGETS
        .iter()
        .flat_map(|(name, _)| fs::read_dir(corpora().join(name)).expect("a folder").flatten());
    let bytes: u64 = files.map(|file| file.metadata().expect("a file").len()).sum();
    assert!(bytes < 200 * 1024, "{bytes} bytes: add what is new, not all that was tried");
}
