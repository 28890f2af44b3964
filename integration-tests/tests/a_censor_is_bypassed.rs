//! A director keeps one validator's messages from two others that it is the primary of: they get each of them
//! from their standby, say who withheld it, and leave. Everybody else notices nothing.

#![allow(clippy::unwrap_used)]

use anyhow::{bail, ensure};
use director_primitives::{Decision, Priority, PublicKey, Range};
use director_service::{
    client::{Config, DirectorAddress, Event},
    director::Link,
    network::{DownReason, Socket},
    testing::{Censor, Censorship},
};
use futures::future::{join_all, try_join_all};
use integration_tests::{
    chain::{Chain, FEES, STAKE},
    director::{Director, Ports},
    keys::Identity,
    network::addresses,
    witness::Witness,
};
use serde_json::Value;
use std::{
    collections::HashSet,
    time::{Duration, Instant},
};
use tempfile::TempDir;
use tokio::time::{sleep, timeout};

/// Bounds a failure.
const PATIENCE: Duration = Duration::from_secs(200);

/// Bounds a wait for what a director says of itself.
const SOON: Duration = Duration::from_secs(30);

/// A detour takes half a second at most; this is for debug builds on a busy machine.
const BYPASSED: Duration = Duration::from_secs(8);

/// Whose messages are censored; it has an honest primary.
const ORIGIN: usize = 0;

/// Speaks and hears through the censor.
const BYSTANDER: usize = 1;

/// From whom they are kept, and how many each of them puts up with: the default, and more, so that there is
/// something to measure.
const VICTIMS: [(usize, usize); 2] = [(2, 3), (3, 24)];

const VALIDATORS: usize = 4;

/// Messages of each speaker while the censor sends what it is asked for.
const LATE: usize = 8;

/// Messages of each speaker while it does not; the last ones come when both victims have left.
const WITHHELD: usize = 24 + 3;

/// From one heartbeat of a director to the next.
const BEAT_MS: u64 = 200;

#[tokio::test(flavor = "multi_thread")]
async fn a_censor_is_bypassed() {
    timeout(PATIENCE, run()).await.expect("done within the bound").unwrap();
}

async fn run() -> anyhow::Result<()> {
    let dir = tempfile::tempdir()?;
    let mut world = World::start(&dir).await?;
    world.converse(1).await?;
    ensure!(world.censor.withheld() == 0);

    world.censor(true);
    let heard = world.converse(LATE).await?;
    show("sent when asked for", heard.iter().filter(|of| of.is_detour(LATE)))?;
    ensure!(world.censor.withheld() >= (VICTIMS.len() * LATE) as u64);
    for validator in &world.validators {
        // Nobody can tell a director that is late from one that does not want to.
        let accused = validator.accusations();
        ensure!(accused.is_empty(), "who sends what it is asked for is accused: {accused:?}");
    }

    world.censor(false);
    let heard = world.converse(WITHHELD).await?;
    let (detours, direct): (Vec<_>, Vec<_>) = heard.iter().partition(|of| of.is_detour(0));
    show("withheld, and sent by another", detours)?;
    show("not withheld", direct)?;
    for (victim, limit) in VICTIMS {
        world.has_left(victim, limit)?;
    }
    world.all_is_well_elsewhere()?;
    world.shutdown().await;
    Ok(())
}

/// A message that somebody got.
struct Heard {
    /// Its number, from 0 in each conversation.
    n: usize,
    speaker: usize,
    hearer: usize,
    /// Since it was published.
    took: Duration,
}

impl Heard {
    /// Whether it was kept from the hearer, who puts up with `at_least` so many.
    fn is_detour(&self, at_least: usize) -> bool {
        let mut victims = VICTIMS.iter().filter(|(victim, _)| *victim == self.hearer);
        self.speaker == ORIGIN && victims.any(|(_, limit)| self.n < at_least.max(*limit))
    }
}

/// Says how long messages took, and fails if one took too long.
fn show<'a>(what: &str, heard: impl IntoIterator<Item = &'a Heard>) -> anyhow::Result<()> {
    let mut took: Vec<_> = heard.into_iter().map(|of| of.took).collect();
    took.sort_unstable();
    let [least, .., most] = took[..] else { bail!("{what}: none") };
    let (median, count) = (took[took.len() / 2], took.len());
    eprintln!("{what}: {least:.1?} at least, {median:.1?} median, {most:.1?} at most, of {count}");
    ensure!(most < BYPASSED, "{what}: {most:?}");
    Ok(())
}

/// A chain, a censor and two honest directors, and validators.
struct World {
    chain: Chain,
    censor: Censor,
    honest: [Director; 2],
    /// Peer keys of the censor and of the others.
    directors: [PublicKey; 3],
    validators: Vec<Witness>,
}

impl World {
    /// Starts everything, and waits until everybody has the primary and the standby that is meant.
    async fn start(dir: &TempDir) -> anyhow::Result<Self> {
        let chain = Chain::start(dir.path(), 250).await?;
        let directors = [1, 2, 3].map(Identity::director);
        let identities = (1..=VALIDATORS).map(Identity::validator).collect::<Vec<_>>();
        let [bad, others @ ..] = &directors;
        let (account, seed) = (bad.id(), bad.peer_secret());
        let finalized = chain.node.finalized();
        let censor = Censor::start(account, seed, chain.genesis_hash, finalized).await?;
        let start = |of: &Identity| Director::start(of.clone(), dir.path(), &chain.url);
        let [second, third] = others.each_ref().map(start);
        let honest = <[_; 2]>::from(tokio::try_join!(second, third)?);

        let ports = [ports_of(&censor), honest[0].ports, honest[1].ports];
        introduce(&chain, &directors, ports, &identities).await?;
        for director in &honest {
            director.wait_for_status(SOON, is_linked).await?;
        }
        let directors = directors.map(|of| of.peer_key());
        let public = censor.listening(Link::Public);
        let mut known = addresses(&honest)?;
        known.insert(0, DirectorAddress { peer_key: directors[0], addresses: public });
        let connect = identities.iter().enumerate().map(|(n, of)| connect(&chain, n, of, &known));
        let validators = try_join_all(connect).await?;
        Ok(Self { chain, censor, honest, directors, validators })
    }

    /// Keeps the origin's messages from the victims, from here on.
    fn censor(&self, answers: bool) {
        let key = |number: usize| self.validators[number].key();
        let receivers = VICTIMS.map(|(victim, _)| key(victim)).into();
        self.censor.censor(Censorship { origin: key(ORIGIN), receivers, answers });
    }

    /// Has origin and bystander say so many messages each; returns when all others have them.
    async fn converse(&mut self, count: usize) -> anyhow::Result<Vec<Heard>> {
        let mut heard = Vec::new();
        for n in 0..count {
            // Waits for nothing: messages are to fall into all parts of the time between two heartbeats.
            sleep(Duration::from_millis(n as u64 * 37 % BEAT_MS)).await;
            let at = Instant::now();
            let say = |speaker: usize| (speaker, self.validators[speaker].say_something());
            for (speaker, id) in [ORIGIN, BYSTANDER].map(say) {
                let (origin, id) = (self.validators[speaker].key(), id?);
                for (hearer, validator) in self.validators.iter_mut().enumerate() {
                    if hearer != speaker {
                        let took = validator.hears(origin, id).await?.duration_since(at);
                        heard.push(Heard { n, speaker, hearer, took });
                    }
                }
            }
        }
        Ok(heard)
    }

    /// A victim has named the censor for each message up to its limit, and left it then.
    fn has_left(&self, victim: usize, limit: usize) -> anyhow::Result<()> {
        let [censor, standby, _] = self.directors;
        let (victim, origin) = (&self.validators[victim], self.validators[ORIGIN].key());
        let accused = victim.accusations();
        ensure!(accused.len() == limit, "{} accusations, not {limit}", accused.len());
        for (seq, event) in (2 + LATE as u64..).zip(&accused) {
            let Event::Withheld { director, via, message } = event else { continue };
            let Range { origin: of, class, first, last, .. } = *message;
            let told = (*director, *via, of, class, first, last);
            let meant = (censor, standby, origin, Priority::Critical, seq, seq);
            ensure!(told == meant, "{event:?} is not about {seq}");
        }
        let left = [
            accused[limit - 1].clone(),
            Event::Disconnected { director: censor, reason: DownReason::Disconnected },
            Event::Connected { director: standby },
            Event::Authorized { director: standby },
        ];
        let mut moments = victim.events.windows(left.len());
        ensure!(moments.any(|of| of == left), "it stays with the censor: {:?}", victim.events);
        Ok(())
    }

    /// Everybody has every message once, and only victims accuse somebody or leave.
    fn all_is_well_elsewhere(&self) -> anyhow::Result<()> {
        for (number, validator) in self.validators.iter().enumerate() {
            let is_victim = VICTIMS.iter().any(|(victim, _)| *victim == number);
            let mut heard = HashSet::new();
            for event in &validator.events {
                let is_well = match event {
                    Event::Message(of) => heard.insert((of.origin, of.id)),
                    Event::Withheld { .. } | Event::Disconnected { .. } | Event::Moved { .. } => {
                        is_victim
                    }
                    Event::Gap(_) => false,
                    _ => true,
                };
                ensure!(is_well, "validator {number}: {event:?}");
            }
            let others = [ORIGIN, BYSTANDER].iter().filter(|of| **of != number).count();
            let all = others * (1 + LATE + WITHHELD);
            ensure!(heard.len() == all, "validator {number} has {} of {all}", heard.len());
        }
        Ok(())
    }

    async fn shutdown(self) {
        let Self { chain, censor, honest, validators, .. } = self;
        join_all(validators.into_iter().map(Witness::shutdown)).await;
        censor.shutdown().await;
        join_all(honest.map(|of| of.process.stop())).await;
        chain.process.stop().await;
    }
}

/// Brings everybody onto the chain, and has the honest directors authorize the validators.
async fn introduce(
    chain: &Chain,
    directors: &[Identity; 3],
    ports: [Ports; 3],
    validators: &[Identity],
) -> anyhow::Result<()> {
    let accounts = directors.each_ref().map(Identity::id);
    let funds = accounts.iter().map(|account| (account.clone(), FEES));
    let funds = funds.chain(validators.iter().map(|of| (of.id(), STAKE + FEES))).collect();
    tokio::try_join!(chain.invite_directors(&accounts), chain.fund(funds))?;
    let activate = directors.iter().zip(ports).map(|(of, ports)| chain.activate(of, ports));
    let register = validators.iter().map(|of| chain.register(of, STAKE));
    let register = async { anyhow::Ok(try_join_all(register).await?) };
    tokio::try_join!(try_join_all(activate), register)?;
    let voters = [&directors[1], &directors[2]];
    for of in validators {
        chain.submit_votes(&of.id(), Decision::Approve, &voters, &of.account).await?;
    }
    Ok(())
}

/// Starts a validator, and waits until it has a primary and a standby: the origin two honest directors, the
/// others the censor and an honest one.
async fn connect(
    chain: &Chain,
    number: usize,
    identity: &Identity,
    known: &[DirectorAddress],
) -> anyhow::Result<Witness> {
    let mut wanted = known.to_vec();
    if number == ORIGIN {
        wanted.reverse();
    }
    let [director, standby] = [wanted[0].peer_key, wanted[1].peer_key];
    let mut config = Config::new(identity.peer_secret(), identity.id(), chain.genesis_hash, wanted);
    for (_, limit) in VICTIMS.iter().filter(|(victim, _)| *victim == number) {
        config.withheld_limit = config.withheld_limit.max(*limit);
    }
    let mut validator = Witness::start(config, &chain.node).await?;
    validator.is_told(&Event::Authorized { director }).await?;
    validator.is_told(&Event::Standby { director: standby }).await?;
    Ok(validator)
}

fn ports_of(censor: &Censor) -> Ports {
    let socket = |link| censor.listening(link).first().and_then(Socket::of).unwrap();
    let [mesh, public] = [Link::Mesh, Link::Public].map(|link| socket(link).address().port());
    Ports { mesh, public, http: 0 }
}

/// Whether a director is connected to both others.
fn is_linked(status: &Value) -> bool {
    let peers = status["mesh"].as_array().map_or(&[][..], Vec::as_slice);
    peers.len() == 2 && peers.iter().all(|peer| peer["connected"] == true)
}
