//! What the core does about directors that lie: about what there is, about whom the chain lets in.

use super::{
    account, authorized, message,
    rig::{Rig, director, entry, range},
    snapshot_with, validator,
};
use crate::{
    client::{
        Event,
        core::{Input, Output},
    },
    network::DownReason,
};
use director_primitives::{
    Control, Fetched,
    Priority::Critical,
    Served, Snapshot, Welcome,
    runtime_api::{DirectorInfo, ValidatorStatus},
};
use std::sync::Arc;
#[test]
fn a_lie_about_what_is_to_come_makes_nobody_deaf() {
    let mut rig = Rig::connected(|_| ());
    let lie = 1_000_000_000_000;
    rig.vector(50, vec![entry(2, 5, lie)], true);
    for _ in 0..200 {
        rig.wait(50);
        let asked = rig.fetches();
        rig.out.retain(|output| !matches!(output, Output::Send { .. }));
        for (to, ranges) in asked.into_iter().filter(|(to, _)| *to == director(50)) {
            assert_eq!(to, director(50));
            let of =
                ranges.iter().map(|range| Served { range: *range, gone_to: lie, served_to: lie });
            let ranges = of.collect::<Vec<_>>().try_into().unwrap();
            rig.say(50, Control::Fetched(Fetched { ranges }));
        }
    }
    rig.frames(51, &[11]);
    assert_eq!(rig.delivered(), [11]);
    assert!(!rig.told().iter().any(|event| matches!(event, Event::Gap(_))), "{:?}", rig.told());
}

#[test]
fn epochs_that_are_only_claimed_make_nobody_old() {
    let mut rig = Rig::new(|_| ());
    rig.connect(50, vec![entry(2, u64::MAX - 1, 7)]);
    rig.vector(50, vec![entry(2, u64::MAX, 7)], false);
    rig.frames(50, &[11]);
    rig.connect(51, vec![entry(2, 5, 12)]);
    rig.frames(51, &[12]);
    assert_eq!(rig.delivered(), [11, 12]);
}

#[test]
fn a_director_that_never_says_what_it_has_is_left() {
    let mut rig = Rig::new(|_| ());
    rig.wait(50);
    rig.put(Input::Up { director: director(50) });
    rig.say(50, Control::Welcome(Welcome { last_epoch: 0, authorized: true }));
    rig.connect(51, vec![entry(2, 5, 10)]);
    rig.wait(20_000);
    assert_eq!(rig.core.primary(), Some(director(51)));
}

#[test]
fn a_standby_that_does_not_let_us_in_gives_way_to_another_one() {
    let mut rig = Rig::new(|_| ());
    rig.connect(50, vec![entry(2, 5, 10)]);
    rig.wait(50);
    rig.put(Input::Up { director: director(51) });
    rig.say(51, Control::Welcome(Welcome { last_epoch: 0, authorized: false }));
    rig.connect(52, vec![entry(2, 5, 10)]);
    assert_eq!(rig.core.standby(), Some(director(52)));
}

#[test]
fn a_lie_about_our_epoch_does_not_use_up_the_numbers() {
    let mut rig = Rig::new(|_| ());
    rig.wait(50);
    rig.put(Input::Up { director: director(50) });
    rig.say(50, Control::Welcome(Welcome { last_epoch: u64::MAX, authorized: true }));
    rig.publish();
    rig.connect(51, Vec::new());
    rig.vector(51, vec![entry(1, 1_000, 1)], false);
    assert!(rig.outbox.lock().unwrap().is_empty(), "the epoch is the one that it was");
}

/// It said that a sequence is far ahead of where it is: what is kept back then was thought to be from before our time.
#[test]
fn a_primary_that_lies_about_where_a_sequence_stands_hides_nothing() {
    // The standby has said that there was nothing, or nothing of it.
    for first in [vec![entry(2, 5, 0)], Vec::new()] {
        let mut rig = Rig::new(|_| ());
        rig.connect(50, vec![entry(2, 5, 1 << 40)]);
        rig.connect(51, first);
        rig.vector(51, vec![entry(2, 5, 2)], false);
        rig.wait(300);
        // Of the primary it is asked, too, up to where it says that it is.
        let asked = rig.fetches();
        assert!(asked.contains(&(director(51), vec![range(2, 1, 2)])), "{asked:?}");
        assert!(asked.iter().any(|(to, of)| *to == director(50) && of[0].first == 1), "{asked:?}");
        rig.frames(51, &[1, 2]);
        assert_eq!(rig.delivered(), [1, 2]);
    }
}

/// The standby had nothing when its connection ended, and has something when it is there again.
#[test]
fn what_a_director_has_got_while_it_was_away_is_ours() {
    let mut rig = Rig::new(|_| ());
    rig.connect(50, vec![entry(2, 5, 1 << 40)]);
    rig.connect(51, Vec::new());
    rig.put(Input::Down { director: director(51), reason: DownReason::Closed });
    rig.connect(52, Vec::new());
    rig.put(Input::Down { director: director(52), reason: DownReason::Closed });
    rig.connect(51, vec![entry(2, 5, 2)]);
    rig.wait(300);
    assert!(rig.fetches().contains(&(director(51), vec![range(2, 1, 2)])), "{:?}", rig.fetches());
    rig.frames(51, &[1, 2]);
    assert_eq!(rig.delivered(), [1, 2]);
}

/// The primary said that a sequence is further than it is, keeps a message back and sends the next one: the standby has told that there
/// was nothing when we were there, so that the one that is kept back is from our time. In strict order the next one waits for it.
#[test]
fn the_first_message_that_comes_does_not_hide_the_one_before_it() {
    for (claimed, first) in [(10, 2), (1, 2), (3, 4)] {
        for strict in [false, true] {
            let mut rig = Rig::new(|config| config.strict = [strict; 4]);
            rig.connect(50, vec![entry(2, 5, claimed)]);
            rig.connect(51, vec![entry(2, 5, 0)]);
            rig.put(Input::Down { director: director(51), reason: DownReason::Closed });
            rig.frames(50, &[first]);
            rig.connect(51, vec![entry(2, 5, first)]);
            rig.wait(300);
            let asked = rig.fetches();
            assert!(asked.contains(&(director(51), vec![range(2, 1, first - 1)])), "{asked:?}");
            let before: Vec<_> = (1..first).collect();
            rig.frames(51, &before);
            let all = match strict {
                true => (1..=first).collect(),
                false => [vec![first], before].concat(),
            };
            assert_eq!(rig.delivered(), all, "{claimed}");
        }
    }
}

#[test]
fn whoever_alone_claims_what_never_comes_loses_its_place() {
    for (liar, primary, standby) in [(50, 51, None), (51, 50, Some(52))] {
        let mut rig = Rig::connected(|_| ());
        rig.vector(liar, vec![entry(2, 5, 1_000)], false);
        for _ in 0..180 {
            rig.beat(50);
            rig.beat(51);
            rig.wait(50);
        }
        if let Some(standby) = standby {
            rig.connect(standby, vec![entry(2, 5, 10)]);
        }
        assert_eq!(rig.core.primary(), Some(director(primary)), "{liar}");
        assert_ne!(rig.core.standby(), Some(director(liar)));
    }
}

#[test]
fn a_validator_that_leaves_out_a_number_costs_nobody_his_standby() {
    let mut rig = Rig::connected(|_| ());
    rig.frames(50, &[12]);
    for _ in 0..400 {
        rig.beat(50);
        rig.beat(51);
        rig.wait(50);
    }
    assert_eq!(rig.core.standby(), Some(director(51)));
    assert_eq!(rig.core.primary(), Some(director(50)));
    assert!(rig.told().contains(&&Event::Gap(range(2, 11, 11))), "{:?}", rig.told());
}

#[test]
fn a_director_that_passes_on_what_nobody_signed_is_left() {
    let mut rig = Rig::connected(|_| ());
    let mut forged = message(2, 5, Critical, 11);
    *forged.last_mut().unwrap() ^= 1;
    for _ in 0..19 {
        rig.put(Input::Frames(vec![(director(50), forged.clone().into())]));
    }
    assert_eq!(rig.core.primary(), Some(director(50)));
    rig.put(Input::Frames(vec![(director(50), forged.into())]));
    assert_eq!(rig.core.primary(), Some(director(51)));
}

/// The chain has let us in long since.
fn finalize_some(rig: &mut Rig) {
    for number in 2..5 {
        rig.put(Input::Finalized(Arc::new(authorized(number, 4))));
    }
}

#[test]
fn a_primary_that_takes_back_that_we_are_let_in_is_left_for_a_standby_at_once() {
    let mut rig = Rig::connected(|_| ());
    finalize_some(&mut rig);
    rig.wait(4_000);
    rig.say(50, Control::Welcome(Welcome { last_epoch: 0, authorized: false }));
    assert_eq!(rig.core.primary(), Some(director(51)));
    rig.publish();
    assert_eq!(rig.sent.last(), Some(&(director(51), Critical)));
}

#[test]
fn a_node_that_is_a_little_behind_makes_no_liar() {
    let mut rig = Rig::new(|_| ());
    rig.connect(50, vec![entry(2, 5, 10)]);
    rig.connect(51, vec![entry(2, 5, 10)]);
    // In the block of which we know that the chain has let us in.
    rig.say(50, Control::Welcome(Welcome { last_epoch: 0, authorized: false }));
    rig.wait(3_000);
    rig.say(50, Control::Welcome(Welcome { last_epoch: 0, authorized: true }));
    assert_eq!(rig.core.primary(), Some(director(50)));
}

#[test]
fn a_primary_that_never_lets_us_in_is_left_if_the_chain_does() {
    let mut rig = Rig::new(|_| ());
    rig.wait(50);
    rig.put(Input::Up { director: director(50) });
    finalize_some(&mut rig);
    rig.wait(3_000);
    assert_eq!(rig.core.links.primary(), Some(director(50)));
    rig.wait(2_000);
    assert_ne!(rig.core.links.primary(), Some(director(50)));
    rig.connect(51, vec![entry(2, 5, 10)]);
    assert_eq!(rig.core.primary(), Some(director(51)));
}

/// Each time all that it was accused of would be forgotten.
#[test]
fn a_primary_that_lets_us_in_and_out_is_left() {
    let mut rig = Rig::new(|_| ());
    rig.connect(50, vec![entry(2, 5, 10)]);
    finalize_some(&mut rig);
    rig.wait(4_000);
    for authorized in [false, true, false] {
        assert_eq!(rig.core.links.primary(), Some(director(50)));
        rig.say(50, Control::Welcome(Welcome { last_epoch: 0, authorized }));
    }
    assert_ne!(rig.core.links.primary(), Some(director(50)));
}

/// A block with validators 1 to 4 and seven directors, two of which may lie.
fn of_seven(number: u64) -> Snapshot {
    let director = |n: u8| DirectorInfo {
        account: account(n),
        peer_key: director(n),
        endpoints: Default::default(),
        region: Default::default(),
        capacity: 1,
        active_since: 0,
        refreshed_at: 0,
    };
    let validators = (1..=4).map(|n| validator(n, ValidatorStatus::Authorized)).collect();
    snapshot_with(number, validators, (50..57).map(director).collect())
}

/// Primary and standby say that everything is gone that there will ever be.
#[test]
fn two_of_seven_directors_make_nobody_deaf() {
    let mut rig = Rig::connected(|_| ());
    rig.put(Input::Finalized(Arc::new(of_seven(2))));
    let lie = 1_000_000_000_000;
    for n in [50, 51] {
        rig.vector(n, vec![entry(2, 5, lie)], true);
    }
    for _ in 0..600 {
        rig.beat(50);
        rig.beat(51);
        rig.wait(50);
        let asked = rig.fetches();
        rig.out.retain(|output| !matches!(output, Output::Send { message: Control::Fetch(_), .. }));
        for (to, ranges) in asked {
            for range in ranges {
                let n = if to == director(50) { 50 } else { 51 };
                rig.answer(n, range, lie, range.first - 1);
            }
        }
    }
    let third = |o: &Output| matches!(o, Output::Dial { director: d, .. } if *d == director(52));
    assert!(rig.out.iter().any(third), "a third one is asked");
    assert!(!rig.told().iter().any(|event| matches!(event, Event::Gap(_))), "{:?}", rig.told());
    rig.connect(52, vec![entry(2, 5, 11)]);
    rig.wait(300);
    rig.frames(52, &[11]);
    assert_eq!(rig.delivered(), [11]);
}
