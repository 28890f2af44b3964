//! Says what is measured, in which order, and how often.
//!
//! Cases are grouped by chain (directors × validators), since setting one up takes half a minute;
//! within a group the systems take turns, so that a slow minute of the machine slows them all.

use crate::case::{Case, Load, System};

/// Rates at which the highest sustained one is looked for: steps of a seventh to a half.
const LADDER: [u64; 22] = [
    500, 750, 1_000, 1_500, 2_000, 2_500, 3_000, 4_000, 5_000, 6_000, 8_000, 10_000, 12_500,
    15_000, 20_000, 25_000, 30_000, 35_000, 40_000, 50_000, 75_000, 100_000,
];

/// What is measured on one chain.
pub(crate) struct Group {
    pub(crate) relays: usize,
    pub(crate) validators: usize,
    /// Measured as they are, each `repeat` times, in turns.
    pub(crate) cases: Vec<Case>,
    pub(crate) repeat: usize,
    /// Whose highest sustained rate is looked for, and with which rungs of the ladder.
    pub(crate) searches: Vec<Search>,
}

/// A search for the highest sustained rate.
pub(crate) struct Search {
    pub(crate) system: System,
    pub(crate) rungs: Vec<u64>,
    pub(crate) seconds: u64,
}

impl Search {
    fn between(system: System, low: u64, high: u64, seconds: u64) -> Self {
        let rungs = LADDER.into_iter().filter(|rate| (low..=high).contains(rate)).collect();
        Self { system, rungs, seconds }
    }
}

/// Who takes part.
pub(crate) fn everybody(has_nats: bool) -> Vec<System> {
    let mut all = vec![
        System::Raw,
        System::Director,
        System::DirectorQuic,
        System::Gossipsub,
        System::GossipsubVerified,
    ];
    if has_nats {
        all.extend([System::Nats, System::NatsTls]);
    }
    all
}

/// Under four minutes: the main topology and the mesh, few repeats, a coarse search.
pub(crate) fn quick(systems: &[System]) -> Vec<Group> {
    let main = [System::Raw, System::Director, System::Gossipsub, System::GossipsubVerified];
    let takes_part = |system: &System| systems.contains(system);
    let mut cases = Vec::new();
    for system in main.into_iter().filter(takes_part) {
        cases.push(Case { seconds: 3, ..Case::new(system, 1, 21, Load::Rate(1_000)) });
    }
    for system in [System::Raw, System::Director].into_iter().filter(takes_part) {
        cases.push(Case { seconds: 4, ..Case::new(system, 1, 21, Load::Burst) });
    }
    let coarse = |system, rungs: &[u64]| Search { system, rungs: rungs.to_vec(), seconds: 2 };
    let searches = [
        coarse(System::Raw, &[100_000]),
        coarse(System::Director, &[20_000, 30_000, 40_000]),
        coarse(System::GossipsubVerified, &[1_500, 2_500, 4_000]),
    ];
    let meshed = [
        coarse(System::Director, &[8_000, 12_500, 15_000]),
        coarse(System::GossipsubVerified, &[750, 1_000]),
    ];
    let of = |searches: Vec<Search>| {
        searches.into_iter().filter(|search| takes_part(&search.system)).collect()
    };
    vec![
        Group { relays: 1, validators: 21, cases, repeat: 1, searches: of(searches.into()) },
        Group { relays: 3, validators: 21, cases: vec![], repeat: 1, searches: of(meshed.into()) },
    ]
}

/// Everything that the targets speak of.
pub(crate) fn full(systems: &[System], repeat: usize, seconds: u64) -> Vec<Group> {
    let takes_part = |system: &System| systems.contains(system);
    let cases = |relays, validators, of: &[System], load| -> Vec<Case> {
        let of = of.iter().copied().filter(takes_part);
        of.map(|system| Case { seconds, ..Case::new(system, relays, validators, load) }).collect()
    };
    let thousand = Load::Rate(1_000);
    let tcp = [System::Raw, System::Director];
    let compared = [System::Raw, System::Director, System::Gossipsub, System::GossipsubVerified];
    let search = |system, low, high| Search::between(system, low, high, 2);
    let few = repeat.min(2);
    let of = |searches: Vec<Search>| {
        searches.into_iter().filter(|search| takes_part(&search.system)).collect::<Vec<_>>()
    };

    let mut main = cases(1, 21, systems, thousand);
    main.extend(cases(1, 21, &compared, Load::Burst));
    main.extend(cases(1, 21, &tcp, thousand).into_iter().map(|c| Case { payload: 4_096, ..c }));
    main.extend(cases(1, 21, &tcp, thousand).into_iter().map(|c| Case { bulk: 4, ..c }));
    let classes = ["high", "normal"];
    main.extend(classes.into_iter().filter(|_| takes_part(&System::Director)).map(|class| Case {
        class: class.into(),
        seconds,
        ..Case::new(System::Director, 1, 21, thousand)
    }));
    // 10,000 attempts a minute.
    main.extend(
        cases(1, 21, &tcp[1..], thousand).into_iter().map(|c| Case { strangers: 167, ..c }),
    );
    let main_searches = vec![
        search(System::Raw, 100_000, 100_000),
        search(System::Director, 20_000, 75_000),
        search(System::DirectorQuic, 2_000, 20_000),
        search(System::Gossipsub, 1_500, 5_000),
        search(System::GossipsubVerified, 1_000, 5_000),
        search(System::Nats, 20_000, 100_000),
        search(System::NatsTls, 10_000, 75_000),
    ];
    let mut meshed = cases(3, 21, &compared, thousand);
    meshed.extend(cases(3, 21, &[System::Nats, System::NatsTls], thousand));
    let meshed_searches = vec![
        search(System::Raw, 100_000, 100_000),
        search(System::Director, 6_000, 30_000),
        search(System::Gossipsub, 500, 4_000),
        search(System::GossipsubVerified, 500, 4_000),
    ];
    let mut hundred = cases(1, 100, &tcp, Load::Rate(202));
    hundred.extend(cases(1, 100, &compared, Load::Burst));
    for frozen in [0, 10] {
        hundred.extend(cases(1, 100, &tcp[1..], Load::Rate(500)).into_iter().map(|case| Case {
            frozen,
            validators: 90 + frozen,
            ..case
        }));
    }
    let many = cases(1, 1_000, &tcp, Load::Rate(20));
    let many = [many, cases(1, 1_000, &tcp, Load::Rate(100))].concat();
    vec![
        Group { relays: 1, validators: 21, cases: main, repeat, searches: of(main_searches) },
        Group { relays: 3, validators: 21, cases: meshed, repeat, searches: of(meshed_searches) },
        Group { relays: 1, validators: 100, cases: hundred, repeat: few, searches: vec![] },
        Group {
            relays: 5,
            validators: 100,
            cases: cases(5, 100, &tcp, Load::Rate(202)),
            repeat: few,
            searches: vec![],
        },
        Group { relays: 1, validators: 1_000, cases: many, repeat: few, searches: vec![] },
    ]
}
