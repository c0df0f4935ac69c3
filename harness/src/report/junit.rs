//! `junit.xml`: a suite per scenario and a test per gate, as CI servers show them.

use std::time::Duration;

use quick_junit::{NonSuccessKind, Report, TestCase, TestCaseStatus, TestSuite};

use super::model::{GateReport, RunReport, ScenarioReport};
use super::text;
use crate::judge::{GateVerdict, Verdict};

/// The run as JUnit's XML.
///
/// # Errors
/// When a text cannot be XML.
pub fn render(report: &RunReport) -> Result<String, quick_junit::SerializeError> {
    let mut junit = Report::new("leakgate");
    junit.set_time(Duration::from_millis(report.duration_ms));
    junit.add_test_suites(report.scenarios.iter().map(suite));
    junit.to_string()
}

fn suite(scenario: &ScenarioReport) -> TestSuite {
    let mut suite = TestSuite::new(scenario.name.as_str());
    let time = Duration::from_millis(scenario.duration_ms);
    suite.set_time(time);
    suite.add_property(("question", scenario.question.as_str()));
    suite.add_property(("target", scenario.target.as_str()));
    // The scenario itself: what went wrong beside its gates, and the time that it took.
    let mut whole = TestCase::new(scenario.name.as_str(), whole_status(scenario));
    whole.set_classname(format!("leakgate.{}", scenario.name));
    whole.set_time(time);
    suite.add_test_case(whole);
    suite.add_test_cases(scenario.gates.iter().map(|gate| case(scenario, gate)));
    suite
}

fn case(scenario: &ScenarioReport, gate: &GateReport) -> TestCase {
    let mut case = TestCase::new(gate.metric.as_str(), status(scenario, gate));
    case.set_classname(format!("leakgate.{}", scenario.name));
    case.set_time(Duration::ZERO);
    case
}

/// Red where the scenario has no answer; its leaks are its gates'.
fn whole_status(scenario: &ScenarioReport) -> TestCaseStatus {
    match scenario.verdict {
        Verdict::Pass | Verdict::Known | Verdict::Leak => TestCaseStatus::success(),
        Verdict::Skipped => skipped(&scenario.detail),
        Verdict::Error | Verdict::Timeout | Verdict::Inconclusive | Verdict::Withdrawn => bad(
            NonSuccessKind::Error,
            text::verdict(scenario.verdict),
            &format!("{}\n\n{}", scenario.detail, text::again(scenario)),
        ),
    }
}

fn status(scenario: &ScenarioReport, gate: &GateReport) -> TestCaseStatus {
    let word = text::gate_verdict(gate.verdict);
    match gate.verdict {
        GateVerdict::Pass | GateVerdict::Known => TestCaseStatus::success(),
        GateVerdict::NotJudged | GateVerdict::Skipped => skipped(&text::detail(gate)),
        GateVerdict::Leak => bad(NonSuccessKind::Failure, word, &explained(scenario, gate)),
        GateVerdict::Inconclusive
        | GateVerdict::Withdrawn
        | GateVerdict::Unsupported
        | GateVerdict::Error
        | GateVerdict::Timeout => bad(NonSuccessKind::Error, word, &explained(scenario, gate)),
    }
}

fn skipped(why: &str) -> TestCaseStatus {
    let mut status = TestCaseStatus::skipped();
    status.set_message(why);
    status
}

fn bad(kind: NonSuccessKind, word: &str, description: &str) -> TestCaseStatus {
    let mut status = TestCaseStatus::non_success(kind);
    status.set_type(word).set_description(description);
    if let Some(first) = description.lines().next() {
        status.set_message(first);
    }
    status
}

fn explained(scenario: &ScenarioReport, gate: &GateReport) -> String {
    let mut lines = vec![format!(
        "{} {}, limit {}. {}",
        gate.metric,
        text::observed(gate),
        text::limit(gate),
        text::detail(gate)
    )];
    lines.extend(scenario.sites.iter().map(|site| {
        format!(
            "{} at {}",
            site.function,
            text::place(&site.file, site.line)
        )
    }));
    lines.push(text::again(scenario));
    lines.join("\n")
}
