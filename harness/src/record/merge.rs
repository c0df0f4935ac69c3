//! Several recordings as one: the parts of a suite that ran on several machines.

use std::collections::BTreeMap;

use super::Recording;
use super::event::{Event, FalseAlarmBudget, Line, RunStarted};

/// Why recordings are not parts of one run.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum MergeError {
    /// They tell about different things.
    #[error(
        "{what} of {first} is {is}, and that of {other} is {instead}: they are not parts of one run"
    )]
    Differs {
        /// What they disagree about.
        what: &'static str,
        /// A recording.
        first: String,
        /// What it says.
        is: String,
        /// Another one.
        other: String,
        /// What that says.
        instead: String,
    },
    /// A scenario ran in two of them.
    #[error(
        "scenario `{scenario}` is in {first} and in {other}: a second run of it is no part of the first"
    )]
    Twice {
        /// The scenario.
        scenario: String,
        /// A recording that has it.
        first: String,
        /// Another one.
        other: String,
    },
}

/// Recordings that are parts of one run, put together; it has no name yet.
#[derive(Debug)]
pub struct Merged(Vec<Line>);

impl Merged {
    /// The recording, as that of the run `run_id`.
    pub fn named(mut self, run_id: &str) -> Vec<Line> {
        if let Some(Line {
            event: Event::RunStarted(whole),
            ..
        }) = self.0.first_mut()
        {
            run_id.clone_into(&mut whole.run_id);
        }
        self.0
    }
}

/// The recording of a run that has all scenarios of `runs`, which are named for people, in their order.
///
/// Kernel, processors and seed are those of the first. Its gates share one false-alarm budget, as in a run that was never
/// cut into parts. Where a part was cut short, so is the whole.
///
/// # Errors
/// See [`MergeError`].
pub fn merge(runs: &[(String, Recording)]) -> Result<Merged, MergeError> {
    one_of_each(runs)?;
    let mut lines = Vec::new();
    let mut whole: Option<RunStarted> = None;
    let mut offset_ms = 0;
    let mut finished = Some((0, 0));
    for (name, recording) in runs {
        let end_ms = recording.lines.last().map_or(0, |line| line.t_ms);
        let mut ended = None;
        for line in &recording.lines {
            match &line.event {
                Event::RunStarted(started) => {
                    let so_far = whole.as_ref().map(|whole| (runs[0].0.as_str(), whole));
                    whole = Some(joined(so_far, name, started)?);
                }
                Event::RunFinished {
                    duration_ms,
                    harness_cpu_ms,
                } => ended = Some((*duration_ms, *harness_cpu_ms)),
                _ => lines.push(Line {
                    t_ms: offset_ms + line.t_ms,
                    event: line.event.clone(),
                }),
            }
        }
        finished = finished
            .zip(ended)
            .map(|((duration, cpu), (more, more_cpu))| (duration + more, cpu + more_cpu));
        offset_ms += end_ms;
    }
    if let Some(whole) = whole {
        let event = Event::RunStarted(whole);
        lines.insert(0, Line { t_ms: 0, event });
    }
    lines.extend(finished.map(|(duration_ms, harness_cpu_ms)| Line {
        t_ms: offset_ms,
        event: Event::RunFinished {
            duration_ms,
            harness_cpu_ms,
        },
    }));
    Ok(Merged(lines))
}

/// The beginning of the whole, with one part more.
fn joined(
    so_far: Option<(&str, &RunStarted)>,
    name: &str,
    part: &RunStarted,
) -> Result<RunStarted, MergeError> {
    let Some((first, whole)) = so_far else {
        return Ok(RunStarted {
            // It is the whole of them now.
            shard: None,
            ..part.clone()
        });
    };
    let commit = |run: &RunStarted| run.commit.clone().unwrap_or_else(|| "unknown".to_owned());
    let same = [
        ("the commit", commit(whole), commit(part)),
        (
            "leakgate's version",
            whole.leakgate.clone(),
            part.leakgate.clone(),
        ),
        ("--quick", whole.quick.to_string(), part.quick.to_string()),
        (
            "the false-alarm rate",
            whole.budget.per_run.to_string(),
            part.budget.per_run.to_string(),
        ),
    ];
    for (what, is, instead) in same {
        if is != instead {
            return Err(MergeError::Differs {
                what,
                first: first.to_owned(),
                is,
                other: name.to_owned(),
                instead,
            });
        }
    }
    Ok(RunStarted {
        budget: FalseAlarmBudget {
            gates: whole.budget.gates + part.budget.gates,
            runs: whole.budget.runs.max(part.budget.runs),
            ..whole.budget
        },
        ..whole.clone()
    })
}

fn one_of_each(runs: &[(String, Recording)]) -> Result<(), MergeError> {
    let mut seen: BTreeMap<&str, &str> = BTreeMap::new();
    for (name, recording) in runs {
        for line in &recording.lines {
            if let Event::ScenarioStarted(started) = &line.event
                && let Some(first) = seen.insert(&started.name, name)
            {
                return Err(MergeError::Twice {
                    scenario: started.name.clone(),
                    first: first.to_owned(),
                    other: name.clone(),
                });
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::judge::judge;
    use crate::judge::tests::recording::{Builder, ScenarioBuilder, add_heap};
    use crate::judge::{ExitClass, Verdict};

    fn part(name: &str, lines: Vec<Line>) -> (String, Recording) {
        let recording = Recording {
            lines,
            cut_short: false,
        };
        (name.to_owned(), recording)
    }

    fn clean(name: &'static str) -> Vec<Line> {
        ScenarioBuilder::clean(name, 31).alone()
    }

    fn leaky(name: &'static str) -> Vec<Line> {
        let leaks = ScenarioBuilder::clean(name, 31)
            .keeps(|cycle, sample| add_heap(sample, 64 * u64::from(cycle)));
        Builder::new().scenario(leaks).finish()
    }

    #[test]
    fn parts_are_judged_as_one_run_is() {
        let runs = [part("a", clean("one")), part("b", leaky("two"))];
        let merged = merge(&runs).unwrap().named("whole");
        let verdict = judge(&merged);
        assert_eq!(verdict.verdict, Verdict::Leak);
        assert_eq!(verdict.exit_class(), ExitClass::Leak);
        let verdicts: Vec<_> = verdict
            .scenarios
            .iter()
            .map(|s| (s.name.as_str(), s.verdict))
            .collect();
        assert_eq!(verdicts, [("one", Verdict::Pass), ("two", Verdict::Leak)]);
        let Event::RunStarted(started) = &merged[0].event else {
            panic!("{:?}", merged[0]);
        };
        assert_eq!(
            (started.run_id.as_str(), started.budget.gates),
            ("whole", 2)
        );
        assert!(merged.is_sorted_by_key(|line| line.t_ms));
    }

    #[test]
    fn a_part_that_was_cut_short_makes_the_whole_no_pass() {
        let mut cut = clean("two");
        assert!(matches!(
            cut.pop().unwrap().event,
            Event::RunFinished { .. }
        ));
        let merged = merge(&[part("a", clean("one")), part("b", cut)])
            .unwrap()
            .named("whole");
        assert_ne!(judge(&merged).exit_class(), ExitClass::Pass);
    }

    #[test]
    fn a_scenario_that_ran_twice_and_parts_of_other_commits_are_refused() {
        let twice = merge(&[part("a", clean("one")), part("b", leaky("one"))]);
        assert!(matches!(twice, Err(MergeError::Twice { .. })), "{twice:?}");
        let mut other = clean("two");
        if let Event::RunStarted(started) = &mut other[0].event {
            started.commit = None;
        }
        let differs = merge(&[part("a", clean("one")), part("b", other)]);
        let error = differs.unwrap_err().to_string();
        assert!(
            error.contains("the commit of a is 0123456789abcdef"),
            "{error}"
        );
    }
}
