//! The gates of a scenario, from TOML and from the command line.

use std::time::Duration;

use super::metric::{Metric, MetricUnit};
use super::model::Gate;
use crate::source::{Node, Problems, Table, closest, listed, parse_bytes};

/// A limit on a duration is checked against what a step may take at most.
const DURATION_MAX: Duration = Duration::from_secs(60 * 60);
/// More is no limit: what is off by a factor of ten is not accounted for.
const PERCENT_MAX: u64 = 1_000;

/// The gates of a scenario; at least one.
pub(super) fn read(table: &Table<'_>, problems: &mut Problems) -> Option<Vec<Gate>> {
    let mut keys: Vec<&str> = Metric::ALL.iter().map(|metric| group(*metric)).collect();
    keys.dedup();
    table.only(&keys, "[gates]", problems);
    let mut gates: Vec<Gate> = Vec::new();
    let mut given = 0;
    for (_, key, node) in table.entries() {
        given += 1;
        if !keys.contains(&key) {
            continue;
        }
        match Metric::from_name(key) {
            Some(metric) if !(has_members(key) && node.is_table()) => {
                gates.extend(read_gate(metric, &node, problems));
            }
            _ => gates.extend(read_group(key, &node, problems)),
        }
    }
    if given == 0 {
        problems.add_with_help(
            table.span(),
            "a scenario without gates passes whatever happens",
            "no gate",
            format!("metrics: {}", listed(&Metric::ALL.map(Metric::name))),
        );
        return None;
    }
    gates.sort_by_key(|gate| gate.metric);
    Some(gates)
}

/// The part of a metric's name before the dot.
fn group(metric: Metric) -> &'static str {
    metric.name().split('.').next().unwrap_or_default()
}

/// The members of the table that a group's key may hold; `disk` itself counts files.
pub(crate) fn members(key: &str) -> Vec<(&'static str, Metric)> {
    Metric::ALL
        .into_iter()
        .filter_map(|metric| {
            if metric.name() == key {
                return Some(("files", metric));
            }
            let member = metric.name().strip_prefix(key)?.strip_prefix('.')?;
            Some((member, metric))
        })
        .collect()
}

fn has_members(key: &str) -> bool {
    members(key).len() > 1
}

fn read_group(key: &str, node: &Node<'_>, problems: &mut Problems) -> Vec<Gate> {
    let members = members(key);
    let names: Vec<&str> = members.iter().map(|&(member, _)| member).collect();
    let what = format!("a table with {}", listed(&names));
    let Some(table) = node.table(&what, problems) else {
        return Vec::new();
    };
    table.only(&names, &format!("gate `{key}`"), problems);
    members
        .into_iter()
        .filter_map(|(member, metric)| read_gate(metric, &table.get(member)?, problems))
        .collect()
}

fn read_gate(metric: Metric, node: &Node<'_>, problems: &mut Problems) -> Option<Gate> {
    let limit = match metric.unit() {
        MetricUnit::Bytes | MetricUnit::BytesPerCycle => node.bytes(problems)?.0,
        MetricUnit::Count => u64::from(node.count(0..=u32::MAX, "a count", problems)?),
        MetricUnit::Milliseconds => milliseconds(node.duration(DURATION_MAX, problems)?),
        unit @ (MetricUnit::BytesPerSecond | MetricUnit::Percent) => {
            let text = node.string(unit.example(), problems)?;
            let Some(limit) = parse_limit(metric, text) else {
                problems.add(
                    node.span.clone(),
                    format!("\"{text}\" is no limit for `{}`", metric.name()),
                    format!("expected {}", unit.example()),
                );
                return None;
            };
            limit
        }
    };
    Some(Gate {
        metric,
        limit,
        overridden: false,
        file_limit: None,
    })
}

/// A limit as the command line has it, in the metric's unit.
pub(crate) fn parse_limit(metric: Metric, text: &str) -> Option<u64> {
    match metric.unit() {
        MetricUnit::Bytes | MetricUnit::BytesPerCycle => parse_bytes(text).map(|bytes| bytes.0),
        MetricUnit::BytesPerSecond => {
            parse_bytes(text.strip_suffix("/s")?.trim_end()).map(|bytes| bytes.0)
        }
        MetricUnit::Milliseconds => {
            let limit: Duration = humantime::parse_duration(text).ok()?;
            (limit <= DURATION_MAX).then(|| milliseconds(limit))
        }
        MetricUnit::Percent => {
            let percent: u64 = text.strip_suffix('%')?.trim_end().parse().ok()?;
            (percent <= PERCENT_MAX).then_some(percent)
        }
        MetricUnit::Count => text.parse().ok(),
    }
}

fn milliseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

/// `SCENARIO.METRIC=LIMIT` of the command line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GateOverride {
    /// The scenario's name.
    pub scenario: String,
    /// The metric.
    pub metric: Metric,
    /// The most that passes, in the metric's unit.
    pub limit: u64,
}

/// Why a `--gate` cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OverrideError {
    /// It does not have the three parts.
    #[error("`{0}` is not SCENARIO.METRIC=LIMIT, such as heavy-output.rss.total=2MiB")]
    Form(String),
    /// There is no such metric.
    #[error("there is no metric `{name}`{hint}; metrics: {}", listed(&Metric::ALL.map(Metric::name)))]
    Metric {
        /// What was written.
        name: String,
        /// `, did you mean ...?`, or nothing.
        hint: String,
    },
    /// The limit has the wrong unit.
    #[error("`{limit}` is no limit for `{}`: expected {}", metric.name(), metric.unit().example())]
    Limit {
        /// The metric.
        metric: Metric,
        /// What was written.
        limit: String,
    },
}

impl GateOverride {
    /// Reads `SCENARIO.METRIC=LIMIT`.
    ///
    /// # Errors
    /// When a part is missing, the metric is unknown, or the limit has the wrong unit.
    pub fn parse(text: &str) -> Result<GateOverride, OverrideError> {
        let form = || OverrideError::Form(text.to_owned());
        let (place, limit) = text.split_once('=').ok_or_else(form)?;
        let (scenario, name) = place.split_once('.').ok_or_else(form)?;
        if scenario.is_empty() || name.is_empty() || limit.is_empty() {
            return Err(form());
        }
        let metric = Metric::from_name(name).ok_or_else(|| OverrideError::Metric {
            name: name.to_owned(),
            hint: closest(name, &Metric::ALL.map(Metric::name))
                .map(|meant| format!(", did you mean `{meant}`?"))
                .unwrap_or_default(),
        })?;
        let limit = parse_limit(metric, limit).ok_or_else(|| OverrideError::Limit {
            metric,
            limit: limit.to_owned(),
        })?;
        Ok(GateOverride {
            scenario: scenario.to_owned(),
            metric,
            limit,
        })
    }
}
