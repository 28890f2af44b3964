//! Holds directors to the formula for their memory in docs/benchmarks.md.
//!
//! ```text
//! a director:  base + connections × a + validators × b + ring + what waits
//! ```

use crate::{case::System, row::Row, systems::LOG_MIB};

/// A director that knows nobody.
const BASE_KIB: usize = 25 * 1024;

/// A connection: its task, muxer, cipher and buffers.
const CONNECTION_KIB: usize = 41;

/// A validator, whoever's it is: slots of recent checkpoints, and the sequence windows of four classes, of which nothing
/// is missing. With holes they may take eight times that, which does not happen here.
const VALIDATOR_KIB: usize = 10 + 64;

/// `limits.log_mib`, and `limits.memory_mib` with `limits.mesh_memory_mib`, as they are by default.
const RING_KIB: usize = 64 * 1024;
const WAITING_KIB: usize = 256 * 1024;

/// The most that directors may have had together in a run, in MiB; `None` for other systems.
pub(crate) fn bound_mib(row: &Row) -> Option<f64> {
    let is_director = matches!(row.system, Some(System::Director | System::DirectorQuic));
    let Row { relays, validators, .. } = *row;
    let mesh = relays.saturating_sub(1);
    let (waiting, ring) =
        row.waiting_mib.map_or((WAITING_KIB, RING_KIB), |mib| (mib * 1024, LOG_MIB * 1024));
    // On the mesh only if there is one.
    let waiting = waiting * (1 + mesh.min(1));
    let each = BASE_KIB + mesh * CONNECTION_KIB + validators * VALIDATOR_KIB + ring + waiting;
    let kib = relays * each + validators * CONNECTION_KIB;
    is_director.then(|| kib as f64 / 1024.0)
}

/// The rows that are above it, each a line.
pub(crate) fn excesses(rows: &[Row]) -> Vec<String> {
    let excess = |row: &Row| {
        let bound = bound_mib(row)?;
        let Row { relays, validators, .. } = *row;
        let (load, most) = (row.load(), row.rss_mib.max(row.peak_mib));
        (most > bound).then(|| {
            format!("{relays}×{validators}, {load}: {most:.0} MiB, the formula says {bound:.0}")
        })
    };
    rows.iter().filter_map(excess).collect()
}
