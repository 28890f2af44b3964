//! Reads from a block's events what became of an extrinsic.

use super::{ChainError, session::timeout, session::unexpected};
use subxt::{
    client::OnlineClientAtBlock, config::SubstrateConfig, error::DispatchError, events::Phase,
};

/// What became of an extrinsic in its block.
pub(super) enum Outcome {
    Succeeded,
    /// With the error's name, `Pallet.Error` where it is a pallet's.
    Failed(String),
}

/// What became of the extrinsic at `index` in the block.
pub(super) async fn outcome(
    at: &OnlineClientAtBlock<SubstrateConfig>,
    index: u32,
) -> Result<Outcome, ChainError> {
    let events = timeout(super::CALL_TIMEOUT, at.events().fetch()).await?.map_err(unexpected)?;
    for event in events.iter() {
        let event = event.map_err(unexpected)?;
        if event.phase() != Phase::ApplyExtrinsic(index) {
            continue;
        }
        match (event.pallet_name(), event.event_name()) {
            ("System", "ExtrinsicSuccess") => return Ok(Outcome::Succeeded),
            ("System", "ExtrinsicFailed") => {
                let error = DispatchError::decode_from(event.field_bytes(), at.metadata());
                return Ok(Outcome::Failed(error.map_or_else(
                    |error| format!("an error that cannot be read ({error})"),
                    name,
                )));
            }
            _ => {}
        }
    }
    Err(ChainError::Unexpected(format!("the block has no outcome for its extrinsic {index}")))
}

fn name(error: DispatchError) -> String {
    match error {
        DispatchError::Module(error) => error.details_string().replacen("::", ".", 1),
        error => error.to_string(),
    }
}
