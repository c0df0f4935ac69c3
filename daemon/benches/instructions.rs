//! What the counting allocator costs the daemon, in instructions: the same load on the `sessiond` that ships and on the
//! same library without a counting allocator, each under valgrind's callgrind.
//!
//! - `output`: a file of 80-column text, `cat`ed through a detached session.
//! - `requests`: sessions opened and closed, and many small requests: what allocates most per instruction.
//!
//! What is counted is everything that the daemon executes from its start to its end, on all of its threads. This program
//! has no counting allocator and is itself the other daemon: called with `serve`, it runs the library. So the shipped
//! program needs no switch.
//!
//! `cargo bench -p sessiond --bench instructions`; `SESSIOND_BENCH_MIB` sets the size of the output (16), `-- --quick`
//! takes 2 MiB and one round instead of three. Skipped, with the reason, where there is no valgrind. The goal is at most
//! 1.02 for `output`.

#![expect(clippy::print_stdout, reason = "a bench is its own reporter")]

mod support;

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};

use sessiond_client::Client;
use sessiond_protocol::CreateParams;

use support::{Daemon, Failure, through_session, write_lines};

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

/// What the daemon is made to do.
#[derive(Clone, Copy)]
enum Load<'a> {
    /// One session that puts this file out.
    Output(&'a Path),
    /// So many sessions one after the other, each asked for [`REQUESTS`] times.
    Requests { sessions: u32 },
}

/// Requests while one session is open.
const REQUESTS: u32 = 100;

fn compare(plan: &Plan) -> Result<(), Failure> {
    let directory = tempfile::tempdir()?;
    let input = directory.path().join("input");
    write_lines(&input, plan.bytes)?;
    let without = std::env::current_exe()?;
    let with = PathBuf::from(env!("CARGO_BIN_EXE_sessiond"));
    println!("load          without counting       with counting  ratio of the medians");
    let sessions = 20;
    for (name, load) in [
        ("output", Load::Output(&input)),
        ("requests", Load::Requests { sessions }),
    ] {
        let (mut bare, mut counted) = (Vec::new(), Vec::new());
        for round in 0..plan.rounds {
            let own = |who: &str| directory.path().join(format!("{name}-{who}{round}"));
            bare.push(instructions(&without, load, &own("bare"))?);
            counted.push(instructions(&with, load, &own("counted"))?);
        }
        let (bare, counted) = (median(bare), median(counted));
        println!(
            "{name:<10} {bare:>19} {counted:>19}  {:.4}",
            ratio(counted, bare)
        );
    }
    println!(
        "instructions of the daemon's life; median of {} rounds, by turns; {} MiB of output, {} requests",
        plan.rounds,
        plan.bytes >> 20,
        sessions * REQUESTS
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

/// The instructions that the daemon `program` executes in its life, in which it carries `load`.
fn instructions(program: &Path, load: Load<'_>, directory: &Path) -> Result<u64, Failure> {
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
    runtime.block_on(drive(&daemon.socket, load))?;
    drop(daemon);
    total(&fs::read_to_string(counts)?)
}

async fn drive(socket: &Path, load: Load<'_>) -> Result<(), Failure> {
    let client = Client::connect(socket).await?;
    match load {
        Load::Output(input) => {
            let session = through_session(&client, input).await?;
            client.close_session(session).await?;
        }
        Load::Requests { sessions } => {
            for _ in 0..sessions {
                let command = vec!["cat".to_owned()];
                let params = CreateParams {
                    command,
                    ..CreateParams::default()
                };
                let session = client.create(params).await?;
                for _ in 0..REQUESTS {
                    client.list().await?;
                }
                client.close_session(session.id).await?;
            }
        }
    }
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
