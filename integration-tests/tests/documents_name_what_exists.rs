//! Every path, link and command that a document names is there.

#![allow(clippy::unwrap_used)]

use integration_tests::process::sibling;
use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
    process::Command,
};

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
fn every_link_leads_somewhere() {
    let mut links = 0;
    for document in documents() {
        let text = fs::read_to_string(&document).unwrap();
        for (path, heading) in links_of(&text) {
            let target = match path.is_empty() {
                true => document.clone(),
                false => document.parent().unwrap().join(&path),
            };
            let at = document.display();
            assert!(target.exists(), "{at} links to {path}, which is not there");
            if let Some(heading) = heading.filter(|_| target.is_file()) {
                let anchors = anchors(&fs::read_to_string(&target).unwrap());
                assert!(
                    anchors.contains(&heading),
                    "{at} links to {path}#{heading}: no such heading"
                );
            }
            links += 1;
        }
    }
    assert!(links > 50, "only {links} links were found");
}

#[test]
fn every_command_and_option_is_one_of_the_program() {
    let mut commands = BTreeSet::new();
    for document in documents() {
        let text = fs::read_to_string(&document).unwrap().replace("\\\n", " ");
        commands.extend(text.lines().flat_map(commands_in));
    }
    assert!(commands.len() > 20, "only {commands:?}");
    for command in commands {
        let (words, options): (Vec<_>, Vec<_>) =
            command.split(' ').partition(|word| !word.starts_with("--"));
        let program = sibling("director").unwrap();
        let help = Command::new(program).args(&words).arg("--help").output().unwrap();
        assert!(help.status.success(), "there is no `director {command}`");
        let help = String::from_utf8_lossy(&help.stdout).into_owned();
        for option in options {
            assert!(help.contains(option), "`director {}` has no {option}", words.join(" "));
        }
    }
}

#[test]
fn links_headings_and_commands_are_found() {
    let text = "[a](b.md#c-d) `[x](y)` [e](https://f) ![g](h.svg)\n```sh\n[i](j)\n```\n[k](#l)";
    let found: Vec<_> = links_of(text).collect();
    let link = |path: &str, heading: Option<&str>| (path.to_owned(), heading.map(str::to_owned));
    assert_eq!(found, [link("b.md", Some("c-d")), link("h.svg", None), link("", Some("l"))]);
    assert!(anchors("# A\n## 3. Fetch, `Fetched`").contains("3-fetch-fetched"));
    let line = "sudo -u director director keys generate --peer p.key --account=a && director run";
    let found: Vec<_> = commands_in(line).collect();
    assert_eq!(found, ["keys generate --account --peer", "run"]);
    assert_eq!(commands_in("the director drops what is late").count(), 0);
}

/// The pages of the repository.
fn documents() -> Vec<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let folders = ["", "docs", "docs/vectors", "pallets"];
    let entries = folders.iter().flat_map(|folder| fs::read_dir(root.join(folder)).unwrap());
    let mut pages: Vec<_> = entries.map(|entry| entry.unwrap().path()).collect();
    pages.retain(|path| path.extension().is_some_and(|extension| extension == "md"));
    pages.sort();
    pages
}

/// Path and heading of each link to something in the repository.
fn links_of(text: &str) -> impl Iterator<Item = (String, Option<String>)> {
    let prose = text.split("```").step_by(2);
    // Within backticks nothing is a link, and there are links with backticks within.
    let plain = prose.map(|part| {
        let pieces = part.split('`').enumerate();
        pieces.map(|(at, piece)| if at % 2 == 0 { piece } else { "" }).collect::<String>()
    });
    let links = plain.flat_map(|part| {
        let targets = part.split("](").skip(1);
        targets
            .filter_map(|rest| rest.split_once(')'))
            .map(|(to, _)| to.to_owned())
            .collect::<Vec<_>>()
    });
    links.filter(|to| !to.contains("://")).map(|to| match to.split_once('#') {
        Some((path, heading)) => (path.to_owned(), Some(heading.to_owned())),
        None => (to, None),
    })
}

/// What GitHub calls the headings.
fn anchors(text: &str) -> BTreeSet<String> {
    let prose = text.split("```").step_by(2).flat_map(str::lines);
    let headings = prose.filter(|line| line.starts_with('#'));
    let anchor = |line: &str| {
        let title = line.trim_start_matches('#').trim().to_lowercase();
        let kept = title.chars().filter(|c| c.is_alphanumeric() || " -_".contains(*c));
        kept.collect::<String>().replace(' ', "-")
    };
    headings.map(anchor).collect()
}

/// Commands of `director` with their options, as far as a line has any: `keys generate --peer`.
fn commands_in(line: &str) -> impl Iterator<Item = String> {
    const FIRST: [&str; 13] = [
        "run",
        "config",
        "keys",
        "status",
        "validators",
        "evidence",
        "register",
        "rotate-key",
        "revoke",
        "drain",
        "store",
        "validator",
        "completions",
    ];
    const SECOND: [&str; 14] = [
        "init",
        "check",
        "show",
        "generate",
        "inspect",
        "list",
        "submit",
        "compact",
        "register",
        "status",
        "run",
        "protection",
        "export",
        "import",
    ];
    // In prose only what is in backticks is a command.
    let pieces: Vec<_> = match line.contains('`') {
        true => line.split('`').skip(1).step_by(2).collect(),
        false => vec![line],
    };
    let mut found = Vec::new();
    for words in pieces.iter().map(|piece| piece.split([' ', '(', ')', '"']).collect::<Vec<_>>()) {
        for at in 1..words.len() {
            if words[at - 1] != "director" || !FIRST.contains(&words[at]) {
                continue;
            }
            let goes_on = |word: &&&str| !["&&", "||", "|", ";", "#", ">", "2>"].contains(*word);
            let rest: Vec<&str> = words[at + 1..].iter().take_while(goes_on).copied().collect();
            let further = rest.iter().take(2).take_while(|word| SECOND.contains(*word)).copied();
            let options = rest.iter().filter(|word| word.len() > 2 && word.starts_with("--"));
            let options: BTreeSet<_> =
                options.filter_map(|option| option.split('=').next()).collect();
            let command: Vec<_> =
                std::iter::once(words[at]).chain(further).chain(options).collect();
            found.push(command.join(" "));
        }
    }
    found.into_iter()
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
