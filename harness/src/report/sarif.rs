//! `results.sarif`: what code scanning shows beside the line. A result per growing site; a leak without a site, or a
//! scenario without an answer, is a result of its scenario.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::model::{RunReport, ScenarioReport};
use super::text;
use crate::judge::{GrowingSite, Verdict};
use crate::units::ByteDelta;

const SCHEMA: &str = "https://json.schemastore.org/sarif-2.1.0.json";

/// The run as SARIF 2.1.0.
pub fn render(report: &RunReport) -> Value {
    let results: Vec<Value> = report.scenarios.iter().flat_map(results).collect();
    let rules: BTreeSet<&str> = results
        .iter()
        .filter_map(|result| result["ruleId"].as_str())
        .collect();
    let rules: Vec<Value> = rules
        .into_iter()
        .map(|id| json!({ "id": id, "shortDescription": { "text": meaning(id) } }))
        .collect();
    json!({
        "$schema": SCHEMA,
        "version": "2.1.0",
        "runs": [{
            "tool": { "driver": { "name": "leakgate", "version": report.leakgate, "rules": rules } },
            "automationDetails": { "id": format!("leakgate/{}", report.run_id) },
            "columnKind": "utf16CodeUnits",
            "results": results,
        }],
    })
}

/// The rules: why there is a result.
const SITE: &str = "growing-site";
const LEAK: &str = "leak";
const NO_ANSWER: &str = "no-answer";

fn meaning(rule: &str) -> &'static str {
    match rule {
        SITE => "What this line allocates survives, in proportion to the cycles of the load.",
        LEAK => "The target keeps more with every cycle of the load.",
        _ => "The scenario does not say whether the target leaks.",
    }
}

fn results(scenario: &ScenarioReport) -> Vec<Value> {
    let sites: Vec<Value> = scenario
        .located_sites()
        .map(|site| of_site(scenario, site))
        .collect();
    match scenario.verdict {
        Verdict::Leak if sites.is_empty() => vec![of_scenario(scenario, LEAK, "error")],
        Verdict::Leak => sites,
        Verdict::Error | Verdict::Timeout | Verdict::Inconclusive | Verdict::Withdrawn => {
            vec![of_scenario(scenario, NO_ANSWER, "warning")]
        }
        Verdict::Pass | Verdict::Known | Verdict::Skipped => Vec::new(),
    }
}

fn of_site(scenario: &ScenarioReport, site: &GrowingSite) -> Value {
    let message = format!(
        "{}{} keeps {} in {:+} blocks over {} cycles of scenario {}",
        site.function,
        text::in_tasks(&site.tasks),
        ByteDelta(site.bytes),
        site.blocks,
        site.cycles,
        scenario.name
    );
    let frames = site.stack.iter().map(
        |frame| json!({ "location": { "logicalLocations": [{ "fullyQualifiedName": frame }] } }),
    );
    json!({
        "ruleId": SITE,
        "level": "error",
        "message": { "text": message },
        "locations": [{ "physicalLocation": {
            "artifactLocation": { "uri": uri(&site.file) },
            "region": { "startLine": site.line.max(1) },
        } }],
        "stacks": [{ "message": { "text": "allocated by" }, "frames": frames.collect::<Vec<_>>() }],
        "partialFingerprints": { "site/v1": format!("{} {}", scenario.name, site.function) },
    })
}

fn of_scenario(scenario: &ScenarioReport, rule: &str, level: &str) -> Value {
    let why = text::headline_of(scenario);
    json!({
        "ruleId": rule,
        "level": level,
        "message": { "text": format!("{}: {why}", scenario.name) },
        "locations": [{ "logicalLocations": [{ "fullyQualifiedName": scenario.name }] }],
        "partialFingerprints": { "scenario/v1": scenario.name },
    })
}

/// A path as a relative reference (RFC 3986): everything but what names are made of is escaped.
fn uri(path: &str) -> String {
    let mut uri = String::new();
    for byte in path.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' | b'/' => {
                uri.push(char::from(byte));
            }
            other => uri.push_str(&format!("%{other:02X}")),
        }
    }
    uri
}
