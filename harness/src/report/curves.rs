//! Every reading of a scenario as curves: what the page draws.

use std::collections::{BTreeMap, BTreeSet};

use super::gather::{parts, shipped, sum};
use crate::judge::Unit;
use crate::record::event::{Event, GaugeKind, Line, Phase, Sample};

/// Points drawn of one scenario: more than a screen has columns for. A longer one is drawn in equal strides.
const POINTS_MAX: usize = 400;

/// Descriptors by kind, threads by name and gauges are as many as the target makes of them: so many curves at most.
const CURVES_MAX: usize = 64;

/// The curves of one scenario, over the same points.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Curves {
    /// The cycle of each point: up to 0 in the warm-up, from 1 while measured.
    pub cycles: Vec<i64>,
    /// Of how many samples one was taken; the last is always there.
    pub stride: usize,
    /// What was read at each of them.
    pub curves: Vec<Curve>,
}

/// One reading over the cycles.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Curve {
    /// What was read: `heap.live`, `rss`, `fds`, `fds pipe`, `gauge sessions`, ...
    pub name: String,
    /// What its numbers count.
    pub unit: Unit,
    /// One value per point; none where it was not there.
    pub values: Vec<Option<i64>>,
}

impl Curve {
    /// The value that it has throughout; none where it changes.
    pub fn constant(&self) -> Option<i64> {
        let first = *self.values.first()?;
        self.values
            .iter()
            .all(|value| *value == first)
            .then_some(first)?
    }
}

/// The curves of each scenario of a recording, in order.
pub fn curves(lines: &[Line]) -> Vec<Curves> {
    parts(lines).map(|(_, lines)| of_scenario(lines)).collect()
}

fn of_scenario(lines: &[Line]) -> Curves {
    let samples: Vec<&Sample> = shipped(lines)
        .into_iter()
        .filter_map(|event| match event {
            Event::Sample(sample) => Some(sample.as_ref()),
            _ => None,
        })
        .collect();
    let before = samples.iter().filter(|s| s.phase != Phase::Measure).count();
    let stride = samples.len().div_ceil(POINTS_MAX).max(1);
    let last = samples.len().saturating_sub(1);
    let kept: Vec<usize> = (0..samples.len())
        .filter(|index| index % stride == 0 || *index == last)
        .collect();
    let index = |at: usize| i64::try_from(at).unwrap_or(i64::MAX);
    let points: Vec<&Sample> = kept.iter().map(|&at| samples[at]).collect();
    Curves {
        cycles: kept
            .iter()
            .map(|&at| index(at) + 1 - index(before))
            .collect(),
        stride,
        curves: all(&points),
    }
}

/// How a number is read from a sample; none where it was not taken.
pub(super) type Reading = fn(&Sample) -> Option<u64>;

/// What is read of every sample, by name; descriptors, threads and gauges have names of their own.
pub(super) const READINGS: [(&str, Unit, Reading); 14] = [
    ("heap.live", Unit::Bytes, |s| Some(s.heap?.live_bytes.0)),
    ("heap.blocks", Unit::Count, |s| Some(s.heap?.live_blocks)),
    ("heap.peak", Unit::Bytes, |s| Some(s.heap?.peak_bytes.0)),
    ("rss", Unit::Bytes, |s| Some(s.memory.tree_rss.0)),
    ("pss", Unit::Bytes, |s| Some(s.memory.pss.0)),
    ("private_dirty", Unit::Bytes, |s| {
        Some(s.memory.private_dirty.0)
    }),
    ("swap", Unit::Bytes, |s| Some(s.memory.swap.0)),
    ("mappings", Unit::Count, |s| Some(s.memory.mappings)),
    ("fds", Unit::Count, |s| Some(sum(s.fds.values()))),
    ("threads", Unit::Count, |s| Some(sum(s.threads.values()))),
    ("children", Unit::Count, |s| Some(u64::from(s.children))),
    ("zombies", Unit::Count, |s| Some(u64::from(s.zombies))),
    ("disk.files", Unit::Count, |s| Some(s.disk.files)),
    ("disk.bytes", Unit::Bytes, |s| Some(s.disk.bytes.0)),
];

fn all(points: &[&Sample]) -> Vec<Curve> {
    let plain = READINGS.into_iter().map(|(name, unit, reading)| {
        let value = |sample: &&Sample| Some(reading(sample)?.cast_signed());
        Curve {
            name: name.to_owned(),
            unit,
            values: points.iter().map(value).collect(),
        }
    });
    let mut all: Vec<Curve> = plain
        .filter(|curve| curve.values.iter().any(Option::is_some))
        .collect();
    all.extend(gauges(points));
    for (group, counts) in [
        ("fds", (|s| &s.fds) as fn(&Sample) -> &BTreeMap<String, u32>),
        ("threads", |s| &s.threads),
    ] {
        all.extend(changing(group, points, counts));
    }
    all.truncate(CURVES_MAX);
    all
}

fn gauges(points: &[&Sample]) -> Vec<Curve> {
    let names: BTreeMap<&String, GaugeKind> = points
        .iter()
        .filter_map(|sample| sample.gauges.as_ref())
        .flat_map(|gauges| gauges.iter().map(|(name, gauge)| (name, gauge.kind)))
        .collect();
    let values = |name: &String| {
        let value = |sample: &&Sample| Some(sample.gauges.as_ref()?.get(name)?.value);
        points.iter().map(value).collect()
    };
    names
        .into_iter()
        .map(|(name, kind)| Curve {
            name: format!("gauge {name}"),
            unit: match kind {
                GaugeKind::Length | GaugeKind::Count => Unit::Count,
                GaugeKind::Capacity | GaugeKind::Accounted => Unit::Bytes,
            },
            values: values(name),
        })
        .collect()
}

/// Those of a group whose count changes: the sum is drawn anyway.
fn changing<'s>(
    group: &str,
    points: &[&'s Sample],
    counts: fn(&'s Sample) -> &'s BTreeMap<String, u32>,
) -> Vec<Curve> {
    let names: BTreeSet<&String> = points
        .iter()
        .flat_map(|sample| counts(sample).keys())
        .collect();
    let curve = |name: &String| Curve {
        name: format!("{group} {name}"),
        unit: Unit::Count,
        values: points
            .iter()
            .map(|sample| Some(i64::from(counts(sample).get(name).copied().unwrap_or(0))))
            .collect(),
    };
    names
        .into_iter()
        .map(curve)
        .filter(|curve| curve.constant().is_none())
        .collect()
}
