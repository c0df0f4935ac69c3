//! Which kernel objects and gauges stand behind a red count: what to look for in the source, where no heap profile helps.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::evidence::Evidence;
use super::verdict::{GateVerdict, JudgedGate};
use crate::record::event::{Gauge, GaugeKind, TargetExited};
use crate::record::objects::{Counted, KernelObject};
use crate::scenario::Metric;

/// Gauges listed; a leak of many maps is one leak.
const GAUGES_MAX: usize = 16;

/// What stands for those that a recording only counts.
const UNNAMED: &str = "others";

/// Kernel objects or entries that came with the measured cycles, alike ones together.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct GrownObject {
    /// The metric that counts them: `fds`, `threads`, `children`, `zombies`, `disk`, `gauges`.
    pub metric: String,
    /// What they are: kind and target of a descriptor, name of a thread or of a dead process, command line of a live one,
    /// path of a file relative to the private directories, name of a gauge. `*` stands for numbers in which they differ.
    pub name: String,
    /// Where a thread waits, the end of a pipe, the state of a connection, whose child a process is, where a gauge is
    /// registered; may be empty.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub state: String,
    /// How many more there are.
    pub count: i64,
    /// The name of one of them, where they differ.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub example: Option<String>,
}

/// What stands behind the gates that call a leak, or a known one.
pub(super) fn grown(evidence: &Evidence<'_>, gates: &[JudgedGate]) -> Vec<GrownObject> {
    let red = gates
        .iter()
        .filter(|gate| matches!(gate.verdict, GateVerdict::Leak | GateVerdict::Known));
    red.flat_map(|gate| behind(evidence, gate.metric)).collect()
}

fn behind(evidence: &Evidence<'_>, metric: Metric) -> Vec<GrownObject> {
    let left = |lines: fn(&TargetExited) -> (&Vec<String>, u64), state: &str| {
        let (names, more) = evidence.exited.map(lines).unzip();
        let named = names.into_iter().flatten().map(|name| (name.as_str(), 1));
        let more = more.filter(|more| *more > 0).map(|more| (UNNAMED, more));
        let left = |(name, count): (&str, u64)| GrownObject {
            metric: metric.name().to_owned(),
            name: name.to_owned(),
            state: state.to_owned(),
            count: i64::try_from(count).unwrap_or(i64::MAX),
            example: None,
        };
        named.chain(more).map(left).collect::<Vec<_>>()
    };
    let mut found = match metric {
        Metric::Fds => gained(evidence, metric, Counted::Fds),
        Metric::Threads => gained(evidence, metric, Counted::Threads),
        Metric::Children => gained(evidence, metric, Counted::Children),
        Metric::Zombies => gained(evidence, metric, Counted::Zombies),
        Metric::Disk => gained(evidence, metric, Counted::Disk),
        Metric::Gauges => gauges(evidence),
        _ => Vec::new(),
    };
    // What is there while it runs is told once, even where it is still there afterwards.
    let after = match metric {
        Metric::Children => left(
            |exited| (&exited.left_processes, exited.more_processes),
            "left running at the end",
        ),
        Metric::Disk => left(
            |exited| (&exited.left_files, exited.more_files),
            "left behind at the end",
        ),
        _ => Vec::new(),
    };
    let told = |object: &GrownObject| {
        let names = found
            .iter()
            .flat_map(|found| [Some(&found.name), found.example.as_ref()]);
        names.flatten().any(|name| *name == object.name)
    };
    let after: Vec<GrownObject> = match found.iter().any(|found| found.example.is_some()) {
        // Of those that were put together the single names are not known.
        true => Vec::new(),
        false => after.into_iter().filter(|object| !told(object)).collect(),
    };
    found.extend(after);
    found
}

/// What was found in the system.
fn gained(evidence: &Evidence<'_>, metric: Metric, counted: Counted) -> Vec<GrownObject> {
    let objects = evidence
        .gained
        .into_iter()
        .flat_map(|gained| &gained.objects);
    let grown = |object: &KernelObject| GrownObject {
        metric: metric.name().to_owned(),
        name: object.name.clone(),
        state: object.state.clone(),
        count: i64::from(object.count),
        example: object.example.clone(),
    };
    objects
        .filter(|object| object.counted == counted)
        .map(grown)
        .collect()
}

/// The gauges that stand higher than at the baseline, where each is registered, those that grew most first.
fn gauges(evidence: &Evidence<'_>) -> Vec<GrownObject> {
    let before = evidence.baseline.and_then(|sample| sample.gauges.as_ref());
    let last = evidence
        .measured
        .last()
        .and_then(|sample| sample.gauges.as_ref());
    let grown = |(name, gauge): (&String, &Gauge)| {
        let before = before.and_then(|gauges| gauges.get(name));
        let count = gauge.value - before.map_or(0, |gauge| gauge.value);
        let counts = match gauge.kind {
            GaugeKind::Length => true,
            GaugeKind::Capacity => gauge.max.is_some_and(|max| gauge.value > max),
            GaugeKind::Accounted | GaugeKind::Count => false,
        };
        (counts && count > 0).then(|| GrownObject {
            metric: Metric::Gauges.name().to_owned(),
            name: name.clone(),
            state: format!("registered at {}", gauge.site),
            count,
            example: None,
        })
    };
    let mut found: Vec<GrownObject> = last.into_iter().flatten().filter_map(grown).collect();
    found.sort_by_key(|gauge| std::cmp::Reverse(gauge.count));
    found.truncate(GAUGES_MAX);
    found
}
