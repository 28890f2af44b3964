//! Hands what follows from a configuration to `fuzz/`, which cannot see it otherwise. For nothing else.

use super::{Identity, settings};
use crate::{
    config::Config,
    director,
    network::{self, Side},
};
use director_primitives::{AccountId32, PublicKey};

/// What the core and the two networks of the director with this account and peer key are told.
pub fn settings(
    config: &Config,
    account: AccountId32,
    peer_key: PublicKey,
) -> (director::Config, [network::Limits; 2]) {
    let limits = [Side::Mesh, Side::Public].map(|side| settings::limits(side, &config.limits));
    (settings::core(config, &Identity { account, peer_key }, 0), limits)
}
