//! Each gate of a scenario, given to the rule for its metric.

use super::evidence::Evidence;
use super::verdict::{Amount, GateVerdict, JudgedGate, Kind, Unit};
use super::{
    churn, counts, ends, growth, known, ledger, levels, pace, peaks, rate, resident, sites,
};
use crate::record::event::RecordedGate;
use crate::scenario::{Metric, MetricUnit};

/// Fewer measured cycles than this tell nothing: four windows need a sample each.
const CYCLES_MIN: usize = 4;
/// Of so many samples one may have been taken while the target was busy.
const UNSETTLED_ONE_IN: usize = 10;

/// What a rule finds.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Finding {
    pub(super) verdict: GateVerdict,
    pub(super) observed: Option<Amount>,
    pub(super) sensitivity: Option<Amount>,
    pub(super) detail: String,
    /// Whether more cycles would tell, where this finds nothing.
    pub(super) more: bool,
}

impl Finding {
    /// A leak, told by `detail`, when `leaks`; else a pass with nothing to tell.
    pub(super) fn limited(
        leaks: bool,
        observed: Amount,
        sensitivity: Amount,
        detail: impl FnOnce() -> String,
    ) -> Finding {
        Finding {
            verdict: if leaks {
                GateVerdict::Leak
            } else {
                GateVerdict::Pass
            },
            observed: Some(observed),
            sensitivity: Some(sensitivity),
            detail: if leaks { detail() } else { String::new() },
            more: false,
        }
    }

    /// Nothing to judge, for a reason.
    pub(super) fn none(verdict: GateVerdict, reason: impl Into<String>) -> Finding {
        Finding {
            verdict,
            observed: None,
            sensitivity: None,
            detail: reason.into(),
            more: false,
        }
    }

    /// A sample has nothing from a probe.
    pub(super) fn unsupported() -> Finding {
        Finding::none(
            GateVerdict::Unsupported,
            "the target has no probe that delivers this",
        )
    }
}

/// All gates of the scenario, in the order of [`Metric::ALL`]. A metric that this version does not know cannot be judged
/// and cannot be shown as a [`Metric`]: `combine` sees to it that it is not forgotten.
pub(super) fn all(evidence: &Evidence<'_>) -> Vec<JudgedGate> {
    let mut gates: Vec<JudgedGate> = evidence
        .started
        .gates
        .iter()
        .filter_map(|gate| Some(judged(Metric::from_name(&gate.metric)?, gate, evidence)))
        .collect();
    gates.sort_by_key(|gate| gate.metric);
    gates
}

/// The names of gates whose metric this version does not know.
pub(super) fn unknown<'l>(evidence: &Evidence<'l>) -> Vec<&'l str> {
    let gates = evidence.started.gates.iter();
    gates
        .map(|gate| gate.metric.as_str())
        .filter(|name| Metric::from_name(name).is_none())
        .collect()
}

fn judged(metric: Metric, gate: &RecordedGate, evidence: &Evidence<'_>) -> JudgedGate {
    let finding = finding(metric, gate.limit, evidence);
    let loosened = gate.limit > 0 && metric.promises_nothing_kept();
    let judged = JudgedGate {
        metric,
        kind: kind(metric),
        unit: unit(metric),
        limit: gate.limit,
        file_limit: gate.file_limit,
        overridden: gate.overridden,
        loosened,
        per_day: pace::per_day(metric, finding.observed, evidence),
        observed: finding.observed,
        sensitivity: finding.sensitivity,
        verdict: finding.verdict,
        detail: finding.detail,
        more: finding.more,
        owner: None,
    };
    let Some(known) = &gate.known else {
        return judged;
    };
    let beyond = self::finding(metric, gate.limit.max(known.budget), evidence);
    let judged = JudgedGate {
        more: judged.more || (judged.verdict == GateVerdict::Leak && beyond.more),
        ..judged
    };
    known::apply(judged, known, beyond.verdict, evidence)
}

fn unit(metric: Metric) -> Unit {
    match metric.unit() {
        MetricUnit::Bytes | MetricUnit::BytesPerCycle | MetricUnit::BytesPerSecond => Unit::Bytes,
        MetricUnit::Milliseconds => Unit::Milliseconds,
        MetricUnit::Percent => Unit::Percent,
        MetricUnit::Count => Unit::Count,
    }
}

pub(super) fn kind(metric: Metric) -> Kind {
    match metric {
        Metric::HeapPerCycle | Metric::RssPerCycle | Metric::ChurnCycle => Kind::PerCycle,
        Metric::PeakHeap | Metric::PeakRss | Metric::PeakSettle | Metric::Ledger | Metric::Stop => {
            Kind::Peak
        }
        Metric::RssRate | Metric::ChurnIdle => Kind::Rate,
        Metric::HeapTotal
        | Metric::RssTotal
        | Metric::Fds
        | Metric::Threads
        | Metric::Children
        | Metric::Zombies
        | Metric::Gauges
        | Metric::Disk
        | Metric::DiskBytes
        | Metric::Unmet
        | Metric::Sites => Kind::Total,
    }
}

fn finding(metric: Metric, limit: u64, evidence: &Evidence<'_>) -> Finding {
    match metric {
        Metric::Sites => return sites::judge(limit, evidence),
        Metric::Stop => return ends::stop(limit, evidence),
        Metric::Unmet => return ends::unmet(limit, evidence),
        _ => {}
    }
    if !evidence.measuring_is_complete() {
        return Finding::none(
            GateVerdict::NotJudged,
            format!(
                "{} of {} cycles were measured",
                evidence.cycles(),
                evidence.started.measure
            ),
        );
    }
    if evidence.measured.len() < CYCLES_MIN {
        return Finding::none(
            GateVerdict::Inconclusive,
            format!("fewer than {CYCLES_MIN} measured cycles tell nothing"),
        );
    }
    let found = match metric {
        Metric::HeapPerCycle => growth::heap_per_cycle(limit, evidence),
        Metric::HeapTotal => levels::heap_total(limit, evidence),
        Metric::RssTotal => levels::rss_total(limit, evidence),
        Metric::RssRate => rate::rss_rate(limit, evidence),
        Metric::RssPerCycle => resident::rss_per_cycle(limit, evidence),
        Metric::PeakHeap => peaks::heap(limit, evidence),
        Metric::PeakRss => peaks::rss(limit, evidence),
        Metric::PeakSettle => peaks::settle(limit, evidence),
        Metric::ChurnIdle => churn::idle(limit, evidence),
        Metric::ChurnCycle => churn::cycle(limit, evidence),
        Metric::Ledger => ledger::judge(limit, evidence),
        Metric::DiskBytes => levels::disk_bytes(limit, evidence),
        Metric::Fds => counts::fds(limit, evidence),
        Metric::Threads => counts::threads(limit, evidence),
        Metric::Children => counts::children(limit, evidence),
        Metric::Zombies => counts::zombies(limit, evidence),
        Metric::Gauges => counts::gauges(limit, evidence),
        Metric::Disk => counts::disk(limit, evidence),
        Metric::Stop | Metric::Unmet | Metric::Sites => unreachable!("judged above"),
    };
    unless_unsettled(found, evidence)
}

/// What was read while the target was busy is neither growth nor its absence.
fn unless_unsettled(found: Finding, evidence: &Evidence<'_>) -> Finding {
    let (unsettled, samples) = (evidence.unsettled(), evidence.series().len());
    let says = matches!(found.verdict, GateVerdict::Pass | GateVerdict::Leak);
    let baseline_unsettled = evidence
        .baseline
        .is_some_and(|sample| sample.settle.idle == Some(false));
    if says && (baseline_unsettled || unsettled * UNSETTLED_ONE_IN > samples) {
        return Finding {
            verdict: GateVerdict::Inconclusive,
            detail: format!("the target did not come to rest for {unsettled} of {samples} samples"),
            more: !baseline_unsettled,
            ..found
        };
    }
    found
}
