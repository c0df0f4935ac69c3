//! The ledger of known leaks, `known-leaks.toml` beside `leakgate.toml`: which leak is tolerated, up to how much, until
//! when, and who answers for it.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::Path;

use crate::config::LoadError;
use crate::record::event::KnownLeak;
use crate::scenario::{Metric, parse_limit};
use crate::source::{Document, Problems, Table, closest, listed};

/// The file's name.
pub const FILE: &str = "known-leaks.toml";
/// Everything that an entry has.
const KEYS: [&str; 6] = ["scenario", "metric", "budget", "owner", "expires", "reason"];

/// The known leaks, by scenario and metric.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Ledger {
    entries: BTreeMap<(String, Metric), KnownLeak>,
}

impl Ledger {
    /// Reads the ledger in `directory`; one that is not there is empty.
    ///
    /// # Errors
    /// When the file cannot be read, or anything in it is wrong: all of it at once.
    pub fn load(directory: &Path) -> Result<Ledger, LoadError> {
        let path = directory.join(FILE);
        let text = match fs::read_to_string(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Ledger::default()),
            Err(source) => return Err(LoadError::Read { path, source }),
        };
        let mut problems = Problems::default();
        let document = Document::parse(&path.display().to_string(), &text, &mut problems);
        let ledger = if problems.none() {
            read(&document.root(), &mut problems)
        } else {
            None
        };
        match ledger {
            Some(ledger) if problems.none() => Ok(ledger),
            _ => Err(LoadError::Wrong(problems.into_errors(&[document]))),
        }
    }

    /// The entry for a metric of a scenario.
    pub fn of(&self, scenario: &str, metric: Metric) -> Option<KnownLeak> {
        self.entries.get(&(scenario.to_owned(), metric)).cloned()
    }

    /// The scenarios that it names.
    pub fn scenarios(&self) -> impl Iterator<Item = &str> {
        self.entries.keys().map(|(scenario, _)| scenario.as_str())
    }
}

fn read(root: &Table<'_>, problems: &mut Problems) -> Option<Ledger> {
    root.only(&["known"], "the ledger of known leaks", problems);
    let mut entries = BTreeMap::new();
    let Some(node) = root.get("known") else {
        return Some(Ledger::default());
    };
    for node in node.array("[[known]] tables", problems)? {
        let Some(table) = node.table("a known leak", problems) else {
            continue;
        };
        let Some((scenario, metric, known)) = entry(&table, problems) else {
            continue;
        };
        let name = metric.name();
        let problem = format!("`{scenario}` has a known leak of `{name}` already");
        if entries.insert((scenario, metric), known).is_some() {
            problems.add(table.span(), problem, "a second entry");
        }
    }
    Some(Ledger { entries })
}

fn entry(table: &Table<'_>, problems: &mut Problems) -> Option<(String, Metric, KnownLeak)> {
    const WHAT: &str = "a known leak";
    table.only(&KEYS, WHAT, problems);
    let mut text = |key: &str, what: &str| {
        let node = table.require(key, WHAT, problems)?;
        Some((node.string(what, problems)?.to_owned(), node.span))
    };
    let scenario = text("scenario", "a scenario's name");
    let metric = text("metric", "a metric's name");
    let budget = text(
        "budget",
        "the most that is known, in the unit of the metric's limit",
    );
    let owner = text("owner", "who answers for it");
    let expires = text("expires", "the last day, such as \"2027-01-31\"");
    let reason = text("reason", "what leaks and why it is tolerated");
    let (metric_name, metric_span) = metric?;
    let Some(metric) = Metric::from_name(&metric_name) else {
        let names = Metric::ALL.map(Metric::name);
        let help = match closest(&metric_name, &names) {
            Some(meant) => format!("did you mean `{meant}`?"),
            None => format!("metrics: {}", listed(&names)),
        };
        let problem = format!("there is no metric `{metric_name}`");
        problems.add_with_help(metric_span, problem, "unknown", help);
        return None;
    };
    let (budget_text, budget_span) = budget?;
    let Some(budget) = parse_limit(metric, &budget_text) else {
        problems.add(
            budget_span,
            format!("\"{budget_text}\" is no budget for `{}`", metric.name()),
            format!("expected {}", metric.unit().example()),
        );
        return None;
    };
    let (day, day_span) = expires?;
    if !is_day(&day) {
        problems.add(
            day_span,
            format!("\"{day}\" is not a day"),
            "expected YYYY-MM-DD, such as \"2027-01-31\"",
        );
        return None;
    }
    let known = KnownLeak {
        budget,
        owner: owner?.0,
        expires: day,
        reason: reason?.0,
    };
    Some((scenario?.0, metric, known))
}

/// Whether `text` is a day of the calendar, as `YYYY-MM-DD`.
fn is_day(text: &str) -> bool {
    text.len() == "2027-01-31".len()
        && humantime::parse_rfc3339(&format!("{text}T00:00:00Z")).is_ok()
}
