//! A flame graph of what grew: each growing site's stack, as wide as the bytes that the longer window kept more.

use inferno::flamegraph::{self, Options};

use super::model::ScenarioReport;
use crate::judge::GrowingSite;

/// The name of a scenario's graph among its profiles.
pub(super) fn file_name(scenario: &ScenarioReport) -> String {
    format!("{}.flame.svg", scenario.name)
}

/// The graph as SVG; none where nothing grew in bytes.
pub(super) fn render(scenario: &ScenarioReport) -> Option<String> {
    let lines: Vec<String> = scenario.sites.iter().filter_map(folded).collect();
    let mut options = Options::default();
    options.title = format!("{}: what grew", scenario.name);
    options.count_name = "bytes".to_owned();
    options.font_size = 11;
    let mut svg = Vec::new();
    let lines = lines.iter().map(String::as_str);
    flamegraph::from_lines(&mut options, lines, &mut svg).ok()?;
    String::from_utf8(svg).ok()
}

/// `outermost;...;innermost bytes`.
fn folded(site: &GrowingSite) -> Option<String> {
    let bytes = u64::try_from(site.bytes).ok().filter(|bytes| *bytes > 0)?;
    // A graph has one way down to each line: where several tasks take it, none of them is its root.
    let task = match site.tasks.as_slice() {
        [task] => Some(format!("task \"{task}\"")),
        _ => None,
    };
    let frames = task.into_iter().chain(site.stack.iter().rev().cloned());
    // The format's separator also stands in the type of an array.
    let frames: Vec<String> = frames.map(|frame| frame.replace(';', ",")).collect();
    Some(format!("{} {bytes}", frames.join(";")))
}
