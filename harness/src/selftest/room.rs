//! Room: whether a process may hold all that a run of the self-test sows in it, known before the first run.

use super::kind::{Dose, Kind};
use crate::drive::Sowing;
use crate::scenario::{Cycles, Warmup};

/// Why a dose cannot be tested in a scenario.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum NoRoom {
    #[error(
        "{kind}, {sown}: {warmup} warm-up and {measured} measured cycles sow it {times} times, and a process takes it \
         {most} times at most; declare a smaller dose, or take a scenario of fewer cycles"
    )]
    Full {
        kind: Kind,
        sown: String,
        warmup: u32,
        measured: u32,
        times: u64,
        most: u64,
    },
    #[error(
        "{kind}, {sown}: {measured} measured cycles cannot show it; declare 1 in {least} cycles or more often, or take a \
         scenario of more cycles"
    )]
    Never {
        kind: Kind,
        sown: String,
        measured: u32,
        least: u32,
    },
}

/// Samples at the end of a run that have to have what was sown.
const LASTING: u32 = 3;

/// Checks that `dose` can be sown to the end of the longest run, and is sown early enough in the shortest.
pub(super) fn check(kind: Kind, dose: Dose, cycles: &Cycles) -> Result<(), NoRoom> {
    let Some(seeding) = kind.seeding(dose, cycles.measure) else {
        return Ok(());
    };
    let Sowing::Every(every) = seeding.when else {
        return Ok(());
    };
    let sown = kind.describe(dose);
    let least = (cycles.measure + 1).saturating_sub(LASTING).max(1);
    if kind.watched_by().is_some() && every > least {
        let measured = cycles.measure;
        return Err(NoRoom::Never {
            kind,
            sown,
            measured,
            least,
        });
    }
    let warmup = match cycles.warmup {
        Warmup::Auto => Warmup::AUTO_MAX,
        Warmup::Fixed(cycles) => cycles,
    };
    let measured = cycles.max.max(cycles.measure);
    let times = u64::from(warmup / every) + u64::from(measured / every);
    match seeding.seed.requests_max() {
        Some(most) if times > most => Err(NoRoom::Full {
            kind,
            sown,
            warmup,
            measured,
            times,
            most,
        }),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cycles(measure: u32) -> Cycles {
        Cycles {
            warmup: Warmup::Fixed(3),
            measure,
            max: measure,
            quick: 1,
            profile: 31,
            within: None,
        }
    }

    fn told(kind: Kind, amount: u64, every: u32, measure: u32) -> String {
        let checked = check(kind, Dose { amount, every }, &cycles(measure));
        checked
            .err()
            .map_or_else(String::new, |error| error.to_string())
    }

    #[test]
    fn what_a_process_may_not_hold_is_told_before_the_first_run() {
        let mebibyte = 1 << 20;
        assert_eq!(told(Kind::Resident, mebibyte, 1, 253), "");
        let full = told(Kind::Resident, mebibyte, 1, 254);
        assert!(full.contains("257 times"), "{full}");
        assert!(full.contains("256 times at most"), "{full}");
        for kind in [Kind::Fd, Kind::Thread, Kind::Zombie] {
            assert_eq!(told(kind, 1, 1, 509), "", "{kind}");
            assert_ne!(told(kind, 1, 1, 510), "", "{kind}");
            assert_eq!(told(kind, 1, 5, 2000), "", "{kind}");
        }
        assert_ne!(told(Kind::File, 1, 1, 5000), "");
        assert_ne!(told(Kind::Heap, mebibyte, 1, 300), "");
        assert_eq!(told(Kind::Heap, 16, 1, 100_000), "");
        assert_eq!(told(Kind::Clean, 0, 1, 100_000), "");
    }

    #[test]
    fn the_longest_run_counts() {
        let dose = Dose {
            amount: 1,
            every: 1,
        };
        let mut cycles = cycles(31);
        cycles.max = 600;
        assert!(check(Kind::Fd, dose, &cycles).is_err());
        cycles.max = 480;
        cycles.warmup = Warmup::Auto;
        assert!(check(Kind::Fd, dose, &cycles).is_err());
    }

    #[test]
    fn what_is_sown_too_late_to_last_is_told() {
        assert_eq!(told(Kind::Fd, 1, 29, 31), "");
        let late = told(Kind::Fd, 1, 30, 31);
        assert!(late.contains("1 in 29 cycles or more often"), "{late}");
    }
}
