#![allow(clippy::unwrap_used)]

mod cancelling;
mod elsewhere;
mod escapes;
mod forgeries;
mod model;
mod offences_runtime;
mod penalties;
mod slashing;
