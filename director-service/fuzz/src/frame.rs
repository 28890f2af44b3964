//! Judges how the bytes of a connection become frames.

use codec::Encode;
use director_primitives::{Control, Priority, Welcome, envelope::MAX_ENVELOPE_LEN};
use director_primitives_fuzz::{
    MADE,
    choices::Choices,
    cost::{allocating, freeing},
};
use director_service::{
    director::fuzz::reads_alike,
    network::{
        FrameError, MAX_CONTROL_LEN,
        bench::Queue,
        fuzz::{Came, Stream, slice},
    },
};

/// Bytes that reading may allocate for each that came: a frame of one byte takes six on the wire, and here a place
/// in two growing lists and its own counts.
const PER_BYTE: usize = 64;

/// Bytes that it may allocate beside that: what the codec reserves before it has seen an element.
const AT_ONCE: usize = 64 * 1024;

/// Most bytes of one write.
const WRITE_LEN: usize = 16 * 1024;

/// Judges the stream that is in these bytes, or that they tell how to make.
pub fn frame(bytes: &[u8]) {
    let mut choices = Choices::new(bytes);
    if choices.byte() & 1 == MADE {
        made(&mut choices);
    } else {
        let step = 1 + usize::from(choices.byte());
        judge(choices.rest(), step);
    }
}

/// What came of a stream.
#[derive(Debug, PartialEq)]
struct Read {
    came: Vec<Came>,
    end: Result<(), FrameError>,
    told: (bool, usize, usize),
}

/// Reads a stream in pieces of this length, and looks that it never keeps more than twice what came.
fn read(bytes: &[u8], step: usize) -> Read {
    let (mut stream, mut came, mut end) = (Stream::default(), Vec::new(), Ok(()));
    let mut pushed = 0;
    for piece in bytes.chunks(step) {
        end = stream.push(piece, &mut came);
        pushed += piece.len();
        let memory = stream.memory();
        assert!(memory <= 2 * pushed + 64, "{memory} bytes are kept of {pushed}");
        if end.is_err() {
            break;
        }
    }
    let told = stream.told();
    let kept = stream.memory();
    let freed = freeing(|| drop(stream));
    assert!(freed <= kept + 64, "{freed} bytes were kept, and {kept} counted");
    Read { came, end, told }
}

/// However the bytes arrive, the same comes of them; and what came is what these bytes are.
fn judge(bytes: &[u8], step: usize) {
    let (whole, allocated) = allocating(|| read(bytes, bytes.len().max(1)));
    let most = bytes.len() * PER_BYTE + AT_ONCE;
    assert!(allocated <= most, "{allocated} bytes are allocated for a stream of {}", bytes.len());
    assert_eq!(read(bytes, step), whole, "in pieces of {step} bytes");
    let (_, read_bulk, _) = whole.told;
    assert!(read_bulk <= bytes.len());
    let mut again = Vec::new();
    for came in &whole.came {
        match came {
            Came::Envelope(class, frame) => {
                assert!((1..=MAX_ENVELOPE_LEN).contains(&frame.len()));
                assert!(reads_alike(frame), "read in place and decoded: {frame:?}");
                again.extend(slice(Some(*class), frame, false));
            }
            Came::Control(message) => {
                let encoded = message.encode();
                assert!((1..=MAX_CONTROL_LEN).contains(&encoded.len()));
                again.extend(slice(None, &encoded, false));
            }
        }
    }
    assert_eq!(read(&again, again.len().max(1)).came, whole.came);
}

/// A frame that is to be sent: `None` for control.
type Sent = (Option<Priority>, Vec<u8>);

/// Writes frames as a connection does, and in slices of any length, and reads them again.
fn made(choices: &mut Choices<'_>) {
    let frames: Vec<Sent> = (0..1 + choices.below(12)).map(|_| some_frame(choices)).collect();
    queued(&frames, 1 + usize::from(choices.byte()));
    let bytes = interleaved(&frames, choices);
    let step = 1 + usize::from(choices.byte());
    let read = read(&bytes, step);
    assert_eq!(read.end, Ok(()), "{frames:?}");
    for class in Priority::ALL {
        let sent = frames.iter().filter(|(of, _)| of.unwrap_or(Priority::Critical) == class);
        let sent: Vec<_> = sent.map(|(_, bytes)| bytes.clone()).collect();
        assert_eq!(of_lane(&read.came, class), sent, "in the lane of {class:?}");
    }
    // A bit that is flipped makes another stream; it harms nobody.
    let mut spoilt = bytes;
    choices.flip(&mut spoilt);
    judge(&spoilt, step);
}

fn some_frame(choices: &mut Choices<'_>) -> Sent {
    let class = match choices.below(6) {
        5 => {
            let welcome = Welcome { last_epoch: choices.number(), authorized: choices.coin() };
            return (None, Control::Welcome(welcome).encode());
        }
        class => Priority::ALL[usize::from(class) % 4],
    };
    let len = match choices.byte() {
        0xff => 1 + 256 * usize::from(choices.byte()),
        few => 1 + usize::from(few % 64),
    };
    (Some(class), vec![choices.byte(); len])
}

/// Frames of one lane, as they came.
fn of_lane(came: &[Came], class: Priority) -> Vec<Vec<u8>> {
    let bytes = came.iter().filter_map(|came| match came {
        Came::Envelope(of, frame) => (*of == class).then(|| frame.to_vec()),
        Came::Control(message) => (class == Priority::Critical).then(|| message.encode()),
    });
    bytes.collect()
}

/// What a queue writes is read as it was put in, in the order of each class.
fn queued(frames: &[Sent], step: usize) {
    let mut queue = Queue::new(4 * MAX_ENVELOPE_LEN);
    let envelopes = || frames.iter().filter_map(|(class, bytes)| Some(((*class)?, bytes)));
    for (class, bytes) in envelopes() {
        assert!(queue.push(class, bytes.as_slice().into()), "there is room");
    }
    let mut bytes = Vec::new();
    loop {
        let mut write = Vec::new();
        queue.fill(&mut write);
        if write.is_empty() {
            break;
        }
        assert!(write.len() <= WRITE_LEN, "a write of {} bytes", write.len());
        bytes.extend(write);
    }
    let read = read(&bytes, step);
    assert_eq!(read.end, Ok(()));
    for class in Priority::ALL {
        let sent = envelopes().filter(|(of, _)| *of == class).map(|(_, bytes)| bytes.clone());
        assert_eq!(of_lane(&read.came, class), sent.collect::<Vec<_>>(), "what was queued");
    }
}

/// All frames in slices: the lanes take turns as the choices say.
fn interleaved(frames: &[Sent], choices: &mut Choices<'_>) -> Vec<u8> {
    let mut bytes = Vec::new();
    let lane = |(class, _): &Sent| class.unwrap_or(Priority::Critical).index();
    let mut left: [Vec<(&Sent, usize)>; 4] = Default::default();
    for frame in frames.iter().rev() {
        left[lane(frame)].push((frame, 0));
    }
    while left.iter().any(|lane| !lane.is_empty()) {
        let wanted = usize::from(choices.below(4));
        let lane = (wanted..wanted + 4).map(|lane| lane % 4).find(|lane| !left[*lane].is_empty());
        let Some(lane) = lane else { break };
        let Some((frame, offset)) = left[lane].last_mut() else { break };
        let (class, whole): &Sent = frame;
        let part = &whole[*offset..];
        let len = match choices.byte() {
            0 => part.len(),
            few => part.len().min(usize::from(few) * 16),
        };
        bytes.extend(slice(*class, &part[..len], len < part.len()));
        *offset += len;
        if *offset == whole.len() {
            left[lane].pop();
        }
    }
    bytes
}
