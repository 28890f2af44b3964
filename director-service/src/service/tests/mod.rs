#![allow(clippy::unwrap_used)]

mod agreement;
mod crypto;
mod start;
