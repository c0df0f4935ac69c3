//! Profiling: the scenario again on a build for heap profiles, read after N cycles and after 2N.
//!
//! dhat knows what was allocated in a window and is alive at its end: it gets two, of N and of 2N cycles. The probe's
//! tracker is read while it runs: it gets one stretch of 2N cycles, with a snapshot in its middle and one at its end. In
//! both cases the first profile holds what N cycles left, the second what 2N did.

use std::path::PathBuf;
use std::time::Duration;

use super::driver::Driver;
use super::ending::{Stop, target_failed};
use super::scenario::{Build, Drive};
use super::{ProfileMode, Profiler, cycle};
use crate::causes::with_causes;
use crate::profile::{self, Profile, Sources};
use crate::record::event::{Event, Phase, ProfileWindow};
use crate::sample::Sampler;
use crate::sample::probe::{ProbeClient, ProbeError};
use crate::target::{self, Messages};

/// Asynchronous code needs many: its user's frame lies under the runtime's.
const FRAMES: u32 = 64;
/// Cycles before the first window: what is made once is made before it.
const WARMUP: u32 = 3;
/// How long the target may take to come to rest before it is read; dhat makes it slow.
const QUIESCE_BOUND: Duration = Duration::from_secs(20);

/// A target under a heap profiler.
struct Profiled {
    driver: Driver,
    sampler: Sampler,
    /// The user's own sources.
    sources: Sources,
    /// Cycles so far.
    cycle: u32,
}

/// Where one profile lies.
struct Place {
    cycles: u32,
    /// Relative to the run's directory.
    path: String,
    file: PathBuf,
}

impl Drive<'_, '_> {
    /// Profiles N cycles and 2N, keeps both profiles, and records what survived in each.
    pub(super) async fn profile(&mut self) -> Result<(), Stop> {
        let (driver, sampler) = self.start(Build::Profiled).await?;
        let mut profiled = Profiled {
            driver,
            sampler,
            sources: Sources::under(&self.run.config.root),
            cycle: 0,
        };
        self.cycles(&mut profiled, WARMUP).await?;
        let shorter = self.scenario.cycles.profile;
        let windows = [shorter, 2 * shorter];
        let profiles = match self.run.profiler {
            Profiler::Dhat => self.windows(&mut profiled, windows).await?,
            Profiler::Track => self.snapshots(&mut profiled, windows).await?,
        };
        let compared = profile::compare(&profiles, windows);
        self.recorder.record(Event::SitesCompared(compared))?;
        drop(profiled);
        self.stop().await
    }

    /// Opens and closes a window of dhat's around each of these numbers of cycles.
    async fn windows(
        &mut self,
        profiled: &mut Profiled,
        windows: [u32; 2],
    ) -> Result<[Profile; 2], Stop> {
        let mut profiles = [0, 1].map(|_| Profile::default());
        for (profile, cycles) in profiles.iter_mut().zip(windows) {
            let place = self.place(cycles, "dhat");
            let opened = probe_of(profiled)?.start_dhat(FRAMES, &place.file).await;
            opened.map_err(target_failed)?;
            self.cycles(profiled, cycles).await?;
            let probe = probe_of(profiled)?;
            let closed: Result<_, ProbeError> = async {
                probe.quiesce(QUIESCE_BOUND).await?;
                probe.stop_dhat().await
            }
            .await;
            if let Err(error) = closed {
                return Err(self.failed("closing a profiled window", error.into()).await);
            }
            *profile = self.keep(place, &profiled.sources)?;
        }
        Ok(profiles)
    }

    /// Tracks from now on, and takes a snapshot when each of these numbers of cycles is reached.
    async fn snapshots(
        &mut self,
        profiled: &mut Profiled,
        windows: [u32; 2],
    ) -> Result<[Profile; 2], Stop> {
        let begun = probe_of(profiled)?.start_tracking(FRAMES).await;
        begun.map_err(target_failed)?;
        let mut profiles = [0, 1].map(|_| Profile::default());
        let mut done = 0;
        for (profile, cycles) in profiles.iter_mut().zip(windows) {
            self.cycles(profiled, cycles - done).await?;
            done = cycles;
            let place = self.place(cycles, "track");
            let probe = probe_of(profiled)?;
            let read: Result<_, ProbeError> = async {
                probe.quiesce(QUIESCE_BOUND).await?;
                probe.snapshot(&place.file).await
            }
            .await;
            if let Err(error) = read {
                return Err(self.failed("taking a snapshot", error.into()).await);
            }
            profile::resolve(&place.file).map_err(|error| target_failed(with_causes(&error)))?;
            *profile = self.keep(place, &profiled.sources)?;
        }
        Ok(profiles)
    }

    async fn cycles(&mut self, profiled: &mut Profiled, cycles: u32) -> Result<(), Stop> {
        for _ in 0..cycles {
            profiled.cycle += 1;
            let (driver, cycle) = (&profiled.driver, profiled.cycle);
            let done = cycle::run(self.scenario, self.run, driver, Phase::Warmup, cycle).await;
            if let Err(failed) = done {
                let place = format!(
                    "{} {}, profiled cycle {cycle}",
                    self.scenario.name, failed.place
                );
                return Err(self.failed(&place, failed.error).await);
            }
        }
        Ok(())
    }

    fn place(&self, cycles: u32, profiler: &str) -> Place {
        let path = format!("profiles/{}.{cycles}.{profiler}.json", self.scenario.name);
        let file = self.run.directory.join(&path);
        Place { cycles, path, file }
    }

    /// Reads a profile that was written, and records it.
    fn keep(&mut self, place: Place, sources: &Sources) -> Result<Profile, Stop> {
        let profile = Profile::read(&place.file, sources).map_err(target_failed)?;
        let Place { cycles, path, .. } = place;
        self.recorder
            .record(Event::ProfileWindow(ProfileWindow { cycles, path }))?;
        Ok(profile)
    }

    /// Builds the variant for heap profiles, where the run has not done so before it began.
    pub(super) async fn build_profiled(&self) -> Result<(), Stop> {
        let variant = self.run.profiler.variant(self.target);
        match variant.and_then(|variant| variant.build.as_ref()) {
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

fn probe_of(profiled: &mut Profiled) -> Result<&mut ProbeClient, Stop> {
    let probe = profiled.sampler.probe();
    probe.ok_or_else(|| target_failed("the build for heap profiles has no probe"))
}
