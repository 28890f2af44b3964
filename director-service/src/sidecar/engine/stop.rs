//! Ends what is under way: nothing that was taken on is left without an answer.

use super::{Engine, Said};
use crate::sidecar::protocol::Refusal;
use serde_json::json;
use std::time::{Duration, Instant};
use tokio::{
    sync::mpsc,
    time::{sleep_until, timeout},
};
use tracing::warn;

/// Longest wait for votes that were asked for before. A signer elsewhere may take longer; then they are refused.
const LAST_VOTES: Duration = Duration::from_secs(5);

/// Longest wait for own messages to be with two directors, before the link is closed.
const LAST_MESSAGES: Duration = Duration::from_secs(2);

/// How often that is looked at, which cannot be awaited.
const LOOK: Duration = Duration::from_millis(20);

/// Why an engine has ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::sidecar) enum Ended {
    /// It was to stop.
    Asked,
    /// This part of it has ended by itself, which none should.
    Broken(&'static str),
}

impl Engine {
    /// Answers, hands over, says that it stops, and closes the link.
    pub(super) async fn wind_up(mut self, mut said: mpsc::Receiver<Said>, ended: &Ended) {
        let is_whole = *ended == Ended::Asked;
        if is_whole {
            // What a validator said right before it closed the pipe is carried out too.
            // Only what waits now: others go on speaking.
            for _ in 0..said.len() {
                let Ok(last) = said.try_recv() else { break };
                self.on_said(last);
            }
            self.finish_votes().await;
        }
        self.refuse_votes();
        if is_whole {
            self.hand_over().await;
        }
        self.tell(json!({ "event": "stopping" }).to_string());
        for consumer in &self.consumers {
            consumer.outlet.close();
        }
        self.signing.stop().await;
        self.client.shutdown().await;
    }

    /// Gives votes that wait a moment to be signed and published.
    async fn finish_votes(&mut self) {
        let end = Instant::now() + LAST_VOTES;
        while !self.signing.is_idle() {
            tokio::select! {
                outcome = self.signing.outcome() => match outcome {
                    Some(outcome) => self.on_outcome(outcome),
                    None => return,
                },
                // What comes meanwhile must be read, or the client stands still.
                event = self.client.next() => match event {
                    Some(event) => self.on_event(event),
                    None => return,
                },
                () = sleep_until(end.into()) => return,
            }
        }
    }

    /// Says of what is left that it will not be.
    fn refuse_votes(&mut self) {
        for job in self.signing.give_up() {
            let message = format!(
                "the sidecar stops before the vote for checkpoint {} is published",
                job.checkpoint
            );
            warn!("{message}");
            let remedy = "ask for the same block again when it runs, and for no other: it may have been signed";
            let refusal = Refusal::new("stopping", message, remedy);
            match &job.asked {
                Some((outlet, id)) => outlet.say(refusal.line(id.as_ref()).into()),
                None => self.tell(refusal.line(None)),
            }
        }
        if self.automatic.len() > 0 {
            warn!("{} own votes were not sent and are not tried again", self.automatic.len());
        }
    }

    /// Gives what was published a moment to be with two directors: a vote that only a director has which dies
    /// is lost with this process.
    async fn hand_over(&mut self) {
        let end = Instant::now() + LAST_MESSAGES;
        while self.is_authorized
            && self.client.publisher().unconfirmed() > 0
            && Instant::now() < end
        {
            match timeout(LOOK, self.client.next()).await {
                Ok(Some(event)) => self.on_event(event),
                Ok(None) => return,
                Err(_) => {}
            }
        }
    }
}
