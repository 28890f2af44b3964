//! Says what somebody should look at, and what to do about it.
//!
//! An alarm lasts as long as its cause, and of what is over in a moment some minutes: nothing has to be confirmed. The rules in
//! `deploy/prometheus` have the same ones for who is asleep; `docs/monitoring.md` lists those.

use crate::http::{Alarm, Alarms, Case, Checkpoint, MeshDirector, Parts};

/// A chain that has finalized nothing for so long is not to be relied on, in seconds.
const SILENCE_S: u64 = 120;

/// Blocks behind the others from which on a node is slow.
const LAG_BLOCKS: u64 = 5;

/// How far a clock may seem to be off, in milliseconds: the way of a heartbeat is in it too.
const CLOCK_MS: u64 = 2_000;

/// Bytes in a peer's queue from which on it is slow.
pub(super) const SLOW_BYTES: u64 = 1 << 20;

/// Checkpoints without a vote from which on a validator is silent.
const SILENT_CHECKPOINTS: u32 = 3;

/// Messages that a director kept back from which on it is no hiccup.
const WITHHELD: u64 = 3;

/// What is not in the parts.
#[derive(Clone, Debug, Default)]
pub(super) struct Facts {
    pub(super) sick: Option<String>,
    pub(super) store: Option<String>,
    pub(super) unwritten_votes: u64,
    pub(super) silence_s: u64,
    pub(super) active: bool,
    pub(super) caught_up: bool,
    pub(super) draining: bool,
    /// Frames lost to full queues within the last minute.
    pub(super) dropped: u64,
    /// Messages that nobody has any more, within the last minute.
    pub(super) given_up: u64,
    /// Messages that other directors were asked for and kept, within the last five minutes.
    pub(super) withheld: u64,
    pub(super) not_ready: Vec<String>,
    /// What the chain's nodes and the account lack, each with its remedy.
    pub(super) warnings: Vec<String>,
}

#[derive(Default)]
struct List(Vec<Alarm>);

impl List {
    fn critical(&mut self, id: &str, summary: impl Into<String>, remedy: &str) {
        self.add("critical", id, summary.into(), remedy);
    }

    fn warning(&mut self, id: &str, summary: impl Into<String>, remedy: &str) {
        self.add("warning", id, summary.into(), remedy);
    }

    fn add(&mut self, level: &'static str, id: &str, summary: String, remedy: &str) {
        self.0.push(Alarm { id: id.into(), level, summary, remedy: remedy.into() });
    }
}

impl Facts {
    /// What is to be looked at, the worst first.
    pub(super) fn alarms(&self, parts: &Parts) -> Alarms {
        let mut list = List::default();
        self.about_itself(&mut list);
        self.about_the_chain(parts, &mut list);
        about_the_mesh(parts, &mut list);
        about_validators(parts, &mut list);
        for case in &parts.evidence.items {
            about_a_case(case, &mut list);
        }
        let is_critical = |of: &Alarm| of.level == "critical";
        if !self.not_ready.is_empty() && list.0.is_empty() {
            let remedy = "the director's log says since when and why";
            list.critical("not-ready", self.not_ready.join("; "), remedy);
        }
        for warning in &self.warnings {
            let remedy = "send the account tokens, or see to the node that is named; docs/operators.md has more";
            list.warning("account-or-node", warning, remedy);
        }
        list.0.sort_by_key(|of| !is_critical(of));
        let level = match list.0.first() {
            None => "ok",
            Some(worst) => worst.level,
        };
        Alarms { level, items: list.0 }
    }

    fn about_itself(&self, list: &mut List) {
        if let Some(why) = &self.sick {
            list.critical("core-hangs", why, "restart the director, and report its log");
        }
        if let Some(trouble) = &self.store {
            let votes = self.unwritten_votes;
            list.critical(
                "store-failing",
                format!("the store cannot use its file ({trouble}); {votes} votes are in memory"),
                "free space on the disk of data_dir, or repair it; no restart is needed, and one would lose those votes",
            );
        }
        if self.draining {
            list.warning(
                "draining",
                "this director hands its validators over, to stop then",
                "wait until it has ended; `director drain` began it",
            );
        }
        if self.dropped > 0 {
            list.warning(
                "frames-lost",
                format!("{} frames were lost to full queues within a minute", self.dropped),
                "see dropped_frames at /metrics for the class: one slow validator, or too little bandwidth here",
            );
        }
        if self.given_up > 0 {
            list.warning(
                "messages-lost",
                format!("{} messages were given up within a minute: nobody has them any more", self.given_up),
                "see whether a director or a link was down for longer than the log reaches (log_seconds)",
            );
        }
        if self.withheld >= WITHHELD {
            list.warning(
                "withheld",
                format!(
                    "{} messages had to be got by way of another director than the one that was asked for them",
                    self.withheld
                ),
                "a director may keep messages back (censorship), or is overloaded: compare withheld at /metrics of all directors",
            );
        }
    }

    fn about_the_chain(&self, parts: &Parts, list: &mut List) {
        let chain = &parts.chain;
        if !chain.connected {
            let why = chain.trouble.as_deref().unwrap_or("connecting");
            list.critical(
                "node-away",
                format!("the chain's node does not answer: {why}"),
                "see that the node runs and that chain.url names it; everything else goes on meanwhile",
            );
        } else if self.silence_s > SILENCE_S {
            list.critical(
                "chain-silent",
                format!("no block was finalized for {} s", self.silence_s),
                "see whether the node syncs and the chain finalizes at all",
            );
        }
        if chain.finalized.is_some() && !self.active {
            list.critical(
                "not-active",
                "the chain does not have this director, with this peer key, as active",
                "have governance invite its account, then run `director register`; after a rotation see that keys.peer is the new key",
            );
        } else if chain.finalized.is_some() && !self.caught_up {
            list.warning(
                "catching-up",
                "this director fetches what it missed and is not ready yet",
                "wait a minute; if it stays, look at the mesh links",
            );
        }
        if chain.directors > 0 && chain.directors < chain.directors_allowed[0] {
            list.warning(
                "few-directors",
                format!(
                    "{} directors are active, fewer than the chain's {}",
                    chain.directors, chain.directors_allowed[0]
                ),
                "have governance invite another one",
            );
        }
    }
}

/// Enough to find it.
fn short(account: &str) -> &str {
    account.get(..8).unwrap_or(account)
}

fn about_the_mesh(parts: &Parts, list: &mut List) {
    let others = || parts.mesh.directors.iter().filter(|of| !of.this);
    let is_member = parts.mesh.directors.iter().any(|of| of.this);
    if is_member && others().count() > 0 && others().all(|of| !of.connected) {
        list.critical(
            "mesh-alone",
            "none of the other directors is connected",
            "see this machine's network and that the port of mesh.listen is open to the others",
        );
    } else if is_member {
        for of in others().filter(|of| !of.connected) {
            list.warning(
                &format!("mesh-link-{}", short(&of.account)),
                format!("director {} is not connected", short(&of.account)),
                "ask its operator; messages go by way of the others meanwhile, and nothing is lost",
            );
        }
    }
    for of in &parts.mesh.directors {
        about_a_director(of, list);
    }
}

fn about_a_director(of: &MeshDirector, list: &mut List) {
    let name =
        if of.this { "this director".into() } else { format!("director {}", short(&of.account)) };
    if let Some(blocks) = of.lag_blocks.filter(|blocks| *blocks > LAG_BLOCKS) {
        list.warning(
            &format!("lag-{}", short(&of.account)),
            format!("the node of {name} is {blocks} blocks behind"),
            "see that the node is synced and its machine not overloaded",
        );
    }
    if let Some(ms) = of.clock_ms.filter(|ms| ms.unsigned_abs() > CLOCK_MS) {
        list.warning(
            &format!("clock-{}", short(&of.account)),
            format!("the clocks of {name} and this one differ by about {} s", ms / 1_000),
            "see that NTP runs on both machines",
        );
    }
    if of.stale {
        list.warning(
            &format!("stale-{}", short(&of.account)),
            format!("{name} has let its record on chain become old"),
            "see that it runs and that its account can pay fees",
        );
    }
    if of.waiting_bytes > SLOW_BYTES {
        list.warning(
            &format!("slow-{}", short(&of.account)),
            format!("{} MiB wait for {name}", of.waiting_bytes >> 20),
            "see the bandwidth between the two, and its load",
        );
    }
    if of.this && of.capacity > 0 && of.validators.is_some_and(|seated| seated >= of.capacity) {
        list.warning(
            "seats-taken",
            format!("all {} seats are taken: further validators go elsewhere", of.capacity),
            "raise the capacity (`director register` again) if the machine has room, or add a director",
        );
    }
}

/// Checkpoints that should have their certificate, the newest first: not the newest of all, whose votes may be on
/// their way, nor one that somebody has voted for before its block is finalized here.
pub(super) fn settled(parts: &Parts) -> impl Iterator<Item = &Checkpoint> {
    let current = parts.chain.checkpoint;
    parts.checkpoints.items.iter().skip_while(move |of| of.checkpoint > current).skip(1)
}

fn about_validators(parts: &Parts, list: &mut List) {
    let slow = parts.validators.items.iter().filter(|of| of.waiting_bytes > SLOW_BYTES).count();
    if slow > 0 {
        list.warning(
            "slow-validators",
            format!("{slow} validators read slowly: more than 1 MiB waits for each"),
            "nobody else is slowed; ask their operators, or see this machine's bandwidth if they are many",
        );
    }
    let looked_at = parts.validators.looked_at;
    let is_silent = |of: &&_| {
        let of: &crate::http::Validator = of;
        of.status == "authorized" && of.missed >= looked_at && of.last_vote.is_none()
    };
    let silent = parts.validators.items.iter().filter(is_silent).count();
    if looked_at >= SILENT_CHECKPOINTS && silent > 0 {
        list.warning(
            "silent-validators",
            format!("{silent} authorized validators voted at none of {looked_at} checkpoints"),
            "ask their operators; with a third of them silent there are no certificates",
        );
    }
    let late = settled(parts).take(3).filter(|of| !of.certified).last();
    if let Some(of) = late {
        list.critical(
            "no-certificate",
            format!(
                "checkpoint {} has {} votes for one block and needs {}",
                of.checkpoint,
                of.blocks.first().map_or(0, |block| block.votes),
                of.needed
            ),
            "see which validators are silent, and whether their nodes agree on the block",
        );
    }
}

fn about_a_case(case: &Case, list: &mut List) {
    let id = short(case.evidence.id.trim_start_matches("0x"));
    let is_open = case.is_open();
    if let Some(trouble) = case.evidence.trouble.as_ref().filter(|_| is_open) {
        list.critical(
            &format!("evidence-stuck-{id}"),
            format!("the proof of a double sign is not in the chain: {trouble}"),
            "fund this director's account if fees are missing, else see its node; it tries again by itself",
        );
    } else if is_open {
        let checkpoint = case.evidence.checkpoint;
        list.warning(
            &format!("double-sign-{id}"),
            format!("a validator signed two blocks for checkpoint {checkpoint}; the proof is on its way to the chain"),
            "nothing: the director reports it; governance can cancel the slash while it is deferred",
        );
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;
    use crate::http::{BlockStatus, Chain, Checkpoints, Evidence, Mesh, Step, Validator};

    fn director(n: u8) -> MeshDirector {
        MeshDirector {
            account: format!("5Director{n}"),
            this: n == 1,
            connected: true,
            capacity: 10,
            validators: Some(3),
            lag_blocks: Some(0),
            clock_ms: Some(1),
            ..MeshDirector::default()
        }
    }

    fn well() -> (Facts, Parts) {
        let facts = Facts { active: true, caught_up: true, ..Facts::default() };
        let chain = Chain {
            connected: true,
            finalized: Some(BlockStatus::default()),
            directors: 3,
            directors_allowed: [3, 7],
            ..Chain::default()
        };
        let mesh = Mesh { directors: (1..=3).map(director).collect() };
        (facts, Parts { chain, mesh, ..Parts::default() })
    }

    /// What a change makes of a director that is well.
    fn after(change: impl FnOnce(&mut Facts, &mut Parts)) -> (&'static str, Vec<String>) {
        let (mut facts, mut parts) = well();
        change(&mut facts, &mut parts);
        let Alarms { level, items } = facts.alarms(&parts);
        for alarm in &items {
            assert!(!alarm.summary.is_empty() && !alarm.remedy.is_empty(), "{alarm:?}");
        }
        (level, items.into_iter().map(|of| of.id).collect())
    }

    #[test]
    fn a_director_that_is_well_has_none() {
        assert_eq!(after(|_, _| {}), ("ok", vec![]));
        // Now and then somebody is slow for a moment.
        assert_eq!(after(|of, _| of.withheld = 2), ("ok", vec![]));
    }

    #[test]
    fn each_cause_has_its_alarm() {
        type Change = fn(&mut Facts, &mut Parts);
        let causes: [(&str, &str, Change); 20] = [
            ("critical", "core-hangs", |of, _| of.sick = Some("it hangs".into())),
            ("critical", "store-failing", |of, _| of.store = Some("full".into())),
            ("critical", "node-away", |_, parts| parts.chain.connected = false),
            ("critical", "chain-silent", |of, _| of.silence_s = 121),
            ("critical", "not-active", |of, _| of.active = false),
            ("critical", "not-ready", |of, _| of.not_ready = vec!["who knows".into()]),
            ("critical", "mesh-alone", |_, parts| {
                parts.mesh.directors.iter_mut().for_each(|of| of.connected = of.this);
            }),
            ("critical", "no-certificate", |_, parts| {
                let items =
                    [true, false].map(|certified| Checkpoint { certified, ..Default::default() });
                parts.checkpoints = Checkpoints { items: items.to_vec(), ..Default::default() };
            }),
            ("warning", "account-or-node", |of, _| of.warnings = vec!["little money".into()]),
            ("warning", "catching-up", |of, _| of.caught_up = false),
            ("warning", "draining", |of, _| of.draining = true),
            ("warning", "frames-lost", |of, _| of.dropped = 1),
            ("warning", "messages-lost", |of, _| of.given_up = 1),
            ("warning", "withheld", |of, _| of.withheld = 3),
            ("warning", "few-directors", |_, parts| parts.chain.directors = 2),
            ("warning", "mesh-link-5Directo", |_, parts| parts.mesh.directors[1].connected = false),
            ("warning", "lag-5Directo", |_, parts| parts.mesh.directors[0].lag_blocks = Some(6)),
            ("warning", "clock-5Directo", |_, parts| {
                parts.mesh.directors[2].clock_ms = Some(-2_001)
            }),
            ("warning", "stale-5Directo", |_, parts| parts.mesh.directors[2].stale = true),
            ("warning", "seats-taken", |_, parts| parts.mesh.directors[0].validators = Some(10)),
        ];
        for (level, id, change) in causes {
            assert_eq!(after(change), (level, vec![id.to_string()]));
        }
    }

    #[test]
    fn a_vote_that_comes_before_its_block_raises_no_alarm() {
        let with = |current: u64, votes: &[(u64, bool)]| {
            after(|_, parts| {
                parts.chain.checkpoint = current;
                let items = votes.iter().map(|(checkpoint, certified)| Checkpoint {
                    checkpoint: *checkpoint,
                    certified: *certified,
                    ..Default::default()
                });
                parts.checkpoints = Checkpoints { items: items.collect(), ..Default::default() };
            })
        };
        assert_eq!(with(7, &[(7, false), (6, true)]), ("ok", vec![]));
        // Somebody is a block ahead: 7 is still under way.
        assert_eq!(with(7, &[(8, false), (7, false), (6, true)]), ("ok", vec![]));
        let late = ("critical", vec!["no-certificate".to_string()]);
        assert_eq!(with(8, &[(8, false), (7, false), (6, true)]), late);
        assert_eq!(with(7, &[(8, false), (7, false), (6, false)]), late);
    }

    #[test]
    fn validators_that_are_slow_or_silent_are_counted() {
        let silent = |_: &mut Facts, parts: &mut Parts| {
            parts.validators.looked_at = 3;
            parts.validators.items = vec![
                Validator { status: "authorized", missed: 3, ..Default::default() },
                Validator {
                    status: "authorized",
                    missed: 2,
                    last_vote: Some(1),
                    ..Default::default()
                },
                Validator {
                    status: "candidate",
                    missed: 3,
                    waiting_bytes: 1 << 21,
                    ..Default::default()
                },
            ];
        };
        let expected = ["slow-validators", "silent-validators"].map(String::from).to_vec();
        assert_eq!(after(silent), ("warning", expected));
    }

    #[test]
    fn evidence_is_critical_only_while_something_keeps_it() {
        let case = |trouble: Option<&str>, state| Case {
            evidence: Evidence {
                id: "0x0123456789".into(),
                trouble: trouble.map(String::from),
                ..Default::default()
            },
            steps: vec![Step { name: "submitted", state, ..Default::default() }],
            ..Default::default()
        };
        let with = |case: Case| after(|_, parts| parts.evidence.items.push(case));
        assert_eq!(
            with(case(Some("no fees"), "now")),
            ("critical", vec!["evidence-stuck-01234567".into()])
        );
        assert_eq!(with(case(None, "now")), ("warning", vec!["double-sign-01234567".into()]));
        assert_eq!(with(case(None, "done")), ("ok", vec![]));
    }
}
