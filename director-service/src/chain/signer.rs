//! Signs extrinsics with an account key that was read from a secret URI.

use super::ChainError;
use director_primitives::AccountId32;
use std::str::FromStr;
use subxt::{
    config::{Config, SubstrateConfig},
    tx::Signer,
    utils::MultiSignature,
};
use subxt_signer::{SecretUri, bip39::Mnemonic, sr25519::Keypair};
use zeroize::Zeroizing;

/// A mnemonic phrase (BIP-39, English) of this entropy: 16 bytes make 12 words, 32 make 24. Wallets and Substrate's
/// tools read it.
///
/// # Errors
///
/// If the entropy has another length.
pub fn phrase(entropy: &[u8]) -> Result<Zeroizing<String>, ChainError> {
    let phrase = Mnemonic::from_entropy(entropy).map_err(|error| {
        ChainError::Config(format!("no phrase of {} bytes: {error}", entropy.len()))
    })?;
    Ok(Zeroizing::new(phrase.to_string()))
}

/// An account whose extrinsics this process signs (sr25519).
#[derive(Clone)]
pub struct Account(Keypair);

impl Account {
    /// The account of a secret URI: a mnemonic phrase or `0x` and 64 digits, with or without a
    /// derivation path, `//Alice` for the development accounts.
    ///
    /// # Errors
    ///
    /// If it is none. The error does not repeat it.
    pub fn from_secret(secret: &str) -> Result<Self, ChainError> {
        SecretUri::from_str(secret.trim())
            .map_err(|error| error.to_string())
            .and_then(|uri| Keypair::from_uri(&uri).map_err(|error| error.to_string()))
            .map(Self)
            .map_err(|error| {
                ChainError::Config(format!(
                    "no secret URI ({error}); expected a mnemonic phrase, or \
                     0x and 64 hexadecimal digits, and after either perhaps a path like //director-1"
                ))
            })
    }

    /// The account's name on chain.
    pub fn id(&self) -> AccountId32 {
        AccountId32::new(self.0.public_key().0)
    }
}

impl Signer<SubstrateConfig> for Account {
    fn account_id(&self) -> <SubstrateConfig as Config>::AccountId {
        subxt::utils::AccountId32(self.0.public_key().0)
    }

    fn sign(&self, payload: &[u8]) -> <SubstrateConfig as Config>::Signature {
        MultiSignature::Sr25519(self.0.sign(payload).0)
    }
}

impl std::fmt::Debug for Account {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Account({})", self.id())
    }
}
