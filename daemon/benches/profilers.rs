//! What it costs the daemon to know who allocates: the same output through a detached session of the `sessiond` that
//! ships, of the one with the probe's tracker (idle, sampling, exact), and of the one with dhat.
//!
//! Each round starts every daemon anew, by turns; what is compared is the processor time of the daemon alone and the time
//! by the clock until the session has ended. The ratios are the result.
//!
//! `cargo bench -p sessiond --features track,dhat-heap --bench profilers`; `SESSIOND_BENCH_MIB` sets the size (16).

#![expect(clippy::print_stdout, reason = "a bench is its own reporter")]

#[path = "support/session.rs"]
mod session;
mod support;

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use sessiond_client::Client;

use session::{through_session, write_lines};
use support::{Daemon, Failure};

/// How a daemon is started, and what its probe is asked before the load.
struct Subject {
    name: &'static str,
    program: &'static str,
    request: Option<&'static str>,
}

const SHIPPED: &str = env!("CARGO_BIN_EXE_sessiond");
const TRACK: &str = env!("CARGO_BIN_EXE_sessiond-track");

const SUBJECTS: [Subject; 5] = [
    Subject {
        name: "sessiond",
        program: SHIPPED,
        request: None,
    },
    Subject {
        name: "tracker, idle",
        program: TRACK,
        request: None,
    },
    Subject {
        name: "tracker, one sample in 512 KiB",
        program: TRACK,
        request: Some("track start sample 524288 64"),
    },
    Subject {
        name: "tracker, exact",
        program: TRACK,
        request: Some("track start exact 64"),
    },
    Subject {
        name: "dhat",
        program: env!("CARGO_BIN_EXE_sessiond-dhat"),
        request: Some("dhat start 64 FILE"),
    },
];

/// How long the load took.
#[derive(Clone, Copy, Default)]
struct Times {
    processor: Duration,
    clock: Duration,
}

fn main() -> Result<(), Failure> {
    // cargo bench passes a flag of its own; a test run of all targets does not, and wants to be short.
    let benching = std::env::args().any(|argument| argument == "--bench");
    let (rounds, default_mib) = if benching { (7, 16) } else { (1, 2) };
    let mib = match std::env::var("SESSIOND_BENCH_MIB") {
        Ok(text) => text.parse()?,
        Err(_) => default_mib,
    };
    let directory = tempfile::tempdir()?;
    let input = directory.path().join("input");
    write_lines(&input, mib << 20)?;
    let mut ratios = SUBJECTS.map(|_| (Vec::new(), Vec::new()));
    for round in 0..rounds {
        let mut times = [Times::default(); SUBJECTS.len()];
        for turn in 0..SUBJECTS.len() {
            // Nobody is always the first.
            let at = (round + turn) % SUBJECTS.len();
            let own = directory.path().join(format!("{round}.{at}"));
            fs::create_dir(&own)?;
            times[at] = timed(&SUBJECTS[at], &input, &own)?;
        }
        for ((processor, clock), spent) in ratios.iter_mut().zip(&times) {
            processor.push(spent.processor.div_duration_f64(times[0].processor));
            clock.push(spent.clock.div_duration_f64(times[0].clock));
        }
    }
    println!("{mib} MiB of output through a detached session; medians of {rounds} rounds");
    for (subject, (processor, clock)) in SUBJECTS.iter().zip(&mut ratios).skip(1) {
        report(subject.name, processor, clock);
    }
    Ok(())
}

fn report(subject: &str, processor: &mut [f64], clock: &mut [f64]) {
    processor.sort_by(f64::total_cmp);
    clock.sort_by(f64::total_cmp);
    let middle = processor.len() / 2;
    println!(
        "{subject:<32} {:>6.2} of sessiond's processor time ({:.2} to {:.2}), {:>6.2} by the clock",
        processor[middle],
        processor[0],
        processor[processor.len() - 1],
        clock[middle],
    );
}

/// Starts the daemon, puts the input through it, and reads its clocks.
fn timed(subject: &Subject, input: &Path, own: &Path) -> Result<Times, Failure> {
    let mut command = Command::new(subject.program);
    let probe = own.join("probe.sock");
    command.env("LEAKGATE_PROBE", &probe).stderr(Stdio::null());
    let daemon = Daemon::start(command, &own.join("s.sock"))?;
    let mut probe = BufReader::new(UnixStream::connect(&probe)?);
    let hello = ask(&mut probe, "hello")?;
    let pid = hello["pid"].as_u64().ok_or("a probe has a process")?;
    if let Some(request) = subject.request {
        let file = own.join("profile.json");
        ask(
            &mut probe,
            &request.replace("FILE", &file.to_string_lossy()),
        )?;
    }
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let (before, started) = (processor_time(pid)?, Instant::now());
    let session = runtime.block_on(async {
        let client = Client::connect(&daemon.socket).await?;
        let session = through_session(&client, input).await?;
        client.close_session(session).await?;
        Ok::<_, Failure>(session)
    });
    let times = Times {
        clock: started.elapsed(),
        processor: processor_time(pid)?.saturating_sub(before),
    };
    session?;
    Ok(times)
}

fn ask(probe: &mut BufReader<UnixStream>, request: &str) -> Result<serde_json::Value, Failure> {
    writeln!(probe.get_mut(), "{request}")?;
    let mut line = String::new();
    probe.read_line(&mut line)?;
    let answer: serde_json::Value = serde_json::from_str(&line)?;
    if answer["ok"] == serde_json::Value::Bool(true) {
        Ok(answer)
    } else {
        Err(format!("{request}: {line}").into())
    }
}

/// User and system time of a process so far, without its children (proc(5), `stat`).
fn processor_time(pid: u64) -> Result<Duration, Failure> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat"))?;
    // The name is in parentheses and may hold anything; the state follows it as field 3.
    let fields = stat.rsplit(')').next().ok_or("a line of fields")?;
    let fields: Vec<&str> = fields.split_whitespace().collect();
    let ticks: u64 = fields[11].parse::<u64>()? + fields[12].parse::<u64>()?;
    let per_second = rustix::param::clock_ticks_per_second();
    Ok(Duration::from_millis(ticks * 1000 / per_second))
}
