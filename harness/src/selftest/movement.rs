//! Movement: what was sown in the measured cycles, beside what the metric that watches for it gained meanwhile.
//!
//! A gate that was red while a seed was sown need not have seen the seed: the target may leak by itself, or the gate may
//! have given a false alarm. What it saw is the seed when the metric gained about as much as was sown.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::kind::{Dose, Kind};
use crate::record::event::{Event, Line, Phase, Sample};

/// Samples that growth must last for, as the gates on counts have it.
const LASTING: usize = 3;
/// Bytes of one of the blocks of `seed blocks`.
const SMALL_BYTES: u64 = 16;
/// The smallest page that there is.
const PAGE_BYTES: u64 = 4096;
/// How many times more, or less, than what was sown a metric may have gained: allocators round, and a metric has noise
/// of its own; the smallest dose that is seen is then still told from half of it.
const ABOUT: i64 = 2;

/// What was sown and what was gained, over the same cycles and in the unit of the metric.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Movement {
    /// What was sown.
    pub sown: i64,
    /// What the metric gained.
    pub gained: i64,
}

impl Movement {
    /// How the metric that watches for `kind` moved in a recording of one scenario; none for what is no leak, and where
    /// the recording has no measured cycle or not the metric.
    pub(super) fn of(kind: Kind, dose: Dose, lines: &[Line]) -> Option<Self> {
        let samples = lines.iter().filter_map(|line| match &line.event {
            Event::Sample(sample) => Some(sample.as_ref()),
            _ => None,
        });
        let mut baseline = None;
        let (mut sown, mut levels) = (Vec::new(), Vec::new());
        for sample in samples {
            match sample.phase {
                Phase::Start | Phase::Warmup => baseline = level(kind, sample),
                Phase::Measure => {
                    sown.push(sown_by(kind, dose, sample.cycle));
                    levels.push(level(kind, sample)?);
                }
            }
        }
        let gain = match kind {
            Kind::Heap | Kind::Blocks | Kind::Resident => gain_of_medians,
            _ => lasting_gain,
        };
        Some(Self {
            sown: gain(0, &sown)?,
            gained: gain(baseline?, &levels)?,
        })
    }

    /// Whether the metric gained about what was sown.
    pub(super) fn fits(self) -> bool {
        let (sown, gained) = (self.sown, self.gained);
        sown > 0 && gained.saturating_mul(ABOUT) >= sown && gained <= sown.saturating_mul(ABOUT)
    }
}

/// What a sample says about what `kind` adds to.
fn level(kind: Kind, sample: &Sample) -> Option<i64> {
    let whole = |number: u64| i64::try_from(number).unwrap_or(i64::MAX);
    match kind {
        Kind::Heap | Kind::Blocks => Some(whole(sample.heap?.live_bytes.0)),
        Kind::Resident => Some(whole(sample.memory.rss.0)),
        Kind::Fd => Some(sample.fds.values().copied().map(i64::from).sum()),
        Kind::Thread => {
            let seeded = sample.threads.get(kind.named()?);
            Some(seeded.copied().map_or(0, i64::from))
        }
        Kind::Zombie => Some(i64::from(sample.zombies)),
        Kind::File => Some(whole(sample.disk.files)),
        Kind::Length | Kind::Capacity => Some(sample.gauges.as_ref()?.get(kind.named()?)?.value),
        Kind::Clean | Kind::Cache | Kind::Step | Kind::Sawtooth | Kind::Freelist => None,
    }
}

/// What has been sown when measured cycle `cycle` is over, in the unit of the metric, what was sown before not counted.
fn sown_by(kind: Kind, dose: Dose, cycle: u32) -> i64 {
    let each = match kind {
        Kind::Blocks => dose.amount.saturating_mul(SMALL_BYTES),
        // Memory is resident in whole pages.
        Kind::Resident => dose.amount.next_multiple_of(PAGE_BYTES),
        _ => dose.amount,
    };
    let times = u64::from(cycle / dose.every.max(1));
    i64::try_from(each.saturating_mul(times)).unwrap_or(i64::MAX)
}

/// What is there in each of the last samples, above `before`.
fn lasting_gain(before: i64, levels: &[i64]) -> Option<i64> {
    let from = levels.len().saturating_sub(LASTING);
    let floor = levels[from..].iter().min()?;
    Some(floor - before)
}

/// From the median of the first third to that of the last: single readings may be far off.
fn gain_of_medians(_: i64, levels: &[i64]) -> Option<i64> {
    let third = levels.len().div_ceil(3);
    let median = |levels: &[i64]| {
        let mut levels = levels.to_vec();
        levels.sort_unstable();
        levels.get(levels.len() / 2).copied()
    };
    Some(median(&levels[levels.len() - third..])? - median(&levels[..third])?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::judge::tests::recording::{ScenarioBuilder, add_heap};
    use crate::record::event::{Gauge, GaugeKind};

    fn moved(kind: Kind, dose: Dose, keep: impl Fn(u32, &mut Sample) + 'static) -> Movement {
        let lines = ScenarioBuilder::clean("selftest", 30).keeps(keep).alone();
        Movement::of(kind, dose, &lines).expect("it has the metric")
    }

    #[test]
    fn only_growth_of_about_the_dose_is_the_seed() {
        let dose = |amount, every| Dose { amount, every };
        let heap = |each: u64| {
            moved(Kind::Heap, dose(16, 1), move |cycle, sample| {
                add_heap(sample, each * u64::from(cycle));
            })
        };
        let seeded = heap(16);
        assert_eq!((seeded.sown, seeded.gained), (320, 320));
        assert!(seeded.fits());
        let other = heap(96);
        assert!(!other.fits(), "{other:?}");
        let fds = |cycles: u32| {
            moved(Kind::Fd, dose(1, 5), move |cycle, sample| {
                sample.fds.insert("file".to_owned(), 7 + cycle / cycles);
            })
        };
        let seeded = fds(5);
        // The sixth is not there in each of the last three samples.
        assert_eq!((seeded.sown, seeded.gained), (5, 5));
        assert!(seeded.fits());
        let false_alarm = fds(20);
        assert!(!false_alarm.fits(), "{false_alarm:?}");
    }

    #[test]
    fn only_the_seeded_gauge_counts() {
        let gauge = |value| Gauge {
            kind: GaugeKind::Length,
            value,
            max: None,
            site: "seed.rs:1".to_owned(),
        };
        let dose = Dose {
            amount: 1,
            every: 1,
        };
        let fits = |name: &'static str| {
            let moved = moved(Kind::Length, dose, move |cycle, sample| {
                let gauges = sample.gauges.get_or_insert_default();
                gauges.insert("leakgate.seed.length".to_owned(), gauge(0));
                gauges.insert(name.to_owned(), gauge(i64::from(cycle)));
            });
            moved.fits()
        };
        assert!(fits("leakgate.seed.length"));
        assert!(!fits("sessions"));
    }
}
