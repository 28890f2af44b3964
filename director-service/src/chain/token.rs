//! Reads and writes amounts of the chain's token as people do.

use super::{ChainError, Node, session::limit};
use std::fmt;

/// Most decimals of a token: one smallest unit must still be an amount.
const MAX_DECIMALS: u32 = 38;

/// The chain's token, as its node describes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Token {
    /// How many decimals it has. 0 if the node does not say: then amounts are in the smallest unit.
    pub decimals: u32,
    /// Its name; empty if the node does not say.
    pub symbol: String,
}

/// Why a text is no amount.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AmountError {
    /// It is no number.
    #[error("{0:?} is no amount; write it as 1500 or 1500.25")]
    NoNumber(String),
    /// It has more decimals than the token.
    #[error("{0:?} has more than {1} decimals, which is all that the chain's token has")]
    TooFine(String, u32),
    /// It does not fit into 128 bits.
    #[error("{0:?} is more than there can be")]
    TooMuch(String),
}

impl Token {
    /// The token of a chain's properties, as `system_properties` gives them. Of several, the first.
    pub(super) fn from_properties(properties: &serde_json::Map<String, serde_json::Value>) -> Self {
        let first = |name| match properties.get(name) {
            Some(serde_json::Value::Array(all)) => all.first(),
            other => other,
        };
        let decimals = first("tokenDecimals").and_then(serde_json::Value::as_u64).unwrap_or(0);
        let symbol = first("tokenSymbol").and_then(serde_json::Value::as_str).unwrap_or_default();
        let decimals = u32::try_from(decimals).unwrap_or(MAX_DECIMALS).min(MAX_DECIMALS);
        Self { decimals, symbol: symbol.to_owned() }
    }

    /// An amount in smallest units, of a text in whole tokens: `1500`, `1500.25`, `1500 UNIT`.
    ///
    /// # Errors
    ///
    /// See [`AmountError`].
    pub fn parse(&self, text: &str) -> Result<u128, AmountError> {
        let number = text.trim();
        let number = match self.symbol.is_empty() {
            true => number,
            false => number.strip_suffix(&self.symbol).unwrap_or(number).trim_end(),
        };
        let (whole, part) = number.split_once('.').unwrap_or((number, "0"));
        let is_digits = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
        if !is_digits(whole) || !is_digits(part) {
            return Err(AmountError::NoNumber(text.into()));
        }
        let part = part.trim_end_matches('0');
        let missing = u32::try_from(part.len()).ok().and_then(|len| self.decimals.checked_sub(len));
        let missing = missing.ok_or_else(|| AmountError::TooFine(text.into(), self.decimals))?;
        let digits = format!("{whole}{part}{}", "0".repeat(missing as usize));
        digits.parse().map_err(|_| AmountError::TooMuch(text.into()))
    }

    /// An amount in whole tokens, with the token's name.
    pub fn show(&self, amount: u128) -> impl fmt::Display {
        let one = 10u128.pow(self.decimals);
        let (whole, part) = (amount / one, amount % one);
        let name = match self.symbol.as_str() {
            "" if self.decimals == 0 => "smallest units",
            symbol => symbol,
        };
        let mut text = whole.to_string();
        if part > 0 {
            let part = format!("{part:0width$}", width = self.decimals as usize);
            text = format!("{text}.{}", part.trim_end_matches('0'));
        }
        format!("{text} {name}").trim_end().to_owned()
    }
}

impl Node {
    /// The chain's token.
    ///
    /// # Errors
    ///
    /// If the node does not answer.
    pub async fn token(&self) -> Result<Token, ChainError> {
        let session = self.session().await?;
        Ok(Token::from_properties(&limit(session.rpc.system_properties()).await?))
    }
}
