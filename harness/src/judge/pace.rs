//! Growth per day: what the growth of a run comes to in 24 hours at the pace at which its cycles ran.

use super::evidence::Evidence;
use super::gates;
use super::growth::whole;
use super::verdict::{Amount, Kind};
use crate::scenario::{Metric, MetricUnit};

const DAY_MS: f64 = 24.0 * 60.0 * 60.0 * 1000.0;

/// The growth in the gate's unit per 24 hours; none where nothing grew, or where the metric is no growth.
pub(super) fn per_day(
    metric: Metric,
    observed: Option<Amount>,
    evidence: &Evidence<'_>,
) -> Option<i64> {
    let (began, ended) = evidence.span_ms;
    let elapsed = ended.checked_sub(began).filter(|&elapsed| elapsed > 0)? as f64;
    let cycles = f64::from(evidence.cycles());
    let per_ms = match (gates::kind(metric), observed?) {
        (
            Kind::PerCycle,
            Amount::PerCycles {
                amount,
                cycles: per,
            },
        ) => amount as f64 / f64::from(per.max(1)) * cycles / elapsed,
        // Sites are counted in windows of their own.
        (Kind::Total, Amount::Plain(amount))
            if metric != Metric::Sites && recurs(metric, amount, cycles) =>
        {
            amount as f64 / elapsed
        }
        // What is allocated while idle is not kept.
        (
            Kind::Rate,
            Amount::PerTime {
                amount,
                milliseconds,
            },
        ) if metric == Metric::RssRate => amount as f64 / milliseconds.max(1) as f64,
        _ => return None,
    };
    (per_ms > 0.0).then(|| whole((per_ms * DAY_MS).round()))
}

/// Whether a count grew in more than a cycle in ten: what came once in a run is no pace.
fn recurs(metric: Metric, amount: i64, cycles: f64) -> bool {
    metric.unit() != MetricUnit::Count || amount as f64 * 10.0 >= cycles
}
