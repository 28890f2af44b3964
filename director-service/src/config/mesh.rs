//! Says where other directors connect.

use super::{ConfigError, Public, check_listen};
use crate::network::{Multiaddr, Socket};
use serde::{Deserialize, Serialize};

/// The mesh of directors: give either `interface` or `listen`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Mesh {
    /// Name of the private interface to listen on: `tailscale0`, `wg0`. Its addresses are found, waited
    /// for at boot, and followed when they change. No other interface is listened on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub interface: Option<String>,
    /// TCP port on that interface. Default 30401.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub port: Option<u16>,
    /// Multiaddrs to listen on instead, of the private interface only: `/ip4/100.64.0.1/tcp/30401`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub listen: Vec<Multiaddr>,
    /// Whether a connection is answered only if it comes from the IP address of an active director's
    /// mesh endpoint. Default `true`: others do not even learn who listens. Set it to `false` if
    /// directors reach each other through address translation, and seem to come from elsewhere.
    #[serde(default = "yes")]
    pub known_addresses_only: bool,
}

/// For serde, which takes functions only.
fn yes() -> bool {
    true
}

impl Mesh {
    const DEFAULT_PORT: u16 = 30401;

    /// Longest name of an interface (`IFNAMSIZ`).
    const MAX_INTERFACE_LEN: usize = 15;

    /// Interface and port to listen on, unless addresses are given.
    pub fn interface(&self) -> Option<(&str, u16)> {
        let port = self.port.unwrap_or(Self::DEFAULT_PORT);
        self.interface.as_deref().map(|name| (name, port))
    }

    pub(super) fn validate(&self, public: &Public) -> Result<(), ConfigError> {
        let invalid = |field, cause: String| Err(ConfigError::Invalid { field, cause });
        let public: Vec<_> = public.listen.iter().filter_map(Socket::of).collect();
        let Some((name, port)) = self.interface() else {
            if self.port.is_some() {
                return invalid(
                    "mesh.port",
                    "goes with mesh.interface; in mesh.listen the port is part of each address"
                        .into(),
                );
            }
            check_listen("mesh.listen", &self.listen, " (or mesh.interface)")?;
            let sockets = self.listen.iter().filter_map(|at| Some((at, Socket::of(at)?)));
            let mut shared = sockets.filter(|(_, of)| public.iter().any(|at| at.overlaps(*of)));
            return shared.next().map_or(Ok(()), |(shared, _)| {
                invalid(
                    "mesh.listen",
                    format!(
                        "{shared} is in public.listen too; the two networks need ports of their own"
                    ),
                )
            });
        };
        if !self.listen.is_empty() {
            return invalid(
                "mesh.interface",
                "and mesh.listen are both given; keep one: the interface, whose addresses are \
                 found, or the addresses"
                    .into(),
            );
        }
        let is_word = |letter: char| !letter.is_whitespace() && letter != '/';
        if name.is_empty() || name.len() > Self::MAX_INTERFACE_LEN || !name.chars().all(is_word) {
            return invalid(
                "mesh.interface",
                format!("{name:?} is no name of an interface; `ip address` lists them"),
            );
        }
        if port == 0 {
            return invalid("mesh.port", "must be at least 1: others have to know it".into());
        }
        let taken = |at: &Socket| matches!(at, Socket::Tcp(at) if at.port() == port);
        if public.iter().any(taken) {
            return invalid(
                "mesh.port",
                format!("{port} is in public.listen too; the two networks need ports of their own"),
            );
        }
        Ok(())
    }
}
