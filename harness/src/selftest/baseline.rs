//! The baseline: what the gate that watches for a seed says in runs without any. A gate that is red there catches
//! whatever is sown, and shows nothing.

use super::kind::Kind;
use super::trial::{Outcome, Trial};

/// What runs without a seed say about a gate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Baseline {
    /// It was never red.
    Quiet,
    /// It was, in so many runs of so many.
    Red { runs: u32, of: u32 },
    /// No such run gave an answer.
    Unknown,
}

impl Baseline {
    /// That of the gate that watches for `kind`.
    pub(super) fn of(kind: Kind, trials: &[Trial]) -> Self {
        let clear =
            |trial: &&Trial| trial.kind == Kind::Clean && trial.outcome != Outcome::Inconclusive;
        let (mut runs, mut of) = (0, 0);
        for trial in trials.iter().filter(clear) {
            of += 1;
            runs += u32::from(trial.red.iter().any(|metric| kind.is_watched_by(metric)));
        }
        match (runs, of) {
            (_, 0) => Self::Unknown,
            (0, _) => Self::Quiet,
            _ => Self::Red { runs, of },
        }
    }
}
