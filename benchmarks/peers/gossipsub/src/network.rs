//! Builds a swarm that speaks gossipsub and nothing else.

use std::{net::SocketAddr, time::Duration};

use anyhow::{Result, anyhow};
use libp2p::{
    Multiaddr, Swarm, SwarmBuilder,
    gossipsub::{
        Behaviour, ConfigBuilder, IdentTopic, Message, MessageAuthenticity, MessageId,
        ValidationMode,
    },
    identity::Keypair,
    multiaddr::Protocol,
    noise, tcp, yamux,
};

/// Peers in the mesh: all there are.
const MESH: usize = 2000;
const MAX_TRANSMIT_BYTES: usize = 2 << 20;
const QUEUE_MESSAGES: usize = 50_000;
const QUEUE_TIME: Duration = Duration::from_secs(10);
/// How long a validator remembers messages. All share one core, where the growing of all their tables
/// at once would stop the load for 60 ms, and their relay sends nothing twice anyway.
const VALIDATOR_MEMORY: Duration = Duration::from_millis(200);
/// What tells messages apart: the header of `bench-load`.
const IDENTIFIER_BYTES: usize = 24;

/// Whose swarm it is.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Role {
    Relay,
    Validator,
}

/// The one topic.
pub(crate) fn topic() -> IdentTopic {
    IdentTopic::new("votes")
}

/// The address as libp2p writes it.
pub(crate) fn multiaddr(addr: SocketAddr) -> Multiaddr {
    Multiaddr::from(addr.ip()).with(Protocol::Tcp(addr.port()))
}

/// A swarm with a new key, subscribed to the topic.
pub(crate) fn swarm(role: Role, verify: bool) -> Result<Swarm<Behaviour>> {
    let key = Keypair::generate_ed25519();
    let validation = match (role, verify) {
        (Role::Relay, true) => ValidationMode::Strict,
        (Role::Validator, true) => ValidationMode::None,
        (_, false) => ValidationMode::Anonymous,
    };
    let mut config = ConfigBuilder::default();
    config
        .validation_mode(validation)
        .mesh_n_high(MESH)
        .mesh_n(MESH)
        .mesh_n_low(MESH)
        .mesh_outbound_min(0)
        .max_transmit_size(MAX_TRANSMIT_BYTES)
        .connection_handler_queue_len(QUEUE_MESSAGES)
        .publish_queue_duration(QUEUE_TIME)
        .forward_queue_duration(QUEUE_TIME)
        .heartbeat_initial_delay(Duration::from_millis(100))
        .message_id_fn(|message: &Message| {
            let header = message.data.get(..IDENTIFIER_BYTES);
            MessageId::new(header.unwrap_or(&message.data))
        });
    let authenticity = if verify {
        MessageAuthenticity::Signed(key.clone())
    } else {
        MessageAuthenticity::Anonymous
    };
    if role == Role::Validator {
        config
            .heartbeat_interval(VALIDATOR_MEMORY)
            .duplicate_cache_time(VALIDATOR_MEMORY)
            .history_length(1)
            .history_gossip(1);
    }
    let config = config.build()?;
    let mut behaviour = Behaviour::new(authenticity, config).map_err(|error| anyhow!(error))?;
    behaviour.subscribe(&topic())?;
    let swarm = SwarmBuilder::with_existing_identity(key)
        .with_tokio()
        .with_tcp(tcp::Config::default().nodelay(true), noise::Config::new, yamux::Config::default)?
        .with_behaviour(|_| behaviour)?
        .with_swarm_config(|config| config.with_idle_connection_timeout(Duration::from_secs(3600)))
        .build();
    Ok(swarm)
}
