//! Holds what a consumer has not read yet: bounded, and never silent about what it lost.
//!
//! Two bounds in bytes. *Messages* fill the queue up to the first; those that do not fit are dropped, the newest ones,
//! and where they are missing the consumer finds a line `{"event":"dropped","messages":N}`. *Everything else*
//! (answers, connections, certificates) may fill it up to the second, which is 1 MiB more; a
//! consumer that has not even read those is given up.
//!
//! Nobody waits for a consumer: not the link to the directors, not the votes, not another consumer. The one
//! exception is the consumer itself: its commands are not read while the answers would not fit.

use serde_json::json;
use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};
use tokio::sync::Notify;

/// Bytes beyond the messages' bound for everything else.
const RESERVE: usize = 1024 * 1024;

/// Of the reserve, what may be used when another command is read: an answer fits into the rest.
const RESERVE_FOR_ANSWERS: usize = RESERVE / 2;

/// A line, shared by all consumers that get it.
pub(super) type Line = Arc<str>;

struct State {
    lines: VecDeque<Line>,
    bytes: usize,
    dropped: u64,
    is_closed: bool,
    is_too_slow: bool,
}

/// The lines for one consumer.
pub(super) struct Outlet {
    limit: usize,
    state: Mutex<State>,
    filled: Notify,
    emptied: Notify,
    closed: Notify,
}

impl Outlet {
    /// Takes `limit` bytes of messages.
    pub(super) fn new(limit: usize) -> Arc<Self> {
        let state = State {
            lines: VecDeque::new(),
            bytes: 0,
            dropped: 0,
            is_closed: false,
            is_too_slow: false,
        };
        let (filled, emptied, closed) = (Notify::new(), Notify::new(), Notify::new());
        Arc::new(Self { limit, state: Mutex::new(state), filled, emptied, closed })
    }

    /// Adds a message, or counts it as dropped.
    pub(super) fn message(&self, line: Line) {
        let mut state = self.lock();
        if state.is_closed {
            return;
        }
        let told = dropped(state.dropped);
        let needed = line.len() + told.as_ref().map_or(0, |told| told.len());
        if state.bytes + needed > self.limit {
            state.dropped += 1;
            return;
        }
        if let Some(told) = told {
            state.push(told);
            state.dropped = 0;
        }
        state.push(line);
        drop(state);
        self.filled.notify_one();
    }

    /// Adds anything else. A consumer that has no room for it is given up.
    pub(super) fn say(&self, line: Line) {
        let mut state = self.lock();
        if state.is_closed {
            return;
        }
        let is_full = state.bytes + line.len() > self.limit + RESERVE;
        if is_full {
            (state.is_closed, state.is_too_slow) = (true, true);
        } else {
            state.push(line);
        }
        drop(state);
        if is_full {
            self.closed.notify_one();
        }
        self.filled.notify_one();
        self.emptied.notify_one();
    }

    /// The next line; `None` when it is closed and empty, or given up.
    pub(super) async fn next(&self) -> Option<Line> {
        loop {
            {
                let mut state = self.lock();
                if state.is_too_slow {
                    return None;
                }
                if let Some(line) = state.lines.pop_front() {
                    state.bytes -= line.len();
                    drop(state);
                    self.emptied.notify_one();
                    return Some(line);
                }
                if let Some(told) = dropped(std::mem::take(&mut state.dropped)) {
                    return Some(told);
                }
                if state.is_closed {
                    return None;
                }
            }
            self.filled.notified().await;
        }
    }

    /// The next lines, each with its line break: what waits, up to so many bytes and one line.
    pub(super) async fn batch(&self, bytes: usize) -> Option<String> {
        let mut text = String::from(&*self.next().await?);
        text.push('\n');
        let mut state = self.lock();
        while text.len() < bytes {
            let Some(line) = state.lines.pop_front() else { break };
            state.bytes -= line.len();
            text.push_str(&line);
            text.push('\n');
        }
        drop(state);
        self.emptied.notify_one();
        Some(text)
    }

    /// Waits until there is room for an answer, or nobody wants one.
    pub(super) async fn room(&self) {
        loop {
            {
                let state = self.lock();
                if state.is_closed || state.bytes <= self.limit + RESERVE_FOR_ANSWERS {
                    return;
                }
            }
            self.emptied.notified().await;
        }
    }

    /// Nothing more comes.
    pub(super) fn close(&self) {
        self.lock().is_closed = true;
        self.filled.notify_one();
        self.emptied.notify_one();
        self.closed.notify_one();
    }

    /// Waits until nothing more is taken. One task may.
    pub(super) async fn closed(&self) {
        while !self.is_closed() {
            self.closed.notified().await;
        }
    }

    /// Whether nothing more is taken.
    pub(super) fn is_closed(&self) -> bool {
        self.lock().is_closed
    }

    /// Whether it was given up because the consumer did not read.
    pub(super) fn is_too_slow(&self) -> bool {
        self.lock().is_too_slow
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn push(&mut self, line: Line) {
        self.bytes += line.len();
        self.lines.push_back(line);
    }
}

fn dropped(messages: u64) -> Option<Line> {
    (messages > 0).then(|| json!({ "event": "dropped", "messages": messages }).to_string().into())
}

#[cfg(test)]
mod tests;
