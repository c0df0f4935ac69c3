//! What the page's script draws, as JSON: a curve is its first value and the steps from there, so that thousands of cycles
//! stay small.

use serde::Serialize;

use crate::judge::{Amount, GateVerdict, Unit};
use crate::report::curves::{Curve, Curves};
use crate::report::model::{GateReport, RunReport, ScenarioReport};
use crate::report::text;

#[derive(Serialize)]
struct Drawn<'r> {
    cycles: &'r [i64],
    curves: Vec<DrawnCurve<'r>>,
}

#[derive(Serialize)]
struct DrawnCurve<'r> {
    name: &'r str,
    unit: Unit,
    /// From one value to the next, the first from 0; none where there is no value.
    steps: Vec<Option<i64>>,
    lines: Vec<Mark>,
}

/// A straight line from the last sample of the warm-up to the end.
#[derive(Debug, PartialEq, Serialize)]
struct Mark {
    label: String,
    kind: MarkKind,
    from: i64,
    to: i64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
enum MarkKind {
    /// What a gate lets pass.
    Limit,
    /// What a gate observed, where it is a leak.
    Estimate,
}

/// The curves of all scenarios, as JSON that may stand inside a script element.
pub(super) fn json(report: &RunReport, curves: &[Curves]) -> String {
    let drawn: Vec<Drawn<'_>> = report
        .scenarios
        .iter()
        .zip(curves)
        .map(|(scenario, curves)| Drawn {
            cycles: &curves.cycles,
            curves: curves
                .curves
                .iter()
                .map(|curve| of_curve(scenario, curves, curve))
                .collect(),
        })
        .collect();
    let json = serde_json::to_string(&drawn).expect("numbers and strings");
    // The one way out of a script element.
    json.replace('<', "\\u003c")
}

fn of_curve<'r>(scenario: &ScenarioReport, curves: &Curves, curve: &'r Curve) -> DrawnCurve<'r> {
    if curve.constant().is_some() {
        return DrawnCurve {
            name: &curve.name,
            unit: curve.unit,
            steps: Vec::new(),
            lines: Vec::new(),
        };
    }
    let mut before = 0;
    let steps = curve.values.iter().map(|value| {
        let value = (*value)?;
        let step = value - before;
        before = value;
        Some(step)
    });
    DrawnCurve {
        name: &curve.name,
        unit: curve.unit,
        steps: steps.collect(),
        lines: marks(scenario, curves, curve),
    }
}

/// The gates that judge this curve, as lines from its value at the end of the warm-up.
fn marks(scenario: &ScenarioReport, curves: &Curves, curve: &Curve) -> Vec<Mark> {
    let at_start = curves.cycles.iter().position(|cycle| *cycle == 0);
    let Some(base) = at_start.and_then(|at| *curve.values.get(at)?) else {
        return Vec::new();
    };
    let gates = scenario.gates.iter().filter(|gate| judges(gate, curve));
    gates
        .flat_map(|gate| of_gate(gate, base, scenario.cycles))
        .collect()
}

fn judges(gate: &GateReport, curve: &Curve) -> bool {
    let name = curve.name.as_str();
    match gate.metric.as_str() {
        "heap.per_cycle" | "heap.total" => name == "heap.live",
        "rss.per_cycle" | "rss.total" => name == "rss",
        "disk" => name == "disk.files",
        "gauges" => name.starts_with("gauge ") && curve.unit == Unit::Count,
        metric => name == metric,
    }
}

fn of_gate(gate: &GateReport, base: i64, cycles: u32) -> Vec<Mark> {
    let label = |what: &str, amount: String| format!("{} {what} {amount}", gate.metric);
    let limit = gate.limit.cast_signed();
    let per_cycle = gate.metric.ends_with(".per_cycle");
    let allowed = if per_cycle {
        limit.saturating_mul(i64::from(cycles))
    } else {
        limit
    };
    let mut marks = vec![Mark {
        label: label("limit", text::limit(gate)),
        kind: MarkKind::Limit,
        from: if per_cycle {
            base
        } else {
            base.saturating_add(limit)
        },
        to: base.saturating_add(allowed),
    }];
    if let (GateVerdict::Leak, Some(Amount::PerCycles { amount, cycles: of })) =
        (gate.verdict, gate.observed)
    {
        let whole = i128::from(amount) * i128::from(cycles) / i128::from(of.max(1));
        marks.push(Mark {
            label: label("observed", text::observed(gate)),
            kind: MarkKind::Estimate,
            from: base,
            to: base.saturating_add(i64::try_from(whole).unwrap_or(i64::MAX)),
        });
    }
    marks
}
