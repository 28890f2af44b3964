//! What blocks say against reports that the dry run finds right.
//!
//! What they refuse again and again, whatever they say, they will refuse once more, so the next report against that validator is paid for many blocks
//! later. Others have their turns meanwhile, and the dry run goes on asking whether one of them got through. This is known as long
//! as the director runs: who is started anew waits behind all turns and then may pay for [`MAX_REFUSALS`] again.

/// Times that blocks may refuse reports against a validator, whatever the error is, though the dry run finds nothing wrong, before the
/// director pays for the next one only after [`REFUSED_BLOCKS`] finalized blocks.
const MAX_REFUSALS: u32 = 2;
const REFUSED_BLOCKS: u64 = 600;

/// Those against one validator.
#[derive(Clone, Debug)]
pub(super) struct Refusals {
    /// What was said last.
    error: String,
    /// How often in a row.
    times: u32,
    /// The finalized block at which that was heard.
    at: u64,
}

impl Refusals {
    /// One more than these.
    pub(super) fn after(before: Option<&Self>, error: &str, finalized: u64) -> Self {
        let times = before.map_or(0, |before| before.times).saturating_add(1);
        Self { error: error.into(), times, at: finalized }
    }

    /// Why no other report is paid for yet.
    pub(super) fn in_vain(&self, finalized: u64) -> Option<String> {
        let Self { error, times, at } = self;
        let waits = *times >= MAX_REFUSALS && finalized.abs_diff(*at) < REFUSED_BLOCKS;
        waits.then(|| {
            format!(
                "blocks have refused the report {times} times ({error}) though the chain says that it is right: the next one is \
                 paid for {REFUSED_BLOCKS} blocks after the last; see the runtime, or report the proof with `director evidence`"
            )
        })
    }
}
