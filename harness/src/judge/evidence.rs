//! Evidence: the part of a recording that a scenario's verdict rests on, picked out and in order.

use crate::record::event::{
    Event, IdleMeasured, Line, Load, Phase, RunStarted, Sample, ScenarioFinished, ScenarioStarted,
    SitesCompared, TargetExited, TargetStarted, WithinCycle,
};

use crate::record::objects::ObjectsGained;

/// What was recorded of one scenario. Nothing of a dhat build is here but what its profile says: its own tables are in
/// every other number.
#[derive(Debug)]
pub(super) struct Evidence<'l> {
    /// The run that it belongs to; absent in a recording without its first line.
    pub(super) run: Option<&'l RunStarted>,
    pub(super) started: &'l ScenarioStarted,
    /// The build that ships, when it came up.
    pub(super) target: Option<&'l TargetStarted>,
    /// The last sample before the first measured cycle.
    pub(super) baseline: Option<&'l Sample>,
    /// One after each measured cycle.
    pub(super) measured: Vec<&'l Sample>,
    /// When each of them was taken, milliseconds since the run began.
    pub(super) measured_ms: Vec<u64>,
    /// What each measured cycle's load did.
    pub(super) loads: Vec<&'l Load>,
    /// What it held in the middle of measured cycles.
    pub(super) within: Vec<&'l WithinCycle>,
    /// When the baseline was taken, and the last sample: milliseconds of the run.
    pub(super) span_ms: (u64, u64),
    /// What it had at the end and not at the baseline; absent where that is nothing, or the recording is older.
    pub(super) gained: Option<&'l ObjectsGained>,
    pub(super) idle: Vec<&'l IdleMeasured>,
    pub(super) exited: Option<&'l TargetExited>,
    pub(super) compared: Option<&'l SitesCompared>,
    /// Why there is no profile although one was wanted.
    pub(super) not_profiled: Option<&'l str>,
    /// Absent while the scenario is under way, and when the recording was cut short.
    pub(super) finished: Option<&'l ScenarioFinished>,
}

/// The scenarios of a recording, in order.
pub(super) fn scenarios(lines: &[Line]) -> impl Iterator<Item = Evidence<'_>> {
    let run = lines.iter().find_map(|line| match &line.event {
        Event::RunStarted(run) => Some(run),
        _ => None,
    });
    lines
        .iter()
        .enumerate()
        .filter_map(move |(index, line)| match &line.event {
            Event::ScenarioStarted(started) => Some(gather(run, started, &lines[index + 1..])),
            _ => None,
        })
}

/// The scenario `started` of the run `run`, whose events `lines` begin with.
pub(super) fn gather<'l>(
    run: Option<&'l RunStarted>,
    started: &'l ScenarioStarted,
    lines: &'l [Line],
) -> Evidence<'l> {
    let mut evidence = Evidence::of_nothing(run, started);
    let mut ships = true;
    for line in lines {
        match &line.event {
            Event::ScenarioFinished(finished) => {
                evidence.finished = Some(finished);
                break;
            }
            Event::ScenarioStarted(_) | Event::RunFinished { .. } => break,
            Event::TargetStarted(target) => {
                ships = !target.dhat;
                if ships {
                    evidence.target = Some(target);
                }
            }
            Event::SitesCompared(compared) => evidence.compared = Some(compared),
            Event::NotProfiled(not) => evidence.not_profiled = Some(&not.reason),
            Event::Sample(sample) if ships => {
                evidence.span_ms.1 = line.t_ms;
                match sample.phase {
                    Phase::Start | Phase::Warmup => {
                        evidence.baseline = Some(sample);
                        evidence.span_ms.0 = line.t_ms;
                    }
                    Phase::Measure => {
                        evidence.measured.push(sample);
                        evidence.measured_ms.push(line.t_ms);
                    }
                }
            }
            Event::CycleFinished(cycle) if ships && cycle.phase == Phase::Measure => {
                evidence.loads.push(&cycle.load);
            }
            Event::WithinCycle(within) if ships && within.phase == Phase::Measure => {
                evidence.within.push(within);
            }
            Event::ObjectsGained(gained) if ships => evidence.gained = Some(gained),
            Event::IdleMeasured(idle) if ships => evidence.idle.push(idle),
            Event::TargetExited(exited) if ships => evidence.exited = Some(exited),
            Event::Sample(_)
            | Event::ObjectsGained(_)
            | Event::Exercised(_)
            | Event::IdleMeasured(_)
            | Event::TargetExited(_)
            | Event::RunStarted(_)
            | Event::CycleFinished(_)
            | Event::WithinCycle(_)
            | Event::ProfileWindow(_) => {}
        }
    }
    evidence
}

impl<'l> Evidence<'l> {
    /// A scenario of which nothing is recorded yet but that it began.
    const fn of_nothing(run: Option<&'l RunStarted>, started: &'l ScenarioStarted) -> Self {
        Self {
            run,
            started,
            target: None,
            baseline: None,
            measured: Vec::new(),
            measured_ms: Vec::new(),
            loads: Vec::new(),
            within: Vec::new(),
            span_ms: (0, 0),
            gained: None,
            idle: Vec::new(),
            exited: None,
            compared: None,
            not_profiled: None,
            finished: None,
        }
    }
}

impl Evidence<'_> {
    /// Measured cycles that were sampled.
    pub(super) fn cycles(&self) -> u32 {
        u32::try_from(self.measured.len()).unwrap_or(u32::MAX)
    }

    /// Whether there is a baseline and every measured cycle that was planned.
    pub(super) fn measuring_is_complete(&self) -> bool {
        self.baseline.is_some() && self.cycles() >= self.started.measure
    }

    /// The baseline, then the measured samples; empty without a baseline.
    pub(super) fn series(&self) -> Vec<&Sample> {
        self.baseline
            .into_iter()
            .chain(
                self.measured
                    .iter()
                    .copied()
                    .filter(|_| self.baseline.is_some()),
            )
            .collect()
    }

    /// Samples that the target was not idle for, of those that are judged; none where nobody can tell.
    pub(super) fn unsettled(&self) -> usize {
        self.series()
            .iter()
            .filter(|sample| sample.settle.idle == Some(false))
            .count()
    }
}
