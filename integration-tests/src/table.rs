//! Lays the state of a run out as a table.

use crate::{chain::UNIT, validator::Shared};

/// One checkpoint.
pub struct CheckpointRow {
    /// Its number.
    pub checkpoint: u64,
    /// Validators that voted.
    pub votes: u32,
    /// Deliveries of their votes that must happen, and those that did.
    pub expected: u64,
    /// See `expected`.
    pub delivered: u64,
    /// Validators that have a certificate.
    pub certified: usize,
    /// Milliseconds from seeing the checkpoint to the certificate: median and longest.
    pub certificate_ms: Option<(f64, f64)>,
}

/// One director.
pub struct DirectorRow {
    /// Its name.
    pub name: String,
    /// Connections to other directors.
    pub mesh: usize,
    /// Connections to validators.
    pub validators: usize,
    /// Messages that it passed on.
    pub relayed: u64,
    /// Repeats that it dropped.
    pub loops_prevented: u64,
    /// Its resident memory.
    pub memory_mib: u64,
}

/// One double sign.
pub struct SlashRow {
    /// Who did it.
    pub validator: String,
    /// At which checkpoint.
    pub checkpoint: u64,
    /// Milliseconds from the second vote until the first director had the proof, once one has it.
    pub detected_after_ms: Option<u64>,
    /// Reporter, block of the report, first block at which the slash can be applied.
    pub proven: Option<(String, u64, u64)>,
    /// Amount, reward, block.
    pub slashed: Option<(u128, u128, u64)>,
}

/// Everything that the table shows.
pub struct Picture {
    /// Number of the finalized block.
    pub finalized: u64,
    /// The node's resident memory.
    pub node_memory_mib: u64,
    /// The latest checkpoints, oldest first.
    pub checkpoints: Vec<CheckpointRow>,
    /// The directors.
    pub directors: Vec<DirectorRow>,
    /// Double signs, in the order in which they happened.
    pub slashes: Vec<SlashRow>,
}

/// The latest checkpoints of a run, at most `most`, oldest first.
pub fn checkpoint_rows(shared: &Shared, most: usize) -> Vec<CheckpointRow> {
    let progress = shared.progress();
    let ledger = shared.ledger();
    let latest = progress.checkpoints.iter().rev().take(most);
    let mut rows: Vec<_> = latest
        .map(|(checkpoint, of)| {
            let totals = ledger.group(*checkpoint);
            let mut took: Vec<_> = of.certified.values().collect();
            took.sort();
            let ms = |at: usize| took[at].as_secs_f64() * 1000.0;
            CheckpointRow {
                checkpoint: *checkpoint,
                votes: of.votes,
                expected: totals.expected,
                delivered: totals.delivered,
                certified: took.len(),
                certificate_ms: (!took.is_empty())
                    .then(|| (ms(took.len() / 2), ms(took.len() - 1))),
            }
        })
        .collect();
    rows.reverse();
    rows
}

impl Picture {
    /// The table, a string a line.
    pub fn lines(&self) -> Vec<String> {
        let mut lines = vec![
            String::new(),
            format!("finalized block {}   node {} MiB", self.finalized, self.node_memory_mib),
            format!(
                "{:>12}{:>8}{:>20}{:>14}{:>26}",
                "checkpoint", "voters", "votes delivered", "certificates", "latency p50 / max"
            ),
        ];
        for row in &self.checkpoints {
            let latency = row.certificate_ms.map_or_else(
                || "waiting".into(),
                |(median, longest)| format!("{median:.1} / {longest:.1} ms"),
            );
            let delivered = format!("{} of {}", row.delivered, row.expected);
            lines.push(format!(
                "{:>12}{:>8}{delivered:>20}{:>14}{latency:>26}",
                row.checkpoint, row.votes, row.certified
            ));
        }
        lines.push(format!(
            "{:>12}{:>8}{:>20}{:>14}{:>18}{:>8}",
            "director", "mesh", "validators", "relayed", "loops prevented", "MiB"
        ));
        for row in &self.directors {
            lines.push(format!(
                "{:>12}{:>8}{:>20}{:>14}{:>18}{:>8}",
                row.name,
                row.mesh,
                row.validators,
                row.relayed,
                row.loops_prevented,
                row.memory_mib
            ));
        }
        lines.extend(self.slashes.iter().flat_map(SlashRow::lines));
        lines
    }
}

impl SlashRow {
    /// What has happened so far, a string a line.
    pub fn lines(&self) -> Vec<String> {
        let (validator, checkpoint) = (&self.validator, self.checkpoint);
        let mut lines = vec![format!("{validator} signed two blocks for checkpoint {checkpoint}")];
        match self.detected_after_ms {
            Some(after) => lines.push(format!("  detected by the directors {after} ms later")),
            None => lines.push("  not detected yet".into()),
        }
        if let Some((reporter, block, apply_at)) = &self.proven {
            lines.push(format!(
                "  proven on chain by {reporter} in block {block}, to be slashed in block {apply_at}"
            ));
        }
        if let (Some((amount, reward, block)), Some((reporter, ..))) = (self.slashed, &self.proven)
        {
            let units = |amount: u128| amount as f64 / UNIT as f64;
            let (amount, reward) = (units(amount), units(reward));
            lines.push(format!(
                "  slashed in block {block}: {amount:.2} UNIT, of which {reward:.2} to {reporter}"
            ));
        }
        lines
    }
}
