//! The protocol's test vectors are what this code makes of them, and an implementation in another language
//! that has nothing but the text of the protocol comes to the same.
//!
//! The other one is `docs/vectors/check.py`. Python is optional: without it this test says that it is
//! skipped, unless `CI` is set.

#![allow(clippy::unwrap_used)]

use anyhow::{Context, bail, ensure};
use integration_tests::vectors;
use serde_json::Value;
use std::{
    env, fs,
    path::{Path, PathBuf},
    process::Command,
};

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/vectors")
}

#[test]
fn the_vectors_are_what_the_code_says() {
    for (name, made) in vectors::files() {
        let written = fs::read_to_string(folder().join(name)).unwrap_or_default();
        let written: Value = serde_json::from_str(&written).unwrap_or_default();
        assert!(written == made, "docs/vectors/{name} is not current: cargo xtask vectors");
    }
}

#[test]
fn no_file_of_vectors_is_left_over() {
    let made: Vec<_> = vectors::files().into_iter().map(|(name, _)| name).collect();
    for entry in fs::read_dir(folder()).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        let is_made = !name.ends_with(".json") || made.contains(&&*name);
        assert!(is_made, "nobody makes docs/vectors/{name}");
    }
}

#[test]
fn python_comes_to_the_same_and_notices_what_is_changed() -> anyhow::Result<()> {
    let mut check = Command::new("python3");
    check.arg("-B").arg(folder().join("check.py")).arg("--mutate");
    let output = match check.output() {
        Ok(output) => output,
        Err(error) if env::var_os("CI").is_some() => {
            bail!("no python3 ({error}); CI is set, so nothing is skipped")
        }
        Err(error) => {
            eprintln!("SKIPPED: python3 checks the vectors, and is not there: {error}");
            return Ok(());
        }
    };
    let text = String::from_utf8_lossy(&output.stdout);
    let errors = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "{}:\n{text}{errors}", output.status);
    let last = text.lines().last().context("it says nothing")?;
    eprintln!("{text}");
    ensure!(last.contains("changes noticed, 0 not"), "{last}");
    Ok(())
}
