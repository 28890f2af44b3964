//! Answers questions for messages with words: that they are gone, or that it has sent them.

use super::Misdeed;
use crate::{network::Payload, node::Node};
use director_primitives::{Control, Fetched};
use rand::{Rng, rngs::StdRng};

/// See the module.
#[derive(Debug)]
pub(super) struct Shirker {
    /// Whether it says that they are gone.
    says_gone: bool,
    count: u64,
}

impl Shirker {
    pub(super) fn new(says_gone: bool) -> Self {
        Self { says_gone, count: 0 }
    }
}

impl Misdeed for Shirker {
    fn name(&self) -> &'static str {
        "shirk"
    }

    fn send(&mut self, rng: &mut StdRng, _: Node, payload: Payload) -> Vec<Payload> {
        match &payload {
            // So that there is something to ask for.
            Payload::Envelope(..) if rng.random_bool(0.3) => {
                self.count += 1;
                Vec::new()
            }
            Payload::Control(packed) => match &packed.message {
                Control::Fetched(fetched) => {
                    let mut ranges = fetched.ranges.clone().into_inner();
                    for served in &mut ranges {
                        let last = served.range.last;
                        match self.says_gone {
                            true => served.gone_to = last,
                            false => served.served_to = last,
                        }
                    }
                    self.count += 1;
                    let ranges = ranges.try_into().unwrap_or_default();
                    vec![Payload::control(Control::Fetched(Fetched { ranges }))]
                }
                _ => vec![payload],
            },
            Payload::Envelope(..) => vec![payload],
        }
    }

    fn count(&self) -> u64 {
        self.count
    }
}
