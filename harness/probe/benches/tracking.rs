//! What it costs to know who allocates: the same allocations through the system's allocator bare, counted, tracked by us
//! exactly and in samples, recorded by dhat, and under heaptrack where that is installed. Two threads, stacks of some 20
//! frames. `program` fills every block and reads it before it frees it; `calls` does nothing but call the allocator.
//!
//! Many rounds with all by turns, so that whatever else the machine does meets them alike. The ratios are the result: of
//! processor time, and of the time by the clock, which also has the waiting for a lock.
//!
//! `cargo bench -p leakgate-probe --features track,dhat-heap --bench tracking`

#![expect(clippy::print_stdout, reason = "a bench is its own reporter")]

mod support;

use std::alloc::{GlobalAlloc, System};
use std::io::{BufRead, BufReader, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use leakgate_probe::{Counters, CountingAlloc, DhatAlloc, Probe, TrackAlloc};

use support::{Work, median_with_interval, on_two_threads, processor_time};

type Failure = Box<dyn std::error::Error>;

/// Per thread and round, of the plain program.
const STEPS: usize = 100_000;
/// dhat and heaptrack do so much less, so that their rounds take about as long.
const FEWER: usize = 20;
/// Frames between those of the work itself and those of its thread: what a daemon's own code adds.
const DEPTH: usize = 12;
/// Each round of each kind of work begins two tables, of which a process has 64.
const ROUNDS: usize = 15;
/// A test run of all targets does without `--bench` and wants to be short.
const ROUNDS_WHEN_TESTED: usize = 1;

/// Given to this program by itself: to do the plain work and say how long it took.
const PLAIN: &str = "--plain";

static COUNTERS: Counters = Counters::new();
static COUNTED: CountingAlloc = CountingAlloc::counting_into(System, &COUNTERS);
static TRACKED: TrackAlloc = TrackAlloc::system();
static DHAT: DhatAlloc = DhatAlloc::new();

#[derive(Clone, Copy, PartialEq, Eq)]
enum Subject {
    Bare,
    Counted,
    Sampled,
    Exact,
    Dhat,
    Heaptrack,
}

const SUBJECTS: [(Subject, &str); 6] = [
    (Subject::Bare, "System bare"),
    (Subject::Counted, "CountingAlloc"),
    (Subject::Sampled, "TrackAlloc, one sample in 512 KiB"),
    (Subject::Exact, "TrackAlloc, exact"),
    (Subject::Dhat, "dhat"),
    (Subject::Heaptrack, "heaptrack"),
];

/// How long something took.
#[derive(Clone, Copy)]
struct Times {
    processor: Duration,
    clock: Duration,
}

/// The probe of this program, which begins and ends what is recorded.
struct Recorder {
    client: BufReader<UnixStream>,
    _probe: Probe,
    directory: tempfile::TempDir,
}

impl Recorder {
    fn start() -> Result<Self, Failure> {
        let directory = tempfile::tempdir()?;
        let socket = directory.path().join("probe.sock");
        let probe = Probe::builder().start(&socket)?;
        Ok(Self {
            client: BufReader::new(UnixStream::connect(&socket)?),
            _probe: probe,
            directory,
        })
    }

    fn ask(&mut self, request: &str) -> Result<(), Failure> {
        writeln!(self.client.get_mut(), "{request}")?;
        let mut answer = String::new();
        self.client.read_line(&mut answer)?;
        if answer.starts_with("{\"ok\":true") {
            Ok(())
        } else {
            Err(format!("{request}: {answer}").into())
        }
    }
}

fn main() -> Result<(), Failure> {
    let arguments: Vec<String> = std::env::args().collect();
    if let Some(at) = arguments.iter().position(|argument| argument == PLAIN) {
        return plain(arguments.get(at + 1).map(String::as_str));
    }
    let benching = arguments.iter().any(|argument| argument == "--bench");
    let rounds = if benching { ROUNDS } else { ROUNDS_WHEN_TESTED };
    let heaptrack = heaptrack_is_there();
    let mut recorder = Recorder::start()?;
    for (name, work) in [("program", Work::Program), ("calls", Work::Calls)] {
        let mut ratios = SUBJECTS.map(|_| (Vec::new(), Vec::new()));
        for round in 0..rounds {
            let mut times: [Option<Times>; SUBJECTS.len()] = [None; SUBJECTS.len()];
            for turn in 0..SUBJECTS.len() {
                // Nobody is always the first.
                let at = (round + turn) % SUBJECTS.len();
                let subject = SUBJECTS[at].0;
                if subject != Subject::Heaptrack || heaptrack {
                    times[at] = Some(run(&mut recorder, subject, work)?);
                }
            }
            let bare = times[0].ok_or("the plain program always runs")?;
            for ((processor, clock), times) in ratios.iter_mut().zip(times) {
                if let Some(times) = times {
                    processor.push(times.processor.div_duration_f64(bare.processor));
                    clock.push(times.clock.div_duration_f64(bare.clock));
                }
            }
        }
        for ((_, subject), (processor, clock)) in SUBJECTS.iter().zip(&mut ratios).skip(1) {
            report(name, subject, processor, clock);
        }
    }
    Ok(())
}

fn report(work: &str, subject: &str, processor: &mut [f64], clock: &mut [f64]) {
    if processor.is_empty() {
        println!("{work:<8} {subject:<34} skipped: it is not installed");
        return;
    }
    let rounds = processor.len();
    let (low, median, high) = median_with_interval(processor);
    let (_, by_clock, _) = median_with_interval(clock);
    println!(
        "{work:<8} {subject:<34} {median:>6.2} of the plain processor time (95 % interval {low:.2} to {high:.2}), \
         {by_clock:>6.2} by the clock; {rounds} rounds"
    );
}

/// One round of one subject, as if it had done all of the work.
fn run(recorder: &mut Recorder, subject: Subject, work: Work) -> Result<Times, Failure> {
    let times = match subject {
        Subject::Bare => timed(&System, work, STEPS),
        Subject::Counted => timed(&COUNTED, work, STEPS),
        Subject::Sampled => {
            recorder.ask("track start sample 524288 64")?;
            let times = timed(&TRACKED, work, STEPS);
            recorder.ask("track stop")?;
            times
        }
        Subject::Exact => {
            recorder.ask("track start exact 64")?;
            let times = timed(&TRACKED, work, STEPS);
            recorder.ask("track stop")?;
            times
        }
        Subject::Dhat => {
            let file = recorder.directory.path().join("dhat.json");
            recorder.ask(&format!("dhat start 64 {}", file.display()))?;
            let times = scaled(timed(&DHAT, work, STEPS / FEWER));
            recorder.ask("dhat stop")?;
            times
        }
        Subject::Heaptrack => scaled(under_heaptrack(recorder.directory.path(), work)?),
    };
    Ok(times)
}

fn scaled(times: Times) -> Times {
    let times_as_much = u32::try_from(FEWER).unwrap_or(1);
    Times {
        processor: times.processor * times_as_much,
        clock: times.clock * times_as_much,
    }
}

fn timed(alloc: &(impl GlobalAlloc + Sync), work: Work, steps: usize) -> Times {
    let (processor, clock) = (processor_time(), Instant::now());
    on_two_threads(alloc, work, steps, DEPTH);
    Times {
        processor: processor_time().saturating_sub(processor),
        clock: clock.elapsed(),
    }
}

fn heaptrack_is_there() -> bool {
    let version = Command::new("heaptrack").arg("--version").output();
    version.is_ok_and(|output| output.status.success())
}

/// The plain program under heaptrack, as it times itself.
fn under_heaptrack(directory: &Path, work: Work) -> Result<Times, Failure> {
    let kind = match work {
        Work::Program => "program",
        Work::Calls => "calls",
    };
    let output = Command::new("heaptrack")
        .arg("--raw")
        .arg("-o")
        .arg(directory.join("heaptrack"))
        .arg(std::env::current_exe()?)
        .args([PLAIN, kind])
        .output()?;
    let text = String::from_utf8_lossy(&output.stdout);
    let line = text.lines().find_map(|line| line.strip_prefix(PLAIN));
    let numbers: Vec<u64> = line
        .ok_or_else(|| format!("heaptrack: {text}"))?
        .split_whitespace()
        .map(str::parse)
        .collect::<Result<_, _>>()?;
    let [processor, clock] = *numbers.as_slice() else {
        return Err("two numbers of nanoseconds".into());
    };
    Ok(Times {
        processor: Duration::from_nanos(processor),
        clock: Duration::from_nanos(clock),
    })
}

/// Does the plain work and says how long it took, nanoseconds.
fn plain(kind: Option<&str>) -> Result<(), Failure> {
    let work = match kind {
        Some("program") => Work::Program,
        Some("calls") => Work::Calls,
        _ => return Err("the kind of work: program or calls".into()),
    };
    let times = timed(&System, work, STEPS / FEWER);
    println!(
        "{PLAIN} {} {}",
        times.processor.as_nanos(),
        times.clock.as_nanos()
    );
    Ok(())
}
