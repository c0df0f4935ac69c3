//! From the gates to a scenario's verdict, from the scenarios to the run's, and to the class of its exit code.

use super::evidence::Evidence;
use super::verdict::{
    ExitClass, Failure, GateVerdict, JudgedGate, RunVerdict, ScenarioVerdict, Verdict,
};
use super::{attribution, gates, objects, sites};
use crate::record::event::Outcome;

/// A scenario's verdict: how its driving ended and what its gates say.
///
/// A leak is a leak however the scenario ended, once all its cycles were measured.
pub(super) fn scenario(evidence: &Evidence<'_>) -> ScenarioVerdict {
    let mut gates = gates::all(evidence);
    let (verdict, failure, detail) = match evidence.finished {
        None => (
            Verdict::Error,
            Some(Failure::Internal),
            "the recording ends before the scenario does".to_owned(),
        ),
        Some(finished) => match outcome(finished.outcome) {
            None => from_gates(&gates, &gates::unknown(evidence)),
            Some((verdict, failure)) => (verdict, failure, finished.detail.clone()),
        },
    };
    let leaks = gates.iter().any(|gate| gate.verdict == GateVerdict::Leak);
    let (verdict, failure) = match failure {
        Some(Failure::Internal) => (verdict, failure),
        // The leak is real, and so is the interruption, which decides the exit code.
        Some(Failure::Interrupted) if leaks => (Verdict::Leak, failure),
        _ if leaks => (Verdict::Leak, None),
        _ => (verdict, failure),
    };
    not_reached(&mut gates, verdict);
    ScenarioVerdict {
        name: evidence.started.name.clone(),
        verdict,
        failure,
        detail,
        cycles: evidence.cycles(),
        duration_ms: evidence.finished.map_or(0, |finished| finished.duration_ms),
        objects: objects::grown(evidence, &gates),
        gates,
        sites: evidence.compared.map(sites::growing).unwrap_or_default(),
        held: evidence.compared.map(sites::held).unwrap_or_default(),
        attributions: attribution::all(evidence),
    }
}

/// What an outcome means by itself; nothing where the gates decide.
fn outcome(outcome: Outcome) -> Option<(Verdict, Option<Failure>)> {
    match outcome {
        Outcome::Complete => None,
        Outcome::LoadFailed => Some((Verdict::Withdrawn, None)),
        Outcome::TargetFailed => Some((Verdict::Error, Some(Failure::Target))),
        Outcome::TimedOut => Some((Verdict::Timeout, None)),
        Outcome::Interrupted => Some((Verdict::Error, Some(Failure::Interrupted))),
        Outcome::Skipped => Some((Verdict::Skipped, None)),
        Outcome::Internal => Some((Verdict::Error, Some(Failure::Internal))),
    }
}

/// A gate that nothing was recorded for shares its scenario's fate.
fn not_reached(gates: &mut [JudgedGate], verdict: Verdict) {
    let fate = match verdict {
        Verdict::Withdrawn => GateVerdict::Withdrawn,
        Verdict::Skipped => GateVerdict::Skipped,
        Verdict::Error => GateVerdict::Error,
        Verdict::Timeout => GateVerdict::Timeout,
        Verdict::Pass | Verdict::Leak | Verdict::Inconclusive | Verdict::Known => return,
    };
    for gate in gates {
        if gate.verdict == GateVerdict::NotJudged {
            gate.verdict = fate;
            gate.detail.clear();
        }
    }
}

fn from_gates(gates: &[JudgedGate], unknown: &[&str]) -> (Verdict, Option<Failure>, String) {
    let has = |wanted: GateVerdict| gates.iter().any(|gate| gate.verdict == wanted);
    if has(GateVerdict::Leak) {
        return (Verdict::Leak, None, String::new());
    }
    // Why is said by each gate.
    let mut unclear: Vec<&str> = gates
        .iter()
        .filter(|gate| {
            matches!(
                gate.verdict,
                GateVerdict::Inconclusive | GateVerdict::Unsupported
            )
        })
        .map(|gate| gate.metric.name())
        .collect();
    unclear.extend(unknown);
    if !unclear.is_empty() {
        let detail = format!("no answer about {}", unclear.join(", "));
        return (Verdict::Inconclusive, None, detail);
    }
    if has(GateVerdict::Known) {
        return (Verdict::Known, None, String::new());
    }
    if has(GateVerdict::Pass) {
        (Verdict::Pass, None, String::new())
    } else {
        (Verdict::Inconclusive, None, "no gate was judged".to_owned())
    }
}

/// The run's verdict. `finished` tells whether the recording reaches the end of the run.
pub(super) fn run(scenarios: Vec<ScenarioVerdict>, finished: bool) -> RunVerdict {
    // The order of the exit codes: what needs a person first.
    let order = [
        Verdict::Leak,
        Verdict::Error,
        Verdict::Timeout,
        Verdict::Inconclusive,
        Verdict::Withdrawn,
        Verdict::Known,
        Verdict::Pass,
        Verdict::Skipped,
    ];
    let internal = scenarios.iter().any(is_internal);
    let worst = order.into_iter().find(|verdict| {
        scenarios
            .iter()
            .any(|scenario| scenario.verdict == *verdict)
    });
    let (verdict, detail) = match worst {
        _ if internal => (Verdict::Error, ""),
        None => (Verdict::Inconclusive, "no scenario ran"),
        Some(Verdict::Pass | Verdict::Known | Verdict::Skipped) if !finished => (
            Verdict::Inconclusive,
            "the recording ends before the run does",
        ),
        Some(verdict) => (verdict, ""),
    };
    RunVerdict {
        verdict,
        detail: detail.to_owned(),
        scenarios,
    }
}

fn is_internal(scenario: &ScenarioVerdict) -> bool {
    scenario.failure == Some(Failure::Internal)
}

impl RunVerdict {
    /// What the run's exit code is made from. Where several apply: internal, interrupted, leak, target failed, timed out,
    /// inconclusive, pass. A run that skipped everything has shown nothing, and is no pass.
    pub fn exit_class(&self) -> ExitClass {
        let failed = |failure: Failure| {
            self.scenarios
                .iter()
                .any(|scenario| scenario.failure == Some(failure))
        };
        let any = |verdict: Verdict| {
            self.scenarios
                .iter()
                .any(|scenario| scenario.verdict == verdict)
        };
        if failed(Failure::Internal) {
            ExitClass::Internal
        } else if failed(Failure::Interrupted) {
            ExitClass::Interrupted
        } else if any(Verdict::Leak) {
            ExitClass::Leak
        } else if failed(Failure::Target) {
            ExitClass::TargetFailed
        } else if any(Verdict::Timeout) {
            ExitClass::TimedOut
        } else {
            match self.verdict {
                Verdict::Pass | Verdict::Known => ExitClass::Pass,
                Verdict::Leak
                | Verdict::Inconclusive
                | Verdict::Withdrawn
                | Verdict::Skipped
                | Verdict::Error
                | Verdict::Timeout => ExitClass::Inconclusive,
            }
        }
    }
}
