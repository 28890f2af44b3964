//! `director config`: write, check or show a configuration.

use super::output::{OutputArgs, say};
use crate::{config::Config, keys, service::account_in, sidecar};
use anyhow::Context;
use serde_json::json;
use std::{
    fs::OpenOptions,
    io::{ErrorKind, Write},
    path::{Path, PathBuf},
};

/// A director's configuration with every field explained.
const DIRECTOR: &str = include_str!("../../config/director.example.toml");

/// A validator's sidecar's.
const VALIDATOR: &str = include_str!("../../config/validator.example.toml");

/// Write, check or show a configuration.
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  director config init --config director.toml
  director config init --validator --config validator.toml
  director config check --config director.toml
  director config check --validator --config validator.toml
  DIRECTOR_CHAIN_URL=wss://node.example director config show --config director.toml")]
pub(super) struct Args {
    #[command(subcommand)]
    what: What,
}

#[derive(clap::Subcommand)]
enum What {
    /// Write a configuration with every field and what it means, to be edited.
    Init {
        #[command(flatten)]
        file: File,
        /// A validator's sidecar's (`director validator run`), instead of a director's.
        #[arg(long)]
        validator: bool,
    },
    /// Say whether `director run` would accept it, with --validator `director validator run`, as this user on this machine:
    /// key files, the token and the protection file, the data folder. Connects to nothing, and takes no port.
    Check {
        #[command(flatten)]
        file: File,
        /// It is a validator's sidecar's.
        #[arg(long)]
        validator: bool,
        #[command(flatten)]
        output: OutputArgs,
    },
    /// Print what is in force: the file, the environment and all defaults.
    Show {
        #[command(flatten)]
        file: File,
        /// It is a validator's sidecar's.
        #[arg(long)]
        validator: bool,
    },
}

#[derive(clap::Args)]
struct File {
    /// Configuration file. [env: DIRECTOR_CONFIG=, with --validator DIRECTOR_VALIDATOR_CONFIG=]
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
}

impl File {
    /// The file that is named on the command line, or else by the environment. A variable of directors says nothing of sidecars.
    fn path(self, validator: bool) -> anyhow::Result<PathBuf> {
        let variable = if validator { "DIRECTOR_VALIDATOR_CONFIG" } else { "DIRECTOR_CONFIG" };
        let named = self.config.or_else(|| std::env::var_os(variable).map(PathBuf::from));
        named.with_context(|| format!("say which file: --config FILE, or {variable}"))
    }
}

impl Args {
    pub(super) fn execute(self) -> anyhow::Result<()> {
        match self.what {
            What::Init { file, validator } => init(&file.path(validator)?, validator),
            What::Check { file, validator: true, output } => {
                check_sidecar(&file.path(true)?, &output)
            }
            What::Check { file, output, .. } => check(&file.path(false)?, &output),
            What::Show { file, validator: true } => {
                let config = sidecar::Config::load(Some(&file.path(true)?), Vec::new())?;
                say(toml::to_string_pretty(&config)?)
            }
            What::Show { file, .. } => {
                say(toml::to_string_pretty(&Config::load(&file.path(false)?)?)?)
            }
        }
    }
}

fn init(path: &Path, validator: bool) -> anyhow::Result<()> {
    let made = OpenOptions::new().write(true).create_new(true).open(path);
    let shown = path.display();
    let mut made = made.map_err(|error| match error.kind() {
        ErrorKind::AlreadyExists => anyhow::anyhow!(
            "{shown} exists already and is not overwritten; name a file that is not there yet"
        ),
        ErrorKind::NotFound if !is_in_a_folder(path) => anyhow::anyhow!(
            "cannot make {shown}: there is no folder for it; make the folder first, or name a file elsewhere"
        ),
        _ => anyhow::anyhow!(
            "cannot make {shown} ({error}); name a file in a folder that this user may write"
        ),
    })?;
    let (text, edit) = match validator {
        true => (
            VALIDATOR,
            "chain.url, the paths in [keys], and how the validator talks to it in [interface]",
        ),
        false => (
            DIRECTOR,
            "chain.urls, the paths in [keys], mesh (the interface of your private network: as it is, no other \
             machine reaches it) and public.listen",
        ),
    };
    made.write_all(text.as_bytes())?;
    say(format_args!("{shown}: written; edit {edit}"))
}

fn is_in_a_folder(path: &Path) -> bool {
    path.parent().is_none_or(|folder| folder.as_os_str().is_empty() || folder.is_dir())
}

fn check_sidecar(path: &Path, output: &OutputArgs) -> anyhow::Result<()> {
    let config = sidecar::Config::load(Some(path), Vec::new())?;
    let checked = sidecar::check(&config)?;
    let key = hex::encode(checked.peer_key.0);
    let said = json!({ "config": path, "peer_key": key, "has_protection": checked.has_protection });
    output.print(&said, || format!("{}: good; peer key {key}", path.display()))?;
    if !checked.has_protection {
        output.tell(format_args!(
            "note: there is no {}: a checkpoint key that has never signed starts once with --new-protection-file, any other \
             brings its file or an import of it",
            config.keys.protection.display()
        ))?;
    }
    Ok(())
}

fn check(path: &Path, output: &OutputArgs) -> anyhow::Result<()> {
    let config = Config::load(path)?;
    let peer = keys::PeerKey::from_file(&config.keys.peer)?;
    let account = account_in(&config.keys.account)?.id();
    config.check_data_dir()?;
    let key = hex::encode(peer.public().0);
    let notes = notes(&config);
    let said = json!({
        "config": path, "account": account.to_string(), "peer_key": key, "notes": notes,
    });
    output
        .print(&said, || format!("{}: good; account {account}, peer key {key}", path.display()))?;
    notes.iter().try_for_each(|note| output.tell(format_args!("note: {note}")))
}

/// What is accepted, and probably not meant.
fn notes(config: &Config) -> Vec<String> {
    let mut notes = config.warnings();
    if config.is_mesh_on_loopback() {
        notes.push(
            "mesh.listen is on loopback, where no other machine reaches it: name the interface of your private network \
             in mesh.interface"
                .into(),
        );
    }
    if config.chain.genesis_hash.is_none() && config.chain.urls.len() == 1 {
        notes.push(
            "chain.genesis_hash is not set, so that a node of another chain is taken at the first start"
                .into(),
        );
    }
    notes
}
