//! Tells every task to stop, once.

use std::sync::Arc;
use tokio::sync::watch;

/// Asks everything to stop. Clones ask the same.
#[derive(Clone)]
pub struct Stopper(Arc<watch::Sender<bool>>);

impl Stopper {
    pub(super) fn new() -> Self {
        Self(Arc::new(watch::Sender::new(false)))
    }

    /// Asks everything to stop; again and again is fine.
    pub fn stop(&self) {
        self.0.send_replace(true);
    }

    pub(super) fn is_stopped(&self) -> bool {
        *self.0.borrow()
    }

    /// Resolves when somebody has asked.
    pub(super) fn stopped(&self) -> impl Future<Output = ()> + Send + use<> {
        let mut receiver = self.0.subscribe();
        async move {
            // An error says that nobody is left to ask: the same.
            let _ = receiver.wait_for(|stopped| *stopped).await;
        }
    }
}
