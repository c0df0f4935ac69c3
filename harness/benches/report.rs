//! From a recording in memory to the reports on disk: 20 scenarios with 200 measured cycles each, every metric gated, 30
//! readings in each sample.

use std::collections::BTreeMap;
use std::hint::black_box;

use criterion::{Criterion, criterion_group, criterion_main};
use leakgate::record::event::{
    CycleFinished, Disk, Event, FalseAlarmBudget, Gauge, GaugeKind, Heap, Line, Load, Memory,
    Outcome, Phase, RecordedGate, RunStarted, SCHEMA, Sample, ScenarioFinished, ScenarioStarted,
    Settle, TargetStarted,
};
use leakgate::scenario::Metric;
use leakgate::units::Bytes;
use leakgate::{judge, report};

const SCENARIOS: u32 = 20;
const CYCLES: u32 = 200;
const WARMUP: u32 = 10;
/// Beside the 14 readings that every sample has.
const GAUGES: u32 = 16;

/// A run of which every fourth scenario leaks, and all readings move a little.
fn recording() -> Vec<Line> {
    let mut events = vec![Event::RunStarted(RunStarted {
        schema: SCHEMA,
        run_id: "bench".to_owned(),
        leakgate: "bench".to_owned(),
        commit: None,
        kernel: "6".to_owned(),
        cpus: 2,
        seed: 1,
        quick: false,
        shard: None,
        date: "2026-01-01".to_owned(),
        budget: FalseAlarmBudget::default(),
    })];
    for scenario in 0..SCENARIOS {
        events.push(started(scenario));
        events.push(Event::TargetStarted(TargetStarted {
            pid: 1,
            binary_sha256: None,
            allocator: None,
            dhat: false,
        }));
        let kept = if scenario % 4 == 0 { 64 } else { 0 };
        for cycle in 1..=WARMUP {
            events.extend(cycle_of(Phase::Warmup, cycle, 0));
        }
        for cycle in 1..=CYCLES {
            events.extend(cycle_of(Phase::Measure, cycle, kept * cycle));
        }
        events.push(Event::ScenarioFinished(ScenarioFinished {
            outcome: Outcome::Complete,
            detail: String::new(),
            duration_ms: 10_000,
        }));
    }
    events.push(Event::RunFinished {
        duration_ms: 200_000,
        harness_cpu_ms: 10_000,
    });
    let line = |(t_ms, event)| Line { t_ms, event };
    (0..).step_by(50).zip(events).map(line).collect()
}

fn started(scenario: u32) -> Event {
    let gate = |metric: &Metric| RecordedGate {
        metric: metric.name().to_owned(),
        limit: 0,
        overridden: false,
        file_limit: None,
        known: None,
    };
    Event::ScenarioStarted(ScenarioStarted {
        name: format!("scenario-{scenario}"),
        sha256: "0".repeat(64),
        question: "Does anything stay?".to_owned(),
        target: "daemon".to_owned(),
        measure: CYCLES,
        looks: vec![CYCLES],
        gates: Metric::ALL.iter().map(gate).collect(),
    })
}

fn cycle_of(phase: Phase, cycle: u32, kept: u32) -> [Event; 2] {
    let moved = u64::from(cycle * 7919 % 13);
    let sample = Sample {
        phase,
        cycle,
        settle: Settle::default(),
        heap: Some(Heap {
            live_bytes: Bytes(200_000 + u64::from(kept) + moved),
            live_blocks: 1_000 + moved,
            allocated_bytes: u64::from(cycle) * 100_000,
            allocated_blocks: u64::from(cycle) * 1_000,
            peak_bytes: Bytes(300_000 + moved),
            peak_error_bytes: Bytes(0),
        }),
        memory: Memory {
            rss: Bytes(8 << 20),
            tree_rss: Bytes((8 << 20) + moved * 4096),
            pss: Bytes((7 << 20) + moved * 4096),
            private_dirty: Bytes((4 << 20) + moved * 4096),
            mappings: 60 + moved,
            ..Memory::default()
        },
        fds: BTreeMap::from([("pipe".to_owned(), 4), ("socket:unix".to_owned(), 3)]),
        threads: BTreeMap::from([("main".to_owned(), 1), ("spawner".to_owned(), 1)]),
        children: u32::from(moved == 1),
        zombies: 0,
        gauges: Some(
            (0..GAUGES)
                .map(|gauge| (format!("gauge-{gauge}"), at(moved)))
                .collect(),
        ),
        disk: Disk {
            files: 4 + moved,
            ..Disk::default()
        },
        escaped: None,
        socket_buffers: None,
        cgroup: None,
    };
    let finished = CycleFinished {
        phase,
        cycle,
        duration_ms: 50,
        load: Load::default(),
    };
    [
        Event::CycleFinished(finished),
        Event::Sample(Box::new(sample)),
    ]
}

fn at(value: u64) -> Gauge {
    Gauge {
        kind: GaugeKind::Accounted,
        value: value.cast_signed(),
        max: None,
        site: "src/core.rs:40".to_owned(),
    }
}

fn reports_of_a_large_run(bench: &mut Criterion) {
    let lines = recording();
    let directory = tempfile::tempdir().expect("a temporary directory");
    bench.bench_function("judge 20 scenarios of 200 cycles", |bench| {
        bench.iter(|| judge::judge(black_box(&lines)));
    });
    let verdict = judge::judge(&lines);
    bench.bench_function("write the reports of 20 scenarios of 200 cycles", |bench| {
        bench.iter(|| {
            let report = report::from(&verdict, &lines);
            let curves = report::curves(&lines);
            report::store(&report, &curves, directory.path()).expect("they are written");
        });
    });
}

criterion_group! {
    name = benches;
    // A second a time at the most: ten of them are enough to see which side of a second it is.
    config = Criterion::default().sample_size(10);
    targets = reports_of_a_large_run
}
criterion_main!(benches);
