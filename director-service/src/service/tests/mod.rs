#![allow(clippy::unwrap_used)]

mod crypto;
mod start;
