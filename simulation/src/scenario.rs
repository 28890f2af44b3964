//! Draws from a seed who takes part, what links are like, what is said, and what goes wrong.

use crate::{
    Millis, chain,
    faults::{Cast, Fault, FaultKind},
    network,
    node::Node,
};
use director_primitives::{Priority, envelope::MAX_ENVELOPE_LEN, threshold::tolerated_liars};
use rand::{Rng, SeedableRng, rngs::StdRng};
use std::collections::BTreeMap;

/// Parts that a test may switch off, to see that the checks notice.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Options {
    /// Directors and clients ask nobody for what they miss.
    pub no_fetch: bool,
    /// Clients send nothing a second time.
    pub no_resend: bool,
    /// Nothing goes wrong.
    pub no_faults: bool,
}

/// What validators publish.
#[derive(Clone, Debug)]
pub struct Traffic {
    /// Mean time from one message of a validator to its next, in milliseconds.
    pub interval_ms: Millis,
    /// Longest payload of a message that is no vote and not Bulk.
    pub max_bytes: usize,
    /// Longest payload of Bulk.
    pub max_bulk_bytes: usize,
    /// No message after that, in milliseconds.
    pub until: Millis,
}

/// A run.
#[derive(Clone, Debug)]
pub struct Scenario {
    /// It follows from this number alone.
    pub seed: u64,
    /// Directors of the first block.
    pub directors: u8,
    /// Validators of the first block, all authorized.
    pub validators: u8,
    /// Links.
    pub links: network::Settings,
    /// Chain.
    pub chain: chain::Settings,
    /// Traffic.
    pub traffic: Traffic,
    /// Directors that do wrong.
    pub byzantine_directors: Vec<u8>,
    /// Those of them that do two wrong things at once, one of which is to lie about what they have.
    pub combining: Vec<u8>,
    /// Those of them that let validators in and out as they like, beside that.
    pub doormen: Vec<u8>,
    /// Those of them that do another thing instead: they tell validators that sequences are further than they are, and keep back
    /// what is missing. How many messages.
    pub hiders: BTreeMap<u8, u64>,
    /// Messages that an honest validator says at a time.
    pub burst: u8,
    /// Validators that do wrong.
    pub byzantine_validators: Vec<u8>,
    /// Validators whose applications want strict order.
    pub strict: Vec<u8>,
    /// Whether the logs of directors have room for all that is said.
    pub log_holds_all: bool,
    /// Bytes of a director's log.
    pub log_bytes: usize,
    /// Bytes of frames that a director sends upon one question: as in the service, a queue whose overflow ends the
    /// connection takes two of that. A director that sent more at once would lose everybody who comes back.
    pub page_bytes: usize,
    /// Bytes that a client's outbox keeps.
    pub outbox_bytes: usize,
    /// What goes wrong, by the time when it begins.
    pub faults: Vec<Fault>,
    /// From then on nothing is wrong any more.
    pub quiet_at: Millis,
    /// The end.
    pub end_at: Millis,
    /// What is switched off.
    pub options: Options,
}

impl Scenario {
    /// What a seed draws.
    pub fn draw(seed: u64, options: Options) -> Self {
        let mut rng = StdRng::seed_from_u64(seed);
        let directors = rng.random_range(3..=7);
        let validators = rng.random_range(4..=12);
        let quiet_at = rng.random_range(20_000..=40_000);
        let links = links(&mut rng);
        let chain = chain(&mut rng);
        let traffic = Traffic {
            interval_ms: rng.random_range(300..=1_500),
            max_bytes: *pick(&mut rng, &[64, 512, 2_048]),
            max_bulk_bytes: *pick(&mut rng, &[512, 4_096, 16_384]),
            until: quiet_at,
        };
        let byzantine_directors = match options.no_faults || rng.random_bool(0.5) {
            true => Vec::new(),
            false => some(&mut rng, directors, if directors == 7 { 2 } else { 1 }),
        };
        let byzantine_validators = match options.no_faults || rng.random_bool(0.5) {
            true => Vec::new(),
            false => some(&mut rng, validators, validators / 3),
        };
        let strict = some(&mut rng, validators, validators);
        let byzantine: Vec<_> = byzantine_directors.iter().map(|n| Node::Director(*n)).collect();
        let others = byzantine_validators.iter().map(|n| Node::Validator(*n));
        let byzantine: Vec<_> = byzantine.into_iter().chain(others).collect();
        let byzantine = &*byzantine;
        let cast = Cast { directors, validators, byzantine, from: 3_000, until: quiet_at };
        let mut faults = match options.no_faults {
            true => Vec::new(),
            false => cast.draw(&mut rng),
        };
        // Of those that are left no more may lie than may: nobody promises anything then.
        let is_removal = |fault: &Fault| matches!(fault.kind, FaultKind::RemoveDirector(_));
        let removals = faults.iter().filter(|fault| is_removal(fault)).count() as u32;
        let least = u32::from(directors).saturating_sub(removals);
        if tolerated_liars(least) < byzantine_directors.len() as u32 {
            faults.retain(|fault| !is_removal(fault));
        }
        // Drawn last, so that a seed draws what it drew before there were small logs.
        let log_holds_all = !rng.random_bool(0.2);
        // And this after that.
        let combines = byzantine_directors.iter().copied().filter(|_| rng.random_bool(0.4));
        let combining = combines.collect();
        let doormen = byzantine_directors.iter().copied().filter(|_| rng.random_bool(0.3));
        let doormen = doormen.collect();
        // And this last.
        let hiders = byzantine_directors.iter().copied().filter(|_| rng.random_bool(0.25));
        let hiders: Vec<_> = hiders.collect();
        let hiders = hiders.into_iter().map(|n| (n, rng.random_range(1..=3))).collect();
        let burst = *pick(&mut rng, &[1, 1, 4]);
        let log_bytes = if log_holds_all { 64 * 1024 * 1024 } else { SMALL_LOG_BYTES };
        let queues = links.queue_bytes[Priority::Critical.index()..=Priority::High.index()].iter();
        // As in the service, a message is no longer than half of what may wait.
        let most_bulk = links.queue_bytes[Priority::Bulk.index()] / 2;
        let traffic = Traffic { max_bulk_bytes: traffic.max_bulk_bytes.min(most_bulk), ..traffic };
        let page_bytes = queues.min().map_or(MAX_PAGE_BYTES, |queue| MAX_PAGE_BYTES.min(queue / 2));
        Self {
            seed,
            directors,
            validators,
            links,
            chain,
            traffic,
            byzantine_directors,
            combining,
            doormen,
            hiders,
            burst,
            byzantine_validators,
            strict,
            log_holds_all,
            log_bytes,
            page_bytes,
            outbox_bytes: OUTBOX_BYTES,
            faults,
            quiet_at,
            end_at: quiet_at + 15_000,
            options,
        }
    }
}

/// Bytes of a client's outbox.
const OUTBOX_BYTES: usize = 4 * 1024 * 1024;

/// The page of a director whose queues are long enough.
const MAX_PAGE_BYTES: usize = 512 * 1024;

/// A log that holds some seconds of what is said, and no Bulk of a long partition.
const SMALL_LOG_BYTES: usize = 48 * 1024;

/// At least one and at most `most` of `count`, in ascending order; none if `most` is none.
fn some(rng: &mut StdRng, count: u8, most: u8) -> Vec<u8> {
    let most = most.min(count);
    if most == 0 {
        return Vec::new();
    }
    let wanted = usize::from(rng.random_range(1..=most));
    let mut chosen: Vec<u8> = (0..count).collect();
    while chosen.len() > wanted {
        chosen.remove(rng.random_range(0..chosen.len()));
    }
    chosen
}

/// One of several.
pub(crate) fn pick<'a, T>(rng: &mut StdRng, of: &'a [T]) -> &'a T {
    &of[rng.random_range(0..of.len())]
}

fn links(rng: &mut StdRng) -> network::Settings {
    const KIB: usize = 1024;
    let far = *pick(rng, &[5, 30, 80]);
    network::Settings {
        latency_ms: (1, far),
        jitter_ms: *pick(rng, &[1, 5, 20]),
        lost_of_10_000: *pick(rng, &[0, 0, 50, 200]),
        lost_ms: 200,
        bytes_per_ms: *pick(rng, &[1_000, 10_000]),
        window_bytes: *pick(rng, &[16, 64, 256]) * KIB,
        queue_bytes: *pick(
            rng,
            &[
                [256 * KIB, 256 * KIB, 256 * KIB, 512 * KIB],
                [256 * KIB, 64 * KIB, 4 * KIB, 16 * KIB],
                [64 * KIB, 16 * KIB, 4 * KIB, 16 * KIB],
            ],
        ),
        client_queue_bytes: 2 * (OUTBOX_BYTES + MAX_ENVELOPE_LEN),
    }
}

fn chain(rng: &mut StdRng) -> chain::Settings {
    chain::Settings {
        block_ms: *pick(rng, &[500, 1_000, 2_000]),
        checkpoint_interval: rng.random_range(1..=3),
        spread_ms: *pick(rng, &[50, 500, 1_500]),
        slash_after: rng.random_range(2..=20),
        votes_after: rng.random_range(0..=2),
        capacity: 100,
    }
}
