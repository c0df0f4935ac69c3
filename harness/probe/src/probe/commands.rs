//! Owns what each request does, and what its answer says.

use std::time::Instant;

use super::quiesce::Quiesce;
use super::readings;
use crate::busy::Busy;
use crate::counting;
use crate::dhat_window::{DhatError, DhatWindow};
use crate::gauge::Gauge;
use crate::protocol::answer::Answer;
use crate::protocol::request::Request;
use crate::protocol::seed::Seed;
use crate::protocol::track::Track;
use crate::seed::{self, SeedError, Seeds};
use crate::track::{TrackError, TrackWindow, Written};

/// The version of the requests and answers. It moves when a reader of the last one would misread; additions do not
/// move it.
const PROBE_PROTOCOL: u64 = 1;

/// What is asked about: this process, and what its daemon registered.
pub(super) struct Subject {
    gauges: [&'static [&'static Gauge]; 2],
    busy: Option<&'static Busy>,
    allocator: &'static str,
    dhat: DhatWindow,
    track: TrackWindow,
    /// Only in a process that was armed for them.
    seeds: Option<Box<Seeds>>,
}

/// Whether a request has its answer.
pub(super) enum Reply {
    /// It stands in the buffer.
    Written,
    /// It comes once the daemon rests, or the time is up.
    Later(Quiesce),
}

impl Subject {
    pub(super) fn new(
        gauges: [&'static [&'static Gauge]; 2],
        busy: Option<&'static Busy>,
        allocator: &'static str,
        seeds: Option<Box<Seeds>>,
    ) -> Self {
        Self {
            gauges,
            busy,
            allocator,
            dhat: DhatWindow::new(),
            track: TrackWindow::new(),
            seeds,
        }
    }

    pub(super) fn reply(&mut self, request: &Request<'_>, answer: &mut Answer) -> Reply {
        match *request {
            Request::Hello => self.hello(answer),
            Request::Stats => stats(answer),
            Request::Memory => memory(answer),
            Request::PeakReset => {
                counting::reset_heap_peak();
                answer.ok(|_| {});
            }
            Request::Gauges => self.gauges(answer),
            Request::Quiesce { within } => {
                if self.busy.is_some() {
                    return Reply::Later(Quiesce::new(Instant::now(), within));
                }
                answer.error(
                    "unsupported",
                    "this daemon has not registered what tells when it is at rest",
                );
            }
            Request::Trim => trim(answer),
            Request::DhatStart { frames, path } => done(self.dhat.start(frames, path), answer),
            Request::DhatStop => done(self.dhat.stop(), answer),
            Request::Track(ref track) => self.track(track, answer),
            Request::Seed(seed) => self.sow(seed, answer),
        }
        Reply::Written
    }

    /// Looks whether a wait for rest is over. If so, its answer stands in the buffer.
    pub(super) fn look(&self, waiting: &mut Quiesce, answer: &mut Answer) -> bool {
        let state = self.busy.expect("no wait begins without it").state();
        let Some(rest) = waiting.look(Instant::now(), state) else {
            return false;
        };
        answer.ok(|answer| {
            answer.flag("idle", rest.idle);
            answer.number("epoch", rest.epoch);
            let waited_ms = u64::try_from(rest.waited.as_millis()).unwrap_or(u64::MAX);
            answer.number("waited_ms", waited_ms);
        });
        true
    }

    fn hello(&self, answer: &mut Answer) {
        answer.ok(|answer| {
            answer.number("probe", PROBE_PROTOCOL);
            answer.text("version", env!("CARGO_PKG_VERSION"));
            answer.number("pid", u64::from(std::process::id()));
            answer.text("allocator", self.allocator);
            answer.flag("dhat", cfg!(feature = "dhat-heap"));
            answer.flag("track", cfg!(feature = "track"));
        });
    }

    fn track(&mut self, request: &Track<'_>, answer: &mut Answer) {
        let done: Result<Option<Written>, TrackError> = match *request {
            Track::Start { mode, frames } => self.track.start(mode, frames).map(|()| None),
            Track::Snapshot { path } => self.track.snapshot(path).map(Some),
            Track::Stop => self.track.stop().map(|()| None),
        };
        match done {
            Ok(None) => answer.ok(|_| {}),
            Ok(Some(written)) => answer.ok(|answer| {
                answer.number("sites", written.sites);
                answer.number("overflowed_blocks", written.overflowed_blocks);
            }),
            Err(error) => answer.error(error.word(), error),
        }
    }

    fn sow(&mut self, seed: Seed<'_>, answer: &mut Answer) {
        let sown = match &mut self.seeds {
            Some(seeds) => seeds.sow(seed),
            None => Err(SeedError::NotArmed),
        };
        match sown {
            Ok(()) => answer.ok(|_| {}),
            Err(error) => answer.error(error.word(), error),
        }
    }

    fn gauges(&self, answer: &mut Answer) {
        answer.ok(|answer| {
            answer.list("gauges", |list| {
                let seeded = self.seeds.as_ref().map_or(&[][..], |_| seed::GAUGES);
                for gauge in self.gauges.into_iter().flatten().chain(seeded) {
                    list.element(|element| describe(gauge, element));
                }
            });
        });
    }
}

fn describe(gauge: &Gauge, element: &mut Answer) {
    element.text("name", gauge.name());
    element.text("kind", gauge.kind().word());
    element.signed_number("value", gauge.get());
    element.signed_number("peak", gauge.peak());
    match gauge.kind().max_bytes() {
        Some(max) => element.number("max", max as u64),
        None => element.null("max"),
    }
    element.text("file", gauge.site().file());
    element.number("line", u64::from(gauge.site().line()));
}

fn stats(answer: &mut Answer) {
    // The heap last: nothing that the other readings do can then fall between it and the answer.
    let memory = readings::memory();
    let c_heap = readings::c_heap();
    let heap = counting::heap();
    answer.ok(|answer| {
        match heap {
            Some(heap) => answer.object("heap", |object| {
                object.number("live_bytes", heap.live_bytes);
                object.number("live_blocks", heap.live_blocks);
                object.number("allocated_bytes", heap.allocated_bytes);
                object.number("allocated_blocks", heap.allocated_blocks);
                object.number("peak_bytes", heap.peak_bytes);
                object.number("peak_error_bytes", heap.peak_error_bytes);
            }),
            None => answer.null("heap"),
        }
        describe_memory(memory, answer);
        match c_heap {
            Some(c_heap) => answer.object("c_heap", |object| {
                object.number("in_use_bytes", c_heap.in_use_bytes);
                object.number("mapped_bytes", c_heap.mapped_bytes);
                object.number("free_bytes", c_heap.free_bytes);
            }),
            None => answer.null("c_heap"),
        }
    });
}

/// Allocates while it reads, as `dhat` and `track` do.
fn memory(answer: &mut Answer) {
    let memory = readings::memory_from_memory_stats();
    answer.ok(|answer| describe_memory(memory, answer));
}

fn describe_memory(memory: Option<readings::Memory>, answer: &mut Answer) {
    match memory {
        Some(memory) => answer.object("memory", |object| {
            object.number("resident_bytes", memory.resident_bytes);
            object.number("virtual_bytes", memory.virtual_bytes);
        }),
        None => answer.null("memory"),
    }
}

fn trim(answer: &mut Answer) {
    match readings::trim() {
        Some(released) => answer.ok(|answer| answer.flag("released", released)),
        None => answer.error(
            "unsupported",
            "this C library's allocator cannot be trimmed",
        ),
    }
}

fn done(outcome: Result<(), DhatError>, answer: &mut Answer) {
    match outcome {
        Ok(()) => answer.ok(|_| {}),
        Err(error) => answer.error(error.word(), error),
    }
}
