//! `report.html`: a page that needs nothing but itself. The verdict first, then each scenario with its gates, its sites and
//! its curves; what needs nobody is folded.

mod drawn;
mod scenario;

use maud::{DOCTYPE, Markup, PreEscaped, html};

use super::curves::Curves;
use super::model::RunReport;
use super::text;
use crate::judge::Verdict;

const STYLE: &str = concat!(
    include_str!("vendor/uPlot.min.css"),
    include_str!("page.css")
);
const PLOTTER: &str = include_str!("vendor/uPlot.iife.min.js");
const SCRIPT: &str = include_str!("page.js");

/// The whole page. `curves` and `graphs`, flame graphs as SVG, are those of the report's scenarios, in order.
pub(super) fn render(report: &RunReport, curves: &[Curves], graphs: &[Option<String>]) -> String {
    let title = format!("leakgate: {}", text::verdict(report.verdict));
    let body = html! {
        (header(report))
        main {
            (summary(report))
            @for (index, scenario) in report.scenarios.iter().enumerate() {
                @let graph = graphs.get(index).and_then(Option::as_deref);
                (scenario::section(index, scenario, curves.get(index), graph))
            }
        }
        (footer(report))
        (scripts(&drawn::json(report, curves)))
    };
    document(&title, "", &body)
}

/// What draws the curves of a page, which are given as JSON that may stand inside a script element.
pub(crate) fn scripts(curves: &str) -> Markup {
    html! {
        script type="application/json" id="curves" { (PreEscaped(curves)) }
        script { (PreEscaped(PLOTTER)) }
        script { (PreEscaped(SCRIPT)) }
    }
}

/// A page that needs nothing but itself: its style, what it `adds` to that, and its body.
pub(crate) fn document(title: &str, adds: &str, body: &Markup) -> String {
    html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                title { (title) }
                style { (PreEscaped(STYLE)) (PreEscaped(adds)) }
            }
            body { (body) }
        }
    }
    .into_string()
}

fn header(report: &RunReport) -> Markup {
    let verdicts: Vec<Verdict> = report.scenarios.iter().map(|s| s.verdict).collect();
    html! {
        header class=(tone(report.verdict)) {
            h1 { (text::verdict(report.verdict)) }
            p { (text::tally(&verdicts)) ", " (text::duration(report.duration_ms)) }
            @if !report.detail.is_empty() { p { (report.detail) } }
        }
    }
}

fn summary(report: &RunReport) -> Markup {
    html! {
        div class="wide" {
            table class="scenarios" {
                thead { tr { th { "scenario" } th { "verdict" } th class="n" { "cycles" } th class="n" { "time" } th { "what" } } }
                tbody {
                    @for (index, scenario) in report.scenarios.iter().enumerate() {
                        tr {
                            td { a href={ "#s" (index) } { (scenario.name) } }
                            td { span class={ "verdict " (tone(scenario.verdict)) } { (text::verdict(scenario.verdict)) } }
                            td class="n" { (scenario.cycles) }
                            td class="n" { (text::duration(scenario.duration_ms)) }
                            td { (text::headline_of(scenario)) }
                        }
                    }
                }
            }
        }
    }
}

fn footer(report: &RunReport) -> Markup {
    let or_dash = |text: &Option<String>| text.clone().unwrap_or_else(|| "-".to_owned());
    let facts = [
        ("run", report.run_id.clone()),
        ("leakgate", report.leakgate.clone()),
        ("commit", or_dash(&report.commit)),
        ("binary", or_dash(&report.binary_sha256)),
        ("allocator", or_dash(&report.allocator)),
        (
            "system",
            format!("Linux {}, {} processors", report.kernel, report.cpus),
        ),
        ("seed", report.seed.to_string()),
        (
            "leakgate's own CPU time",
            text::duration(report.harness_cpu_ms),
        ),
    ];
    html! {
        footer {
            p { (text::false_alarms(report)) "." }
            dl { @for (name, value) in facts { div { dt { (name) } dd { (value) } } } }
        }
    }
}

/// The colour that a verdict has.
fn tone(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Pass => "good",
        Verdict::Leak => "bad",
        Verdict::Error | Verdict::Timeout | Verdict::Inconclusive | Verdict::Withdrawn => "unsure",
        Verdict::Known | Verdict::Skipped => "quiet",
    }
}
