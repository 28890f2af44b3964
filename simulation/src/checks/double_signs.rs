//! Every double sign yields a proof at every honest director.

use super::{Failures, is_in_trouble};
use crate::{Millis, chain::Change, ledger::Shown, node::Node, world::World};

/// A process that has just started knows no block yet, and refuses everything.
const STARTED_MS: Millis = 1_000;

/// All of it.
pub(super) fn check(world: &World, failures: &mut Failures) {
    for validator in world.validators.iter().filter(|of| !of.is_honest()) {
        let n = validator.n;
        let Some(checkpoint) = first_due(world, n) else { continue };
        let directors = world.directors.iter().filter(|of| of.is_honest() && of.process.is_some());
        let without = directors.filter(|of| {
            let has = of.disk.proofs.values().any(|proof| {
                let owner = world.chain.latest();
                let owner = owner.validator_by_checkpoint_key(&proof.first.key);
                owner.is_some_and(|owner| {
                    Node::of_account(&owner.account) == Some(Node::Validator(n))
                })
            });
            !has && !is_excused(world, of.n, n)
        });
        failures.add(without.map(|of| {
            format!("d{} has no proof that v{n} signed twice at checkpoint {checkpoint}", of.n)
        }));
    }
}

/// Whether a director is none any more, or could not hear of it before the chain punished the validator: it began
/// only then, or a fault had kept it from the others.
fn is_excused(world: &World, director: u8, validator: u8) -> bool {
    let punished = world.chain.changes.iter();
    let punished = punished.filter(|(_, change)| *change == Change::Tombstone(validator));
    let punished_at = punished.map(|(block, _)| world.time_of(*block)).min();
    let started_at = world.directors[usize::from(director)].started_at;
    punished_at.is_some_and(|at| {
        started_at + 2 * STARTED_MS >= at || is_in_trouble(world, Node::Director(director), at)
    }) || !world.chain.is_director(director)
}

/// The first checkpoint at which a validator showed two votes to honest directors that live to tell.
fn first_due(world: &World, validator: u8) -> Option<u64> {
    let outlawed_at = world.ledger.outlawed.get(&Node::Validator(validator)).copied();
    let checkpoints = world.ledger.votes.iter().filter(|((of, _), _)| *of == validator);
    let mut due = checkpoints.filter(|(_, hashes)| {
        let lives = |shown: &&Shown| {
            let director = &world.directors[usize::from(shown.director)];
            director.process.is_some()
                && director.process_number == shown.process
                && director.started_at + STARTED_MS <= shown.at
                && world.chain.is_director(shown.director)
        };
        let living: Vec<Vec<&Shown>> =
            hashes.values().map(|shown| shown.iter().filter(lives).collect()).collect();
        let pairs = living.iter().enumerate().flat_map(|(at, firsts)| {
            let seconds = living[at + 1..].iter().flatten();
            firsts.iter().flat_map(move |first| seconds.clone().map(move |second| (first, second)))
        });
        pairs.into_iter().any(|(first, second)| {
            let at = first.at.max(second.at);
            // Once it is cut off, what it says is not passed on; who saw both knows.
            first.director == second.director || outlawed_at.is_none_or(|outlawed| at < outlawed)
        })
    });
    due.next().map(|((_, checkpoint), _)| *checkpoint)
}
