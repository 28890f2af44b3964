//! Keeps the mesh listening on one named interface, whatever becomes of its addresses.
//!
//! A private network often comes up after the director (`tailscale0` waits for its daemon), and its
//! address may change. So the interface is looked at every second, without end: what it has is
//! listened at, what it has lost is not. Connections that work stay. Other interfaces are never
//! listened on, and never `0.0.0.0`.

#[cfg(test)]
mod tests;

use crate::network::{Handle, Multiaddr, is_private};
use std::{io, net::IpAddr, time::Duration};
use tokio::time::{MissedTickBehavior, interval};
use tracing::{info, warn};

/// How often the interface is looked at: it takes microseconds.
const EVERY: Duration = Duration::from_secs(1);

/// An address of an interface.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Address {
    interface: String,
    ip: IpAddr,
}

/// Keeps `network` listening at the TCP port on the interface's addresses until `stopped` resolves.
pub(super) async fn follow(
    name: String,
    port: u16,
    network: Handle,
    stopped: impl Future<Output = ()>,
) {
    follow_with(name, port, network, stopped, interface_addresses).await;
}

async fn follow_with(
    name: String,
    port: u16,
    network: Handle,
    stopped: impl Future<Output = ()>,
    mut look: impl FnMut() -> io::Result<Vec<Address>>,
) {
    let mut stopped = std::pin::pin!(stopped);
    let mut ticks = interval(EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut present = Present { name, port, before: None };
    loop {
        tokio::select! {
            () = &mut stopped => return,
            _ = ticks.tick() => {}
        }
        match look() {
            Ok(all) => {
                if let Some(addresses) = present.change(&all) {
                    present.say(&addresses);
                    network.listen(addresses);
                }
            }
            // What is listened at stays.
            Err(error) => warn!(%error, "cannot list this machine's interfaces; trying again"),
        }
    }
}

fn interface_addresses() -> io::Result<Vec<Address>> {
    let all = if_addrs::get_if_addrs()?;
    let address = |of: if_addrs::Interface| Address { ip: of.ip(), interface: of.name };
    Ok(all.into_iter().map(address).collect())
}

/// What the interface had when it was last looked at.
struct Present {
    name: String,
    port: u16,
    /// `None` before the first look.
    before: Option<Vec<Multiaddr>>,
}

impl Present {
    /// Where to listen from now on, if that is not where it was: given all addresses of the machine.
    fn change(&mut self, all: &[Address]) -> Option<Vec<Multiaddr>> {
        let now = addresses_of(&self.name, self.port, all);
        if self.before.as_ref() == Some(&now) {
            return None;
        }
        self.before = Some(now.clone());
        Some(now)
    }

    fn say(&self, addresses: &[Multiaddr]) {
        let Self { name, .. } = self;
        if addresses.is_empty() {
            warn!(
                "interface {name} (mesh.interface) is not there or has no address: not listening for \
                 other directors until it has; is the private network up?"
            );
            return;
        }
        let list: Vec<_> = addresses.iter().map(ToString::to_string).collect();
        info!("listening for other directors on {name}: {}", list.join(", "));
        for address in addresses.iter().filter(|address| !is_private(address)) {
            warn!(
                "{address} on {name} can be reached from the internet; the mesh is for directors \
                 alone: name the interface of a private network in mesh.interface"
            );
        }
    }
}

/// Where to listen on an interface: IPv4 first, then IPv6; link-local ones are not for others.
fn addresses_of(name: &str, port: u16, all: &[Address]) -> Vec<Multiaddr> {
    let is_usable = |ip: &IpAddr| match ip {
        IpAddr::V4(ip) => !ip.is_link_local() && !ip.is_unspecified(),
        IpAddr::V6(ip) => !ip.is_unicast_link_local() && !ip.is_unspecified(),
    };
    let of_interface = all.iter().filter(|address| address.interface == name);
    let mut ips: Vec<_> = of_interface.map(|address| address.ip).filter(is_usable).collect();
    ips.sort_unstable();
    ips.dedup();
    let address = |ip| {
        let family = match ip {
            IpAddr::V4(_) => "ip4",
            IpAddr::V6(_) => "ip6",
        };
        format!("/{family}/{ip}/tcp/{port}").parse().ok()
    };
    ips.into_iter().filter_map(address).collect()
}
