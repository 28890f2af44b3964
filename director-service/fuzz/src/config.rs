//! Judges what operators write into files, and into the environment.

use director_primitives::{AccountId32, H256, PublicKey, Signature};
use director_primitives_fuzz::choices::Choices;
use director_service::{
    config::Config,
    director::{Crypto, Director, Input},
    service::fuzz::settings,
    sidecar,
};
use std::{ffi::OsString, path::Path};

/// First byte of an input that is a validator's configuration, and of one with a director's variables before it; of
/// any other one that is a director's.
const VALIDATOR: u8 = 1;
const WITH_VARIABLES: u8 = 2;

/// Most MiB of anything.
const MAX_MIB: usize = 1 << 20;

/// Judges the configuration in these bytes. Variables stand before it, `NAME=value` in a line each, and an empty line
/// after them; the names without `DIRECTOR_`.
pub fn config(bytes: &[u8]) {
    let mut choices = Choices::new(bytes);
    let kind = choices.byte() % 3;
    // A file that is no text is refused when it is read.
    let Ok(text) = std::str::from_utf8(choices.rest()) else { return };
    match kind {
        VALIDATOR => validator(text),
        WITH_VARIABLES => {
            let (variables, text) = text.split_once("\n\n").unwrap_or(("", text));
            let variables = variables.lines().filter_map(|line| line.split_once('='));
            let named = variables.map(|(name, value)| (format!("DIRECTOR_{name}"), value.into()));
            director(text, named.collect());
        }
        _ => director(text, Vec::new()),
    }
}

/// One line that says something.
fn is_told(error: &str) {
    assert!(!error.trim().is_empty() && !error.contains('\n'), "{error:?}");
}

fn director(text: &str, variables: Vec<(String, OsString)>) {
    let path = Path::new("/etc/director/director.toml");
    let config = match Config::read(path, text, variables) {
        Ok(config) => config,
        Err(error) => return is_told(&error.to_string()),
    };
    config.warnings().iter().for_each(|warning| is_told(warning));
    // What it says can be written and is read as the same.
    let written = toml::to_string(&config).expect("it came out of such a file");
    let again = Config::read(path, &written, Vec::new());
    assert_eq!(again.ok().as_ref(), Some(&config), "{written}");
    is_bounded(&config);
}

/// What follows from a configuration that is accepted is bounded, and a director can be made of it.
fn is_bounded(config: &Config) {
    let (account, key) = (AccountId32::new([1; 32]), PublicKey::from_raw([1; 32]));
    let (core, limits) = settings(config, account, key);
    let most = MAX_MIB * 1024 * 1024;
    assert!(core.log_bytes <= most && core.history_checkpoints >= core.recent_checkpoints);
    for of in limits {
        assert!(of.memory_bytes <= most);
        let queues = of.queue_bytes.iter().fold(0, |sum: usize, of| sum.saturating_add(*of));
        assert!(queues <= of.memory_bytes, "{queues} bytes may wait for one peer");
    }
    let (mut director, mut out) = (Director::new(core, Nobody, Vec::new()), Vec::new());
    for now in [0, 50, u64::MAX] {
        director.handle(now, Input::Tick, &mut out);
    }
}

/// Signs nothing.
struct Nobody;

impl Crypto for Nobody {
    fn verify_envelopes(&mut self, _: &H256, _: &[&[u8]]) -> Vec<bool> {
        Vec::new()
    }

    fn sign(&self, _: &[u8]) -> Signature {
        Signature::from_raw([0; 64])
    }
}

fn validator(text: &str) {
    let path = Path::new("/etc/director/validator.toml");
    let config = match sidecar::Config::read(Some((path, text)), Vec::new(), Vec::new()) {
        Ok(config) => config,
        Err(error) => return is_told(&error.to_string()),
    };
    let written = toml::to_string(&config).expect("it came out of such a file");
    let again = sidecar::Config::read(Some((path, &written)), Vec::new(), Vec::new());
    assert_eq!(again.ok().as_ref(), Some(&config), "{written}");
}
