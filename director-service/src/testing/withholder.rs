//! Keeps to itself what it should pass on.

use director_primitives::Control;

/// A director that listens, and says nothing about authorizations: no votes, no requests, no answers.
#[derive(Debug, Default)]
pub struct Withholder {
    withheld: usize,
}

impl Withholder {
    /// What it lets through of what an honest director in its place would say.
    pub fn pass(&mut self, message: Control) -> Option<Control> {
        match message {
            Control::AuthorizationRequest(_)
            | Control::AuthorizationAnswer(_)
            | Control::DirectorVote(_) => {
                self.withheld += 1;
                None
            }
            other => Some(other),
        }
    }

    /// Messages that it has kept to itself.
    pub fn withheld(&self) -> usize {
        self.withheld
    }
}
