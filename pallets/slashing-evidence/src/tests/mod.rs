#![allow(clippy::unwrap_used)]

mod cancelling;
mod escapes;
mod forgeries;
mod penalties;
mod slashing;
