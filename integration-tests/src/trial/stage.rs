//! Brings up who takes part in a trial: on the loopback, or where links can be cut.

use super::{Fault, SOON, Setting};
#[cfg(target_os = "linux")]
use crate::namespaces::{self, Ran, World};
use crate::{
    chain::Chain,
    network::{Network, Plan},
};
use anyhow::bail;
use std::path::{Path, PathBuf};

/// Who takes part, and where they are.
pub(super) enum Stage {
    /// All of them on the loopback.
    Loopback(Box<Network>),
    /// Each in networks of its own.
    #[cfg(target_os = "linux")]
    Apart(Box<World>),
}

/// The directors between whom a link is cut, by number from 0.
#[cfg(target_os = "linux")]
const CUT: [usize; 2] = [0, 1];

#[cfg(not(target_os = "linux"))]
const NOT_HERE: &str = "links are cut between network namespaces, which there are on Linux alone";

/// Where the chain is kept below the folder of a trial.
pub(super) fn chain_folder(dir: &Path) -> PathBuf {
    dir.join("chain")
}

impl Stage {
    pub(super) async fn start(setting: &Setting) -> anyhow::Result<Self> {
        if setting.apart {
            return Self::start_apart(setting).await;
        }
        let plan = Plan {
            directors: setting.directors,
            validators: setting.validators,
            block_time_ms: setting.block_time_ms,
            offender: None,
            check_signatures: setting.check_signatures,
            dir: setting.dir.clone(),
        };
        // On disk, so that the node can be killed and started again.
        std::fs::create_dir_all(&plan.dir)?;
        let chain =
            Chain::start_in(&plan.dir, &chain_folder(&plan.dir), plan.block_time_ms).await?;
        let network = Network::start_on(chain, &plan, |_| {}).await?;
        for director in &network.directors {
            director.wait_until_ready(SOON).await?;
        }
        Ok(Self::Loopback(Box::new(network)))
    }

    #[cfg(target_os = "linux")]
    async fn start_apart(setting: &Setting) -> anyhow::Result<Self> {
        let plan = namespaces::Plan {
            directors: setting.directors,
            validators: setting.validators,
            block_time_ms: setting.block_time_ms,
            check_signatures: setting.check_signatures,
        };
        let world = World::start(&setting.dir, plan).await?;
        world.wait_until_linked(SOON).await?;
        Ok(Self::Apart(Box::new(world)))
    }

    #[cfg(not(target_os = "linux"))]
    async fn start_apart(_: &Setting) -> anyhow::Result<Self> {
        bail!("{NOT_HERE}")
    }

    /// Chain and validators, and on the loopback the directors.
    pub(super) fn network(&self) -> &Network {
        match self {
            Self::Loopback(network) => network,
            #[cfg(target_os = "linux")]
            Self::Apart(world) => &world.network,
        }
    }

    pub(super) fn network_mut(&mut self) -> &mut Network {
        match self {
            Self::Loopback(network) => network,
            #[cfg(target_os = "linux")]
            Self::Apart(world) => &mut world.network,
        }
    }

    /// Cuts the link between two directors: what either sends to the other vanishes.
    pub(super) fn cut(&self) -> anyhow::Result<()> {
        match self {
            Self::Loopback(_) => bail!("on the loopback no link can be cut"),
            #[cfg(target_os = "linux")]
            Self::Apart(world) => world.cut_mesh(CUT[0], CUT[1]),
        }
    }

    /// Lets it carry again, and waits until both directors say that they are connected.
    pub(super) async fn mend(&self) -> anyhow::Result<()> {
        match self {
            Self::Loopback(_) => bail!("on the loopback no link can be cut"),
            #[cfg(target_os = "linux")]
            Self::Apart(world) => {
                world.mend_mesh(CUT[0], CUT[1])?;
                world.wait_until_linked(SOON).await
            }
        }
    }

    pub(super) async fn shutdown(self) {
        match self {
            Self::Loopback(network) => network.shutdown().await,
            #[cfg(target_os = "linux")]
            Self::Apart(world) => world.shutdown().await,
        }
    }
}

/// Whether all of a program that lets these happen has run already, in another process: links are cut between networks
/// of their own, which a user may have to become root for, in a namespace in which that means little.
///
/// # Errors
///
/// If it failed there, or there are no such networks.
pub fn has_run_elsewhere(faults: &[Fault]) -> anyhow::Result<bool> {
    Ok(faults.iter().any(|fault| fault.is_apart()) && runs_elsewhere()?)
}

#[cfg(target_os = "linux")]
fn runs_elsewhere() -> anyhow::Result<bool> {
    match namespaces::ready() {
        Ok(ran) => Ok(ran == Ran::Inside),
        Err(error) => bail!("{error}"),
    }
}

#[cfg(not(target_os = "linux"))]
fn runs_elsewhere() -> anyhow::Result<bool> {
    bail!("{NOT_HERE}")
}
