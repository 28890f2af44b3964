#![allow(clippy::unwrap_used)]

mod authorization;
mod keys;
mod punishment;
mod stake;
