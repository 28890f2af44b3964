//! `director validators`: list the chain's validators, and which of them this director serves.

use super::{
    block_on, log_notes, node,
    output::{OutputArgs, table},
    page,
};
use crate::config::Config;
use serde_json::{Value, json};
use std::{collections::BTreeSet, net::SocketAddr, path::PathBuf};

/// List the chain's validators, and which of them the running director serves.
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  director validators --config director.toml
  director validators --config director.toml --output json | jq '.[] | select(.connected)'

What is on chain comes from the node in the configuration; whether a validator is connected, from the running
director. If that does not answer, the last column has no answer either, and why is said on stderr.")]
pub(super) struct Args {
    /// Configuration file of the director.
    #[arg(long, value_name = "FILE", env = "DIRECTOR_CONFIG")]
    config: PathBuf,
    /// Address where it answers, if that is not in its configuration: 127.0.0.1:9615.
    #[arg(long, value_name = "ADDRESS")]
    http: Option<SocketAddr>,
    #[command(flatten)]
    output: OutputArgs,
}

impl Args {
    pub(super) fn execute(self) -> anyhow::Result<()> {
        let config = Config::load(&self.config)?;
        log_notes()?;
        let status = page::status(self.http.unwrap_or(config.http.listen));
        block_on(async move {
            let (node, snapshot) = node::connect((&config.chain).into()).await?;
            let token = node.token().await?;
            // Without the node there is no table that lacks a column.
            let connected = status.inspect_err(|error| tracing::error!("{error:#}"));
            let connected = connected.ok().map(|status| keys(&status));
            let found: Vec<_> = snapshot
                .validators()
                .iter()
                .map(|of| {
                    let key = hex::encode(of.peer_key.0);
                    let here = connected.as_ref().map(|connected| connected.contains(&key));
                    json!({
                        "account": of.account.to_string(),
                        "registration_id": of.registration_id,
                        "status": format!("{:?}", of.status).to_lowercase(),
                        "stake": of.stake.to_string(),
                        "stake_shown": token.show(of.stake).to_string(),
                        "peer_key": key,
                        "checkpoint_key": hex::encode(of.checkpoint_key.0),
                        "connected": here,
                    })
                })
                .collect();
            let value = Value::Array(found);
            self.output.print(&value, || show(&value))
        })
    }
}

fn keys(status: &Value) -> BTreeSet<String> {
    let keys = status["validators"].as_array().into_iter().flatten();
    keys.filter_map(|key| key.as_str().map(String::from)).collect()
}

fn show(validators: &Value) -> String {
    let text = |value: &Value| value.as_str().unwrap_or("-").to_owned();
    let rows: Vec<_> = validators
        .as_array()
        .into_iter()
        .flatten()
        .map(|of| {
            let here = match &of["connected"] {
                Value::Bool(true) => "yes",
                Value::Bool(false) => "no",
                _ => "-",
            };
            vec![text(&of["account"]), text(&of["status"]), text(&of["stake_shown"]), here.into()]
        })
        .collect();
    table(&["VALIDATOR", "STATUS", "STAKE", "HERE"], &rows)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_line_a_validator() {
        let validators = json!([
            { "account": "5A", "status": "authorized", "stake_shown": "1 UNIT", "connected": true },
            { "account": "5B", "status": "candidate", "stake_shown": "2 UNIT", "connected": null },
        ]);
        let said = show(&validators);
        assert!(said.contains("5A         authorized  1 UNIT  yes\n"), "{said}");
        assert!(said.contains("5B         candidate   2 UNIT  -\n"), "{said}");
    }
}
