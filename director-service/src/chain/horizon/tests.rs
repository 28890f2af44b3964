use super::*;

const LOOK: Duration = Duration::from_secs(10);
const PATIENCE: Duration = Duration::from_secs(120);

/// Seconds between blocks.
const BLOCK: u64 = 6;

struct Rig {
    horizon: Horizon,
    now: Instant,
    began: Instant,
    /// Where the chain is.
    real: u64,
}

impl Rig {
    /// Follows the first of so many nodes for ten minutes; the others are level.
    fn new(nodes: usize) -> Self {
        let horizon = Horizon::new(nodes, LOOK, PATIENCE);
        let now = Instant::now();
        let mut rig = Self { horizon, now, began: now, real: 1_000 };
        assert_eq!(rig.judge(0, 1_000), Verdict::Plausible);
        for _ in 0..60 {
            rig.pass(10);
            for node in 0..nodes {
                rig.look(node, rig.real);
            }
            rig.horizon.compare(rig.now);
            assert_eq!(rig.judge(0, rig.real), Verdict::Plausible);
        }
        rig
    }

    fn pass(&mut self, seconds: u64) {
        self.now += Duration::from_secs(seconds);
        self.real = 1_000 + (self.now - self.began).as_secs() / BLOCK;
    }

    fn look(&mut self, node: usize, finalized: u64) {
        self.look_at(node, finalized, true);
    }

    fn look_at(&mut self, node: usize, finalized: u64, is_well: bool) {
        self.horizon.looked(node, Some(Look { finalized, is_well }), self.now);
    }

    fn judge(&mut self, used: usize, number: u64) -> Verdict {
        self.horizon.judge(used, number, self.now)
    }
}

#[test]
fn a_head_far_ahead_of_what_all_others_say_is_held_back() {
    let mut rig = Rig::new(3);
    assert!(rig.horizon.is_far_fetched(1, rig.real + 1_000, rig.now));
    assert!(!rig.horizon.is_far_fetched(1, rig.real + 20, rig.now), "a burst");
    for _ in 0..100 {
        rig.pass(10);
        let claimed = rig.real + 1_000;
        assert_eq!(rig.judge(1, claimed), Verdict::Held);
        rig.look(0, rig.real);
        rig.horizon.compare(rig.now);
        assert_eq!(rig.horizon.contradicted(0, rig.real, rig.now), None);
    }
}

#[test]
fn what_two_nodes_say_is_taken_however_far_it_is() {
    let mut rig = Rig::new(3);
    let jumped = rig.real + 100_000;
    rig.look(2, jumped);
    assert!(!rig.horizon.is_far_fetched(1, jumped, rig.now));
    assert_eq!(rig.judge(1, jumped), Verdict::Plausible);
}

#[test]
fn what_is_plausible_grows_with_the_time_that_nobody_was_heard() {
    let mut rig = Rig::new(2);
    rig.pass(3_600);
    let real = rig.real;
    assert!(real > 1_600);
    assert_eq!(rig.judge(1, real), Verdict::Plausible);
    assert!(rig.horizon.is_far_fetched(1, real + 5_000, rig.now));
}

#[test]
fn a_far_fetched_head_is_taken_if_nobody_else_answers_for_two_minutes() {
    let mut rig = Rig::new(2);
    rig.horizon.looked(0, None, rig.now);
    let jumped = rig.real + 50_000;
    assert_eq!(rig.judge(1, jumped), Verdict::Held);
    rig.pass(119);
    assert_eq!(rig.judge(1, jumped), Verdict::Held);
    rig.pass(1);
    assert_eq!(rig.judge(1, jumped), Verdict::OnItsWord);
    let taken_at = rig.real;
    for _ in 0..100 {
        rig.pass(60);
        let goes_on = jumped + (rig.real - taken_at);
        assert_eq!(rig.judge(1, goes_on), Verdict::Plausible);
    }
}

#[test]
fn somebody_who_is_behind_itself_contradicts_nobody() {
    let mut rig = Rig::new(2);
    let jumped = rig.real + 50_000;
    for _ in 0..13 {
        rig.look_at(0, rig.real, false);
        rig.judge(1, jumped);
        rig.pass(10);
    }
    assert_eq!(rig.judge(1, jumped), Verdict::Plausible);
}

#[test]
fn what_was_taken_on_one_word_is_dropped_when_another_goes_on_below_it() {
    let mut rig = Rig::new(3);
    let claimed = rig.real + 50_000;
    let sure = rig.real;
    rig.horizon.trust(claimed, rig.now);
    for node in [0, 2] {
        rig.horizon.looked(node, None, rig.now);
    }
    rig.pass(600);
    assert_eq!(rig.horizon.contradicted(1, claimed, rig.now), None, "nobody is there");
    assert_eq!(rig.horizon.sure_below(claimed, rig.now), Some(sure), "a history that is compared");
    let since = rig.now;
    let back = loop {
        rig.look(0, rig.real);
        rig.look(1, claimed);
        rig.horizon.compare(rig.now);
        if let Some(back) = rig.horizon.contradicted(1, claimed, rig.now) {
            break back;
        }
        assert!(rig.now - since < PATIENCE);
        rig.pass(10);
    };
    assert_eq!((back, rig.now - since), (0, PATIENCE));
    rig.horizon.retract(None, rig.now);
    assert_eq!(rig.judge(0, rig.real), Verdict::Plausible);
    assert!(rig.horizon.is_far_fetched(1, claimed, rig.now));
}

#[test]
fn what_was_taken_on_one_word_is_kept_when_a_third_says_the_like() {
    let mut rig = Rig::new(3);
    let jumped = rig.real + 50_000;
    rig.horizon.trust(jumped, rig.now);
    for _ in 0..30 {
        rig.look(0, rig.real);
        rig.look(2, jumped);
        rig.look(1, jumped);
        rig.horizon.compare(rig.now);
        assert_eq!(rig.horizon.contradicted(1, jumped, rig.now), None);
        rig.pass(10);
    }
    assert_eq!(rig.horizon.sure_below(jumped, rig.now), None);
}

#[test]
fn who_contradicts_and_stands_still_is_not_gone_back_to() {
    let mut rig = Rig::new(2);
    let (stuck, jumped) = (rig.real, rig.real + 50_000);
    rig.horizon.trust(jumped, rig.now);
    for _ in 0..60 {
        rig.look(0, stuck);
        assert_eq!(rig.horizon.contradicted(1, jumped, rig.now), None);
        rig.pass(10);
    }
}

#[test]
fn a_single_node_may_say_what_it_likes() {
    let mut horizon = Horizon::new(1, LOOK, PATIENCE);
    let now = Instant::now();
    for number in [5, 6, 1_000_000, u64::MAX] {
        assert_eq!(horizon.judge(0, number, now), Verdict::Plausible);
    }
}

#[test]
fn a_fast_chain_is_no_lie() {
    let mut horizon = Horizon::new(2, LOOK, PATIENCE);
    let mut now = Instant::now();
    // Five blocks a second, of which nobody else tells.
    for real in 0..3_000 {
        assert_eq!(horizon.judge(0, real, now), Verdict::Plausible);
        now += Duration::from_millis(200);
    }
}

#[test]
fn what_one_node_goes_on_claiming_is_dropped_and_what_two_say_is_not() {
    let mut rig = Rig::new(3);
    let claimed = rig.real + 50_000;
    rig.horizon.trust(claimed, rig.now);
    rig.look(1, claimed);
    assert!(rig.horizon.is_groundless(0, claimed, rig.now));
    rig.look(2, claimed);
    assert!(!rig.horizon.is_groundless(0, claimed, rig.now));
    // The node in use is behind what was sure.
    let mut rig = Rig::new(2);
    assert!(!rig.horizon.is_groundless(0, rig.real, rig.now));
    rig.horizon.looked(1, None, rig.now);
    assert!(rig.horizon.is_groundless(0, rig.real, rig.now));
}

#[test]
fn a_second_lie_below_the_first_one_is_not_sure() {
    let mut rig = Rig::new(2);
    let (first, second) = (rig.real + 50_000, rig.real + 40_000);
    rig.horizon.trust(first, rig.now);
    rig.horizon.retract(Some(second), rig.now);
    rig.look(0, rig.real);
    assert_eq!(rig.judge(1, second + 1), Verdict::Held);
    assert_eq!(rig.judge(0, rig.real), Verdict::Plausible);
    // What is below what was sure is where the chain is.
    let real = rig.real - 5;
    rig.horizon.retract(Some(real), rig.now);
    assert_eq!(rig.horizon.sure_below(first, rig.now), Some(real));
}

#[test]
fn the_first_head_of_all_is_one_nodes_word() {
    let mut horizon = Horizon::new(2, LOOK, PATIENCE);
    let mut now = Instant::now();
    let claimed = 1_000_000_000;
    assert_eq!(horizon.judge(1, claimed, now), Verdict::Plausible, "there is nobody else");
    assert_eq!(horizon.sure_below(claimed, now), None);
    let well = |finalized| Some(Look { finalized, is_well: true });
    let looks = (0..).map(|look| {
        horizon.looked(0, well(1_000 + look), now);
        horizon.looked(1, well(claimed + look), now);
        horizon.compare(now);
        now += LOOK;
        horizon.contradicted(1, claimed + look, now)
    });
    let patient = (PATIENCE.as_secs() / LOOK.as_secs()) as usize;
    let back: Vec<_> = looks.take(patient + 1).collect();
    assert_eq!(back[..patient], vec![None; patient]);
    assert_eq!(back[patient], Some(0));
}

#[test]
fn who_stands_still_hides_nobody_who_goes_on() {
    let mut rig = Rig::new(3);
    let (stuck, jumped) = (rig.real, rig.real + 50_000);
    rig.horizon.trust(jumped, rig.now);
    let back = (0..20).find_map(|_| {
        rig.look(0, stuck);
        rig.look(2, rig.real);
        let back = rig.horizon.contradicted(1, jumped, rig.now);
        rig.pass(10);
        back
    });
    assert_eq!(back, Some(2));
}

#[test]
fn nothing_is_thrown_away_for_a_block_that_one_node_alone_claims() {
    let mut rig = Rig::new(2);
    assert!((rig.real - 1..=rig.real).contains(&rig.horizon.settled(rig.now)));
    // The other one is away: history goes on being thrown away as fast as the chain is, whatever is claimed.
    let mut believed = false;
    for _ in 0..100 {
        rig.pass(10);
        rig.look(0, 1_000_000);
        rig.horizon.looked(1, None, rig.now);
        rig.horizon.compare(rig.now);
        believed |= rig.judge(0, 1_000_000) == Verdict::OnItsWord;
        let settled = rig.horizon.settled(rig.now);
        assert!(settled.abs_diff(rig.real) <= 10, "{settled} of {}", rig.real);
    }
    assert!(believed);
    // It is back, below the claim, and then says the same.
    rig.horizon.retract(None, rig.now);
    rig.pass(10);
    rig.look(0, rig.real);
    rig.look(1, rig.real);
    rig.horizon.compare(rig.now);
    assert_eq!(rig.horizon.settled(rig.now), rig.real);
}

/// Believes what node 0 says for so long, the chain making a block every 6 s.
fn follow(horizon: &mut Horizon, now: &mut Instant, number: &mut u64, seconds: u64) {
    for _ in 0..seconds / 6 {
        *now += Duration::from_secs(6);
        *number += 1;
        assert_eq!(horizon.judge(0, *number, *now), Verdict::Plausible);
    }
}

#[test]
fn what_one_node_says_is_settled_when_it_has_stood_for_an_hour() {
    // Only one of two answers from the start on, or there is only one.
    for nodes in 1..=2 {
        let (mut horizon, mut now) = (Horizon::new(nodes, LOOK, PATIENCE), Instant::now());
        let (began, mut number) = (1_000_000, 1_000_000);
        follow(&mut horizon, &mut now, &mut number, 3_600);
        assert_eq!(horizon.settled(now), 0, "{nodes} nodes");
        follow(&mut horizon, &mut now, &mut number, 12);
        assert_eq!(horizon.settled(now), began + 1, "{nodes} nodes");
        for _ in 0..20 {
            follow(&mut horizon, &mut now, &mut number, 3_600);
            let behind = number - horizon.settled(now);
            assert!(behind <= 2 * 3_610 / 6, "{nodes} nodes: {behind} blocks");
        }
    }
}

#[test]
fn what_a_single_node_takes_back_was_never_settled() {
    let (mut horizon, mut now) = (Horizon::new(1, LOOK, PATIENCE), Instant::now());
    let mut number = 1_000;
    follow(&mut horizon, &mut now, &mut number, 7_200);
    let settled = horizon.settled(now);
    let mut claimed = 2_000_000;
    follow(&mut horizon, &mut now, &mut claimed, 1_800);
    assert!(horizon.settled(now) < number);
    horizon.retract(Some(number), now);
    follow(&mut horizon, &mut now, &mut number, 3_600);
    assert!((settled..number).contains(&horizon.settled(now)));
}

#[test]
fn a_node_that_goes_away_in_the_first_minute_does_not_stop_what_settles() {
    let (mut horizon, mut now) = (Horizon::new(2, LOOK, PATIENCE), Instant::now());
    for node in 0..2 {
        horizon.looked(node, Some(Look { finalized: 1_000, is_well: true }), now);
    }
    horizon.compare(now);
    let mut number = 1_000;
    horizon.looked(1, None, now);
    follow(&mut horizon, &mut now, &mut number, 20_000);
    assert!(number - horizon.settled(now) <= 2 * 3_610 / 6);
}

#[test]
fn a_node_is_outrun_by_one_that_is_well_and_far_ahead_however_far_fetched_that_is() {
    let mut rig = Rig::new(2);
    let own = rig.real;
    assert!(!rig.horizon.is_outrun(0, own, rig.now));
    rig.look(1, own + SLACK);
    assert!(!rig.horizon.is_outrun(0, own, rig.now), "finality comes in bursts");
    rig.look(1, own + 1_000_000);
    assert!(rig.horizon.is_outrun(0, own, rig.now) && !rig.horizon.is_outrun(1, own, rig.now));
    rig.look_at(1, own + 1_000_000, false);
    assert!(!rig.horizon.is_outrun(0, own, rig.now), "it says that it is behind");
    rig.look(1, own + 1_000_000);
    rig.pass(60);
    assert!(!rig.horizon.is_outrun(0, own, rig.now), "nobody has asked it for long");
}
