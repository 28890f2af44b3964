//! `director register`: put this director's peer key and addresses on chain.

use super::{output::OutputArgs, progress::Progress};
use crate::{
    chain::{DirectorChain, Registration, Settings, Submitter},
    config::Config,
    keys::PeerKey,
    network::{Multiaddr, Socket, is_private},
    service::{account_in, next_key_file},
};
use anyhow::{Context, bail};
use director_primitives::{
    AccountId32, KeyRole, Possession, Snapshot,
    runtime_api::{Endpoint, EndpointScope, Endpoints, Region},
    threshold::approvals_needed,
};
use serde_json::json;
use std::{net::SocketAddr, path::PathBuf};

/// Put this director's peer key and addresses on chain.
#[derive(clap::Args)]
#[command(after_help = "\
Governance must have invited the account before (director_registry.add_director). The account pays
the fee. Run it again to change addresses, region or capacity; the new ones replace the old, and
everybody takes note of them within seconds, without a restart.

Example:
  director register --config director.toml --public /ip4/203.0.113.7/tcp/30400 \\
      --mesh /ip4/100.64.0.1/tcp/30401 --region eu-west --capacity 300")]
pub(super) struct Args {
    /// Configuration file.
    #[arg(long, value_name = "FILE", env = "DIRECTOR_CONFIG")]
    config: PathBuf,
    /// Address at which validators reach it; may be repeated.
    #[arg(long, value_name = "MULTIADDR", required = true, value_parser = super::multiaddr_of)]
    public: Vec<Multiaddr>,
    /// Address at which other directors reach it; may be repeated.
    #[arg(long, value_name = "MULTIADDR", required = true, value_parser = super::multiaddr_of)]
    mesh: Vec<Multiaddr>,
    /// Where it stands, in your own words, at most 32 bytes.
    #[arg(long, default_value = "")]
    region: String,
    /// Validators that it has room for.
    #[arg(long, default_value_t = 300)]
    capacity: u32,
    #[command(flatten)]
    output: OutputArgs,
}

impl Args {
    pub(super) fn execute(self) -> anyhow::Result<()> {
        let config = Config::load(&self.config)?;
        super::log_notes()?;
        let endpoints = self.endpoints()?;
        let region = Region::try_from(self.region.clone().into_bytes())
            .ok()
            .context("--region is longer than 32 bytes; shorten it")?;
        let peer = PeerKey::from_file(&config.keys.peer)?;
        let next = Some(next_key_file(&config.keys.peer)).filter(|file| file.exists());
        let next = next.map(|file| PeerKey::from_file(&file)).transpose()?;
        let own_keys: Vec<_> = std::iter::once(&peer).chain(&next).map(PeerKey::public).collect();
        let account = account_in(&config.keys.account)?;
        super::block_on(async move {
            let (node, snapshot) = super::connect(Settings::from(&config.chain)).await?;
            self.warn_of_public_mesh();
            let chain =
                DirectorChain::new(node.clone(), Submitter::new(node.clone()), account.clone());
            let registration = Registration { endpoints, region, capacity: self.capacity };
            let waiting = Progress::begin("submitting, and waiting until it is finalized");
            let included = match snapshot.director(&account.id()) {
                Some(known) if own_keys.contains(&known.peer_key) => {
                    chain.update_record(registration).await
                }
                Some(known) => bail!(
                    "the chain has another peer key for {}, {}; put that one's file into \
                     keys.peer, or have governance remove and invite the director again",
                    account.id(),
                    hex::encode(known.peer_key.0)
                ),
                None if !snapshot.directors.invited.contains(&account.id()) => bail!(
                    "{} is no invited director at block {}; have governance invite it first \
                     (director_registry.add_director), then run this again",
                    account.id(),
                    snapshot.number
                ),
                None => {
                    let possession = Possession {
                        account: account.id(),
                        role: KeyRole::DirectorPeer,
                        key: peer.public(),
                    };
                    let genesis = snapshot.domain.genesis_hash;
                    let possession = peer.sign_statement(&genesis, &possession);
                    chain.activate(peer.public(), possession, registration).await
                }
            };
            drop(waiting);
            let included = included.with_context(|| format!("cannot register {}", account.id()))?;
            let said = json!({
                "account": account.id().to_string(),
                "peer_key": hex::encode(peer.public().0),
                "block_number": included.block_number,
                "block_hash": included.block_hash,
            });
            self.output.print(&said, || {
                format!("registered {} in block {}", account.id(), included.block_number)
            })?;
            self.say_what_comes_next(&*node.ready().await?, &account.id(), config.http.listen)
        })
    }

    fn warn_of_public_mesh(&self) {
        for address in self.mesh.iter().filter(|address| !is_private(address)) {
            tracing::warn!(
                "the --mesh address {address} is not one of a private network: anybody may knock there. \
                 Use the address of a VPN (100.64.0.0/10, 10.0.0.0/8, fc00::/7, …), see docs/operators.md"
            );
        }
    }

    fn endpoints(&self) -> anyhow::Result<Endpoints> {
        let of = |scope, addresses: &[Multiaddr]| {
            addresses
                .iter()
                .map(|address| {
                    let reachable = Socket::of(address).map(Socket::address);
                    if !reachable.is_some_and(|at| !at.ip().is_unspecified() && at.port() != 0) {
                        bail!(
                            "nobody reaches {address}; give the address that others dial, as \
                             /ip4/203.0.113.7/tcp/30400 or /ip4/203.0.113.7/udp/30400/quic-v1"
                        );
                    }
                    let text = address.to_string().into_bytes();
                    match text.try_into() {
                        Ok(address) => Ok(Endpoint { scope, address }),
                        Err(_) => bail!("{address} is longer than 128 bytes; give a shorter one"),
                    }
                })
                .collect::<anyhow::Result<Vec<_>>>()
        };
        let mut all = of(EndpointScope::Public, &self.public)?;
        all.extend(of(EndpointScope::Mesh, &self.mesh)?);
        Endpoints::try_from(all)
            .ok()
            .context("more than 4 addresses; give at most 4, --public and --mesh together")
    }

    fn say_what_comes_next(
        &self,
        snapshot: &Snapshot,
        account: &AccountId32,
        http: SocketAddr,
    ) -> anyhow::Result<()> {
        let active = &snapshot.directors.active;
        let others: Vec<_> =
            active.iter().filter(|director| director.account != *account).collect();
        self.output.tell(format_args!(
            "\nWhat comes next, if it does not run yet:\n  director run --config {}\n\
             It connects to {} other directors and takes validators within seconds; {} of {} directors now \
             decide who may speak.",
            self.config.display(),
            others.len(),
            approvals_needed(active.len() as u32),
            active.len()
        ))?;
        for director in others {
            let mesh = director.endpoints.iter().filter(|of| of.scope == EndpointScope::Mesh);
            let addresses: Vec<_> =
                mesh.map(|of| String::from_utf8_lossy(&of.address).into_owned()).collect();
            self.output.tell(format_args!(
                "  {}  {}",
                hex::encode(director.peer_key.0),
                addresses.join(" ")
            ))?;
        }
        match http.port() {
            0 => self
                .output
                .tell("See it at /api/v1/status of the http address that it prints at its start."),
            _ => self.output.tell(format_args!("See it with\n  curl http://{http}/api/v1/status")),
        }
    }
}
