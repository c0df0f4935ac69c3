//! Counts of kernel objects and of entries: any lasting growth is a leak, without allowance, and is named.

use std::collections::BTreeMap;

use super::evidence::Evidence;
use super::gates::Finding;
use super::verdict::{Amount, GateVerdict};
use crate::record::event::{Gauge, GaugeKind, Sample};

/// Growth lasts when it is there in each of the last so many samples: what one of them catches in passing is not kept.
const LASTING: usize = 3;
/// Things named in a detail; a leak of many kinds is one leak.
const NAMED_MAX: usize = 5;

/// Further things that count one each.
#[derive(Default)]
struct Others {
    /// In words.
    named: Vec<String>,
    /// Those that are only counted.
    more: u64,
}

impl Others {
    fn named(named: Vec<String>) -> Self {
        Self { named, more: 0 }
    }
}

/// A count by name.
type Counts = BTreeMap<String, i64>;

/// Something that grew.
struct Grown {
    name: String,
    /// By how much at least, in each of the last samples: what is judged.
    lasting: i64,
    /// By how much at the end: what is told.
    by: i64,
}

/// `fds`: descriptors, by kind.
pub(super) fn fds(limit: u64, evidence: &Evidence<'_>) -> Finding {
    let grown = lasting_growth(evidence, |sample| {
        let kinds = sample.fds.iter();
        kinds
            .map(|(kind, &count)| (format!("descriptor `{kind}`"), i64::from(count)))
            .collect()
    });
    finding(limit, evidence, grown, Others::default())
}

/// `threads`, by name.
pub(super) fn threads(limit: u64, evidence: &Evidence<'_>) -> Finding {
    let grown = lasting_growth(evidence, |sample| {
        let threads = sample.threads.iter();
        threads
            .map(|(name, &count)| (format!("thread `{name}`"), i64::from(count)))
            .collect()
    });
    finding(limit, evidence, grown, Others::default())
}

/// `children`: live descendants, and what the target left running when it ended.
pub(super) fn children(limit: u64, evidence: &Evidence<'_>) -> Finding {
    let grown = lasting_growth(evidence, |sample| {
        single("child process", i64::from(sample.children))
    });
    let left = evidence.exited.map(|exited| Others {
        named: in_words("left running", &exited.left_processes),
        more: exited.more_processes,
    });
    let left = left.unwrap_or_default();
    let mut found = finding(limit, evidence, grown, left);
    if found.verdict == GateVerdict::Leak {
        let last = evidence.measured.last();
        let escaped = last.and_then(|sample| sample.escaped.as_ref());
        let lost = escaped.filter(|escaped| escaped.count > 0);
        found.detail.extend(lost.map(|escaped| {
            let named = escaped.commands.join("`, `");
            format!("; {} lost their parent: `{named}`", escaped.count)
        }));
    }
    found
}

/// `zombies`.
pub(super) fn zombies(limit: u64, evidence: &Evidence<'_>) -> Finding {
    let grown = lasting_growth(evidence, |sample| {
        single("zombie", i64::from(sample.zombies))
    });
    finding(limit, evidence, grown, Others::default())
}

/// `disk`: files in the target's private directories, and what it left there when it ended.
pub(super) fn disk(limit: u64, evidence: &Evidence<'_>) -> Finding {
    let grown = lasting_growth(evidence, |sample| {
        single("file", i64::try_from(sample.disk.files).unwrap_or(i64::MAX))
    });
    let left = evidence.exited.map(|exited| Others {
        named: in_words("left behind", &exited.left_files),
        more: exited.more_files,
    });
    finding(limit, evidence, grown, left.unwrap_or_default())
}

fn in_words(what: &str, names: &[String]) -> Vec<String> {
    let words = names.iter().map(|name| format!("{what}: `{name}`"));
    words.collect()
}

/// `gauges`: lengths that do not come back, and capacities above the maximum that their owner declared.
pub(super) fn gauges(limit: u64, evidence: &Evidence<'_>) -> Finding {
    let samples = evidence.series();
    if samples.iter().any(|sample| sample.gauges.is_none()) {
        return Finding::unsupported();
    }
    let grown = lasting_growth(evidence, |sample| {
        let gauges = sample.gauges.iter().flatten();
        gauges
            .filter(|(_, gauge)| gauge.kind == GaugeKind::Length)
            .map(|(name, gauge)| (format!("gauge `{name}` ({})", gauge.site), gauge.value))
            .collect()
    });
    finding(
        limit,
        evidence,
        grown,
        Others::named(over_capacity(&evidence.measured)),
    )
}

/// The capacity gauges that ever stood above their maximum, at their highest.
fn over_capacity(samples: &[&Sample]) -> Vec<String> {
    let mut highest: BTreeMap<&str, (&Gauge, i64)> = BTreeMap::new();
    for (name, gauge) in samples.iter().filter_map(|s| s.gauges.as_ref()).flatten() {
        let Some(max) = gauge.max.filter(|_| gauge.kind == GaugeKind::Capacity) else {
            continue;
        };
        let entry = highest.entry(name).or_insert((gauge, max));
        if gauge.value > entry.0.value {
            *entry = (gauge, max);
        }
    }
    highest
        .into_iter()
        .filter(|(_, (gauge, max))| gauge.value > *max)
        .map(|(name, (gauge, max))| {
            let (value, site) = (gauge.value, &gauge.site);
            format!("gauge `{name}` ({site}): {value} of at most {max}")
        })
        .collect()
}

fn single(name: &str, count: i64) -> Counts {
    BTreeMap::from([(name.to_owned(), count)])
}

/// What stands above the baseline in each of the last samples, most first.
fn lasting_growth(evidence: &Evidence<'_>, counts: impl Fn(&Sample) -> Counts) -> Vec<Grown> {
    let Some(baseline) = evidence.baseline.map(&counts) else {
        return Vec::new();
    };
    let from = evidence.measured.len().saturating_sub(LASTING);
    let last: Vec<Counts> = evidence.measured[from..]
        .iter()
        .map(|sample| counts(sample))
        .collect();
    let Some(end) = last.last() else {
        return Vec::new();
    };
    let mut grown: Vec<Grown> = end
        .keys()
        .filter_map(|name| {
            let floor = last
                .iter()
                .map(|counts| counts.get(name).copied().unwrap_or(0))
                .min()?;
            let before = baseline.get(name).copied().unwrap_or(0);
            (floor > before).then(|| Grown {
                name: name.clone(),
                lasting: floor - before,
                by: end.get(name).copied().unwrap_or(0) - before,
            })
        })
        .collect();
    grown.sort_by(|a, b| b.by.cmp(&a.by).then_with(|| a.name.cmp(&b.name)));
    grown
}

fn finding(limit: u64, evidence: &Evidence<'_>, grown: Vec<Grown>, others: Others) -> Finding {
    let others_count = others.named.len() as u64 + others.more;
    let others_count = i64::try_from(others_count).unwrap_or(i64::MAX);
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let lasting = grown.iter().map(|grown| grown.lasting).sum::<i64>() + others_count;
    let at_the_end = grown.iter().map(|grown| grown.by).sum::<i64>() + others_count;
    let leaks = lasting > limit;
    let cycles = evidence.cycles();
    let mut named: Vec<String> = grown
        .into_iter()
        .map(|Grown { name, by, .. }| format!("{name}: {by:+} in {cycles} cycles"))
        .chain(others.named)
        .collect();
    let all = named.len() as u64 + others.more;
    named.truncate(NAMED_MAX);
    let more = all - named.len() as u64;
    if more > 0 {
        named.push(format!("and {more} more"));
    }
    let unseen = u32::try_from(LASTING - 1).expect("a small constant");
    Finding {
        more: false,
        verdict: if leaks {
            GateVerdict::Leak
        } else {
            GateVerdict::Pass
        },
        observed: Some(Amount::Plain(if leaks { at_the_end } else { lasting })),
        // One more than the limit, early enough to be there in each of the last samples.
        sensitivity: Some(Amount::PerCycles {
            amount: limit.saturating_add(1),
            cycles: cycles.saturating_sub(unseen).max(1),
        }),
        detail: named.join("; "),
    }
}
