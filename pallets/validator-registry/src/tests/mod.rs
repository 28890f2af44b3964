#![allow(clippy::unwrap_used)]

mod authorization;
mod bonding;
mod keys;
mod punishment;
mod sessions;
mod stake;
