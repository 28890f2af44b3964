//! Keeps the books of a run: what has happened by now, and whether it is what had to.

use super::{Case, End, Run};
use crate::{
    options::Until,
    report::{Connections, Latency, Slashed, Summary},
    table::{DirectorRow, Picture, SlashRow},
};
use director_primitives::AccountId32;
use serde_json::Value;
use std::collections::BTreeSet;

/// Checkpoints that the table shows.
const SHOWN: usize = 6;

impl Run<'_> {
    /// Accounts of those that have signed twice by now.
    fn offenders(&self) -> BTreeSet<AccountId32> {
        let progress = self.network.shared.progress();
        let signed = progress.double_signed.iter();
        signed.map(|signed| self.network.identities[signed.validator].id()).collect()
    }

    /// Checkpoints for which every honest validator has a certificate.
    fn certificates(&self) -> u64 {
        let progress = self.network.shared.progress();
        let signed = &progress.double_signed;
        let offender = |number: &usize| signed.iter().any(|signed| signed.validator == *number);
        let honest: Vec<_> =
            (0..self.network.identities.len()).filter(|number| !offender(number)).collect();
        let complete = progress
            .checkpoints
            .values()
            .filter(|of| honest.iter().all(|number| of.certified.contains_key(number)));
        complete.count() as u64
    }

    /// Whether those are slashed that have signed twice, or are to.
    fn all_slashed(&self) -> bool {
        let is_slashed = |account: &AccountId32| {
            self.cases.iter().any(|case| case.validator == *account && case.slashed.is_some())
        };
        let mut offenders = self.offenders();
        if let Some(planned) = self.options.offender() {
            offenders.insert(self.network.identities[usize::from(planned.validator) - 1].id());
        }
        offenders.iter().all(is_slashed)
    }

    pub(super) fn is_reached(&self) -> bool {
        match self.options.until {
            None => false,
            Some(Until::Slashed) => self.all_slashed(),
            Some(Until::Checkpoints(wanted)) => self.certificates() >= wanted && self.all_slashed(),
        }
    }

    /// All directors with each other, and each validator with its primary and, if there is a second director, its
    /// standby.
    pub(super) fn wanted_connections(&self) -> Connections {
        let directors = self.network.directors.len() as u32;
        let validators = self.network.identities.len() as u32 * directors.min(2);
        Connections { mesh: directors * (directors - 1) / 2, validators }
    }

    pub(super) fn summary(&self) -> Summary {
        let ledger = self.network.shared.ledger();
        let totals = ledger.totals();
        let latency_ms = Latency {
            p50: ledger.latency_ms(0.50),
            p95: ledger.latency_ms(0.95),
            p99: ledger.latency_ms(0.99),
            max: ledger.latency_max_ms(),
        };
        drop(ledger);
        // Not inside the literal below: a lock taken there is held until its end.
        let checkpoints = self.network.shared.progress().checkpoints.len() as u64;
        let offenders = self.offenders();
        let honest = self.cases.iter().filter(|case| !offenders.contains(&case.validator));
        Summary {
            directors: self.network.directors.len(),
            validators: self.network.identities.len(),
            checkpoints,
            votes_published: totals.published,
            deliveries_expected: totals.expected,
            deliveries: totals.delivered,
            lost: totals.outstanding(),
            duplicates: totals.duplicates,
            repeats: self.network.shared.repeats(),
            latency_ms,
            certificates: self.certificates(),
            connections: self.connections,
            double_signs_detected: self.evidence().len() as u64,
            slashed: self.cases.iter().filter_map(|case| self.slashed(case)).collect(),
            honest_slashed: honest.count() as u64,
        }
    }

    fn slashed(&self, case: &Case) -> Option<Slashed> {
        let taken = case.slashed.as_ref()?;
        let id = case.validator.to_string();
        let detected = self.evidence().into_iter().find(|found| found.validator == id);
        // Where no director could be asked, the second vote itself: an upper bound.
        let progress = self.network.shared.progress();
        let signed = progress.double_signed.iter().find(|of| of.checkpoint == case.checkpoint);
        let signed_at = signed.map_or(taken.finalized_at_ms, |signed| signed.at_ms);
        let detected_at = detected.map_or(signed_at, |found| found.detected_at_ms);
        Some(Slashed {
            validator: self.number_of(&case.validator),
            checkpoint: case.checkpoint,
            amount: taken.amount,
            reporter: self.network.name_of(&case.reporter),
            detected_to_finalized_ms: taken.finalized_at_ms.saturating_sub(detected_at),
        })
    }

    pub(super) fn blocks_to_slash(&self) -> Vec<u64> {
        let progress = self.network.shared.progress();
        let blocks = progress.double_signed.iter().filter_map(|signed| {
            let account = self.network.identities[signed.validator].id();
            let case = self.cases.iter().find(|case| case.validator == account)?;
            Some(case.slashed.as_ref()?.block.saturating_sub(signed.finalized))
        });
        blocks.collect()
    }

    /// Number of a validator, from 1.
    fn number_of(&self, account: &AccountId32) -> usize {
        let at = self.network.identities.iter().position(|identity| identity.id() == *account);
        at.map_or(0, |at| at + 1)
    }

    /// Double signs that directors have proven, each with the moment when the first one had it.
    fn evidence(&self) -> Vec<Evidence> {
        let mut found: Vec<Evidence> = Vec::new();
        for status in self.statuses.iter().flatten() {
            for item in status["evidence"].as_array().into_iter().flatten() {
                let Some(item) = Evidence::read(item) else { continue };
                match found.iter_mut().find(|known| known.id == item.id) {
                    Some(known) => {
                        known.detected_at_ms = known.detected_at_ms.min(item.detected_at_ms);
                    }
                    None => found.push(item),
                }
            }
        }
        found
    }

    pub(super) fn faults(&self, summary: &Summary, end: &End) -> Vec<String> {
        let mut faults = Vec::new();
        let mut wrong = |is: bool, what: String| is.then(|| faults.push(what));
        if let End::Failed(error) = end {
            wrong(true, format!("{error:#}"));
        }
        wrong(matches!(end, End::TimedOut), "gave up: --timeout was reached first".into());
        wrong(matches!(end, End::Interrupted), "interrupted before what --until asks for".into());
        wrong(
            summary.honest_slashed > 0,
            format!("{} honest validators were accused on chain", summary.honest_slashed),
        );
        if self.hand.has_touched() {
            return faults;
        }
        let mut wrong = |is: bool, what: String| is.then(|| faults.push(what));
        wrong(summary.lost > 0, format!("{} deliveries were lost", summary.lost));
        wrong(summary.duplicates > 0, format!("{} deliveries were duplicates", summary.duplicates));
        let strange = self.network.shared.ledger().strange();
        wrong(strange > 0, format!("{strange} messages came that nobody had published"));
        let wanted = self.wanted_connections();
        wrong(
            summary.connections != wanted,
            format!("{:?} were counted instead of {wanted:?}", summary.connections),
        );
        wrong(!self.all_slashed(), "the validator that signs twice is not slashed (yet)".into());
        for (checkpoint, votes, expected) in self.missing_votes() {
            wrong(true, format!("only {votes} of {expected} voted at checkpoint {checkpoint}"));
        }
        faults
    }

    /// Checkpoints but for the last, which may have come when the run ended, at which somebody did not
    /// vote: with how many did and how many had to.
    fn missing_votes(&self) -> Vec<(u64, u32, u32)> {
        let progress = self.network.shared.progress();
        let voters = |checkpoint: u64| {
            let gone =
                progress.double_signed.iter().filter(|of| of.checkpoint < checkpoint).count();
            (self.network.identities.len() - gone) as u32
        };
        let votes = progress.checkpoints.iter().map(|(at, of)| (*at, of.votes, voters(*at)));
        let mut votes: Vec<_> = votes.collect();
        votes.pop();
        votes.retain(|(_, votes, expected)| votes < expected);
        votes
    }

    pub(super) fn picture(&self) -> Picture {
        let network = &self.network;
        let finalized = network.chain.node.head().borrow().map_or(0, |head| head.number);
        let directors = network.directors.iter().zip(&self.statuses).map(|(director, status)| {
            let status = status.as_ref();
            let list = |name: &str| status.and_then(|s| s[name].as_array()).map_or(0, Vec::len);
            let stat = |name: &str| status.and_then(|s| s["stats"][name].as_u64()).unwrap_or(0);
            DirectorRow {
                name: director.identity.name.clone(),
                mesh: list("mesh"),
                validators: list("validators"),
                relayed: stat("relayed"),
                loops_prevented: stat("loops_prevented"),
                memory_mib: director.process.rss_kib().unwrap_or(0) / 1024,
            }
        });
        Picture {
            finalized,
            node_memory_mib: network.chain.process.rss_kib().unwrap_or(0) / 1024,
            checkpoints: crate::table::checkpoint_rows(&network.shared, SHOWN),
            directors: directors.collect(),
            slashes: self.slash_rows(),
        }
    }

    fn slash_rows(&self) -> Vec<SlashRow> {
        let evidence = self.evidence();
        let progress = self.network.shared.progress();
        let rows = progress.double_signed.iter().map(|signed| {
            let identity = &self.network.identities[signed.validator];
            let account = identity.id();
            let case = self.cases.iter().find(|case| case.validator == account);
            let id = account.to_string();
            SlashRow {
                validator: identity.name.clone(),
                checkpoint: signed.checkpoint,
                detected_after_ms: evidence
                    .iter()
                    .find(|found| found.validator == id)
                    .map(|found| found.detected_at_ms.saturating_sub(signed.at_ms)),
                proven: case.map(|case| {
                    (self.network.name_of(&case.reporter), case.proven_in, case.apply_at)
                }),
                slashed: case
                    .and_then(|case| case.slashed.as_ref())
                    .map(|taken| (taken.amount, taken.reward, taken.block)),
            }
        });
        rows.collect()
    }
}

/// A double sign, as a director's status has it.
struct Evidence {
    id: String,
    validator: String,
    detected_at_ms: u64,
}

impl Evidence {
    fn read(item: &Value) -> Option<Self> {
        Some(Self {
            id: item["id"].as_str()?.to_string(),
            validator: item["validator"].as_str()?.to_string(),
            detected_at_ms: item["detected_at_ms"].as_u64()?,
        })
    }
}
