//! Hands proofs to the reporter, and keeps those that it has no room for: the core must not wait for a disk.
//!
//! At most [`MAX_WAITING`] wait here; beyond that the oldest is given up, which other directors were told of. They
//! outlive a round: the core does not make a proof twice.

use super::ServiceError;
use crate::{
    metrics::Counter,
    reporter::{Handle, Offer},
};
use director_primitives::DoubleSignProof;
use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};
use tracing::error;

/// Proofs that wait until the reporter takes some: four against each of a thousand validators. 1.5 MiB.
const MAX_WAITING: usize = 4_096;

/// The way to the reporter. Clones share what waits.
#[derive(Clone)]
pub(super) struct Reports {
    reporter: Handle,
    waiting: Arc<Mutex<VecDeque<DoubleSignProof>>>,
    delayed: Counter,
}

impl Reports {
    /// `delayed` counts the proofs that had to wait.
    pub(super) fn new(reporter: Handle, delayed: Counter) -> Self {
        Self { reporter, waiting: Arc::default(), delayed }
    }

    /// Hands a proof over now, or later.
    ///
    /// # Errors
    ///
    /// If the reporter has ended.
    pub(super) fn report(&self, proof: DoubleSignProof) -> Result<(), ServiceError> {
        let mut waiting = self.waiting();
        if waiting.is_empty() && self.offer(proof)? {
            return Ok(());
        }
        self.delayed.inc();
        if waiting.len() >= MAX_WAITING
            && let Some(oldest) = waiting.pop_front()
        {
            error!(proof = ?oldest.id(), "too many proofs wait for the disk: this director does not report one");
        }
        waiting.push_back(proof);
        Ok(())
    }

    /// Hands over what waits, as far as there is room.
    ///
    /// # Errors
    ///
    /// If the reporter has ended.
    pub(super) fn retry(&self) -> Result<(), ServiceError> {
        let mut waiting = self.waiting();
        while let Some(proof) = waiting.front() {
            if !self.offer(*proof)? {
                break;
            }
            waiting.pop_front();
        }
        Ok(())
    }

    fn offer(&self, proof: DoubleSignProof) -> Result<bool, ServiceError> {
        match self.reporter.offer(proof) {
            Offer::Taken => Ok(true),
            Offer::Full => Ok(false),
            Offer::Ended => Err(ServiceError::Ended("the reporter")),
        }
    }

    fn waiting(&self) -> MutexGuard<'_, VecDeque<DoubleSignProof>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
