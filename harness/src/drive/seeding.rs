//! Seeding: what a self-test makes the target keep, after the load of a cycle and before its sample is taken.

use std::path::PathBuf;

use crate::record::event::Phase;
use crate::sample::probe::{ProbeClient, ProbeError};
use crate::sample::seed::Seed;
use crate::target::Instance;

/// A seed, and the cycles after whose load it is sown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Seeding {
    /// What is sown.
    pub seed: Seed,
    /// After which cycles.
    pub when: Sowing,
}

/// Cycles after whose load a seed is sown; they count from 1 in each phase.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sowing {
    /// Every n-th, those of the warm-up too: as a leak of the target's own would be.
    Every(u32),
    /// From this measured one on, all of them.
    From(u32),
}

impl Sowing {
    fn includes(self, phase: Phase, cycle: u32) -> bool {
        match self {
            Sowing::Every(n) => cycle.is_multiple_of(n),
            Sowing::From(first) => phase == Phase::Measure && cycle >= first,
        }
    }
}

/// Sows one seeding in one target, over a connection of its own to the target's probe.
#[derive(Debug)]
pub(super) struct Sower {
    seeding: Seeding,
    probe: ProbeClient,
    /// Where files are left: the target's own directory for temporary files.
    directory: PathBuf,
}

impl Sower {
    pub(super) async fn connect(seeding: Seeding, instance: &Instance) -> Result<Self, ProbeError> {
        Ok(Self {
            seeding,
            probe: ProbeClient::connect(&instance.probe_socket()).await?,
            directory: instance.private().join("tmp"),
        })
    }

    /// Sows the seed, where this cycle is one of its own.
    pub(super) async fn after(&mut self, phase: Phase, cycle: u32) -> Result<(), ProbeError> {
        match self.seeding.when.includes(phase, cycle) {
            true => self.probe.seed(&self.seeding.seed, &self.directory).await,
            false => Ok(()),
        }
    }
}
