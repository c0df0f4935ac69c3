//! How much of a terminal's speed a detached session keeps, screen and scrollback included.
//!
//! A file of 80-column text is `cat`ed through a PTY, alternately to a bare reader loop in this process and to a session
//! of the real `sessiond`; medians and their ratio are printed. `SESSIOND_BENCH_MIB` sets the size (100), `-- --quick`
//! takes 20 MiB and three rounds instead of five. The goal is at least 0.5.

#![expect(clippy::print_stdout, reason = "a bench is its own reporter")]

#[path = "support/session.rs"]
mod session;
mod support;

use std::io::Read;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use portable_pty::{CommandBuilder, PtySize, native_pty_system};
use sessiond_client::Client;

use session::write_lines;
use support::{Daemon, Failure};

struct Plan {
    bytes: usize,
    rounds: usize,
}

impl Plan {
    fn from_environment() -> Result<Self, Failure> {
        // cargo bench passes flags of its own; a test run of all targets passes none of them and wants to be short.
        let quick = std::env::args().any(|argument| argument == "--quick")
            || !std::env::args().any(|a| a == "--bench");
        let mib: usize = match std::env::var("SESSIOND_BENCH_MIB") {
            Ok(text) => text.parse()?,
            Err(_) if quick => 20,
            Err(_) => 100,
        };
        Ok(Self {
            bytes: mib << 20,
            rounds: if quick { 3 } else { 5 },
        })
    }
}

fn main() -> Result<(), Failure> {
    let plan = Plan::from_environment()?;
    let directory = tempfile::tempdir()?;
    let input = directory.path().join("input");
    write_lines(&input, plan.bytes)?;
    // The release build that a user runs.
    let program = Command::new(env!("CARGO_BIN_EXE_sessiond"));
    let daemon = Daemon::start(program, &directory.path().join("s.sock"))?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let client = runtime.block_on(Client::connect(&daemon.socket))?;
    let (mut bare, mut session) = (Vec::new(), Vec::new());
    for _ in 0..plan.rounds {
        bare.push(through_bare_reader(&input)?);
        session.push(runtime.block_on(through_session(&client, &input))?);
    }
    let (bare, session) = (median(bare), median(session));
    report("bare reader", plan.bytes, bare);
    report("detached session", plan.bytes, session);
    println!(
        "ratio             {:.2}",
        bare.as_secs_f64() / session.as_secs_f64()
    );
    Ok(())
}

fn report(what: &str, bytes: usize, time: Duration) {
    let mib = bytes >> 20;
    let speed = Duration::from_secs(u64::try_from(mib).unwrap_or(u64::MAX)).div_duration_f64(time);
    println!(
        "{what:<17} {mib} MiB in {:>6} ms  {speed:>6.1} MiB/s",
        time.as_millis()
    );
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort();
    times[times.len() / 2]
}

/// The least that can be done with a terminal's output: read it and count.
fn through_bare_reader(input: &Path) -> Result<Duration, Failure> {
    let started = Instant::now();
    let pair = native_pty_system().openpty(PtySize::default())?;
    let mut command = CommandBuilder::new("cat");
    command.arg(input);
    let mut child = pair.slave.spawn_command(command)?;
    drop(pair.slave);
    let mut reader = pair.master.try_clone_reader()?;
    let mut buffer = vec![0; 64 << 10];
    let mut total = 0;
    loop {
        let read = reader.read(&mut buffer)?;
        if read == 0 {
            break;
        }
        total += read;
    }
    child.wait()?;
    let elapsed = started.elapsed();
    assert!(total > 0, "cat put nothing out");
    Ok(elapsed)
}

async fn through_session(client: &Client, input: &Path) -> Result<Duration, Failure> {
    let started = Instant::now();
    let session = session::through_session(client, input).await?;
    let elapsed = started.elapsed();
    client.close_session(session).await?;
    Ok(elapsed)
}
