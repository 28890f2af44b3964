//! Every path that a document names is there.

#![allow(clippy::unwrap_used)]

use std::{fs, path::Path};

const DOCUMENTS: [&str; 3] = ["README.md", "ARCHITECTURE.md", "SECURITY.md"];

#[test]
fn every_path_in_backticks_exists() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    for document in DOCUMENTS {
        let text = fs::read_to_string(root.join(document)).unwrap();
        let paths: Vec<_> = paths(root, &text).collect();
        assert!(!paths.is_empty(), "{document} names no path at all");
        for path in paths {
            assert!(exists(root, &path), "{document} names {path}, which is not there");
        }
    }
}

#[test]
fn braces_are_spelt_out() {
    assert_eq!(spell_out("a/{b,c}/d"), ["a/b/d", "a/c/d"]);
    assert_eq!(spell_out("a/b"), ["a/b"]);
}

/// What stands in backticks and begins with the name of a folder of the repository.
fn paths<'a>(root: &'a Path, text: &'a str) -> impl Iterator<Item = String> + 'a {
    // A block of code is no prose: between two fences every second part is prose.
    let prose = text.split("```").step_by(2);
    let quoted = prose.flat_map(|part| part.split('`').skip(1).step_by(2));
    let named = quoted.filter(|quoted| {
        let folder = quoted.split_once('/').map(|(folder, _)| folder);
        folder.is_some_and(|folder| !folder.is_empty() && root.join(folder).is_dir())
    });
    named.flat_map(spell_out)
}

/// `a/{b,c}` as `a/b` and `a/c`.
fn spell_out(path: &str) -> Vec<String> {
    match path.split_once('{').and_then(|(before, rest)| Some((before, rest.split_once('}')?))) {
        Some((before, (names, after))) => {
            names.split(',').map(|name| format!("{before}{name}{after}")).collect()
        }
        None => vec![path.into()],
    }
}

/// A module may be named without `.rs`.
fn exists(root: &Path, path: &str) -> bool {
    root.join(path).exists() || root.join(format!("{path}.rs")).is_file()
}
