//! Profiling: the scenario again on the dhat build, a window of N cycles and one of 2N.

use std::time::Duration;

use super::ending::{Stop, target_failed};
use super::scenario::{Build, Drive};
use super::{ProfileMode, cycle};
use crate::causes::with_causes;
use crate::profile;
use crate::record::event::{Event, Phase, ProfileWindow};
use crate::sample::probe::ProbeError;
use crate::target::{self, Messages};

/// Asynchronous code needs many: its user's frame lies under the runtime's.
const FRAMES: u32 = 64;
/// Cycles before the first window: what is made once is made before it.
const WARMUP: u32 = 3;
/// How long the target may take to come to rest at the end of a window; dhat makes it slow.
const QUIESCE_BOUND: Duration = Duration::from_secs(20);

impl Drive<'_, '_> {
    /// Runs both windows, keeps their profiles, and records what survived in each.
    pub(super) async fn profile(&mut self) -> Result<(), Stop> {
        let (driver, mut sampler) = self.start(Build::Dhat).await?;
        let shorter = self.scenario.cycles.profile;
        let sources = profile::Sources::under(&self.run.config.root);
        let mut cycle = 0;
        let mut windows = [0, 1].map(|_| profile::Profile::default());
        for (window, cycles) in [(None, WARMUP), (Some(0), shorter), (Some(1), 2 * shorter)] {
            let path = format!("profiles/{}.{cycles}.dhat.json", self.scenario.name);
            let file = self.run.directory.join(&path);
            let probe = sampler
                .probe()
                .ok_or_else(|| target_failed("the dhat build has no probe"))?;
            if window.is_some() {
                probe
                    .start_dhat(FRAMES, &file)
                    .await
                    .map_err(target_failed)?;
            }
            for _ in 0..cycles {
                cycle += 1;
                let done = cycle::run(self.scenario, self.run, &driver, Phase::Warmup, cycle).await;
                if let Err(failed) = done {
                    let place = format!(
                        "{} {}, profiled cycle {cycle}",
                        self.scenario.name, failed.place
                    );
                    return Err(self.failed(&place, failed.error).await);
                }
            }
            if let Some(window) = window {
                let probe = sampler
                    .probe()
                    .ok_or_else(|| target_failed("the dhat build has no probe"))?;
                let closed: Result<_, ProbeError> = async {
                    probe.quiesce(QUIESCE_BOUND).await?;
                    probe.stop_dhat().await
                }
                .await;
                if let Err(error) = closed {
                    return Err(self.failed("closing a profiled window", error.into()).await);
                }
                windows[window] = profile::Profile::read(&file, &sources).map_err(target_failed)?;
                self.recorder
                    .record(Event::ProfileWindow(ProfileWindow { cycles, path }))?;
            }
        }
        let compared = profile::compare(&windows, [shorter, 2 * shorter]);
        self.recorder.record(Event::SitesCompared(compared))?;
        drop((driver, sampler));
        self.stop().await
    }

    /// Builds the dhat variant, where the run has not done so before it began.
    pub(super) async fn build_profiled(&self) -> Result<(), Stop> {
        let build = self
            .target
            .profile
            .as_ref()
            .and_then(|profile| profile.build.as_ref());
        match build {
            Some(build) if self.run.profile == ProfileMode::OnLeak => {
                let config = &self.run.config;
                let built =
                    target::build(build, &config.root, &config.build_env, Messages::Kept).await;
                built.map_err(|error| target_failed(with_causes(&error)))
            }
            _ => Ok(()),
        }
    }
}
