//! Figures: what a scenario's recording comes to in numbers, one for each quantity; by them runs are compared and followed.

use std::collections::BTreeMap;

use leakgate_stats::{median, theil_sen};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::gather::{parts, shipped, sum};
use super::text;
use crate::judge::Unit;
use crate::record::event::{Event, Line, Phase, Sample, ScenarioStarted};

/// A quantity of a scenario; of each of them less is better. Closed: a reader fails on one that it does not know.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
pub enum Figure {
    /// Live heap gained per measured cycle, bytes: the median slope.
    #[serde(rename = "heap.kept")]
    HeapKept,
    /// Live heap between cycles, bytes: the median.
    #[serde(rename = "heap.live")]
    HeapLive,
    /// The most live heap within a measured cycle, bytes.
    #[serde(rename = "heap.peak")]
    HeapPeak,
    /// Bytes allocated per measured cycle.
    #[serde(rename = "alloc.bytes")]
    AllocatedBytes,
    /// Blocks allocated per measured cycle.
    #[serde(rename = "alloc.blocks")]
    AllocatedBlocks,
    /// Bytes allocated per second while idle.
    #[serde(rename = "alloc.idle")]
    AllocatedIdle,
    /// Resident memory of the tree between cycles, bytes: the median.
    #[serde(rename = "rss")]
    Resident,
    /// The most resident memory of the target's own process, bytes.
    #[serde(rename = "rss.peak")]
    ResidentPeak,
    /// The load of a measured cycle, milliseconds: the mean.
    #[serde(rename = "time.cycle")]
    CycleTime,
    /// Descriptors after the last cycle.
    #[serde(rename = "fds")]
    Descriptors,
    /// Threads after the last cycle.
    #[serde(rename = "threads")]
    Threads,
    /// Live descendants after the last cycle.
    #[serde(rename = "children")]
    Children,
    /// Dead descendants that nobody reaped, after the last cycle.
    #[serde(rename = "zombies")]
    Zombies,
    /// Files in the private directories after the last cycle.
    #[serde(rename = "files")]
    Files,
}

impl Figure {
    /// All of them, in the order in which they are shown.
    pub const ALL: [Figure; 14] = [
        Figure::HeapKept,
        Figure::HeapLive,
        Figure::HeapPeak,
        Figure::AllocatedBytes,
        Figure::AllocatedBlocks,
        Figure::AllocatedIdle,
        Figure::Resident,
        Figure::ResidentPeak,
        Figure::CycleTime,
        Figure::Descriptors,
        Figure::Threads,
        Figure::Children,
        Figure::Zombies,
        Figure::Files,
    ];

    /// What it is called, here and in every format.
    pub const fn name(self) -> &'static str {
        match self {
            Figure::HeapKept => "heap.kept",
            Figure::HeapLive => "heap.live",
            Figure::HeapPeak => "heap.peak",
            Figure::AllocatedBytes => "alloc.bytes",
            Figure::AllocatedBlocks => "alloc.blocks",
            Figure::AllocatedIdle => "alloc.idle",
            Figure::Resident => "rss",
            Figure::ResidentPeak => "rss.peak",
            Figure::CycleTime => "time.cycle",
            Figure::Descriptors => "fds",
            Figure::Threads => "threads",
            Figure::Children => "children",
            Figure::Zombies => "zombies",
            Figure::Files => "files",
        }
    }

    /// What its numbers count.
    pub const fn unit(self) -> Unit {
        match self {
            Figure::HeapKept
            | Figure::HeapLive
            | Figure::HeapPeak
            | Figure::AllocatedBytes
            | Figure::AllocatedIdle
            | Figure::Resident
            | Figure::ResidentPeak => Unit::Bytes,
            Figure::CycleTime => Unit::Milliseconds,
            Figure::AllocatedBlocks
            | Figure::Descriptors
            | Figure::Threads
            | Figure::Children
            | Figure::Zombies
            | Figure::Files => Unit::Count,
        }
    }

    /// Whether its numbers are whole in every run, so that the smallest difference is 1.
    pub const fn is_whole(self) -> bool {
        matches!(
            self,
            Figure::Descriptors
                | Figure::Threads
                | Figure::Children
                | Figure::Zombies
                | Figure::Files
        )
    }

    /// A number of it as a person reads it, with what it is counted for.
    pub fn told(self, value: f64) -> String {
        let per = match self {
            Figure::HeapKept | Figure::AllocatedBytes | Figure::AllocatedBlocks => "/cycle",
            Figure::AllocatedIdle => "/s",
            _ => "",
        };
        format!("{}{per}", text::estimate(self.unit(), value))
    }
}

/// The figures of one scenario of a recording; those that its target does not deliver are not there.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Figures {
    /// The scenario.
    pub scenario: String,
    /// SHA-256 of its text.
    pub sha256: String,
    /// What was measured.
    pub values: BTreeMap<Figure, f64>,
}

/// The figures of each scenario of a recording, in order.
pub fn figures(lines: &[Line]) -> Vec<Figures> {
    parts(lines)
        .map(|(started, lines)| of_scenario(started, lines))
        .collect()
}

fn of_scenario(started: &ScenarioStarted, lines: &[Line]) -> Figures {
    let events = shipped(lines);
    let samples: Vec<&Sample> = events
        .iter()
        .filter_map(|event| match event {
            Event::Sample(sample) => Some(sample.as_ref()),
            _ => None,
        })
        .collect();
    let first = samples.iter().position(|s| s.phase == Phase::Measure);
    let mut values = BTreeMap::new();
    if let Some(first) = first {
        let baseline = first.checked_sub(1).map(|before| samples[before]);
        of_heap(baseline, &samples[first..], &mut values);
        of_the_system(&samples[first..], &mut values);
    }
    of_events(&events, &mut values);
    Figures {
        scenario: started.name.clone(),
        sha256: started.sha256.clone(),
        values,
    }
}

/// What the probe counts.
fn of_heap(baseline: Option<&Sample>, measured: &[&Sample], values: &mut BTreeMap<Figure, f64>) {
    let heaps = baseline.into_iter().chain(measured.iter().copied());
    let heaps: Option<Vec<_>> = heaps.map(|sample| sample.heap).collect();
    let Some(heaps) = heaps.filter(|heaps| heaps.len() > 1) else {
        return;
    };
    let (first, last) = (heaps[0], heaps[heaps.len() - 1]);
    let cycles = (heaps.len() - 1) as f64;
    let live: Vec<f64> = heaps.iter().map(|heap| heap.live_bytes.0 as f64).collect();
    let points: Vec<(f64, f64)> = (0u32..).map(f64::from).zip(live.iter().copied()).collect();
    let per_cycle = |first: u64, last: u64| last.saturating_sub(first) as f64 / cycles;
    let peak = heaps[1..].iter().map(|heap| heap.peak_bytes.0).max();
    values.extend(theil_sen(&points).map(|slope| (Figure::HeapKept, slope.slope)));
    values.extend(median(&live[1..]).map(|live| (Figure::HeapLive, live)));
    values.extend(peak.map(|peak| (Figure::HeapPeak, peak as f64)));
    values.insert(
        Figure::AllocatedBytes,
        per_cycle(first.allocated_bytes, last.allocated_bytes),
    );
    values.insert(
        Figure::AllocatedBlocks,
        per_cycle(first.allocated_blocks, last.allocated_blocks),
    );
}

/// What the kernel tells.
fn of_the_system(measured: &[&Sample], values: &mut BTreeMap<Figure, f64>) {
    let resident: Vec<f64> = measured
        .iter()
        .map(|sample| sample.memory.tree_rss.0 as f64)
        .collect();
    values.extend(median(&resident).map(|resident| (Figure::Resident, resident)));
    let marks = measured.iter().map(|sample| {
        let memory = &sample.memory;
        memory.cycle_high_water.unwrap_or(memory.high_water).0
    });
    values.extend(marks.max().map(|mark| (Figure::ResidentPeak, mark as f64)));
    let Some(last) = measured.last() else {
        return;
    };
    values.extend([
        (Figure::Descriptors, sum(last.fds.values()) as f64),
        (Figure::Threads, sum(last.threads.values()) as f64),
        (Figure::Children, f64::from(last.children)),
        (Figure::Zombies, f64::from(last.zombies)),
        (Figure::Files, last.disk.files as f64),
    ]);
}

/// What is no sample: how long cycles took, and what was allocated while nothing was asked.
fn of_events(events: &[&Event], values: &mut BTreeMap<Figure, f64>) {
    let (mut cycles, mut load_ms) = (0u32, 0);
    for event in events {
        match event {
            Event::CycleFinished(cycle) if cycle.phase == Phase::Measure => {
                cycles += 1;
                load_ms += cycle.duration_ms;
            }
            Event::IdleMeasured(idle) if idle.duration_ms > 0 => {
                let per_second = idle.allocated_bytes as f64 * 1000.0 / idle.duration_ms as f64;
                values.insert(Figure::AllocatedIdle, per_second);
            }
            _ => {}
        }
    }
    if cycles > 0 {
        values.insert(Figure::CycleTime, load_ms as f64 / f64::from(cycles));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::judge::tests::recording::{ScenarioBuilder, add_heap};

    #[test]
    fn a_recording_comes_to_a_number_for_each_quantity_that_it_has() {
        let lines = ScenarioBuilder::clean("one", 31)
            .keeps(|cycle, sample| {
                add_heap(sample, 64 * u64::from(cycle));
                sample.threads.insert("reader".to_owned(), cycle);
                let heap = sample.heap.as_mut().unwrap();
                heap.allocated_bytes += 1_000 * u64::from(cycle);
                heap.allocated_blocks += 5 * u64::from(cycle) / 2;
            })
            .alone();
        let [figures] = figures(&lines).try_into().unwrap();
        assert_eq!(figures.scenario, "one");
        for figure in Figure::ALL {
            assert!(figures.values.contains_key(&figure), "{}", figure.name());
            let named = serde_json::to_value(figure).unwrap();
            assert_eq!(named, figure.name(), "one name in every format");
        }
        let value = |figure: Figure| figures.values[&figure];
        assert_eq!(value(Figure::HeapKept), 64.0);
        assert_eq!(value(Figure::HeapLive), 200_000.0 + 16.0 * 64.0);
        assert_eq!(value(Figure::AllocatedBytes), 1_000.0);
        assert_eq!(value(Figure::Threads), 33.0);
        assert_eq!(value(Figure::CycleTime), 40.0);
        assert_eq!(Figure::HeapKept.told(2.5), "2.5 B/cycle");
    }

    #[test]
    fn what_was_not_measured_has_no_figure() {
        let lines = ScenarioBuilder::clean("one", 31)
            .keeps(|_, sample| sample.heap = None)
            .alone();
        let [figures] = figures(&lines).try_into().unwrap();
        assert!(!figures.values.contains_key(&Figure::HeapLive));
        assert!(figures.values.contains_key(&Figure::Resident));
    }
}
