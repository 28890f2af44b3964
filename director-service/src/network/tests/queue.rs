use crate::network::{
    Frame,
    frame::{Decoded, Decoder, Kind},
    meter::Meter,
    queue::{Lanes, Outgoing, Pushed, Urgency, WRITE_LEN},
};
use director_primitives::Priority::{self, Bulk, Critical, High, Normal};
use std::sync::Arc;

const ENVELOPE: fn(Priority) -> Kind = Kind::Envelope;

fn frame(len: usize, byte: u8) -> Frame {
    vec![byte; len].into()
}

fn push(lanes: &mut Lanes, kind: Kind, frame: Frame) -> Pushed {
    lanes.push(Outgoing::new(kind, frame, 0, &Arc::default()))
}

fn is_empty(lanes: &Lanes) -> bool {
    lanes.urgency(usize::MAX) == Urgency::Never
}

/// Takes one write and says which frames are whole after it, as `(class, first byte)`.
fn drain(lanes: &mut Lanes, decoder: &mut Decoder) -> Vec<(Priority, u8)> {
    let (mut bytes, mut frames) = (Vec::new(), Vec::new());
    lanes.fill(&mut bytes, usize::MAX);
    assert!(bytes.len() <= WRITE_LEN);
    decoder.push(&bytes, &mut frames).unwrap();
    let simple = |frame| match frame {
        Decoded::Envelope(class, bytes) => (class, bytes[0]),
        Decoded::Control(_) => panic!("no control was sent"),
    };
    frames.into_iter().map(simple).collect()
}

#[test]
fn urgent_frames_go_first_and_in_order() {
    let mut lanes = Lanes::new([1 << 20; 4], Arc::default());
    for (n, class) in [Bulk, Normal, High, Critical, Critical, Normal].into_iter().enumerate() {
        assert_eq!(
            push(&mut lanes, ENVELOPE(class), frame(10, n as u8)),
            Pushed::Queued { dropped: 0 }
        );
    }
    let order = drain(&mut lanes, &mut Decoder::default());
    assert_eq!(
        order,
        [(Critical, 3), (Critical, 4), (High, 2), (Normal, 1), (Normal, 5), (Bulk, 0)]
    );
    assert!(is_empty(&lanes));
}

#[test]
fn a_vote_is_one_write_behind_a_block_at_most() {
    let mut lanes = Lanes::new([4 << 20; 4], Arc::default());
    let mut decoder = Decoder::default();
    push(&mut lanes, ENVELOPE(Bulk), frame(1 << 20, 1));
    assert_eq!(drain(&mut lanes, &mut decoder), []);
    push(&mut lanes, ENVELOPE(Critical), frame(200, 2));
    assert_eq!(drain(&mut lanes, &mut decoder), [(Critical, 2)]);
    let mut writes = 0;
    while !is_empty(&lanes) {
        writes += 1;
        let whole = drain(&mut lanes, &mut decoder);
        assert_eq!(whole, if is_empty(&lanes) { vec![(Bulk, 1)] } else { vec![] });
    }
    assert!(writes < 70, "a block should go in few writes, not in {writes}");
}

#[test]
fn normal_and_bulk_lose_their_oldest() {
    for class in [Normal, Bulk] {
        let mut lanes = Lanes::new([10_000; 4], Arc::default());
        for n in 0..5 {
            push(&mut lanes, ENVELOPE(class), frame(1_900, n));
        }
        assert_eq!(
            push(&mut lanes, ENVELOPE(class), frame(3_000, 5)),
            Pushed::Queued { dropped: 2 }
        );
        let order = drain(&mut lanes, &mut Decoder::default());
        assert_eq!(order, [(class, 2), (class, 3), (class, 4), (class, 5)]);
    }
}

#[test]
fn a_frame_that_is_under_way_is_not_lost() {
    let mut lanes = Lanes::new([60_000; 4], Arc::default());
    let mut decoder = Decoder::default();
    push(&mut lanes, ENVELOPE(Bulk), frame(40_000, 0));
    assert_eq!(drain(&mut lanes, &mut decoder), []);
    push(&mut lanes, ENVELOPE(Bulk), frame(15_000, 1));
    assert_eq!(push(&mut lanes, ENVELOPE(Bulk), frame(15_000, 2)), Pushed::Queued { dropped: 1 });
    // Only what is under way is left, and that stays: the new one does not fit.
    assert_eq!(push(&mut lanes, ENVELOPE(Bulk), frame(50_000, 3)), Pushed::TooLarge);
    let mut whole = Vec::new();
    while !is_empty(&lanes) {
        whole.extend(drain(&mut lanes, &mut decoder));
    }
    assert_eq!(whole[0], (Bulk, 0));
}

#[test]
fn critical_and_high_lose_nothing_silently() {
    for class in [Critical, High] {
        let mut lanes = Lanes::new([1_000; 4], Arc::default());
        assert_eq!(push(&mut lanes, ENVELOPE(class), frame(900, 0)), Pushed::Queued { dropped: 0 });
        assert_eq!(push(&mut lanes, ENVELOPE(class), frame(900, 1)), Pushed::Overflow);
        assert_eq!(lanes.clear()[class.index()], 1);
    }
}

#[test]
fn empty_and_too_long_frames_are_refused() {
    let mut lanes = Lanes::new([usize::MAX; 4], Arc::default());
    assert_eq!(push(&mut lanes, ENVELOPE(Normal), frame(0, 0)), Pushed::TooLarge);
    assert_eq!(push(&mut lanes, ENVELOPE(Bulk), frame(2 << 20, 0)), Pushed::TooLarge);
    assert_eq!(push(&mut lanes, Kind::Control, frame(1 << 20, 0)), Pushed::TooLarge);
}

#[test]
fn small_frames_cost_more_than_their_bytes() {
    let mut lanes = Lanes::new([1_000; 4], Arc::default());
    let fits = (0..1_000).take_while(|_| {
        push(&mut lanes, ENVELOPE(Critical), frame(1, 0)) == (Pushed::Queued { dropped: 0 })
    });
    assert!(fits.count() < 20);
}

#[test]
fn votes_and_blocks_go_at_once_and_the_rest_when_it_makes_a_write() {
    let mut lanes = Lanes::new([1 << 20; 4], Arc::default());
    assert_eq!(lanes.urgency(usize::MAX), Urgency::Never);
    push(&mut lanes, ENVELOPE(Normal), frame(200, 0));
    assert_eq!(lanes.urgency(usize::MAX), Urgency::Later);
    push(&mut lanes, ENVELOPE(High), frame(200, 0));
    assert_eq!(lanes.urgency(usize::MAX), Urgency::Soon);
    push(&mut lanes, ENVELOPE(Normal), frame(WRITE_LEN, 0));
    assert_eq!(lanes.urgency(usize::MAX), Urgency::Now);
    for urgent in [ENVELOPE(Critical), ENVELOPE(Bulk), Kind::Control] {
        let mut lanes = Lanes::new([1 << 20; 4], Arc::default());
        push(&mut lanes, urgent, frame(200, 0));
        assert_eq!(lanes.urgency(usize::MAX), Urgency::Now);
    }
}

#[test]
fn a_frame_in_many_queues_is_counted_once_and_until_the_last_has_sent_it() {
    let meter = Arc::<Meter>::default();
    let mut queues: Vec<_> = (0..3).map(|_| Lanes::new([1 << 20; 4], meter.clone())).collect();
    let outgoing = Outgoing::new(ENVELOPE(Critical), frame(10_000, 1), 0, &meter);
    for lanes in &mut queues {
        assert_eq!(lanes.push(outgoing.clone()), Pushed::Queued { dropped: 0 });
    }
    drop(outgoing);
    let once = meter.bytes();
    assert!((10_000..11_000).contains(&once), "{once}");
    let last = queues.pop();
    for mut lanes in queues {
        assert_eq!(lanes.fill(&mut Vec::new(), usize::MAX).finished, 1);
        assert!((10_000..=once).contains(&meter.bytes()), "{}", meter.bytes());
    }
    drop(last);
    assert_eq!(meter.bytes(), 0);
}

#[test]
fn a_write_tells_how_long_the_oldest_frame_of_each_class_waited() {
    let mut lanes = Lanes::new([1 << 20; 4], Arc::default());
    for (class, queued_us) in [(Normal, 3), (Critical, 5), (Critical, 7)] {
        lanes.push(Outgoing::new(ENVELOPE(class), frame(100, 0), queued_us, &Arc::default()));
    }
    let filled = lanes.fill(&mut Vec::new(), usize::MAX);
    assert_eq!((filled.finished, filled.queued_us), (3, [Some(5), None, Some(3), None]));
}

#[test]
fn a_vote_wakes_a_task_whose_block_waits_to_be_acknowledged() {
    let mut lanes = Lanes::new([1 << 20; 4], Arc::default());
    let idle = lanes.wants();
    push(&mut lanes, ENVELOPE(Bulk), frame(1 << 19, 0));
    let block = lanes.wants();
    assert!(block.is_more_than(idle));
    push(&mut lanes, ENVELOPE(Bulk), frame(10, 0));
    assert!(!lanes.wants().is_more_than(block));
    push(&mut lanes, ENVELOPE(Critical), frame(200, 0));
    let vote = lanes.wants();
    assert!(vote.is_more_than(block));
    push(&mut lanes, ENVELOPE(Critical), frame(200, 0));
    assert!(!lanes.wants().is_more_than(vote));
}

#[test]
fn less_room_for_bulk_than_a_slice_is_worth_is_none() {
    let mut lanes = Lanes::new([1 << 20; 4], Arc::default());
    push(&mut lanes, ENVELOPE(Bulk), frame(1 << 16, 1));
    assert_eq!(lanes.urgency(1_023), Urgency::Never);
    assert_eq!(lanes.urgency(1_024), Urgency::Now);
    push(&mut lanes, ENVELOPE(Normal), frame(10, 2));
    assert_eq!(lanes.urgency(1_023), Urgency::Later);
    let mut bytes = Vec::new();
    assert_eq!(lanes.fill(&mut bytes, 1_023).finished, 1);
    let mut last = Lanes::new([1 << 20; 4], Arc::default());
    push(&mut last, ENVELOPE(Bulk), frame(10, 1));
    assert_eq!(last.urgency(10), Urgency::Now);
    assert_eq!(last.urgency(9), Urgency::Never);
}
