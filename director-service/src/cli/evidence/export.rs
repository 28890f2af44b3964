//! `director evidence export`: proofs for whoever wants to bring them to the chain by hand.

use super::{
    super::{output::say, page},
    find,
};
use crate::{config::Config, http::Proof, store};
use anyhow::Context;
use clap::ValueEnum;
use serde_json::{Value, json};
use std::{
    net::SocketAddr,
    path::{Path, PathBuf},
};

/// What is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Form {
    /// All that the proof has, field by field, and encoded.
    Json,
    /// The SCALE encoding in hexadecimal, one proof a line.
    Hex,
}

/// Where the proofs are, and which of them.
#[derive(clap::Args)]
pub(super) struct Args {
    /// Configuration file of the director: of one that runs the page is asked, of one that is stopped the store is read.
    #[arg(long, value_name = "FILE", env = "DIRECTOR_CONFIG", required_unless_present_any = ["http", "store"])]
    config: Option<PathBuf>,
    /// Address where a running director answers, instead: 127.0.0.1:9615.
    #[arg(long, value_name = "ADDRESS")]
    http: Option<SocketAddr>,
    /// Folder of a director that is stopped, or a copy of it, instead (data_dir).
    #[arg(long, value_name = "FOLDER", conflicts_with = "http")]
    store: Option<PathBuf>,
    /// Write all fields (json), or the encoded proof alone (hex).
    #[arg(long, value_enum, value_name = "FORM", default_value = "json")]
    output: Form,
    /// Its id, or how that begins; without one all of them.
    #[arg(value_name = "ID")]
    id: Option<String>,
}

impl Args {
    pub(super) fn execute(self) -> anyhow::Result<()> {
        let id = self.id.as_deref();
        let proofs = match (&self.store, &self.config) {
            (Some(folder), _) => of_store(folder, id)?,
            // Of one that is stopped there is no page, but its store.
            (None, Some(file)) if self.http.is_none() => {
                let config = Config::load(file)?;
                match page::is_there(config.http.listen) {
                    true => of_page(config.http.listen, id)?,
                    false => of_store(&config.data_dir, id).with_context(|| {
                        format!(
                            "no director answers at {}, so its store is read",
                            config.http.listen
                        )
                    })?,
                }
            }
            _ => {
                of_page(self.http.context("say which director: --config, --http or --store")?, id)?
            }
        };
        let text = write(&proofs, self.output, self.id.is_some())?;
        match text.is_empty() {
            true => Ok(()),
            false => say(text),
        }
    }
}

/// What a running director has.
fn of_page(address: SocketAddr, id: Option<&str>) -> anyhow::Result<Vec<Proof>> {
    let known = page::status(address)?["evidence"].take();
    let wanted = match id {
        Some(id) => vec![find(&known, id)?],
        None => known.as_array().into_iter().flatten().collect(),
    };
    let ids = wanted.into_iter().filter_map(|of| of["id"].as_str());
    let proof = |id| {
        let told = page::ask(address, &format!("/api/v1/evidence/{id}"))?;
        serde_json::from_value(told)
            .context("the answer is no proof; is that a director of the same version?")
    };
    ids.map(proof).collect()
}

/// What is in a store that nobody has open.
fn of_store(folder: &Path, id: Option<&str>) -> anyhow::Result<Vec<Proof>> {
    let records = store::proofs(folder)?;
    let mut proofs: Vec<_> = records.iter().map(|of| Proof::from(&of.proof)).collect();
    if let Some(id) = id {
        let known: Vec<_> = proofs.iter().map(|of| json!({ "id": of.id })).collect();
        let known = Value::from(known);
        let wanted = find(&known, id)?["id"].as_str();
        proofs.retain(|of| Some(of.id.as_str()) == wanted);
    }
    Ok(proofs)
}

/// One alone, if one was asked for.
fn write(proofs: &[Proof], form: Form, is_one: bool) -> anyhow::Result<String> {
    Ok(match (form, proofs) {
        (Form::Json, [one]) if is_one => serde_json::to_string_pretty(one)? + "\n",
        (Form::Json, all) => serde_json::to_string_pretty(all)? + "\n",
        (Form::Hex, all) => all.iter().map(|of| format!("{}\n", of.scale)).collect(),
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;
    use crate::store::{Record, State, Store};
    use codec::DecodeAll;
    use director_primitives::{
        DoubleSignProof, H256,
        test_utils::{TestKey, double_sign},
    };

    #[tokio::test]
    async fn what_a_stopped_director_had_is_exported_and_can_be_submitted() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path()).unwrap();
        let proofs = [1, 2].map(|n| double_sign(&TestKey::new(n), H256::zero(), 10));
        for proof in proofs {
            let record = Record {
                proof,
                state: State::Proven,
                proven_at_ms: 1,
                changed_at_ms: 1,
                known_block: 0,
            };
            store.outbox().put(record).await.unwrap();
        }
        let running = of_store(folder.path(), None).unwrap_err().to_string();
        assert!(running.contains("in use by another process"), "{running}");
        store.close().await;

        assert_eq!(of_store(folder.path(), None).unwrap().len(), 2);
        let wanted = proofs[1];
        let id = format!("{:?}", wanted.id());
        let one = of_store(folder.path(), Some(&id[..12])).unwrap();
        let path = folder.path().join("proof");
        for form in [Form::Json, Form::Hex] {
            std::fs::write(&path, write(&one, form, true).unwrap()).unwrap();
            assert_eq!(super::super::file::read(&path).unwrap(), wanted, "{form:?}");
        }
        let unknown = of_store(folder.path(), Some("0x00")).unwrap_err().to_string();
        assert!(unknown.contains("evidence list"), "{unknown}");

        let all = write(&of_store(folder.path(), None).unwrap(), Form::Hex, false).unwrap();
        let of_line = |line: &str| {
            let bytes = hex::decode(line.trim_start_matches("0x")).unwrap();
            DoubleSignProof::decode_all(&mut &*bytes).unwrap()
        };
        let mut read: Vec<_> = all.lines().map(of_line).map(|of| of.id()).collect();
        let mut written = proofs.map(|of| of.id());
        read.sort_unstable();
        written.sort_unstable();
        assert_eq!(read, written);
    }
}
