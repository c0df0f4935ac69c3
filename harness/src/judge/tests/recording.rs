//! Recordings made by hand: a scenario of a small daemon, with what each cycle leaves behind given as a function.

use std::collections::BTreeMap;

use crate::record::event::{
    CycleFinished, Disk, Event, FalseAlarmBudget, Gauge, GaugeKind, Heap, IdleMeasured, Line, Load,
    Memory, Outcome, Owner, Phase, ProfileWindow, RecordedGate, RunStarted, SCHEMA, Sample,
    ScenarioFinished, ScenarioStarted, Settle, SiteSurvivors, SitesCompared, TargetExited,
    TargetStarted, WithinCycle,
};
use crate::scenario::Metric;
use crate::units::Bytes;

/// Live heap of the daemon at rest.
pub(crate) const LIVE: u64 = 200_000;
/// Warm-up cycles of every recording.
const WARMUP: u32 = 3;

/// What a cycle leaves in the sample that follows it.
type Keep = Box<dyn Fn(u32, &mut Sample)>;

/// What a cycle holds in its middle.
type Within = Box<dyn Fn(u32) -> (Heap, i64)>;

/// A recording of one run, line by line.
pub(crate) struct Builder {
    lines: Vec<Line>,
}

/// A scenario of a recording; `cycles` measured cycles that leave nothing, unless told otherwise.
pub(crate) struct ScenarioBuilder {
    pub(crate) name: &'static str,
    pub(crate) cycles: u32,
    /// Metric and limit; every metric at the limits of the `gate` suite by default.
    pub(crate) gates: Vec<(Metric, u64)>,
    /// Changes the sample after each measured cycle (from 1), and the baseline (0).
    pub(crate) keep: Keep,
    /// What the load of a cycle did.
    pub(crate) load: fn(u32) -> Load,
    /// What a measured cycle holds in its middle: the heap, and what is accounted for.
    pub(crate) within: Within,
    pub(crate) idle_bytes: Option<u64>,
    pub(crate) exited: TargetExited,
    pub(crate) sites: Option<SitesCompared>,
    pub(crate) outcome: Outcome,
    pub(crate) detail: &'static str,
    /// Cycles that really ran.
    pub(crate) ran: u32,
}

impl Builder {
    pub(crate) fn new() -> Builder {
        let started = RunStarted {
            schema: SCHEMA,
            run_id: "2026-01-01T000000".to_owned(),
            leakgate: "0.1.0".to_owned(),
            commit: Some("0123456789abcdef0123456789abcdef01234567".to_owned()),
            kernel: "6.18.0".to_owned(),
            cpus: 2,
            seed: 1,
            quick: false,
            date: "2026-01-01".to_owned(),
            shard: None,
            budget: FalseAlarmBudget::default(),
        };
        let mut builder = Builder { lines: Vec::new() };
        builder.push(Event::RunStarted(started));
        builder
    }

    fn push(&mut self, event: Event) {
        let t_ms = u64::try_from(self.lines.len()).unwrap() * 10;
        self.lines.push(Line { t_ms, event });
    }

    pub(crate) fn scenario(mut self, scenario: ScenarioBuilder) -> Builder {
        self.push(Event::ScenarioStarted(ScenarioStarted {
            name: scenario.name.to_owned(),
            sha256: "5ca1ab1e".repeat(8),
            question: "Does a session leave anything behind?".to_owned(),
            target: "sessiond".to_owned(),
            measure: scenario.cycles,
            looks: vec![scenario.cycles],
            gates: scenario
                .gates
                .iter()
                .map(|&(metric, limit)| RecordedGate {
                    metric: metric.name().to_owned(),
                    limit,
                    overridden: false,
                    file_limit: None,
                    known: None,
                })
                .collect(),
        }));
        if scenario.outcome != Outcome::Skipped {
            self.drive(&scenario);
        }
        self.push(Event::ScenarioFinished(ScenarioFinished {
            outcome: scenario.outcome,
            detail: scenario.detail.to_owned(),
            duration_ms: 12_340,
        }));
        self
    }

    fn drive(&mut self, scenario: &ScenarioBuilder) {
        self.push(target(false));
        for cycle in 1..=WARMUP {
            self.push(cycle_finished(Phase::Warmup, cycle, (scenario.load)(cycle)));
            let mut sample = at_rest(Phase::Warmup, cycle);
            if cycle == WARMUP {
                (scenario.keep)(0, &mut sample);
            }
            self.push(Event::Sample(Box::new(sample)));
        }
        for cycle in 1..=scenario.ran {
            if scenario.samples_within() {
                let (heap, accounted) = (scenario.within)(cycle);
                self.push(Event::WithinCycle(WithinCycle {
                    phase: Phase::Measure,
                    cycle,
                    heap: Some(heap),
                    accounted: Some(BTreeMap::from([("screen_bytes".to_owned(), accounted)])),
                }));
            }
            self.push(cycle_finished(
                Phase::Measure,
                cycle,
                (scenario.load)(cycle),
            ));
            let mut sample = at_rest(Phase::Measure, cycle);
            (scenario.keep)(cycle, &mut sample);
            self.push(Event::Sample(Box::new(sample)));
        }
        if let Some(allocated_bytes) = scenario.idle_bytes {
            self.push(Event::IdleMeasured(IdleMeasured {
                duration_ms: 2_000,
                allocated_bytes,
            }));
        }
        self.push(Event::TargetExited(scenario.exited.clone()));
        if let Some(sites) = &scenario.sites {
            self.push(target(true));
            for cycles in sites.cycles {
                self.push(Event::ProfileWindow(ProfileWindow {
                    cycles,
                    path: format!("profiles/{}.{cycles}.dhat.json", scenario.name),
                }));
            }
            // Whatever a dhat build shows is not judged.
            let mut sample = at_rest(Phase::Measure, 1);
            sample.heap.as_mut().unwrap().live_bytes = Bytes(1 << 30);
            self.push(Event::Sample(Box::new(sample)));
            self.push(Event::SitesCompared(sites.clone()));
        }
    }

    /// The whole recording.
    pub(crate) fn finish(mut self) -> Vec<Line> {
        self.push(Event::RunFinished {
            duration_ms: 47_110,
            harness_cpu_ms: 2_340,
        });
        self.lines
    }

    /// The recording of a run that was cut short.
    pub(crate) fn cut_short(self) -> Vec<Line> {
        self.lines
    }
}

impl ScenarioBuilder {
    /// A scenario that leaves nothing.
    pub(crate) fn clean(name: &'static str, cycles: u32) -> ScenarioBuilder {
        let limit = |metric| match metric {
            Metric::HeapTotal | Metric::RssTotal => 15_000_000,
            Metric::PeakHeap | Metric::PeakRss => 8 << 20,
            Metric::ChurnCycle => 1 << 20,
            Metric::DiskBytes => 1 << 20,
            Metric::PeakSettle => 1_000,
            Metric::Ledger => 20,
            _ => 0,
        };
        ScenarioBuilder {
            name,
            cycles,
            // Growth over time is for what is watched: no scenario here has samples enough. Few demand that every step is met,
            // or that the target ends in time.
            gates: Metric::ALL
                .into_iter()
                .filter(|metric| !matches!(metric, Metric::RssRate | Metric::Stop | Metric::Unmet))
                .map(|metric| (metric, limit(metric)))
                .collect(),
            keep: Box::new(|_, _| {}),
            load: |_| Load {
                opened: 1,
                closed: 1,
                ..Load::default()
            },
            within: Box::new(|_| {
                let mut heap = heap_at_rest();
                heap.live_bytes.0 += 1 << 20;
                (heap, 1 << 20)
            }),
            idle_bytes: Some(0),
            exited: TargetExited {
                asked: true,
                code: Some(0),
                signal: None,
                took_ms: 12,
                left_processes: Vec::new(),
                more_processes: 0,
                left_files: Vec::new(),
                more_files: 0,
            },
            sites: None,
            outcome: Outcome::Complete,
            detail: "",
            ran: cycles,
        }
    }

    /// After each measured cycle, counted from 1, and at the baseline, 0.
    pub(crate) fn keeps(mut self, keep: impl Fn(u32, &mut Sample) + 'static) -> ScenarioBuilder {
        self.keep = Box::new(keep);
        self
    }

    /// In the middle of each measured cycle, counted from 1.
    pub(crate) fn within(mut self, within: impl Fn(u32) -> (Heap, i64) + 'static) -> Self {
        self.within = Box::new(within);
        self
    }

    fn samples_within(&self) -> bool {
        self.gates
            .iter()
            .any(|(metric, _)| *metric == Metric::Ledger)
    }

    /// Live bytes above the daemon at rest, by cycle.
    pub(crate) fn heap(self, above: impl Fn(u32) -> u64 + 'static) -> ScenarioBuilder {
        self.keeps(move |cycle, sample| add_heap(sample, above(cycle)))
    }

    /// How it ended, and after how many measured cycles.
    pub(crate) fn ends(mut self, outcome: Outcome, ran: u32, detail: &'static str) -> Self {
        (self.outcome, self.ran, self.detail) = (outcome, ran, detail);
        self
    }

    /// The only scenario of a run.
    pub(crate) fn alone(self) -> Vec<Line> {
        Builder::new().scenario(self).finish()
    }
}

/// Adds live bytes to a sample, a block for each 16.
pub(crate) fn add_heap(sample: &mut Sample, bytes: u64) {
    let heap = sample.heap.as_mut().expect("the daemon has a probe");
    heap.live_bytes.0 += bytes;
    heap.live_blocks += bytes / 16;
    heap.peak_bytes.0 += bytes;
}

/// A site with its surviving blocks and bytes in both windows.
pub(crate) fn site(function: &str, line: u32, blocks: [u64; 2], bytes: [u64; 2]) -> SiteSurvivors {
    SiteSurvivors {
        function: function.to_owned(),
        file: "daemon/src/core/mod.rs".to_owned(),
        line,
        owner: Owner::Yours,
        stack: vec![function.to_owned(), "sessiond::main".to_owned()],
        callers: Vec::new(),
        tasks: Vec::new(),
        blocks,
        bytes,
    }
}

fn target(dhat: bool) -> Event {
    Event::TargetStarted(TargetStarted {
        pid: 4242,
        binary_sha256: Some("b1".repeat(32)),
        allocator: Some("system".to_owned()),
        dhat,
    })
}

fn cycle_finished(phase: Phase, cycle: u32, load: Load) -> Event {
    Event::CycleFinished(CycleFinished {
        phase,
        cycle,
        duration_ms: 40,
        load,
    })
}

/// The heap of the daemon at rest.
pub(crate) fn heap_at_rest() -> Heap {
    Heap {
        live_bytes: Bytes(LIVE),
        live_blocks: 1_000,
        allocated_bytes: 9_000_000,
        allocated_blocks: 90_000,
        peak_bytes: Bytes(LIVE + 100_000),
        peak_error_bytes: Bytes(4_096),
    }
}

fn at_rest(phase: Phase, cycle: u32) -> Sample {
    let counts = |counts: &[(&str, u32)]| -> BTreeMap<String, u32> {
        counts
            .iter()
            .map(|&(name, count)| (name.to_owned(), count))
            .collect()
    };
    let gauge = |kind, value, max, site: &str| Gauge {
        kind,
        value,
        max,
        site: site.to_owned(),
    };
    Sample {
        phase,
        cycle,
        settle: Settle {
            idle: Some(true),
            reads: 2,
            waited_ms: 3,
            ..Settle::default()
        },
        heap: Some(heap_at_rest()),
        memory: Memory {
            rss: Bytes(5 << 20),
            tree_rss: Bytes(5 << 20),
            cycle_high_water: Some(Bytes(6 << 20)),
            ..Memory::default()
        },
        fds: counts(&[("eventfd", 2), ("socket", 3)]),
        threads: counts(&[("main", 1), ("probe", 1)]),
        children: 0,
        zombies: 0,
        gauges: Some(BTreeMap::from([
            (
                "sessions".to_owned(),
                gauge(GaugeKind::Length, 0, None, "daemon/src/core/mod.rs:40"),
            ),
            (
                "read_buffer".to_owned(),
                gauge(
                    GaugeKind::Capacity,
                    4_096,
                    Some(65_536),
                    "daemon/src/server/mod.rs:88",
                ),
            ),
        ])),
        disk: Disk {
            files: 2,
            ..Disk::default()
        },
        escaped: None,
        socket_buffers: None,
        cgroup: None,
    }
}
