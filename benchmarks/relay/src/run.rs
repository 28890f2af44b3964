//! Goes through a plan: sets up each chain once, measures in turns, looks for the highest rate.

use crate::{
    case::{Case, Load},
    plan::{Group, Search},
    programs::Programs,
    row::Row,
    stage::Stage,
    systems::measure,
};
use anyhow::{Context, Result};
use std::{
    path::{Path, PathBuf},
    time::Instant,
};

/// What failed to be measured is tried so often: a port may be taken, a machine asleep.
const TRIES: usize = 2;

/// Why something is measured.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Purpose {
    /// For itself: every run counts.
    Case,
    /// As a rung of a search: the first good try counts.
    Rung,
}

/// A run of the benchmark.
pub(crate) struct Run<'a> {
    programs: &'a Programs,
    dir: PathBuf,
    started: Instant,
    /// Every measurement, in order.
    measured: Vec<(Purpose, Case, Row)>,
    /// What could not be measured, with the reason.
    pub(crate) failures: Vec<String>,
    count: usize,
}

impl<'a> Run<'a> {
    pub(crate) fn new(programs: &'a Programs, dir: &Path) -> Self {
        Self {
            programs,
            dir: dir.into(),
            started: Instant::now(),
            measured: Vec::new(),
            failures: Vec::new(),
            count: 0,
        }
    }

    /// Measures a group.
    pub(crate) async fn group(&mut self, group: &Group) -> Result<()> {
        let Group { relays, validators, .. } = group;
        self.say(&format!("setting up a chain with {relays} directors, {validators} validators"));
        let dir = self.dir.join(format!("chain-{relays}x{validators}"));
        let stage = Stage::prepare(&dir, self.programs, *relays, *validators).await?;
        for _ in 0..group.repeat {
            for case in &group.cases {
                self.measure(Purpose::Case, case, &stage).await;
            }
        }
        self.search(group, &stage).await;
        stage.end().await;
        Ok(())
    }

    /// The searches take turns too, rung by rung.
    async fn search(&mut self, group: &Group, stage: &Stage) {
        let steps = group.searches.iter().map(|search| search.rungs.len()).max().unwrap_or(0);
        let mut given_up = vec![false; group.searches.len()];
        for step in 0..steps {
            for (search, given_up) in group.searches.iter().zip(&mut given_up) {
                let Some(rate) = search.rungs.get(step).filter(|_| !*given_up) else { continue };
                *given_up = !self.rung(search, *rate, group, stage).await;
            }
        }
    }

    /// Whether a rate is sustained, at the second try at the latest: one hiccup of the machine is not
    /// the system's.
    async fn rung(&mut self, search: &Search, rate: u64, group: &Group, stage: &Stage) -> bool {
        let case = Case::new(search.system, group.relays, group.validators, Load::Rate(rate));
        let case = Case { seconds: search.seconds, ..case };
        for _ in 0..2 {
            match self.measure(Purpose::Rung, &case, stage).await {
                Some(row) if row.sustained() => return true,
                Some(_) => {}
                None => return false,
            }
        }
        false
    }

    /// Measures a case once; says and keeps what came of it.
    async fn measure(&mut self, purpose: Purpose, case: &Case, stage: &Stage) -> Option<Row> {
        let mut failure = None;
        for _ in 0..TRIES {
            self.count += 1;
            let dir = self.dir.join(format!("run-{}", self.count));
            match measure(case, stage, self.programs, &dir).await {
                Ok(row) => {
                    self.say(&format!("{case}: {}", row.in_brief()));
                    self.measured.push((purpose, case.clone(), row.clone()));
                    return Some(row);
                }
                Err(error) => failure = Some(format!("{case}: {error:#}")),
            }
        }
        let failure = failure?;
        self.say(&failure);
        self.failures.push(failure);
        None
    }

    /// One row a case, the median of all its runs, and one a rung, see [`Row::of_tries`]; in the order in
    /// which they were first measured.
    pub(crate) fn rows(&self) -> Vec<Row> {
        let mut wanted: Vec<(Purpose, &Case)> = Vec::new();
        for (purpose, case, _) in &self.measured {
            if !wanted.contains(&(*purpose, case)) {
                wanted.push((*purpose, case));
            }
        }
        let of = |wanted: (Purpose, &Case)| {
            let of = self.measured.iter().filter(|(purpose, case, _)| (*purpose, case) == wanted);
            let of: Vec<Row> = of.map(|(_, _, row)| row.clone()).collect();
            match wanted.0 {
                Purpose::Case => Row::median(&of),
                Purpose::Rung => Row::of_tries(&of),
            }
        };
        wanted.into_iter().filter_map(of).collect()
    }

    fn say(&self, what: &str) {
        let seconds = self.started.elapsed().as_secs();
        eprintln!("[{:>2}:{:02}] {what}", seconds / 60, seconds % 60);
    }
}

/// Fails early where the machine cannot do it.
pub(crate) fn check_machine() -> Result<()> {
    let cores = std::thread::available_parallelism()?.get();
    anyhow::ensure!(
        cores >= 2,
        "relays and load need a core each and this machine gives {cores}: use one with two or more"
    );
    std::process::Command::new("taskset")
        .arg("--version")
        .stdout(std::process::Stdio::null())
        .status()
        .context("`taskset` is missing, which pins relays and load to cores: install util-linux")?;
    Ok(())
}
