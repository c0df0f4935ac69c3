//! What a recording says of its loads' reach. `coverage.json` is this; schema 1 changes by addition only.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::record::event::{Event, Exercised, GaugeKind, Line, Outcome};

/// The version of this format.
const SCHEMA: u32 = 1;

/// Which gauges and counts the scenarios exercise.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub(crate) struct Survey {
    /// The version of this format.
    pub schema: u32,
    /// The loads that ran, in their order.
    pub scenarios: Vec<Load>,
    /// What there is to exercise: gauges before counts, each by name.
    pub rows: Vec<Row>,
}

/// One scenario's load.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub(crate) struct Load {
    /// The scenario.
    pub name: String,
    /// The target that it ran against.
    pub target: String,
    /// How it ended.
    pub outcome: Outcome,
    /// Why, where it did not complete; else empty.
    pub detail: String,
    /// Whether its target told what was exercised.
    pub told: bool,
}

/// One gauge or count.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub(crate) struct Row {
    /// Its name.
    pub name: String,
    /// What it counts.
    pub kind: GaugeKind,
    /// Where it is registered: `file:line`.
    pub site: String,
    /// The scenarios that moved it, in the order in which they ran.
    pub scenarios: Vec<String>,
    /// Why none need move it, where `leakgate.toml` says so.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub excepted: Option<String>,
}

impl Survey {
    /// What the recording of a run says; `except` has what need not be exercised, with the reasons.
    pub(super) fn of(lines: &[Line], except: &BTreeMap<String, String>) -> Survey {
        let mut loads: Vec<Load> = Vec::new();
        // The same name at another place is another gauge: targets may have names in common.
        let mut rows: BTreeMap<(bool, String, String), Row> = BTreeMap::new();
        for line in lines {
            match (&line.event, loads.last_mut()) {
                (Event::ScenarioStarted(started), _) => loads.push(Load {
                    name: started.name.clone(),
                    target: started.target.clone(),
                    outcome: Outcome::Interrupted,
                    detail: "cut short".to_owned(),
                    told: false,
                }),
                (Event::Exercised(exercised), Some(load)) => {
                    load.told = true;
                    add(exercised, &load.name, except, &mut rows);
                }
                (Event::ScenarioFinished(finished), Some(load)) => {
                    load.outcome = finished.outcome;
                    load.detail.clone_from(&finished.detail);
                }
                _ => {}
            }
        }
        Survey {
            schema: SCHEMA,
            scenarios: loads,
            rows: rows.into_values().collect(),
        }
    }

    /// What no scenario exercises and nothing excepts.
    pub(super) fn gaps(&self) -> Vec<&Row> {
        let rows = self.rows.iter();
        rows.filter(|row| row.scenarios.is_empty() && row.excepted.is_none())
            .collect()
    }

    /// Exceptions that are none: of what is exercised all the same.
    pub(super) fn needless(&self) -> Vec<&Row> {
        let rows = self.rows.iter();
        rows.filter(|row| !row.scenarios.is_empty() && row.excepted.is_some())
            .collect()
    }

    /// The loads that did not get to their end, those that cannot run here aside.
    pub(super) fn failed(&self) -> Vec<&Load> {
        let over = [Outcome::Complete, Outcome::Skipped];
        let failed = self.scenarios.iter();
        failed
            .filter(|load| !over.contains(&load.outcome))
            .collect()
    }

    /// Whether there is something to exercise, all of it is exercised, and no exception is needless.
    pub(super) fn is_complete(&self) -> bool {
        !self.rows.is_empty() && self.gaps().is_empty() && self.needless().is_empty()
    }
}

fn add(
    exercised: &Exercised,
    scenario: &str,
    except: &BTreeMap<String, String>,
    rows: &mut BTreeMap<(bool, String, String), Row>,
) {
    for (name, exercise) in &exercised.gauges {
        let key = (
            exercise.kind == GaugeKind::Count,
            name.clone(),
            exercise.site.clone(),
        );
        let row = rows.entry(key).or_insert_with(|| Row {
            name: name.clone(),
            kind: exercise.kind,
            site: exercise.site.clone(),
            scenarios: Vec::new(),
            excepted: except.get(name).cloned(),
        });
        if exercise.risen > 0 {
            row.scenarios.push(scenario.to_owned());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::event::{Exercise, ScenarioFinished, ScenarioStarted};

    fn scenario(name: &str, risen: [i64; 2], outcome: Outcome) -> Vec<Line> {
        let exercise = |kind, risen, site: &str| Exercise {
            kind,
            risen,
            site: site.to_owned(),
        };
        let gauges = BTreeMap::from([
            (
                "sessions".to_owned(),
                exercise(GaugeKind::Length, risen[0], "gauges.rs:1"),
            ),
            (
                "request.list".to_owned(),
                exercise(GaugeKind::Count, risen[1], "gauges.rs:2"),
            ),
        ]);
        let events = [
            Event::ScenarioStarted(ScenarioStarted {
                name: name.to_owned(),
                sha256: String::new(),
                question: String::new(),
                target: "daemon".to_owned(),
                measure: 1,
                looks: vec![1],
                gates: Vec::new(),
            }),
            Event::Exercised(Exercised { gauges }),
            Event::ScenarioFinished(ScenarioFinished {
                outcome,
                detail: String::new(),
                duration_ms: 1,
            }),
        ];
        events.map(|event| Line { t_ms: 0, event }).into()
    }

    #[test]
    fn what_nothing_moves_is_a_gap_and_what_one_scenario_moves_is_none() {
        let mut lines = scenario("first", [0, 0], Outcome::Complete);
        lines.extend(scenario("second", [3, 0], Outcome::Complete));
        let none = BTreeMap::new();
        let survey = Survey::of(&lines, &none);
        let gaps: Vec<_> = survey.gaps().iter().map(|row| row.name.as_str()).collect();
        assert_eq!(gaps, ["request.list"]);
        assert_eq!(survey.rows[0].scenarios, ["second"]);
        assert!(!survey.is_complete());
        let except = BTreeMap::from([("request.list".to_owned(), "nobody lists".to_owned())]);
        assert!(Survey::of(&lines, &except).is_complete());
        lines.extend(scenario("third", [0, 1], Outcome::Complete));
        assert!(Survey::of(&lines, &none).is_complete());
        // What is exercised needs no exception.
        assert!(!Survey::of(&lines, &except).is_complete());
    }

    #[test]
    fn a_load_that_failed_is_told_and_one_that_was_cut_short_too() {
        let mut lines = scenario("failed", [1, 1], Outcome::TargetFailed);
        lines.extend(scenario("skipped", [1, 1], Outcome::Skipped));
        lines.extend(scenario("cut", [1, 1], Outcome::Complete));
        lines.pop();
        let survey = Survey::of(&lines, &BTreeMap::new());
        let failed: Vec<_> = survey.failed().iter().map(|load| &load.name).collect();
        assert_eq!(failed, ["failed", "cut"]);
    }

    #[test]
    fn nothing_told_is_not_everything_exercised() {
        assert!(!Survey::of(&[], &BTreeMap::new()).is_complete());
    }
}
