//! Decides which envelopes the application gets: each one once, in order where that is wanted, and none
//! that is forged.

use super::{
    compression::Unpacker,
    signer::Keys,
    window::{Lost, Place, Window},
};
use crate::repair::{Claims, Have, Sequence};
use director_primitives::{
    Encoding, Envelope, H256, PayloadKind, Priority, PublicKey, Range, SignedEnvelope, Snapshot,
    VectorEntry,
};
use std::collections::{BTreeMap, HashMap};

/// Epochs of one origin that are told apart: the present one and the one before a restart. Of those that are only
/// claimed as many again are kept, beside them.
const EPOCHS: usize = 2;

/// What a message costs that waits for its turn, beside its payload.
const HELD_OVERHEAD: usize = 160;

/// Why an envelope is not delivered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Dropped {
    Malformed,
    Own,
    UnknownOrigin,
    Duplicate,
    Stale,
    Forged,
    Undecompressible,
}

impl Dropped {
    pub(super) const COUNT: usize = Self::Undecompressible as usize + 1;
}

/// What came of an envelope that was accepted, or of numbers that were given up.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Accepted {
    /// What the application gets now, in this order. None if it has to wait for its turn.
    pub(super) ready: Vec<Envelope>,
    /// What it will never get, before what is ready.
    pub(super) lost: Vec<Range>,
    /// How many could not be decompressed.
    pub(super) undecompressible: u64,
    /// A sequence with a hole.
    pub(super) hole: Option<Sequence>,
    /// Which one it was.
    pub(super) place: Option<(Sequence, u64)>,
}

/// What was seen of one origin, newest epoch first. An epoch of which nothing was seen yet is only claimed: it
/// makes no other one old, and takes the place of none of which something was seen. What is in that one would be
/// new once more.
#[derive(Default)]
struct Origin(Vec<(u64, [Window; 4])>);

fn is_real((_, windows): &&(u64, [Window; 4])) -> bool {
    windows.iter().any(Window::has_begun)
}

impl Origin {
    fn window(&self, sequence: &Sequence) -> Option<&Window> {
        let of = self.0.iter().find(|(epoch, _)| *epoch == sequence.epoch);
        of.map(|(_, windows)| &windows[sequence.class.index()])
    }

    fn is_over(&self, epoch: u64) -> bool {
        self.0.iter().filter(is_real).filter(|(of, _)| *of > epoch).count() >= EPOCHS
    }

    /// The latest epoch of which something was seen, or else the latest that is claimed.
    fn newest(&self) -> Option<&(u64, [Window; 4])> {
        self.0.iter().find(is_real).or_else(|| self.0.first())
    }

    /// The windows of an epoch; with these if it is new, `None` if it is over.
    fn windows(
        &mut self,
        epoch: u64,
        new: impl FnOnce() -> [Window; 4],
    ) -> Option<&mut [Window; 4]> {
        if self.is_over(epoch) {
            return None;
        }
        if !self.0.iter().any(|(of, _)| *of == epoch) {
            let mut claimed = self.0.iter().enumerate().filter(|(_, of)| !is_real(of));
            let first = claimed.next().map(|(at, _)| at);
            if claimed.count() + 1 >= EPOCHS {
                self.0.remove(first.expect("there are several"));
            }
            self.0.push((epoch, new()));
            self.0.sort_by_key(|(of, _)| std::cmp::Reverse(*of));
        }
        self.0.iter_mut().find(|(of, _)| *of == epoch).map(|(_, windows)| windows)
    }

    /// The epochs that are over. They are told apart no more.
    fn split_over(&mut self) -> Vec<(u64, [Window; 4])> {
        let oldest = self.0.iter().filter(is_real).nth(EPOCHS - 1).map_or(0, |(epoch, _)| *epoch);
        self.0.split_off(self.0.partition_point(|(epoch, _)| *epoch >= oldest))
    }
}

/// What it costs in all.
fn held_bytes(envelope: &Envelope) -> usize {
    envelope.payload.len() + HELD_OVERHEAD
}

/// Messages of one sequence that came before their turn, by number, and their bytes.
#[derive(Default)]
struct Queue {
    envelopes: BTreeMap<u64, Envelope>,
    bytes: usize,
}

/// Messages that came before their turn. Bounded in bytes.
#[derive(Default)]
struct Held {
    sequences: BTreeMap<Sequence, Queue>,
    bytes: usize,
}

impl Held {
    fn put(&mut self, sequence: Sequence, seq: u64, envelope: Envelope) {
        let bytes = held_bytes(&envelope);
        let queue = self.sequences.entry(sequence).or_default();
        queue.envelopes.insert(seq, envelope);
        queue.bytes += bytes;
        self.bytes += bytes;
    }

    /// Everything up to this number, in order.
    fn take(&mut self, sequence: &Sequence, to: u64) -> Vec<Envelope> {
        let Some(queue) = self.sequences.get_mut(sequence) else { return Vec::new() };
        let rest = match to.checked_add(1) {
            Some(first) => queue.envelopes.split_off(&first),
            None => BTreeMap::new(),
        };
        let ready = std::mem::replace(&mut queue.envelopes, rest);
        let bytes: usize = ready.values().map(held_bytes).sum();
        queue.bytes -= bytes;
        self.bytes -= bytes;
        if queue.envelopes.is_empty() {
            self.sequences.remove(sequence);
        }
        ready.into_values().collect()
    }

    /// The sequence that takes most of the room. Whoever sends what is large, and never what comes before it, must not
    /// make others give way.
    fn largest(&self) -> Option<Sequence> {
        let largest = self.sequences.iter().max_by_key(|(_, queue)| queue.bytes);
        largest.map(|(sequence, _)| *sequence)
    }

    fn retain(&mut self, mut keep: impl FnMut(&PublicKey) -> bool) {
        self.sequences.retain(|sequence, _| keep(&sequence.origin));
        self.bytes = self.sequences.values().map(|queue| queue.bytes).sum();
    }
}

/// What a client keeps of messages, its own and others'. All of it is bounded.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Kept {
    /// Origins: the registered validators at most.
    pub origins: usize,
    /// Epochs of the origin that has most: [`MOST_EPOCHS`] at most.
    pub epochs: usize,
    /// Numbers of the sequence that has most, from its first hole to its highest number: [`super::WINDOW`] at most.
    pub ahead: usize,
    /// Bytes that wait for their turn: [`super::Config::held_bytes`] at most.
    pub held_bytes: usize,
    /// Bytes of our own messages.
    pub outbox_bytes: usize,
}

/// See [`Kept::epochs`]: those that are told apart, and as many that are only claimed.
pub const MOST_EPOCHS: usize = 2 * EPOCHS;

/// What was seen of everybody. Bounded by the registered validators, see [`Self::keep`].
pub(super) struct Inbox<K> {
    keys: K,
    own_key: PublicKey,
    genesis_hash: H256,
    origins: HashMap<PublicKey, Origin>,
    unpacker: Unpacker,
    /// Classes in whose sequences the application gets one message after the other.
    strict: [bool; 4],
    held: Held,
    max_held_bytes: usize,
    /// We know where the sequences stood when we came: whoever is new is new to everybody.
    joined: bool,
    /// Whether signatures are checked.
    checks: bool,
}

impl<K: Keys> Inbox<K> {
    pub(super) fn new(
        genesis_hash: H256,
        keys: K,
        strict: [bool; 4],
        max_held_bytes: usize,
    ) -> Self {
        Self {
            own_key: keys.key(),
            keys,
            genesis_hash,
            origins: HashMap::new(),
            unpacker: Unpacker::default(),
            strict,
            held: Held::default(),
            max_held_bytes,
            joined: false,
            checks: true,
        }
    }

    pub(super) fn kept(&self) -> Kept {
        let of_all = || self.origins.values().map(|of| &of.0);
        let windows = of_all().flatten().flat_map(|(_, windows)| windows);
        Kept {
            origins: self.origins.len(),
            epochs: of_all().map(Vec::len).max().unwrap_or_default(),
            ahead: windows.map(Window::ahead).max().unwrap_or_default(),
            held_bytes: self.held.bytes,
            outbox_bytes: 0,
        }
    }

    /// Checks no signatures from here on.
    pub(super) fn trust(&mut self) {
        self.checks = false;
    }

    /// A director says where a sequence stands, and all that came before is from before our time. Said by
    /// several of them, the earliest counts.
    pub(super) fn begin(&mut self, entry: &VectorEntry) {
        if entry.origin == self.own_key {
            return;
        }
        let origin = self.origins.entry(entry.origin).or_default();
        let real = origin.0.iter().find(is_real);
        let is_newest = real.is_none_or(|(epoch, _)| *epoch <= entry.epoch);
        if !is_newest || (self.joined && origin.window(&first_of(entry)).is_none()) {
            // After we joined, a new epoch is all ours.
            return;
        }
        let windows = origin.windows(entry.epoch, || entry.contiguous.map(Window::after));
        for (window, start) in windows.into_iter().flatten().zip(entry.contiguous) {
            window.begin_after(start);
        }
    }

    /// All that a director has is known: see [`Window::tell`].
    pub(super) fn told(&mut self, claims: &Claims) {
        for (key, origin) in &mut self.origins {
            let entry = claims.get(key);
            for (epoch, windows) in &mut origin.0 {
                // Of an epoch that is over for it, it says nothing.
                if entry.is_some_and(|entry| entry.epoch > *epoch) {
                    continue;
                }
                let had = entry.filter(|entry| entry.epoch == *epoch).map(|entry| entry.contiguous);
                for (window, had) in windows.iter_mut().zip(had.unwrap_or_default()) {
                    window.tell(had);
                }
            }
        }
    }

    /// A director that had said one thing says another one by now: what came between is from our time. Whoever told us
    /// before that we came later may have lied, and so hidden what nobody has sent us.
    pub(super) fn grown(&mut self, before: &VectorEntry, now: &VectorEntry) {
        if before.epoch != now.epoch {
            return;
        }
        let Some(origin) = self.origins.get_mut(&now.origin) else { return };
        let Some((_, windows)) = origin.0.iter_mut().find(|(epoch, _)| *epoch == now.epoch) else {
            return;
        };
        let numbers = before.contiguous.into_iter().zip(now.contiguous);
        for (window, (before, now)) in windows.iter_mut().zip(numbers) {
            if before < now {
                window.begin_at(before);
            }
        }
    }

    /// Where the sequences stand is known: from now on all of a new one is ours. So is all of those of which something
    /// came while the director was still telling, in classes that it tells nothing of.
    pub(super) fn join(&mut self) {
        if std::mem::replace(&mut self.joined, true) {
            return;
        }
        let windows = self.origins.values_mut().flat_map(|origin| &mut origin.0);
        for window in windows.flat_map(|(_, windows)| windows) {
            window.begin_after(0);
        }
    }

    /// What was seen of all origins without a hole, as an [`director_primitives::Attach`] tells it.
    pub(super) fn vector(&self) -> Vec<VectorEntry> {
        let mut vector: Vec<_> = self
            .origins
            .iter()
            .filter_map(|(origin, of)| {
                let (epoch, windows) = of.newest()?;
                let contiguous = [0, 1, 2, 3].map(|class: usize| windows[class].contiguous());
                Some(VectorEntry { origin: *origin, epoch: *epoch, contiguous })
            })
            .collect();
        vector.sort_unstable_by_key(|entry| entry.origin);
        vector
    }

    /// Which message this is, if it is rightly signed. It is taken or not.
    pub(super) fn place_of(&self, frame: &[u8]) -> Option<(Sequence, u64)> {
        let signed = SignedEnvelope::from_bytes(frame).ok()?;
        let Envelope { origin, epoch, class, seq, .. } = signed.envelope;
        let is_right = !self.checks || self.keys.verify(&self.genesis_hash, &signed);
        is_right.then_some((Sequence { origin, epoch, class }, seq))
    }

    /// Takes an encoded envelope. The cheapest reason to drop it comes first, and it is marked as
    /// seen after the signature was checked: a forged copy must not suppress the real one.
    pub(super) fn accept(
        &mut self,
        snapshot: &Snapshot,
        frame: &[u8],
    ) -> Result<Accepted, Dropped> {
        let signed = SignedEnvelope::from_bytes(frame).map_err(|_| Dropped::Malformed)?;
        let envelope = &signed.envelope;
        if envelope.origin == self.own_key {
            return Err(Dropped::Own);
        }
        if snapshot.validator_by_peer_key(&envelope.origin).is_none() {
            return Err(Dropped::UnknownOrigin);
        }
        let Envelope { origin, epoch, class, seq, .. } = *envelope;
        let sequence = Sequence { origin, epoch, class };
        if let Some(of) = self.origins.get(&origin) {
            let window = of.window(&sequence);
            if self.strict[class.index()] && window.is_some_and(|of| of.is_before_first(seq)) {
                // What follows was handed on.
                return Err(Dropped::Stale);
            }
            match window.map(|window| window.place(seq)) {
                Some(Place::Seen) => return Err(Dropped::Duplicate),
                Some(Place::TooOld) => return Err(Dropped::Stale),
                None if of.is_over(epoch) => return Err(Dropped::Stale),
                Some(Place::New) | None => {}
            }
        }
        if self.checks && !self.keys.verify(&self.genesis_hash, &signed) {
            return Err(Dropped::Forged);
        }
        Ok(self.take(sequence, signed.envelope))
    }

    /// Takes an envelope that is new and rightly signed.
    fn take(&mut self, sequence: Sequence, envelope: Envelope) -> Accepted {
        let seq = envelope.seq;
        let joined = self.joined;
        let of = self.origins.entry(sequence.origin).or_default();
        let is_new_epoch = joined || !of.0.is_empty();
        let windows = of.windows(sequence.epoch, || {
            let new = || if is_new_epoch { Window::default() } else { Window::anywhere() };
            [(); 4].map(|()| new())
        });
        let mut accepted = Accepted { place: Some((sequence, seq)), ..Default::default() };
        let Some(windows) = windows else { return accepted };
        let window = &mut windows[sequence.class.index()];
        let lost = window.mark(seq);
        let (contiguous, top) = (window.contiguous(), window.top());
        for (epoch, windows) in of.split_over() {
            self.end(sequence.origin, epoch, windows, &mut accepted);
        }
        accepted.hole = (top > contiguous).then_some(sequence);
        accepted.lost.extend(lost.map(|(first, last)| sequence.range(first, last)));
        if !self.strict[sequence.class.index()] {
            self.unpack(envelope, &mut accepted);
            return accepted;
        }
        self.held.put(sequence, seq, envelope);
        self.release(&sequence, contiguous, &mut accepted);
        while self.held.bytes > self.max_held_bytes {
            // It waits for what may never come.
            let Some(sequence) = self.held.largest() else { break };
            let Some(to) = self.first_hole(&sequence) else { break };
            let more = self.give_up(&sequence, to);
            accepted.ready.extend(more.ready);
            accepted.undecompressible += more.undecompressible;
            accepted.lost.extend(more.lost);
        }
        accepted
    }

    /// Nothing more of this epoch is taken: what it misses is lost, and nothing waits for it.
    fn end(&mut self, origin: PublicKey, epoch: u64, windows: [Window; 4], to: &mut Accepted) {
        for (class, mut window) in Priority::ALL.into_iter().zip(windows) {
            let sequence = Sequence { origin, epoch, class };
            let top = window.top();
            to.lost.extend(window.give_up(top).map(|(first, last)| sequence.range(first, last)));
            self.release(&sequence, top, to);
        }
    }

    /// The end of the first hole.
    fn first_hole(&self, sequence: &Sequence) -> Option<u64> {
        let top = self.top(sequence);
        self.holes(sequence, top, 1).first().map(|(_, last)| *last)
    }

    /// Hands on what waited for its turn up to this number.
    fn release(&mut self, sequence: &Sequence, to: u64, accepted: &mut Accepted) {
        for envelope in self.held.take(sequence, to) {
            self.unpack(envelope, accepted);
        }
    }

    /// Waits no longer for what is missing up to this number.
    pub(super) fn give_up(&mut self, sequence: &Sequence, to: u64) -> Accepted {
        let mut accepted = Accepted::default();
        // Perhaps nothing of it ever came.
        let origin = self.origins.entry(sequence.origin).or_default();
        let Some(windows) = origin.windows(sequence.epoch, Default::default) else {
            return accepted;
        };
        let window = &mut windows[sequence.class.index()];
        let lost: Option<Lost> = window.give_up(to);
        let contiguous = window.contiguous();
        accepted.lost.extend(lost.map(|(first, last)| sequence.range(first, last)));
        self.release(sequence, contiguous, &mut accepted);
        accepted
    }

    /// Decompresses the payload. A vote that is compressed has passed no detector.
    fn unpack(&mut self, envelope: Envelope, accepted: &mut Accepted) {
        let payload = match (envelope.encoding, &envelope.kind) {
            (Encoding::Identity, _) => return accepted.ready.push(envelope),
            (Encoding::Zstd, PayloadKind::CheckpointVote) => None,
            (Encoding::Zstd, _) => self.unpacker.unpack(&envelope.payload),
        };
        match payload {
            Some(payload) => accepted.ready.push(Envelope { payload, ..envelope }),
            None => accepted.undecompressible += 1,
        }
    }

    /// Forgets who is not registered any more: nothing more of them is taken, what they miss is lost, and nothing waits
    /// for it.
    pub(super) fn keep(&mut self, snapshot: &Snapshot) -> Accepted {
        let mut accepted = Accepted::default();
        let is_gone = |origin: &PublicKey| snapshot.validator_by_peer_key(origin).is_none();
        let mut gone: Vec<_> =
            self.origins.keys().filter(|origin| is_gone(origin)).copied().collect();
        // So that one run is like the other.
        gone.sort_unstable();
        for origin in gone {
            let of = self.origins.remove(&origin).unwrap_or_default();
            // The oldest first.
            for (epoch, windows) in of.0.into_iter().rev() {
                self.end(origin, epoch, windows, &mut accepted);
            }
        }
        self.held.retain(|origin| !is_gone(origin));
        accepted
    }
}

fn first_of(entry: &VectorEntry) -> Sequence {
    Sequence { origin: entry.origin, epoch: entry.epoch, class: Priority::Critical }
}

impl<K> Have for Inbox<K> {
    fn contiguous(&self, of: &Sequence) -> Option<u64> {
        if of.origin == self.own_key {
            return None;
        }
        let Some(origin) = self.origins.get(&of.origin) else { return self.joined.then_some(0) };
        match origin.window(of) {
            Some(window) => Some(window.contiguous()),
            // Of one that is over nothing is wanted, of a new one everything.
            None => {
                let real = origin.0.iter().find(is_real);
                real.is_none_or(|(newest, _)| of.epoch > *newest).then_some(0)
            }
        }
    }

    fn top(&self, of: &Sequence) -> u64 {
        let window = self.origins.get(&of.origin).and_then(|origin| origin.window(of));
        window.map_or(0, Window::top)
    }

    fn holes(&self, of: &Sequence, to: u64, most: usize) -> Vec<(u64, u64)> {
        match self.origins.get(&of.origin).and_then(|origin| origin.window(of)) {
            Some(window) => window.holes(to, most),
            None if to > 0 && most > 0 => vec![(1, to)],
            None => Vec::new(),
        }
    }
}
