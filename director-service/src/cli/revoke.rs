//! `director revoke`: have the running director sign a validator's revocation.

use super::{
    control::{Answer, Orders},
    output::OutputArgs,
};
use crate::{config::Config, service::socket_file};
use anyhow::bail;
use director_primitives::AccountId32;
use serde_json::json;
use std::path::{Path, PathBuf};

/// Have the running director sign a validator's revocation.
#[derive(clap::Args)]
#[command(after_help = "\
Example:
  director revoke --config director.toml --validator 5GrwvaEF5zXb26Fz9rcQpDWS57CtERHpNehXCPcNoHGKutQY

The director serves that validator no more, at once, and tells the other directors. Only when two thirds
of the directors have signed a revocation, each by its own operator's or its own decision, is the
validator revoked for all and on chain.")]
pub(super) struct Args {
    /// Configuration file of the director that runs.
    #[arg(long, value_name = "FILE", env = "DIRECTOR_CONFIG")]
    config: PathBuf,
    /// The validator's account: SS58, or 0x and 64 digits.
    #[arg(long, value_name = "ACCOUNT", value_parser = super::account_of)]
    validator: AccountId32,
    #[command(flatten)]
    output: OutputArgs,
}

impl Args {
    pub(super) fn execute(self) -> anyhow::Result<()> {
        let config = Config::load(&self.config)?;
        let said = revoke(&socket_file(&config.data_dir), &self.validator)?;
        let value = json!({ "validator": self.validator.to_string(), "said": said });
        self.output.print(&value, || said)
    }
}

/// What the director says.
///
/// # Errors
///
/// If it says no, or nobody listens.
pub(super) fn revoke(socket: &Path, validator: &AccountId32) -> anyhow::Result<String> {
    let order = json!({ "revoke": validator.to_string() });
    let mut orders = Orders::give(socket, &order)?;
    match orders.answer()? {
        Answer::Ok(said) => Ok(said),
        Answer::Error(said) => bail!("{said}"),
        Answer::Progress(_) => bail!(orders.strange()),
    }
}
