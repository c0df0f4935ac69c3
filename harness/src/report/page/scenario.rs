//! A scenario's part of the page.

use maud::{Markup, html};

use super::tone;
use crate::judge::{GateVerdict, GrowingSite, Unit};
use crate::report::curves::Curves;
use crate::report::model::ScenarioReport;
use crate::report::text;
use crate::units::ByteDelta;

/// Sites shown of a scenario; `run.json` has them all.
const SITES_SHOWN: usize = 20;

/// The part of the scenario of this index; folded when it needs nobody.
pub(super) fn section(
    index: usize,
    scenario: &ScenarioReport,
    curves: Option<&Curves>,
    graph: Option<&str>,
) -> Markup {
    let needs_nobody = scenario.needs_nobody();
    html! {
        details class="scenario" id={ "s" (index) } open[!needs_nobody] {
            summary {
                span class={ "verdict " (tone(scenario.verdict)) } { (text::verdict(scenario.verdict)) }
                h2 { (scenario.name) }
                span class="question" { (scenario.question) }
            }
            p class="facts" {
                (scenario.cycles) " cycles after " (scenario.warmup) " of warm-up, "
                (text::duration(scenario.duration_ms)) ", target " code { (scenario.target) }
            }
            @if !scenario.detail.is_empty() { p { (scenario.detail) } }
            @if !text::nothing_observed(scenario) { (gates(scenario)) }
            (attributions(scenario))
            (objects(scenario))
            @if !scenario.sites.is_empty() { (sites(&scenario.sites)) }
            (held(scenario))
            (flame_graph(graph))
            @if let Some(curves) = curves { (figures(index, curves)) }
            @if let Some(reason) = &scenario.not_profiled { p { "Not profiled: " (reason) "." } }
            @if !scenario.profiles.is_empty() {
                p { "Heap profiles, for dhat's viewer: " @for path in &scenario.profiles { code { (path) } " " } }
            }
            @if !needs_nobody {
                p { "To see it again: " code class="command" { (text::again(scenario)) } }
            }
        }
    }
}

fn gates(scenario: &ScenarioReport) -> Markup {
    html! {
        div class="wide" {
            table class="gates" {
                thead {
                    tr {
                        th { "gate" } th { "verdict" } th class="n" { "limit" } th class="n" { "observed" }
                        th class="n" { "would have caught" } th {}
                    }
                }
                tbody {
                    @for gate in text::by_urgency(&scenario.gates) {
                        tr {
                            td { code { (gate.metric) } }
                            td { span class={ "verdict " (gate_tone(gate.verdict)) } { (text::gate_verdict(gate.verdict)) } }
                            td class="n" data-label="limit" { (text::limit(gate)) }
                            td class="n" data-label="observed" { (text::observed(gate)) }
                            td class="n" data-label="would have caught" { (text::sensitivity(gate)) }
                            td { (text::detail(gate)) }
                        }
                    }
                }
            }
        }
    }
}

fn attributions(scenario: &ScenarioReport) -> Markup {
    let found: Vec<String> = scenario
        .attributions
        .iter()
        .filter_map(text::attribution)
        .collect();
    html! { @if !found.is_empty() { p { "By load: " (found.join("; ")) "." } } }
}

/// What the red counts consist of.
fn objects(scenario: &ScenarioReport) -> Markup {
    html! {
        @if !scenario.objects.is_empty() {
            h3 { "What came with the measured cycles" }
            ul class="sites" {
                @for object in &scenario.objects {
                    li {
                        code { (object.name) } " "
                        span class="place" { (object.state) }
                        @if let Some(example) = &object.example { " such as " code { (example) } }
                        span class="n" { (format!("{:+}", object.count)) " in " (object.metric) }
                    }
                }
            }
        }
    }
}

fn sites(sites: &[GrowingSite]) -> Markup {
    html! {
        h3 { "Lines that keep memory" }
        ol class="sites" {
            @for site in sites.iter().take(SITES_SHOWN) {
                li {
                    details {
                        summary {
                            code { (site.function) } " "
                            span class="place" {
                                (text::place(&site.file, site.line)) (text::whose(site.owner)) (text::in_tasks(&site.tasks))
                            }
                            span class="n" {
                                (ByteDelta(site.bytes).to_string()) " in " (format!("{:+}", site.blocks))
                                " blocks over " (site.cycles) " cycles"
                            }
                        }
                        ol class="stack" { @for frame in &site.stack { li { code { (frame) } } } }
                    }
                }
            }
        }
        @if sites.len() > SITES_SHOWN {
            p { "and " (sites.len() - SITES_SHOWN) " more in " code { "run.json" } "." }
        }
    }
}

/// What survives and does not grow, in case one of them was meant to be empty.
fn held(scenario: &ScenarioReport) -> Markup {
    html! {
        @if !scenario.held.is_empty() {
            details {
                summary class="facts" { (scenario.held.len()) " sites keep something and do not grow with the cycles" }
                ul class="sites" {
                    @for site in &scenario.held {
                        li {
                            code { (site.function) } " "
                            span class="place" { (text::place(&site.file, site.line)) (text::whose(site.owner)) }
                            span class="n" { (text::quantity(Unit::Bytes, site.bytes[1].cast_signed())) " in " (site.blocks[1]) " blocks" }
                        }
                    }
                }
            }
        }
    }
}

/// In a frame of its own: every graph brings its script and its styles.
fn flame_graph(graph: Option<&str>) -> Markup {
    html! {
        @if let Some(graph) = graph {
            details open {
                summary { "What grew, by who asked for it" }
                iframe class="flame" sandbox="allow-scripts" title="flame graph" srcdoc=(graph) {}
            }
        }
    }
}

/// A place for each curve that changes, which the script fills; and those that do not, in words.
fn figures(scenario: usize, curves: &Curves) -> Markup {
    let (flat, moving): (Vec<_>, Vec<_>) = curves
        .curves
        .iter()
        .enumerate()
        .partition(|(_, curve)| curve.constant().is_some());
    html! {
        @if !moving.is_empty() {
            div class="figures" {
                @for (index, curve) in moving {
                    figure data-scenario=(scenario) data-curve=(index) {
                        figcaption { (curve.name) }
                    }
                }
            }
            @if curves.stride > 1 {
                p class="facts" { "Drawn is every sample of " (curves.stride) " and the last." }
            }
            noscript { p { "The curves need a browser that runs scripts; " code { "events.jsonl" } " has their values." } }
        }
        @if !flat.is_empty() {
            p class="flat" {
                "Unchanged from the first to the last sample: "
                @for (_, curve) in flat {
                    span { (curve.name) " " b { (text::quantity(curve.unit, curve.constant().unwrap_or(0))) } } " "
                }
            }
        }
    }
}

fn gate_tone(verdict: GateVerdict) -> &'static str {
    match verdict {
        GateVerdict::Pass => "good",
        GateVerdict::Leak => "bad",
        GateVerdict::Error
        | GateVerdict::Timeout
        | GateVerdict::Inconclusive
        | GateVerdict::Withdrawn
        | GateVerdict::Unsupported => "unsure",
        GateVerdict::Known | GateVerdict::Skipped | GateVerdict::NotJudged => "quiet",
    }
}
