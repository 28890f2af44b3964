//! `director status`: say how the running director is.

use super::{
    output::{Mood, OutputArgs, paint, table},
    page::PageArgs,
};
use serde_json::Value;
use std::process::ExitCode;

/// Exit status for a director that runs and cannot serve validators.
const NOT_READY: u8 = 3;

/// Say how the running director is.
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  director status --config director.toml
  director status --http 127.0.0.1:9615 --output json | jq .stats

Exit status: 0 if it can serve validators, 3 if it runs and cannot (the reasons are printed), 1 if it
does not answer.")]
pub(super) struct Args {
    #[command(flatten)]
    page: PageArgs,
    #[command(flatten)]
    output: OutputArgs,
}

impl Args {
    pub(super) fn execute(self) -> anyhow::Result<ExitCode> {
        let status = self.page.status()?;
        self.output.print(&status, || show(&status))?;
        Ok(if status["ready"] == true { ExitCode::SUCCESS } else { ExitCode::from(NOT_READY) })
    }
}

fn show(status: &Value) -> String {
    let text = |value: &Value| value.as_str().unwrap_or("-").to_owned();
    let list = |value: &Value| -> Vec<String> {
        value.as_array().into_iter().flatten().map(text).collect()
    };
    let readiness = match status["ready"] == true {
        true => paint("ready", Mood::Good),
        false => {
            format!("{}: {}", paint("not ready", Mood::Bad), list(&status["not_ready"]).join("; "))
        }
    };
    let role = match (status["draining"] == true, status["active"] == true) {
        (true, _) => "hands its validators over",
        (false, true) => "active",
        (false, false) => "not active on the chain",
    };
    let finalized = match status["finalized"]["number"].as_u64() {
        Some(number) => format!("{number} {}", text(&status["finalized"]["hash"])),
        None => "no block yet: it waits for its node".into(),
    };
    // Without a block nobody knows who the directors are.
    let knows_chain = status["finalized"].is_object();
    let mesh = status["mesh"].as_array().map_or(&[][..], Vec::as_slice);
    let connected = mesh.iter().filter(|peer| peer["connected"] == true).count();
    let mesh_said = match knows_chain {
        true => format!("{connected} of {} directors connected", mesh.len()),
        false => "not known before the first block".into(),
    };
    let count = |of: &str| status["stats"][of].as_u64().map_or("-".into(), |n| n.to_string());
    let mut said = format!(
        "director   {}\npeer id    {}\nversion    {}, up {} s\nstate      {readiness}, {role}\n\
         finalized  {finalized}\nmesh       {mesh_said}\n\
         validators {} connected, {} of them to stand by; {} wait for approval\n\
         relayed    {} messages, {} deliveries, {} repeats dropped\n\
         votes      {} seen, {} double signs detected\n",
        text(&status["account"]),
        text(&status["peer_id"]),
        text(&status["version"]),
        status["uptime_ms"].as_u64().unwrap_or(0) / 1_000,
        list(&status["validators"]).len(),
        count("standbys"),
        status["waiting"].as_array().map_or(0, Vec::len),
        count("relayed"),
        count("deliveries"),
        count("loops_prevented"),
        count("votes_seen"),
        count("double_signs_detected"),
    );
    if !mesh.is_empty() {
        let rows: Vec<_> = mesh
            .iter()
            .map(|peer| {
                let state = match peer["connected"] == true {
                    true => paint("connected", Mood::Good),
                    false => paint("down", Mood::Bad),
                };
                vec![text(&peer["account"]), text(&peer["peer"]), state]
            })
            .collect();
        said.push('\n');
        said.push_str(&table(&["DIRECTOR", "PEER KEY", "LINK"], &rows));
    }
    said
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn says_what_is_wrong_and_who_is_away() {
        let status = json!({
            "ready": false, "not_ready": ["the node is away"], "active": true, "draining": false,
            "account": "5Grw", "finalized": { "number": 7, "hash": "0x12" }, "validators": ["a", "b"],
            "mesh": [{ "account": "5Dir", "peer": "ab", "connected": false }],
            "stats": { "relayed": 5, "standbys": 1 },
        });
        let said = show(&status);
        for part in
            ["not ready: the node is away, active", "0 of 1 directors", "2 connected, 1 of", "5Dir"]
        {
            assert!(said.contains(part), "{part} is not in\n{said}");
        }
    }

    /// Before the first finalized block.
    #[test]
    fn a_director_that_waits_for_its_node_has_no_figures_of_the_chain() {
        let status = json!({
            "ready": false, "not_ready": ["cannot reach the node"], "finalized": null, "mesh": [],
            "stats": { "relayed": 0 },
        });
        let said = show(&status);
        assert!(said.contains("finalized  no block yet"), "{said}");
        assert!(said.contains("mesh       not known") && !said.contains("null"), "{said}");
    }

    #[test]
    fn takes_what_it_does_not_know_for_nothing() {
        assert!(show(&json!({})).contains("not ready"));
    }
}
