//! Reads and writes the lines of a protection file.

use director_primitives::{CheckpointNumber, H256, PublicKey, envelope::fingerprint};
use std::{collections::BTreeMap, fmt::Write};

/// Length of a line that says what was signed.
const RECORD_LEN: usize = 7 + 20 + 1 + 64 + 1 + 16 + 1;

const MAGIC: &str = "director-slashing-protection 1";

/// What is in a file.
pub(super) struct Contents {
    pub(super) genesis_hash: H256,
    pub(super) key: PublicKey,
    pub(super) signed: BTreeMap<CheckpointNumber, H256>,
    pub(super) below: CheckpointNumber,
    /// After this nothing was signed. 0 in files of before there was such a line.
    pub(super) until: CheckpointNumber,
    /// Lines beyond the first.
    pub(super) lines: usize,
    /// Whether the last line is not whole. Whatever it said is at or before `until`, and so before `below` here.
    pub(super) is_torn: bool,
}

impl Contents {
    /// Reads a file, or says which line is damaged.
    pub(super) fn parse(bytes: &[u8]) -> Result<Self, usize> {
        let mut lines = bytes.split_inclusive(|byte| *byte == b'\n');
        let first = lines.next().and_then(|line| body(line, "")).ok_or(1_usize)?;
        let (genesis_hash, key) = read_first(first).ok_or(1_usize)?;
        let (mut signed, mut below, mut until) = (BTreeMap::new(), 0, None);
        let (mut count, mut is_torn) = (0, false);
        let mut lines = lines.enumerate().peekable();
        while let Some((at, line)) = lines.next() {
            match body(line, first).and_then(read_record) {
                Some(Record::Below(checkpoint)) => below = below.max(checkpoint),
                Some(Record::Until(checkpoint)) => until = until.max(Some(checkpoint)),
                Some(Record::Signed(checkpoint, hash)) => {
                    // Two hashes for one checkpoint are in no file that this wrote.
                    if *signed.entry(checkpoint).or_insert(hash) != hash {
                        return Err(at + 2);
                    }
                }
                // Longer than a record: two of them, whose line break was lost after they were synced.
                None if lines.peek().is_none() && count > 0 && line.len() <= RECORD_LEN => {
                    // What a crash left of a line looks as one does that was synced, signed for, and damaged
                    // afterwards. It is taken for that; where nothing bounds what it said, nothing is known.
                    let after = until.and_then(|until: u64| until.checked_add(1)).ok_or(at + 2)?;
                    below = below.max(after);
                    is_torn = true;
                    break;
                }
                None => return Err(at + 2),
            }
            count += 1;
        }
        // A file comes into being, and is replaced, with its second line.
        if count == 0 {
            return Err(2);
        }
        let (until, lines) = (until.unwrap_or(0), count);
        Ok(Self { genesis_hash, key, signed, below, until, lines, is_torn })
    }
}

enum Record {
    Below(CheckpointNumber),
    Until(CheckpointNumber),
    Signed(CheckpointNumber, H256),
}

pub(super) fn first_line(genesis_hash: H256, key: PublicKey) -> String {
    format!("{MAGIC} {} {}", hex::encode(genesis_hash), hex::encode(key.0))
}

pub(super) fn signed_body(checkpoint: CheckpointNumber, block_hash: H256) -> String {
    format!("signed {checkpoint:020} {}", hex::encode(block_hash))
}

pub(super) fn until_body(until: CheckpointNumber) -> String {
    format!("until {until:020}")
}

pub(super) fn text(
    genesis_hash: H256,
    key: PublicKey,
    below: CheckpointNumber,
    until: CheckpointNumber,
    signed: &BTreeMap<CheckpointNumber, H256>,
) -> String {
    let first = first_line(genesis_hash, key);
    let mut text = line("", &first);
    text.push_str(&line(&first, &format!("below {below:020}")));
    text.push_str(&line(&first, &until_body(until)));
    for (checkpoint, hash) in signed {
        text.push_str(&line(&first, &signed_body(*checkpoint, *hash)));
    }
    text
}

/// A line with its checksum, which covers the first line too.
pub(super) fn line(first: &str, body: &str) -> String {
    format!("{body} {}\n", checksum(first, body))
}

fn checksum(first: &str, body: &str) -> String {
    let digest = fingerprint(format!("{first}\n{body}").as_bytes());
    digest[..8].iter().fold(String::with_capacity(16), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// What a line says, if it is whole. The last one may lack its line break: the checksum says that nothing else is missing.
fn body<'a>(line: &'a [u8], first: &str) -> Option<&'a str> {
    let line = std::str::from_utf8(line).ok()?;
    let line = line.strip_suffix('\n').unwrap_or(line);
    let (body, sum) = line.rsplit_once(' ')?;
    (sum == checksum(first, body)).then_some(body)
}

fn read_first(body: &str) -> Option<(H256, PublicKey)> {
    let (genesis, key) = body.strip_prefix(MAGIC)?.strip_prefix(' ')?.split_once(' ')?;
    Some((H256(digits(genesis)?), PublicKey::from_raw(digits(key)?)))
}

fn read_record(body: &str) -> Option<Record> {
    let (what, rest) = body.split_once(' ')?;
    match (what, rest.split_once(' ')) {
        ("below", None) => Some(Record::Below(rest.parse().ok()?)),
        ("until", None) => Some(Record::Until(rest.parse().ok()?)),
        ("signed", Some((checkpoint, hash))) => {
            Some(Record::Signed(checkpoint.parse().ok()?, H256(digits(hash)?)))
        }
        _ => None,
    }
}

pub(super) fn digits(text: &str) -> Option<[u8; 32]> {
    let mut bytes = [0; 32];
    hex::decode_to_slice(text, &mut bytes).ok()?;
    Some(bytes)
}
