//! `proof.html`: the matrix of bugs and metrics, on a page that needs nothing but itself.

use maud::{Markup, html};

use super::proof::{Answer, Outcome, Proof, Proven};
use super::{table, versus};
use crate::report::page::document;
use crate::report::text;

/// What the matrix needs beside the reports' own style: its columns are narrow and their names long.
const MATRIX: &str = "
.matrix th.metric { writing-mode: vertical-rl; transform: rotate(180deg); text-align: left; padding: .3rem 0; }
.matrix td.red { color: var(--good); font-weight: 600; }
.matrix td.missed { color: var(--bad); font-weight: 600; }
.matrix small { color: var(--faint); display: block; }
";

/// The whole page.
pub(super) fn render(proof: &Proof) -> String {
    let (good, all) = (proof.as_expected(), proof.fixtures.len());
    let is_clean = proof.not_clean().next().is_none();
    let tone = if good == all && is_clean && !proof.interrupted {
        "good"
    } else {
        "bad"
    };
    let body = html! {
        header class=(tone) {
            h1 { (good) " of " (all) }
            @for line in table::summary(proof).lines() { p { (line) } }
        }
        main {
            (matrix(proof))
            p.question {
                "A mark: the metric was red; it names the first scenario in which it was. "
                "A cross: it should have been, and was not."
            }
            (versus::page(proof))
            h3 { "Without a bug" }
            (clean(proof))
        }
        footer {
            dl {
                div { dt { "leakgate" } dd { (proof.leakgate) } }
                div { dt { "commit" } dd { (proof.commit.as_deref().unwrap_or("-")) } }
                div { dt { "part" } dd { (proof.shard.as_deref().unwrap_or("all")) } }
            }
        }
    };
    document("leakgate: known bugs", MATRIX, &body)
}

fn matrix(proof: &Proof) -> Markup {
    let mut metrics = proof.metrics();
    for metric in proof.fixtures.iter().flat_map(|fixture| &fixture.metrics) {
        if !metrics.contains(&metric.as_str()) {
            metrics.push(metric);
        }
    }
    html! {
        div class="wide" {
            table class="matrix" {
                thead { tr {
                    th { "bug" } th { "outcome" }
                    @for metric in &metrics { th class="metric" { (metric) } }
                    th { "first site" } th class="n" { "time" }
                } }
                tbody { @for proven in &proof.fixtures { (row(proven, &metrics)) } }
            }
        }
    }
}

fn row(proven: &Proven, metrics: &[&str]) -> Markup {
    let tone = match proven.outcome {
        Outcome::Caught | Outcome::Builds => "good",
        Outcome::NotCaught | Outcome::DoesNotApply | Outcome::DoesNotBuild => "bad",
    };
    let site = proven.trials.iter().find_map(|trial| trial.site.as_ref());
    html! {
        tr {
            td { (proven.name) small { (proven.title) } }
            td {
                span class={ "verdict " (tone) } { (proven.outcome.words()) }
                @if proven.times > 0 { small { (proven.caught) " of " (proven.times) } }
                @if !proven.detail.is_empty() { small { (proven.detail) } }
            }
            @for metric in metrics { (cell(proven, metric)) }
            td { @if let Some(site) = site { code { (site.function) } small { (site.file) ":" (site.line) } } }
            td class="n" { (text::duration(proven.build_ms + proven.trials_ms())) }
        }
    }
}

fn cell(proven: &Proven, metric: &str) -> Markup {
    let expected = proven.metrics.iter().any(|wanted| wanted == metric);
    match proven.first_red_on(metric) {
        Some(first) => {
            html! { td class="red" title={ (metric) " on " (first) } { "●" small { (first) } } }
        }
        None if expected && proven.times > 0 => html! { td class="missed" title=(metric) { "✗" } },
        None => html! { td {} },
    }
}

fn clean(proof: &Proof) -> Markup {
    html! {
        div class="wide" { table {
            thead { tr { th { "scenario" } th { "answer" } th { "red" } th class="n" { "time" } } }
            tbody { @for trial in &proof.clean {
                tr {
                    td { (trial.catcher) }
                    td { @match trial.answer {
                        Answer::Quiet => span class="verdict good" { "quiet" },
                        Answer::Red => span class="verdict bad" { "red" },
                        Answer::None => span class="verdict unsure" { "no answer" },
                    } }
                    td { (trial.red.join(", ")) " " (trial.detail) }
                    td class="n" { (text::duration(trial.duration_ms)) }
                }
            } }
        } }
    }
}
