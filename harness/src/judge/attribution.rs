//! What growth goes with: so much per session, per MiB of output, per message, where the cycles' loads differed.

use leakgate_stats::{COLUMNS_MAX, Cost, NotAttributed, attribution};

use super::churn;
use super::evidence::Evidence;
use super::growth::live_bytes;
use super::verdict::{Attribution, Quantity};
use crate::record::event::Load;

/// Of the intervals.
const CONFIDENCE: f64 = 0.95;
const MIB: f64 = 1_048_576.0;

/// One kind of load: what a unit of it is called, and how many units a cycle had.
type Kind = (&'static str, fn(&Load) -> f64);

/// The kinds of load that growth can go with, the most telling first.
const KINDS: [Kind; 5] = [
    ("session", |load| load.opened as f64),
    ("MiB of output", |load| load.output_bytes as f64 / MIB),
    ("client", |load| load.connected as f64),
    ("idle client-minute", |load| {
        load.client_ms as f64 / 60_000.0
    }),
    ("MiB sent", |load| load.sent_bytes as f64 / MIB),
];

/// A driver of the regression: its name, which may stand for several that always go together, and its amounts.
struct Driver {
    per: String,
    amounts: Vec<f64>,
}

/// What is kept and what is allocated, per unit of load; empty where the load did not vary, or there is no probe.
pub(super) fn all(evidence: &Evidence<'_>) -> Vec<Attribution> {
    let samples = evidence.series();
    let Some(kept) = live_bytes(&samples) else {
        return Vec::new();
    };
    let kept: Vec<f64> = kept
        .windows(2)
        .map(|pair| (pair[1] - pair[0]) as f64)
        .collect();
    let allocated: Vec<f64> = churn::per_cycle(evidence)
        .unwrap_or_default()
        .into_iter()
        .map(|bytes| bytes as f64)
        .collect();
    [(Quantity::Kept, kept), (Quantity::Allocated, allocated)]
        .into_iter()
        .flat_map(|(quantity, increments)| explain(quantity, &increments, &evidence.loads))
        .collect()
}

fn explain(quantity: Quantity, increments: &[f64], loads: &[&Load]) -> Vec<Attribution> {
    let mut drivers = varying(loads);
    loop {
        if drivers.is_empty() {
            return Vec::new();
        }
        let amounts: Vec<&[f64]> = drivers.iter().map(|driver| &*driver.amounts).collect();
        match attribution(increments, &amounts, CONFIDENCE) {
            Ok(costs) => {
                let named = drivers.iter().map(|driver| driver.per.as_str());
                return std::iter::once(("cycle", costs.cycle))
                    .chain(named.zip(costs.drivers))
                    .map(|(per, cost)| attributed(quantity, per, cost))
                    .collect();
            }
            Err(NotAttributed::NotSeparable { columns }) if columns.len() > 1 => {
                together(&mut drivers, &columns);
            }
            Err(_) => return Vec::new(),
        }
    }
}

/// The kinds of load that differed from cycle to cycle, as many as can be told apart.
fn varying(loads: &[&Load]) -> Vec<Driver> {
    KINDS
        .iter()
        .map(|(per, amount)| Driver {
            per: (*per).to_owned(),
            amounts: loads.iter().map(|load| amount(load)).collect(),
        })
        .filter(|driver| driver.amounts.windows(2).any(|pair| pair[0] != pair[1]))
        .take(COLUMNS_MAX - 1)
        .collect()
}

/// Makes one driver of those that always went together: whose the growth is cannot be said.
fn together(drivers: &mut Vec<Driver>, columns: &[usize]) {
    let names: Vec<String> = columns
        .iter()
        .filter_map(|&column| drivers.get(column))
        .map(|driver| driver.per.clone())
        .collect();
    let first = columns.iter().min().copied().unwrap_or(0);
    if let Some(driver) = drivers.get_mut(first) {
        driver.per = format!(
            "{} (always with as much of the others)",
            names.join(" and ")
        );
    }
    let mut index = 0;
    drivers.retain(|_| {
        index += 1;
        index - 1 == first || !columns.contains(&(index - 1))
    });
}

fn attributed(quantity: Quantity, per: &str, cost: Cost) -> Attribution {
    Attribution {
        quantity,
        per: per.to_owned(),
        bytes: cost.estimate,
        low: cost.low,
        high: cost.high,
    }
}
