//! Connects namespaces: two bridges in a hub, a pair of virtual Ethernet devices to each interface.

use super::Namespace;
use std::{
    net::Ipv4Addr,
    sync::atomic::{AtomicU32, Ordering::Relaxed},
};

/// One of the two networks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Net {
    /// The directors' private one, 100.64.0.0/10, as Tailscale has it.
    Mesh,
    /// What validators and everybody else reach, 10.77.0.0/16.
    Public,
}

impl Net {
    /// The name of its interface in each namespace.
    pub fn interface(self) -> &'static str {
        match self {
            Self::Mesh => "tailscale0",
            Self::Public => "public0",
        }
    }

    /// The address of host number `host`.
    pub fn address(self, host: u16) -> Ipv4Addr {
        let [high, low] = host.to_be_bytes();
        match self {
            Self::Mesh => Ipv4Addr::new(100, 64, high, low),
            Self::Public => Ipv4Addr::new(10, 77, high, low),
        }
    }

    /// The same with the length of its prefix.
    pub fn with_prefix(self, host: u16) -> String {
        let length = match self {
            Self::Mesh => 10,
            Self::Public => 16,
        };
        format!("{}/{length}", self.address(host))
    }

    /// The name of its bridge in the hub.
    fn bridge(self) -> &'static str {
        match self {
            Self::Mesh => "mesh",
            Self::Public => "public",
        }
    }
}

/// The two networks.
pub struct Lan {
    hub: Namespace,
    ports: AtomicU32,
}

impl Lan {
    /// Two networks with nobody in them.
    ///
    /// # Errors
    ///
    /// If this process may not make them, or the kernel has no bridges.
    pub fn new() -> anyhow::Result<Self> {
        let hub = Namespace::new("hub")?;
        for net in [Net::Mesh, Net::Public] {
            let bridge = net.bridge();
            hub.ip(&[&format!("link add {bridge} type bridge"), &format!("link set {bridge} up")])?;
        }
        Ok(Self { hub, ports: AtomicU32::new(0) })
    }

    /// A namespace in these networks, as host number such and such.
    ///
    /// # Errors
    ///
    /// As [`Namespace::new`].
    pub fn namespace(&self, name: &str, nets: &[(Net, u16)]) -> anyhow::Result<Namespace> {
        let namespace = Namespace::new(name)?;
        for (net, host) in nets {
            self.attach(&namespace, *net)?;
            let (interface, address) = (net.interface(), net.with_prefix(*host));
            namespace.ip(&[&format!("address add {address} dev {interface}")])?;
        }
        Ok(namespace)
    }

    /// Gives a namespace the interface of a network, up and without an address.
    ///
    /// # Errors
    ///
    /// If it has one already.
    pub fn attach(&self, namespace: &Namespace, net: Net) -> anyhow::Result<()> {
        let port = format!("port{}", self.ports.fetch_add(1, Relaxed));
        let (interface, bridge, path) = (net.interface(), net.bridge(), namespace.path());
        self.hub.ip(&[
            &format!("link add {port} type veth peer name {interface} netns {path}"),
            &format!("link set {port} master {bridge} up"),
        ])?;
        namespace.ip(&[&format!("link set {interface} up")])
    }
}
