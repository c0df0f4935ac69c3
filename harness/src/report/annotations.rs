//! GitHub's workflow commands: a leak is shown on the line that keeps the memory, in the diff.

use std::io::{self, Write};

use super::model::{RunReport, ScenarioReport};
use super::text;
use crate::judge::Verdict;
use crate::units::ByteDelta;

/// GitHub shows ten errors of a step.
const SHOWN: usize = 10;

/// Writes an annotation per growing site, or one per scenario that has none and is not green.
///
/// # Errors
/// Those of `out`.
pub fn write(report: &RunReport, out: &mut dyn Write) -> io::Result<()> {
    for line in report.scenarios.iter().flat_map(of_scenario).take(SHOWN) {
        writeln!(out, "{line}")?;
    }
    Ok(())
}

fn of_scenario(scenario: &ScenarioReport) -> Vec<String> {
    let command = match scenario.verdict {
        Verdict::Leak => "error",
        Verdict::Error | Verdict::Timeout | Verdict::Inconclusive | Verdict::Withdrawn => "warning",
        Verdict::Pass | Verdict::Known | Verdict::Skipped => return Vec::new(),
    };
    let title = property(&format!(
        "leakgate: {} {}",
        scenario.name,
        text::verdict(scenario.verdict)
    ));
    let sites: Vec<String> = scenario
        .located_sites()
        .map(|site| {
            let message = format!(
                "{}{} keeps {} over {} cycles. {}",
                site.function,
                text::in_tasks(&site.tasks),
                ByteDelta(site.bytes),
                site.cycles,
                text::again(scenario)
            );
            let (file, line) = (property(&site.file), site.line);
            format!(
                "::{command} file={file},line={line},title={title}::{}",
                data(&message)
            )
        })
        .collect();
    if !sites.is_empty() {
        return sites;
    }
    let red = scenario
        .red()
        .map(|gate| format!("{}: {}", text::metric_observed(gate), text::detail(gate)));
    let why: Vec<String> = std::iter::once(scenario.detail.clone())
        .filter(|detail| !detail.is_empty())
        .chain(red)
        .chain([text::again(scenario)])
        .collect();
    vec![format!(
        "::{command} title={title}::{}",
        data(&why.join("\n"))
    )]
}

/// What stands after the second `::`.
fn data(text: &str) -> String {
    text.replace('%', "%25")
        .replace('\r', "%0D")
        .replace('\n', "%0A")
}

/// What stands before it, where commas and colons mean something too.
fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}
