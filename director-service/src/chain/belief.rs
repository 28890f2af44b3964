//! Believes nodes, or does not, as [`super::horizon`] says, and keeps what follows from that.

use super::{horizon::Verdict, node::Shared, session::Head};
use tokio::time::Instant;
use tracing::{error, warn};

impl Shared {
    /// Whether a head of the node in use is believed.
    pub(super) fn believes(&self, index: usize, number: u64) -> bool {
        let verdict = self.horizon().judge(index, number, Instant::now());
        match verdict {
            Verdict::Held => {
                self.doubt(index, number, self.finalized_number());
                return false;
            }
            Verdict::OnItsWord => warn!(
                endpoint = index,
                "taking finalized block {number} on the word of one node: no other one answers"
            ),
            Verdict::Plausible => {}
        }
        self.update_endpoints(|all| all.doubted(index, None));
        true
    }

    /// Notes that a node says more than can be.
    pub(super) fn doubt(&self, index: usize, claimed: u64, known: u64) {
        let trouble = format!(
            "it says that it has finalized block {claimed}, of which no other node knows, after {known}: more than \
             time allows"
        );
        let mut endpoints = self.endpoints();
        let endpoint = &mut endpoints.all[index];
        if endpoint.trouble.is_none() {
            warn!(endpoint = index, node = %endpoint.name, "this node is not believed: {trouble}");
        }
        endpoint.trouble = Some(trouble);
    }

    /// Forgets what was claimed too much. `to` is where the chain is, if what was sure before is none of it.
    pub(super) fn retract(&self, to: Option<u64>) {
        let known = self.finalized_number();
        error!(
            "block {known} is not final, though a node has said so: going on with what is finalized; look who runs \
             the nodes in chain.urls"
        );
        self.cache().clear();
        self.horizon().retract(to, Instant::now());
    }

    /// The newest finalized block that is known and no higher than this.
    pub(super) fn newest_known_up_to(&self, number: u64) -> Option<Head> {
        // What only the node in use says is no reason to refuse another one.
        let sure = self.horizon().sure_below(self.finalized_number(), Instant::now());
        self.cache().newest_up_to(sure.map_or(number, |sure| sure.min(number)))
    }
}
