//! The trend on a page that needs nothing but itself: a curve of each figure that changes, with its steps marked.

use maud::{Markup, html};
use serde::Serialize;

use super::terminal::constant;
use super::{FigureTrend, ScenarioTrend, Trend, commit_of, told};
use crate::judge::Unit;
use crate::report::page::{document, scripts};

/// What the page's script draws.
#[derive(Serialize)]
struct Drawn {
    /// What the numbers below a curve count.
    counts: &'static str,
    cycles: Vec<usize>,
    /// What a point is called.
    labels: Vec<String>,
    curves: Vec<DrawnCurve>,
}

#[derive(Serialize)]
struct DrawnCurve {
    name: &'static str,
    unit: Unit,
    values: Vec<Option<f64>>,
    lines: Vec<Mark>,
}

/// A step: an upright line.
#[derive(Serialize)]
struct Mark {
    label: String,
    kind: &'static str,
    at: usize,
}

/// The whole page.
pub(crate) fn render(trend: &Trend) -> String {
    let steps: Vec<_> = trend
        .scenarios
        .iter()
        .flat_map(|scenario| {
            let figures = scenario.figures.iter();
            figures
                .flat_map(move |figure| figure.changes.iter().map(move |c| (scenario, figure, c)))
        })
        .collect();
    let one_in = (1.0 / trend.false_alarms).round();
    let body = html! {
        header class="quiet" {
            h1 { (steps.len()) " steps" }
            p { (trend.runs) " runs, " (trend.scenarios.len()) " scenarios" }
        }
        main {
            @if !steps.is_empty() {
                div class="wide" { table {
                    thead { tr { th { "scenario" } th { "figure" } th { "at" } th { "after" } th { "level" } } }
                    tbody { @for (scenario, figure, change) in &steps { tr {
                        td { (scenario.name) }
                        td { code { (figure.figure.name()) } }
                        td { code { (commit_of(&change.run)) } }
                        td { code { (commit_of(&change.after)) } }
                        td { (told(figure.figure, change)) }
                    } } }
                } }
            }
            @for (index, scenario) in trend.scenarios.iter().enumerate() { (section(index, scenario)) }
        }
        footer {
            p {
                "False alarms: where nothing ever changes, any step is shown in at most 1 of " (one_in)
                " such stores; " (trend.series) " series share that."
            }
        }
        (scripts(&json(trend)))
    };
    document("leakgate: trend", "", &body)
}

fn section(index: usize, scenario: &ScenarioTrend) -> Markup {
    let figures = scenario.figures.iter().enumerate();
    let (flat, moving): (Vec<_>, Vec<_>) =
        figures.partition(|(_, figure)| constant(figure).is_some());
    html! {
        details class="scenario" id={ "s" (index) } open {
            summary { h2 { (scenario.name) } span class="question" { (scenario.points.len()) " runs" } }
            @if scenario.left_out > 0 {
                p class="facts" {
                    (scenario.left_out) " runs of another text, target, length or number of processors are left out."
                }
            }
            div class="figures" {
                @for (curve, figure) in moving {
                    figure data-scenario=(index) data-curve=(curve) { figcaption { (figure.figure.name()) } }
                }
            }
            @if !flat.is_empty() {
                p class="flat" {
                    "Unchanged: "
                    @for (_, figure) in flat {
                        span { (figure.figure.name()) " " b { (figure.figure.told(constant(figure).unwrap_or(0.0))) } } " "
                    }
                }
            }
        }
    }
}

/// What is drawn, as JSON that may stand inside a script element.
fn json(trend: &Trend) -> String {
    let drawn: Vec<Drawn> = trend.scenarios.iter().map(drawn).collect();
    let json = serde_json::to_string(&drawn).expect("numbers and strings");
    // The one way out of a script element.
    json.replace('<', "\\u003c")
}

fn drawn(scenario: &ScenarioTrend) -> Drawn {
    Drawn {
        counts: "run",
        cycles: (1..=scenario.points.len()).collect(),
        labels: scenario.points.iter().map(commit_of).collect(),
        curves: scenario.figures.iter().map(curve).collect(),
    }
}

fn curve(figure: &FigureTrend) -> DrawnCurve {
    let marks = figure.changes.iter().map(|change| Mark {
        label: format!(
            "{}: {}",
            commit_of(&change.run),
            told(figure.figure, change)
        ),
        kind: match change.to > change.from {
            true => "limit",
            false => "estimate",
        },
        at: change.at + 1,
    });
    DrawnCurve {
        name: figure.figure.name(),
        unit: figure.figure.unit(),
        values: figure.values.clone(),
        lines: marks.collect(),
    }
}
