//! Commands of `director` with their options, and calls of the pallets.

use super::documents;
use director_service::chain::interface::METADATA;
use integration_tests::process::sibling;
use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::Path,
    process::Command,
};
use subxt::Metadata;

/// What the program says, and what pages quote, that begins as a command does.
const SAID: [&str; 3] = ["listens at", "was built for another runtime", "waits for its node"];

#[test]
fn every_command_and_option_is_one_of_the_program() {
    let mut program = Program::default();
    let mut commands = BTreeSet::new();
    let mut wrong = Vec::new();
    for document in documents() {
        for typed in commands_in(&fs::read_to_string(&document).unwrap()) {
            let line = typed.join(" ");
            if SAID.iter().any(|said| line.starts_with(said)) {
                continue;
            }
            if let Err(why) = program.knows(&typed) {
                wrong.push(format!("{}: `director {line}`: {why}", document.display()));
            }
            commands.insert(typed);
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(commands.len() > 60, "only {commands:?}");
}

#[test]
fn a_command_or_option_that_is_none_is_noticed() {
    let mut program = Program::default();
    let mut knows =
        |typed: &str| program.knows(&typed.split(' ').map(str::to_owned).collect::<Vec<_>>());
    for right in ["run --config a", "keys generate --peer=a", "completions bash", "config"] {
        assert_eq!(knows(right), Ok(()), "{right}");
    }
    for wrong in
        ["frobnicate", "config frobnicate", "run --peer a", "validator keys", "keys generate --pee"]
    {
        assert!(knows(wrong).is_err(), "{wrong}");
    }
}

#[test]
fn commands_are_found() {
    let text = "The director drops `director frob` and `director 1`.\n\n\
        ```sh\nsudo -u director director keys generate --peer p.key && x=$(director run)\n\
        docker exec director director register \\\n  --mesh a   # director 2\n\
        sudo install -g director new/director /usr/local/bin/director\n```\n\
        ```ini\ndirector what\n```\n1. `target/release/director\n   status`";
    let found: Vec<_> = commands_in(text).into_iter().map(|typed| typed.join(" ")).collect();
    let expected = ["frob", "keys generate --peer p.key", "run", "register --mesh a", "status"];
    assert_eq!(found, expected);
}

#[test]
fn every_call_is_one_of_the_pallets() {
    let metadata = Metadata::decode_from(METADATA).unwrap();
    let mut found = 0;
    for document in documents() {
        let text = fs::read_to_string(&document).unwrap();
        for (pallet, item, is_call) in items_in(&text) {
            let is_there = match is_call {
                true => metadata.pallet_by_name(pallet.name).unwrap().call_hash(&item).is_some(),
                false => pallet.has(&item),
            };
            assert!(is_there, "{}: {} has no {item}", document.display(), pallet.name);
            found += 1;
        }
    }
    assert!(found >= 15, "only {found}");
}

/// A pallet by the names that documents have for it.
struct Pallet {
    name: &'static str,
    snake: &'static str,
    folder: &'static str,
}

const PALLETS: [Pallet; 3] = [
    Pallet { name: "DirectorRegistry", snake: "director_registry", folder: "director-registry" },
    Pallet { name: "ValidatorRegistry", snake: "validator_registry", folder: "validator-registry" },
    Pallet { name: "SlashingEvidence", snake: "slashing_evidence", folder: "slashing-evidence" },
];

impl Pallet {
    /// Whether there is a function, a storage item, an error or an event of this name.
    fn has(&self, item: &str) -> bool {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
        let folder = root.join("pallets").join(self.folder).join("src");
        let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
        let files = entries.filter(|path| path.extension().is_some_and(|of| of == "rs"));
        let texts = files.map(|path| fs::read_to_string(path).unwrap());
        texts.into_iter().any(|text| {
            let mut words = text.split(|c: char| !c.is_alphanumeric() && c != '_');
            words.any(|word| word == item)
        })
    }
}

/// What of a pallet a text names: `validator_registry.bond_more`, which is a call, or `ValidatorRegistry::validator_info`.
fn items_in(text: &str) -> Vec<(&'static Pallet, String, bool)> {
    let mut found = Vec::new();
    for pallet in &PALLETS {
        for (name, dots, is_call) in
            [(pallet.snake, ".", true), (pallet.name, ".", false), (pallet.name, "::", false)]
        {
            for rest in text.split(&format!("{name}{dots}")).skip(1) {
                let item: String =
                    rest.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
                // `SlashingEvidence.rs` is a file.
                if !item.is_empty() && item != "rs" {
                    found.push((pallet, item, is_call));
                }
            }
        }
    }
    found
}

/// What `director --help` and its like say, each asked once.
#[derive(Default)]
struct Program {
    help: BTreeMap<Vec<String>, String>,
}

impl Program {
    /// Whether there is a command with these options. `typed` is what comes after `director`.
    fn knows(&mut self, typed: &[String]) -> Result<(), String> {
        let mut path = Vec::new();
        for word in typed {
            let there_are = subcommands(self.help(&path));
            if there_are.is_empty() || !is_word(word) {
                break;
            }
            if !there_are.contains(word) {
                return Err(format!("there is no {word}, only {there_are:?}"));
            }
            path.push(word.clone());
        }
        let help = self.help(&path);
        let known: BTreeSet<_> = help.split(|c: char| !c.is_alphanumeric() && c != '-').collect();
        let options = typed.iter().filter(|word| word.len() > 2 && word.starts_with("--"));
        for option in options.filter_map(|option| option.split('=').next()) {
            if !known.contains(option) {
                return Err(format!("it has no {option}"));
            }
        }
        Ok(())
    }

    fn help(&mut self, path: &[String]) -> &str {
        self.help.entry(path.to_vec()).or_insert_with(|| {
            let program = sibling("director").unwrap();
            let help = Command::new(program).args(path).arg("--help").output().unwrap();
            assert!(help.status.success(), "director {} --help", path.join(" "));
            String::from_utf8(help.stdout).unwrap()
        })
    }
}

/// The list below `Commands:`.
fn subcommands(help: &str) -> BTreeSet<String> {
    let list = help.split("\nCommands:\n").nth(1).unwrap_or_default();
    let lines = list.lines().take_while(|line| !line.is_empty());
    // What goes on below a description stands further to the right.
    let names =
        lines.filter_map(|line| line.strip_prefix("  ").filter(|rest| !rest.starts_with(' ')));
    names.filter_map(|line| line.split_whitespace().next().map(str::to_owned)).collect()
}

/// Whether it looks as a command does, and not as a file, a number or an option.
fn is_word(word: &str) -> bool {
    word.starts_with(|c: char| c.is_ascii_lowercase())
        && word.chars().all(|c| c.is_ascii_lowercase() || c == '-')
}

/// What comes after `director`, wherever that is a command: in blocks of shell, and in backticks.
fn commands_in(text: &str) -> Vec<Vec<String>> {
    let text = text.replace("\\\n", " ");
    let mut found = Vec::new();
    let mut block = None;
    let mut paragraph = String::new();
    for line in text.lines().chain([""]) {
        let bare = line.trim();
        if let Some(language) = bare.strip_prefix("```") {
            found.extend(in_backticks(&std::mem::take(&mut paragraph)));
            block = block.is_none().then(|| language.to_owned());
        } else if let Some(language) = &block {
            if language == "sh" && !bare.starts_with('#') {
                found.extend(in_shell(bare.split(" #").next().unwrap_or_default()));
            }
        } else if bare.is_empty() {
            found.extend(in_backticks(&std::mem::take(&mut paragraph)));
        } else {
            paragraph.push_str(bare);
            paragraph.push(' ');
        }
    }
    found
}

fn in_backticks(paragraph: &str) -> Vec<Vec<String>> {
    paragraph.split('`').skip(1).step_by(2).flat_map(in_shell).collect()
}

fn in_shell(line: &str) -> Vec<Vec<String>> {
    let mut found = Vec::new();
    for command in line.split([';', '|', '&', '(', ')', '<', '>']) {
        let words: Vec<_> = command.split_whitespace().map(|word| word.trim_matches('"')).collect();
        for (at, word) in words.iter().enumerate() {
            let is_program = *word == "director" || word.ends_with("/director");
            // An option's value: a user, a container.
            let is_value = at > 0 && words[at - 1].starts_with('-');
            let next = words.get(at + 1).copied().unwrap_or_default();
            if is_program && !is_value && next != "director" && is_word(next) {
                found.push(words[at + 1..].iter().map(|word| (*word).to_owned()).collect());
                break;
            }
        }
    }
    found
}
