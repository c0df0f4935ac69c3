//! Verdicts on recordings whose truth is known.

mod fixtures;
mod heap;
pub(crate) mod recording;

use recording::{Builder, ScenarioBuilder, site};

use super::*;
use crate::record::event::{KnownLeak, Line, Load, Outcome, SitesCompared};
use crate::scenario::Metric;

/// The only scenario's verdict.
fn judged(lines: &[Line]) -> ScenarioVerdict {
    let mut run = judge(lines);
    assert_eq!(run.scenarios.len(), 1);
    run.scenarios.remove(0)
}

fn gate(verdict: &ScenarioVerdict, metric: Metric) -> &JudgedGate {
    let found = verdict.gates.iter().find(|gate| gate.metric == metric);
    found.expect("every metric is gated")
}

/// The metrics whose gates are red.
fn red(verdict: &ScenarioVerdict) -> Vec<Metric> {
    let red = verdict
        .gates
        .iter()
        .filter(|gate| gate.verdict == GateVerdict::Leak);
    red.map(|gate| gate.metric).collect()
}

#[test]
fn a_clean_recording_passes_and_every_gate_says_how_little_it_would_have_caught() {
    let verdict = judged(&ScenarioBuilder::clean("clean", 31).alone());
    assert_eq!(verdict.verdict, Verdict::Pass);
    assert_eq!(verdict.cycles, 31);
    let one_byte = Amount::PerCycles {
        amount: 1,
        cycles: 1,
    };
    assert_eq!(
        gate(&verdict, Metric::HeapPerCycle).sensitivity,
        Some(one_byte)
    );
    let one_thread = Amount::PerCycles {
        amount: 1,
        cycles: 29,
    };
    assert_eq!(
        gate(&verdict, Metric::Threads).sensitivity,
        Some(one_thread)
    );
    let peak = gate(&verdict, Metric::PeakHeap);
    assert_eq!(peak.observed, Some(Amount::Plain(100_000)));
    assert_eq!(peak.sensitivity, Some(Amount::Plain((8 << 20) + 4_096 + 1)));
    let sites = gate(&verdict, Metric::Sites);
    assert_eq!(
        sites.verdict,
        GateVerdict::NotJudged,
        "nothing was profiled"
    );
}

#[test]
fn each_kind_of_object_that_stays_turns_its_own_gate_red_and_is_named() {
    let verdict = judged(
        &ScenarioBuilder::clean("objects", 31)
            .keeps(|cycle, sample| {
                sample.threads.insert("reader".to_owned(), cycle);
                sample.fds.insert("ptmx".to_owned(), cycle);
                sample.zombies = cycle;
                sample.children = cycle / 31;
                let gauges = sample.gauges.as_mut().unwrap();
                gauges.get_mut("sessions").unwrap().value = i64::from(cycle);
            })
            .alone(),
    );
    assert_eq!(verdict.verdict, Verdict::Leak);
    assert_eq!(
        red(&verdict),
        [
            Metric::Fds,
            Metric::Threads,
            Metric::Zombies,
            Metric::Gauges
        ]
    );
    let detail = |metric| gate(&verdict, metric).detail.clone();
    assert_eq!(detail(Metric::Threads), "thread `reader`: +31 in 31 cycles");
    assert_eq!(detail(Metric::Fds), "descriptor `ptmx`: +31 in 31 cycles");
    assert_eq!(
        detail(Metric::Gauges),
        "gauge `sessions` (daemon/src/core/mod.rs:40): +31 in 31 cycles"
    );
    assert_eq!(
        gate(&verdict, Metric::Children).observed,
        Some(Amount::Plain(0))
    );
}

#[test]
fn what_is_there_once_and_stays_is_a_leak_and_what_passes_is_not() {
    let thread = |lasts: fn(u32) -> bool| {
        judged(
            &ScenarioBuilder::clean("thread", 31)
                .keeps(move |cycle, sample| {
                    sample
                        .threads
                        .insert("worker".to_owned(), u32::from(lasts(cycle)));
                })
                .alone(),
        )
    };
    assert_eq!(red(&thread(|cycle| cycle >= 20)), [Metric::Threads]);
    assert_eq!(red(&thread(|cycle| cycle % 3 == 1)), [], "gone in between");
}

#[test]
fn a_capacity_above_its_declared_maximum_is_a_leak_even_when_it_comes_back() {
    let verdict = judged(
        &ScenarioBuilder::clean("capacity", 31)
            .keeps(|cycle, sample| {
                let gauges = sample.gauges.as_mut().unwrap();
                let buffer = gauges.get_mut("read_buffer").unwrap();
                buffer.value = if cycle == 5 { 65_537 } else { 60_000 };
            })
            .alone(),
    );
    assert_eq!(red(&verdict), [Metric::Gauges]);
    assert_eq!(
        gate(&verdict, Metric::Gauges).detail,
        "gauge `read_buffer` (daemon/src/server/mod.rs:88): 65537 of at most 65536"
    );
}

#[test]
fn what_is_left_after_shutdown_belongs_to_disk_and_children() {
    let mut scenario = ScenarioBuilder::clean("left", 31);
    scenario.exited.left_files = vec!["run/sessiond.sock".to_owned()];
    scenario.exited.left_processes = vec!["sleep 600".to_owned()];
    let verdict = judged(&scenario.alone());
    assert_eq!(red(&verdict), [Metric::Children, Metric::Disk]);
    assert_eq!(
        gate(&verdict, Metric::Children).detail,
        "left running: `sleep 600`"
    );
}

#[test]
fn what_is_left_is_counted_to_the_last_and_named_as_far_as_it_goes() {
    let mut scenario = ScenarioBuilder::clean("left", 31);
    scenario.exited.left_files = (0..32).map(|file| format!("state/{file}")).collect();
    scenario.exited.more_files = 34;
    let verdict = judged(&scenario.alone());
    let disk = gate(&verdict, Metric::Disk);
    assert_eq!(disk.observed, Some(Amount::Plain(66)));
    assert!(
        disk.detail.ends_with("left behind: `state/4`; and 61 more"),
        "{}",
        disk.detail
    );
    let objects = verdict.objects.iter().map(|object| object.count);
    assert_eq!(objects.sum::<i64>(), 66);
}

#[test]
fn ceilings_and_peaks_are_held_against_their_limits() {
    let verdict = judged(
        &ScenarioBuilder::clean("levels", 31)
            .keeps(|cycle, sample| {
                if cycle > 0 {
                    sample.memory.tree_rss.0 += 15_000_001 + (u64::from(cycle) << 12);
                }
                if cycle == 7 {
                    sample.heap.as_mut().unwrap().peak_bytes.0 += 20 << 20;
                }
            })
            .alone(),
    );
    assert_eq!(red(&verdict), [Metric::RssTotal, Metric::PeakHeap]);
    let detail = &gate(&verdict, Metric::PeakHeap).detail;
    assert_eq!(detail, "live heap +20 MiB within cycle 7");
}

#[test]
fn a_busy_idle_target_is_red_on_churn() {
    let mut scenario = ScenarioBuilder::clean("churn", 31);
    scenario.idle_bytes = Some(1);
    let verdict = judged(&scenario.alone());
    assert_eq!(red(&verdict), [Metric::ChurnIdle]);
}

fn compared(cycles: u32, sites: Vec<crate::record::event::SiteSurvivors>) -> ScenarioVerdict {
    let mut scenario = ScenarioBuilder::clean("sites", 31);
    scenario.sites = Some(SitesCompared {
        cycles: [cycles, 2 * cycles],
        sites,
    });
    judged(&scenario.alone())
}

#[test]
fn sites_grow_when_their_blocks_scale_with_the_cycles() {
    let verdict = compared(
        7,
        vec![
            site("leaks::one_per_cycle", 10, [7, 14], [112, 224]),
            site("leaks::every_second", 11, [3, 7], [48, 112]),
            site("leaks::beside_a_cache", 12, [207, 214], [1_656, 1_712]),
            site("innocent::cache", 20, [32, 32], [4_096, 4_096]),
            site("innocent::table", 21, [1, 1], [512, 1_024]),
            site("innocent::moves_a_little", 22, [50, 52], [800, 832]),
            site("innocent::late", 23, [0, 4], [0, 64]),
        ],
    );
    assert_eq!(red(&verdict), [Metric::Sites]);
    let lines: Vec<u32> = verdict.sites.iter().map(|site| site.line).collect();
    assert_eq!(lines, [10, 11, 12], "most bytes first");
    assert_eq!(
        (
            verdict.sites[0].bytes,
            verdict.sites[0].blocks,
            verdict.sites[0].cycles
        ),
        (112, 7, 7)
    );
}

#[test]
fn nothing_of_a_dhat_build_is_judged_but_its_sites() {
    let verdict = compared(31, Vec::new());
    assert_eq!(verdict.verdict, Verdict::Pass, "though it held a gigabyte");
    assert_eq!(gate(&verdict, Metric::Sites).verdict, GateVerdict::Pass);
}

#[test]
fn a_target_without_a_probe_is_no_pass_where_the_heap_is_gated() {
    let lines = |metrics: &[Metric]| {
        let mut scenario = ScenarioBuilder::clean("bare", 31).keeps(|_, sample| {
            sample.heap = None;
            sample.gauges = None;
            sample.settle.idle = None;
        });
        scenario
            .gates
            .retain(|(metric, _)| metrics.contains(metric));
        scenario.idle_bytes = None;
        judged(&scenario.alone())
    };
    let verdict = lines(&Metric::ALL);
    assert_eq!(verdict.verdict, Verdict::Inconclusive);
    for metric in [
        Metric::HeapPerCycle,
        Metric::PeakHeap,
        Metric::Gauges,
        Metric::ChurnIdle,
    ] {
        assert_eq!(gate(&verdict, metric).verdict, GateVerdict::Unsupported);
    }
    assert_eq!(
        lines(&[Metric::RssTotal, Metric::Fds]).verdict,
        Verdict::Pass
    );
}

#[test]
fn a_target_that_never_rests_is_inconclusive() {
    let verdict = judged(
        &ScenarioBuilder::clean("busy", 31)
            .keeps(|cycle, sample| sample.settle.idle = Some(cycle % 5 != 1))
            .alone(),
    );
    assert_eq!(verdict.verdict, Verdict::Inconclusive);
    assert!(
        gate(&verdict, Metric::Fds)
            .detail
            .contains("did not come to rest for 7 of 32 samples")
    );
}

#[test]
fn how_the_driving_ended_decides_where_the_cycles_are_incomplete() {
    let ends = |outcome| {
        let lines = ScenarioBuilder::clean("ends", 31)
            .ends(outcome, 5, "line 12: no")
            .alone();
        let run = judge(&lines);
        let scenario = &run.scenarios[0];
        assert_eq!(scenario.detail, "line 12: no");
        (scenario.verdict, run.exit_class())
    };
    assert_eq!(
        ends(Outcome::LoadFailed),
        (Verdict::Withdrawn, ExitClass::Inconclusive)
    );
    assert_eq!(
        ends(Outcome::TargetFailed),
        (Verdict::Error, ExitClass::TargetFailed)
    );
    assert_eq!(
        ends(Outcome::TimedOut),
        (Verdict::Timeout, ExitClass::TimedOut)
    );
    assert_eq!(
        ends(Outcome::Interrupted),
        (Verdict::Error, ExitClass::Interrupted)
    );
    assert_eq!(
        ends(Outcome::Internal),
        (Verdict::Error, ExitClass::Internal)
    );
    assert_eq!(
        ends(Outcome::Skipped),
        (Verdict::Skipped, ExitClass::Inconclusive)
    );
}

#[test]
fn a_step_that_is_not_met_is_red_where_that_is_gated() {
    let ends = |outcome| {
        let mut scenario =
            ScenarioBuilder::clean("asks", 31).ends(outcome, 5, "line 12: no answer");
        scenario.gates.push((Metric::Unmet, 0));
        let verdict = judged(&scenario.alone());
        (verdict.verdict, gate(&verdict, Metric::Unmet).verdict)
    };
    for outcome in [Outcome::LoadFailed, Outcome::TimedOut] {
        assert_eq!(ends(outcome), (Verdict::Leak, GateVerdict::Leak));
    }
    assert_eq!(
        ends(Outcome::TargetFailed),
        (Verdict::Error, GateVerdict::Error)
    );
    let mut scenario = ScenarioBuilder::clean("asks", 31);
    scenario.gates.push((Metric::Unmet, 0));
    let verdict = judged(&scenario.alone());
    assert_eq!(gate(&verdict, Metric::Unmet).verdict, GateVerdict::Pass);
}

#[test]
fn a_target_that_takes_too_long_to_end_is_red_where_that_is_gated_also_when_it_was_killed() {
    let ends = |outcome, took_ms| {
        let mut scenario = ScenarioBuilder::clean("ends", 31).ends(outcome, 31, "killed");
        scenario.exited.took_ms = took_ms;
        scenario.gates.push((Metric::Stop, 3_000));
        let verdict = judged(&scenario.alone());
        (verdict.verdict, gate(&verdict, Metric::Stop).verdict)
    };
    assert_eq!(
        ends(Outcome::Complete, 3_000),
        (Verdict::Pass, GateVerdict::Pass)
    );
    assert_eq!(
        ends(Outcome::TargetFailed, 10_000),
        (Verdict::Leak, GateVerdict::Leak)
    );
}

#[test]
fn a_leak_stays_a_leak_when_the_target_fails_after_its_last_cycle() {
    let lines = ScenarioBuilder::clean("late", 31)
        .heap(|cycle| 64 * u64::from(cycle))
        .ends(Outcome::TargetFailed, 31, "did not stop")
        .alone();
    assert_eq!(judged(&lines).verdict, Verdict::Leak);
    assert_eq!(judge(&lines).exit_class(), ExitClass::Leak);
}

#[test]
fn where_several_exit_classes_apply_the_documented_order_decides() {
    let run = |outcomes: &[Outcome]| {
        let mut builder = Builder::new();
        for &outcome in outcomes {
            let ran = if outcome == Outcome::Complete { 31 } else { 2 };
            builder = builder.scenario(ScenarioBuilder::clean("one", 31).ends(outcome, ran, ""));
        }
        judge(&builder.finish()).exit_class()
    };
    use Outcome::{Complete, Internal, LoadFailed, Skipped, TargetFailed, TimedOut};
    assert_eq!(run(&[TargetFailed, Internal]), ExitClass::Internal);
    assert_eq!(run(&[TimedOut, TargetFailed]), ExitClass::TargetFailed);
    assert_eq!(run(&[LoadFailed, TimedOut]), ExitClass::TimedOut);
    assert_eq!(run(&[Complete, LoadFailed]), ExitClass::Inconclusive);
    assert_eq!(run(&[Complete, Skipped]), ExitClass::Pass);
    assert_eq!(run(&[]), ExitClass::Inconclusive);
}

#[test]
fn a_recording_that_was_cut_short_is_no_pass() {
    let whole = Builder::new().scenario(ScenarioBuilder::clean("one", 31));
    let run = judge(&whole.cut_short());
    assert_eq!(
        (run.verdict, run.exit_class()),
        (Verdict::Inconclusive, ExitClass::Inconclusive)
    );
    let mut lines = ScenarioBuilder::clean("one", 31).alone();
    lines.truncate(lines.len() - 2);
    assert_eq!(
        judge(&lines).exit_class(),
        ExitClass::Internal,
        "inside a scenario"
    );
}

#[test]
fn a_metric_that_is_not_known_is_no_pass() {
    let mut lines = ScenarioBuilder::clean("one", 31).alone();
    for line in &mut lines {
        if let Event::ScenarioStarted(started) = &mut line.event {
            started.gates[0].metric = "locks".to_owned();
        }
    }
    let verdict = judged(&lines);
    assert_eq!(verdict.verdict, Verdict::Inconclusive);
    assert!(verdict.detail.contains("locks"), "{}", verdict.detail);
}

#[test]
fn gates_can_be_asked_while_the_scenario_is_under_way() {
    let mut lines = ScenarioBuilder::clean("one", 31)
        .heap(|cycle| 16 * u64::from(cycle))
        .alone();
    lines.truncate(lines.len() - 2);
    assert_eq!(
        so_far(&lines),
        SoFar {
            leaks: true,
            wants_more_cycles: false
        }
    );
}

#[test]
fn more_cycles_are_wanted_where_the_answer_is_not_clear_and_not_where_it_is() {
    let clean = ScenarioBuilder::clean("one", 31);
    assert!(!so_far(&clean.alone()).wants_more_cycles);
    // A step may be the first of many.
    let step = ScenarioBuilder::clean("one", 31).heap(|cycle| u64::from(cycle > 10) * 4096);
    assert!(so_far(&step.alone()).wants_more_cycles);
    // Three steps, the last of them at the end: a cache that fills in bursts, or a leak that does.
    let bursts = ScenarioBuilder::clean("one", 31)
        .heap(|cycle| u64::from(cycle / 10) * 500)
        .alone();
    assert!(so_far(&bursts).wants_more_cycles);
}

/// What the lines of a run's only scenario say.
fn so_far(lines: &[Line]) -> SoFar {
    let (Event::RunStarted(run), Event::ScenarioStarted(started)) =
        (&lines[0].event, &lines[1].event)
    else {
        panic!("a run begins with its start and that of its scenario");
    };
    gates_so_far(run, started, &lines[2..])
}

/// A clean scenario with a leak of a descriptor per cycle, listed as known.
fn known_leak(budget: u64, expires: &str) -> ScenarioVerdict {
    let mut lines = ScenarioBuilder::clean("known", 31)
        .keeps(|cycle, sample| {
            sample.fds.insert("pipe".to_owned(), cycle);
        })
        .alone();
    for line in &mut lines {
        if let Event::ScenarioStarted(started) = &mut line.event {
            let gate = started.gates.iter_mut().find(|gate| gate.metric == "fds");
            gate.unwrap().known = Some(KnownLeak {
                budget,
                owner: "ada".to_owned(),
                expires: expires.to_owned(),
                reason: "a pipe per cycle".to_owned(),
            });
        }
    }
    judged(&lines)
}

#[test]
fn a_known_leak_is_no_news_unless_it_is_worse_or_its_day_has_passed() {
    // The recordings are of 2026-01-01.
    let known = known_leak(31, "2026-01-01");
    assert_eq!(known.verdict, Verdict::Known);
    let fds = gate(&known, Metric::Fds);
    assert_eq!(fds.verdict, GateVerdict::Known);
    assert!(fds.detail.contains("ada"), "{}", fds.detail);
    // Twenty-nine were there in each of the last samples, which is what is judged.
    assert_eq!(known_leak(29, "2026-01-01").verdict, Verdict::Known);
    assert_eq!(known_leak(28, "2026-01-01").verdict, Verdict::Leak);
    assert_eq!(known_leak(31, "2025-12-31").verdict, Verdict::Leak);
}

#[test]
fn a_known_leak_that_is_gone_says_that_its_entry_can_go() {
    let mut lines = ScenarioBuilder::clean("gone", 31).alone();
    for line in &mut lines {
        if let Event::ScenarioStarted(started) = &mut line.event {
            started.gates[0].known = Some(KnownLeak {
                budget: 64,
                owner: "ada".to_owned(),
                expires: "2026-06-30".to_owned(),
                reason: "a cache".to_owned(),
            });
        }
    }
    let verdict = judged(&lines);
    assert_eq!(verdict.verdict, Verdict::Pass);
    assert!(verdict.gates[0].detail.contains("can go"));
}

/// A scenario whose cycles hold `held` bytes in their middle, of which `accounted` are accounted for.
fn ledger(held: u64, accounted: i64) -> JudgedGate {
    let lines = ScenarioBuilder::clean("ledger", 31)
        .within(move |cycle| {
            let mut heap = recording::heap_at_rest();
            heap.live_bytes.0 += held + u64::from(cycle);
            (heap, accounted)
        })
        .alone();
    let verdict = judged(&lines);
    gate(&verdict, Metric::Ledger).clone()
}

#[test]
fn a_ledger_that_counts_too_little_or_too_much_is_red() {
    // The gate of the recordings allows 20 %.
    assert_eq!(ledger(1 << 20, 1 << 20).verdict, GateVerdict::Pass);
    assert_eq!(
        ledger(1 << 20, (1 << 20) * 82 / 100).verdict,
        GateVerdict::Pass
    );
    let short = ledger(1 << 20, (1 << 20) * 78 / 100);
    assert_eq!(short.verdict, GateVerdict::Leak);
    assert_eq!(short.observed, Some(Amount::Plain(23)));
    assert_eq!(
        ledger(1 << 20, (1 << 20) * 122 / 100).verdict,
        GateVerdict::Leak
    );
    assert_eq!(
        ledger(1 << 10, 0).verdict,
        GateVerdict::Inconclusive,
        "nothing was held"
    );
}

#[test]
fn growth_is_stated_per_day_at_the_pace_of_the_run() {
    let verdict = judged(
        &ScenarioBuilder::clean("paced", 31)
            .keeps(|cycle, sample| {
                sample.zombies = cycle;
            })
            .alone(),
    );
    // Events are 10 ms apart in these recordings, and a cycle is three of them.
    let per_day = 24 * 60 * 60 * 1000 / 30;
    assert_eq!(gate(&verdict, Metric::Zombies).per_day, Some(per_day));
    assert_eq!(gate(&verdict, Metric::Threads).per_day, None);
}

#[test]
fn what_the_allocator_retains_is_named_and_is_no_leak() {
    let verdict = judged(
        &ScenarioBuilder::clean("retained", 31)
            .keeps(|cycle, sample| {
                let kept = if cycle == 0 { 0 } else { 40 << 20 };
                sample.memory.tree_rss.0 += kept;
            })
            .alone(),
    );
    let rss = gate(&verdict, Metric::RssTotal);
    assert_eq!(rss.verdict, GateVerdict::Inconclusive);
    assert!(rss.detail.contains("allocator retention"), "{}", rss.detail);
    // What goes on growing is not retained, wherever it is kept.
    let growing = judged(
        &ScenarioBuilder::clean("growing", 31)
            .keeps(|cycle, sample| sample.memory.tree_rss.0 += u64::from(cycle) << 20)
            .alone(),
    );
    assert_eq!(gate(&growing, Metric::RssTotal).verdict, GateVerdict::Leak);
}

#[test]
fn a_slope_of_resident_memory_is_judged_where_there_are_cycles_enough() {
    let rss = |cycles: u32, per_cycle: u64| {
        let scenario = ScenarioBuilder::clean("resident", cycles)
            .keeps(move |cycle, sample| sample.memory.tree_rss.0 += per_cycle * u64::from(cycle));
        let verdict = judged(&scenario.alone());
        gate(&verdict, Metric::RssPerCycle).clone()
    };
    assert_eq!(rss(31, 8 << 10).verdict, GateVerdict::NotJudged);
    assert_eq!(rss(400, 0).verdict, GateVerdict::Pass);
    let leak = rss(400, 8 << 10);
    assert_eq!(leak.verdict, GateVerdict::Leak);
    assert!(
        leak.detail.contains("outside the counted heap"),
        "{}",
        leak.detail
    );
}

/// Sessions and MiB of output that vary independently.
fn varied(cycle: u32) -> Load {
    Load {
        opened: u64::from(cycle % 3) + 1,
        output_bytes: u64::from(cycle * 7 % 5) << 20,
        ..Load::default()
    }
}

#[test]
fn growth_is_attributed_to_what_it_goes_with() {
    let kept = |cycle: u32| -> u64 {
        let sessions: u64 = (1..=cycle).map(|cycle| varied(cycle).opened).sum();
        128 * sessions
    };
    let mut scenario = ScenarioBuilder::clean("varied", 31).heap(kept);
    scenario.load = varied;
    let verdict = judged(&scenario.alone());
    let found = |per: &str| {
        let mut kept = verdict
            .attributions
            .iter()
            .filter(|found| found.quantity == Quantity::Kept);
        kept.find(|found| found.per == per).expect(per).clone()
    };
    let session = found("session");
    assert!((session.bytes - 128.0).abs() < 0.01, "{session:?}");
    assert!(session.low > 127.0 && session.high < 129.0, "{session:?}");
    let output = found("MiB of output");
    assert!(output.bytes.abs() < 0.01, "{output:?}");
}

#[test]
fn kinds_of_load_that_always_go_together_are_named_together() {
    let mut scenario = ScenarioBuilder::clean("together", 31)
        .heap(|cycle| (1..=u64::from(cycle)).map(|cycle| cycle % 3 + 1).sum());
    scenario.load = |cycle| Load {
        opened: u64::from(cycle % 3) + 1,
        connected: 2 * (u64::from(cycle % 3) + 1),
        ..Load::default()
    };
    let verdict = judged(&scenario.alone());
    let named: Vec<&str> = verdict
        .attributions
        .iter()
        .map(|found| found.per.as_str())
        .collect();
    assert!(
        named.iter().any(|per| per.contains("session and client")),
        "{named:?}"
    );
}
