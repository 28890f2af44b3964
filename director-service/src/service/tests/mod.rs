#![allow(clippy::unwrap_used)]

mod agreement;
mod control;
mod crypto;
mod forget;
mod panics;
mod recall;
mod refresh;
mod reports;
mod rotation;
mod start;
