//! Everything that a client's core asks for.

use crate::{client::Event, network::Multiaddr};
use director_primitives::{AccountId32, Control, Envelope, H256, PublicKey, RegistrationId};

/// Something is to be done. In order: what comes first is to be done first.
#[derive(Clone, Debug)]
pub enum Output {
    /// From now on these and nobody else may be connected.
    Allow(Vec<PublicKey>),
    /// Dial once; answer with [`super::Input::Up`] or [`super::Input::DialFailed`].
    Dial {
        /// Whom.
        director: PublicKey,
        /// Where.
        addresses: Vec<Multiaddr>,
    },
    /// End a connection, after what was sent before; [`super::Input::Down`] follows.
    Disconnect {
        /// Whose.
        director: PublicKey,
    },
    /// Send a control message.
    Send {
        /// To which director.
        to: PublicKey,
        /// What.
        message: Control,
    },
    /// Send what the outbox has for its director ([`super::Outbox::flush`]).
    Flush,
    /// Make a stake proof and answer with [`super::Input::Proven`]; one that is still being made is not
    /// wanted any more.
    Prove {
        /// Number of this attempt.
        attempt: u64,
        /// Whose stake.
        account: AccountId32,
        /// The registration that it is for.
        registration_id: RegistrationId,
        /// Number and hash of the block that it is to be of.
        block: (u64, H256),
    },
    /// Hand a message to the application: each one once. The payload is plain.
    Deliver(Envelope),
    /// Tell the application; never [`Event::Message`].
    Tell(Event),
}
