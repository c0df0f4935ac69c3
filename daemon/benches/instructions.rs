//! What the counting allocator costs the daemon, in instructions: the same heavy output through the `sessiond` that
//! ships and through the same library without a counting allocator, each under valgrind's callgrind.
//!
//! A file of 80-column text is `cat`ed through a detached session; what is counted is everything that the daemon
//! executes from its start to its end, on all of its threads. This program has no counting allocator and is itself the
//! other daemon: called with `serve`, it runs the library. So the shipped program needs no switch.
//!
//! `cargo bench -p sessiond --bench instructions`; `SESSIOND_BENCH_MIB` sets the size (16), `-- --quick` takes 2 MiB
//! and one round instead of three. Skipped, with the reason, where there is no valgrind. The goal is at most 1.02.

#![expect(clippy::print_stdout, reason = "a bench is its own reporter")]

#[path = "support/session.rs"]
mod session;
mod support;

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};

use sessiond_client::Client;

use session::{through_session, write_lines};
use support::{Daemon, Failure};

struct Plan {
    bytes: usize,
    rounds: usize,
}

impl Plan {
    fn from_arguments(arguments: &[OsString]) -> Result<Self, Failure> {
        // cargo bench passes flags of its own; a test run of all targets passes none of them and wants to be short.
        let quick = arguments.iter().any(|argument| argument == "--quick")
            || !arguments.iter().any(|argument| argument == "--bench");
        let mib: usize = match std::env::var("SESSIOND_BENCH_MIB") {
            Ok(text) => text.parse()?,
            Err(_) if quick => 2,
            Err(_) => 16,
        };
        Ok(Self {
            bytes: mib << 20,
            rounds: if quick { 1 } else { 3 },
        })
    }
}

fn main() -> Result<ExitCode, Failure> {
    let arguments: Vec<OsString> = std::env::args_os().collect();
    if arguments.iter().any(|argument| argument == "serve") {
        return Ok(sessiond::run());
    }
    if !valgrind_runs() {
        println!("skipped: valgrind cannot be run here (Debian: apt-get install valgrind)");
        return Ok(ExitCode::SUCCESS);
    }
    compare(&Plan::from_arguments(&arguments)?)?;
    Ok(ExitCode::SUCCESS)
}

fn valgrind_runs() -> bool {
    let mut version = Command::new("valgrind");
    version.arg("--version").stdout(Stdio::null());
    version.status().is_ok_and(|status| status.success())
}

fn compare(plan: &Plan) -> Result<(), Failure> {
    let directory = tempfile::tempdir()?;
    let input = directory.path().join("input");
    write_lines(&input, plan.bytes)?;
    let without = std::env::current_exe()?;
    let with = PathBuf::from(env!("CARGO_BIN_EXE_sessiond"));
    let (mut bare, mut counted) = (Vec::new(), Vec::new());
    for round in 0..plan.rounds {
        let own = |who: &str| directory.path().join(format!("{who}{round}"));
        bare.push(instructions(&without, &input, &own("bare"))?);
        counted.push(instructions(&with, &input, &own("counted"))?);
    }
    println!("without counting     {bare:?}");
    println!("with counting        {counted:?}");
    println!(
        "ratio of the medians {:.4} (instructions of the daemon's life; {} MiB of output; by turns)",
        ratio(median(counted), median(bare)),
        plan.bytes >> 20
    );
    Ok(())
}

fn median(mut counts: Vec<u64>) -> u64 {
    counts.sort_unstable();
    counts[counts.len() / 2]
}

#[expect(
    clippy::cast_precision_loss,
    reason = "counts of instructions are far below 2^53"
)]
fn ratio(part: u64, whole: u64) -> f64 {
    part as f64 / whole as f64
}

/// The instructions that the daemon `program` executes in its life, in which one session puts `input` out.
fn instructions(program: &Path, input: &Path, directory: &Path) -> Result<u64, Failure> {
    fs::create_dir(directory)?;
    let mut command = Command::new("valgrind");
    // The children between fork and exec write counts of their own, under their own numbers.
    command
        .arg("--tool=callgrind")
        .arg(in_file(
            "--callgrind-out-file=",
            &directory.join("counts.%p"),
        ))
        .arg(in_file("--log-file=", &directory.join("log.%p")))
        .arg(program)
        .stderr(Stdio::null());
    let daemon = Daemon::start(command, &directory.join("s.sock"))?;
    let counts = directory.join(format!("counts.{}", daemon.child.id()));
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    runtime.block_on(drive(&daemon.socket, input))?;
    drop(daemon);
    total(&fs::read_to_string(counts)?)
}

async fn drive(socket: &Path, input: &Path) -> Result<(), Failure> {
    let client = Client::connect(socket).await?;
    let session = through_session(&client, input).await?;
    client.close_session(session).await?;
    Ok(())
}

fn in_file(option: &str, path: &Path) -> OsString {
    let mut argument = OsString::from(option);
    argument.push(path);
    argument
}

/// Callgrind's own sum, the line `totals: N`.
fn total(counts: &str) -> Result<u64, Failure> {
    let line = counts
        .lines()
        .find_map(|line| line.strip_prefix("totals: "));
    Ok(line.ok_or("callgrind wrote no totals")?.trim().parse()?)
}
