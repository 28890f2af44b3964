//! Says who the sidecar is, and how things are.

use super::{Engine, Identity};
use crate::sidecar::protocol;
use director_primitives::PublicKey;
use serde_json::{Value, json};

impl Engine {
    pub(super) fn hello(&self) -> String {
        let Identity { genesis_hash, account, peer_key, checkpoint_key, interval, .. } =
            &self.identity;
        json!({
            "event": "hello",
            "protocol": protocol::VERSION,
            "version": env!("CARGO_PKG_VERSION"),
            "genesis_hash": genesis_hash,
            "account": account.to_string(),
            "peer_key": hex::encode(peer_key.0),
            "checkpoint_key": hex::encode(checkpoint_key.0),
            "checkpoint_interval": interval,
        })
        .to_string()
    }

    pub(super) fn status(&self) -> Value {
        let snapshot = self.finalized.borrow().clone();
        let key = |key: PublicKey| hex::encode(key.0);
        let known = snapshot.as_ref().and_then(|of| of.validator(&self.identity.account));
        json!({
            "event": "status",
            "authorized": self.is_authorized,
            "director": self.director.map(key),
            "standby": self.standby.map(key),
            "chain": snapshot.as_ref().map(|of| json!({
                "finalized": of.number,
                "finalized_hash": of.hash,
                "checkpoint": of.number / self.identity.interval,
                "directors": of.directors.active.len(),
                "validators": of.validators().len(),
                "authorized_validators": of.authorized_count(),
                "status": known.map(|known| protocol::kebab(&known.status)),
            })),
            "last_signed": self.last_signed.map(|(checkpoint, block_hash)| {
                json!({ "checkpoint": checkpoint, "block_hash": block_hash })
            }),
            "signs_from": self.identity.signs_from,
            "unsent_votes": self.automatic.len(),
            "unconfirmed": self.client.publisher().unconfirmed(),
            "stats": protocol::stats(&self.client.stats()),
        })
    }
}
