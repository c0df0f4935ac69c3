//! The smallest leak of a kind that is caught in every run: found by halving.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::kind::{Dose, Kind, Scale};
use super::lab::Lab;
use super::ledger::Ledger;
use super::trial::{Outcome, Planned};
use crate::cli::Failure;
use crate::config::SelfTest;

/// The smallest dose of a kind that was caught in every run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Minimum {
    /// The kind.
    pub kind: Kind,
    /// The dose; none when even the one that is declared was not always caught.
    pub dose: Option<Dose>,
    /// Runs with this dose, in each of which it was caught.
    pub runs: u32,
}

/// The doses of a kind from the smallest to the one that is declared, by number from 1.
struct Doses {
    scale: Scale,
    /// The one that is declared.
    declared: Dose,
    /// In how many cycles the smallest is sown once, where it becomes rarer.
    rarest: u32,
    last: u64,
}

impl Doses {
    fn new(kind: Kind, declared: &SelfTest, measured: u32) -> Option<Self> {
        let scale = kind.scale()?;
        let declared = kind.dose(declared);
        let rarest = measured.max(declared.every);
        let last = match scale {
            Scale::Bytes(step) => declared.amount.div_ceil(step),
            Scale::Rarer => u64::from(rarest - declared.every) + 1,
        };
        Some(Self {
            scale,
            declared,
            rarest,
            last,
        })
    }

    fn get(&self, number: u64) -> Dose {
        match self.scale {
            Scale::Bytes(step) => Dose {
                // What is declared need not be a multiple.
                amount: (number * step).min(self.declared.amount),
                every: 1,
            },
            Scale::Rarer => Dose {
                amount: 1,
                every: u32::try_from(u64::from(self.rarest) + 1 - number).unwrap_or(u32::MAX),
            },
        }
    }
}

/// Looks for the smallest dose of `kind` that is caught in each of `runs` runs; none for a kind that has one dose only.
pub(super) fn find(
    kind: Kind,
    declared: &SelfTest,
    runs: u32,
    lab: &Lab,
    ledger: &mut Ledger,
) -> Result<Option<Minimum>, Failure> {
    let Some(doses) = Doses::new(kind, declared, lab.scenario.cycles.measure) else {
        return Ok(None);
    };
    let number = smallest(doses.last, |number| {
        caught(kind, doses.get(number), runs, lab, ledger)
    })?;
    Ok(Some(Minimum {
        kind,
        dose: number.map(|number| doses.get(number)),
        runs,
    }))
}

/// The smallest of 1 to `last` that `holds`, where whatever is above one that holds does too. The smallest of all is asked
/// first, because an exact metric misses nothing.
fn smallest<E>(last: u64, mut holds: impl FnMut(u64) -> Result<bool, E>) -> Result<Option<u64>, E> {
    if last == 0 || !holds(last)? {
        return Ok(None);
    }
    if holds(1)? {
        return Ok(Some(1));
    }
    let (mut missed, mut found) = (1, last);
    while found - missed > 1 {
        let between = u64::midpoint(missed, found);
        if holds(between)? {
            found = between;
        } else {
            missed = between;
        }
    }
    Ok(Some(found))
}

/// Whether a dose is caught in every run; the first that is not ends the question.
fn caught(
    kind: Kind,
    dose: Dose,
    runs: u32,
    lab: &Lab,
    ledger: &mut Ledger,
) -> Result<bool, Failure> {
    let planned: Vec<Planned> = (1..=runs)
        .map(|number| Planned { kind, dose, number })
        .collect();
    for several in planned.chunks(lab.jobs) {
        lab.make(several, ledger)?;
        let all = several.iter().all(|planned| {
            let trial = ledger.find(planned);
            trial.is_some_and(|trial| trial.outcome == Outcome::Caught)
        });
        if !all {
            return Ok(false);
        }
    }
    Ok(true)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn the_smallest_that_holds_is_found(last in 1u64..5000, from in 1u64..6000) {
            let found = smallest(last, |number| Ok::<_, ()>(number >= from)).unwrap();
            prop_assert_eq!(found, (from <= last).then_some(from));
        }
    }

    #[test]
    fn doses_go_from_the_smallest_to_the_one_that_is_declared() {
        let mut declared = SelfTest::default();
        let all = |kind, declared: &SelfTest| {
            let doses = Doses::new(kind, declared, 20).unwrap();
            let texts = [1, 2, doses.last].map(|number| kind.describe(doses.get(number)));
            texts.join("; ")
        };
        assert_eq!(
            all(Kind::Heap, &declared),
            "1 B per cycle; 2 B per cycle; 64 B per cycle"
        );
        assert_eq!(
            all(Kind::Fd, &declared),
            "1 in 20 cycles; 1 in 19 cycles; 1 per cycle"
        );
        assert_eq!(
            all(Kind::Resident, &declared),
            "64 KiB per cycle; 128 KiB per cycle; 1.0 MiB per cycle"
        );
        assert!(Doses::new(Kind::Cache, &declared, 20).is_none());
        declared.fd = 5;
        declared.resident.0 = 100 << 10;
        assert_eq!(
            all(Kind::Fd, &declared),
            "1 in 20 cycles; 1 in 19 cycles; 1 in 5 cycles"
        );
        assert_eq!(
            all(Kind::Resident, &declared),
            "64 KiB per cycle; 100 KiB per cycle; 100 KiB per cycle"
        );
    }
}
