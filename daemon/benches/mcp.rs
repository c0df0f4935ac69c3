//! What sharing an MCP server costs: request and answer pairs per second, time added to one, memory of an idle client.
//!
//! The server is `mcp-echo`, an example of this package to be built before; the baseline is one client that talks to it through pipes.
//! `-- --quick` takes a tenth. The goals: 50,000 pairs per second across 50 clients, less than 200 microseconds added at the
//! median, at most 32 KiB for an idle client that has sent 512 KiB.

#![expect(clippy::print_stdout, reason = "a bench is its own reporter")]

mod support;

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use sessiond_client::Client;
use sessiond_protocol::McpStartParams;
use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncWrite, AsyncWriteExt, BufReader};
use tokio::net::UnixStream;
use tokio::task::JoinSet;

use support::{Daemon, Failure};

const CLIENTS: usize = 50;

/// Requests that a client has under way at a time.
const WINDOW: usize = 16;

const IDLE_MESSAGE_BYTES: usize = 512 << 10;

const PING: &[u8] =
    b"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"echo\",\"params\":{\"text\":\"hello\"}}\n";

fn main() -> Result<(), Failure> {
    // cargo bench passes flags of its own; a test run of all targets passes none of them and wants to be short.
    let is_quick = std::env::args().any(|argument| argument == "--quick")
        || !std::env::args().any(|argument| argument == "--bench");
    let pairs = if is_quick { 20_000 } else { 200_000 };
    let echo = echo()?;
    let directory = tempfile::tempdir()?;
    let program = Command::new(env!("CARGO_BIN_EXE_sessiond"));
    let daemon = Daemon::start(program, &directory.path().join("s.sock"))?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    runtime.block_on(async {
        let socket = start(&daemon, &echo).await?;
        let direct = throughput_direct(&echo, pairs).await?;
        let pooled = throughput_pooled(&socket, pairs).await?;
        println!("pairs per second      {direct:>8.0} directly, 1 client   {pooled:>8.0} shared, {CLIENTS} clients");
        let rounds = pairs / 20;
        let direct = latency_direct(&echo, rounds).await?;
        let pooled = latency(UnixStream::connect(&socket).await?, rounds).await?;
        let added = pooled.saturating_sub(direct);
        println!("median of one pair    {direct:>8.1?} directly   {pooled:>8.1?} shared   {added:>8.1?} added");
        let (before, after) = idle_memory(&daemon, &socket).await?;
        let each = after.saturating_sub(before) / CLIENTS;
        println!("resident per idle client after {IDLE_MESSAGE_BYTES} bytes: {each} bytes");
        Ok(())
    })
}

/// The example beside this bench.
fn echo() -> Result<PathBuf, Failure> {
    let here = std::env::current_exe()?;
    let target = here
        .parent()
        .and_then(Path::parent)
        .ok_or("no target directory")?;
    let echo = target.join("examples/mcp-echo");
    if !echo.exists() {
        let hint = "cargo build --release -p sessiond --example mcp-echo";
        return Err(format!("{} is not there: {hint}", echo.display()).into());
    }
    Ok(echo)
}

async fn start(daemon: &Daemon, echo: &Path) -> Result<PathBuf, Failure> {
    let client = Client::connect(&daemon.socket).await?;
    let params = McpStartParams {
        name: "echo".parse()?,
        command: vec![echo.to_string_lossy().into_owned()],
        cwd: None,
        env: std::collections::BTreeMap::new(),
        line_bytes: None,
        idle_ms: None,
        pending_ms: None,
    };
    Ok(client.mcp_start(params).await?.socket.into())
}

/// Keeps a window of requests under way until so many are answered.
async fn pump(
    reader: impl AsyncRead + Unpin,
    mut writer: impl AsyncWrite + Unpin,
    pairs: usize,
) -> Result<(), Failure> {
    let mut reader = BufReader::new(reader);
    let burst = PING.repeat(WINDOW);
    let mut line = Vec::new();
    for _ in 0..pairs / WINDOW {
        writer.write_all(&burst).await?;
        for _ in 0..WINDOW {
            line.clear();
            if reader.read_until(b'\n', &mut line).await? == 0 {
                return Err("the server has gone".into());
            }
        }
    }
    Ok(())
}

fn direct(echo: &Path) -> Result<tokio::process::Child, Failure> {
    let mut command = tokio::process::Command::new(echo);
    command.stdin(Stdio::piped()).stdout(Stdio::piped());
    Ok(command.stderr(Stdio::null()).kill_on_drop(true).spawn()?)
}

async fn throughput_direct(echo: &Path, pairs: usize) -> Result<f64, Failure> {
    let mut child = direct(echo)?;
    let (stdout, stdin) = (child.stdout.take(), child.stdin.take());
    let begun = Instant::now();
    pump(stdout.ok_or("no output")?, stdin.ok_or("no input")?, pairs).await?;
    Ok(rate(pairs, begun.elapsed()))
}

async fn throughput_pooled(socket: &Path, pairs: usize) -> Result<f64, Failure> {
    let mut clients = JoinSet::new();
    let mut streams = Vec::new();
    for _ in 0..CLIENTS {
        streams.push(UnixStream::connect(socket).await?);
    }
    let begun = Instant::now();
    for stream in streams {
        clients.spawn(async move {
            let (reader, writer) = stream.into_split();
            pump(reader, writer, pairs / CLIENTS)
                .await
                .map_err(|error| error.to_string())
        });
    }
    while let Some(done) = clients.join_next().await {
        done??;
    }
    Ok(rate(pairs, begun.elapsed()))
}

#[expect(clippy::cast_precision_loss, reason = "a rate for people")]
fn rate(pairs: usize, time: Duration) -> f64 {
    pairs as f64 / time.as_secs_f64()
}

async fn latency_direct(echo: &Path, rounds: usize) -> Result<Duration, Failure> {
    let mut child = direct(echo)?;
    let (stdout, stdin) = (child.stdout.take(), child.stdin.take());
    let both = tokio::io::join(stdout.ok_or("no output")?, stdin.ok_or("no input")?);
    latency(both, rounds).await
}

/// The median time of one request and its answer.
async fn latency(both: impl AsyncRead + AsyncWrite, rounds: usize) -> Result<Duration, Failure> {
    let (reader, mut writer) = tokio::io::split(both);
    let mut reader = BufReader::new(Box::pin(reader));
    let mut times = Vec::with_capacity(rounds);
    let mut line = Vec::new();
    for _ in 0..rounds {
        let begun = Instant::now();
        writer.write_all(PING).await?;
        writer.flush().await?;
        line.clear();
        reader.read_until(b'\n', &mut line).await?;
        times.push(begun.elapsed());
    }
    times.sort();
    Ok(times[times.len() / 2])
}

/// Resident bytes of the daemon before clients come, and while they are idle after a large message each.
async fn idle_memory(daemon: &Daemon, socket: &Path) -> Result<(usize, usize), Failure> {
    let text = "x".repeat(IDLE_MESSAGE_BYTES);
    let request =
        format!("{{\"id\":1,\"method\":\"length\",\"params\":{{\"text\":\"{text}\"}}}}\n");
    let before = resident(daemon)?;
    let mut clients = Vec::new();
    for _ in 0..CLIENTS {
        let mut stream = BufReader::new(UnixStream::connect(socket).await?);
        stream.get_mut().write_all(request.as_bytes()).await?;
        let mut line = Vec::new();
        stream.read_until(b'\n', &mut line).await?;
        clients.push(stream);
    }
    Ok((before, resident(daemon)?))
}

fn resident(daemon: &Daemon) -> Result<usize, Failure> {
    let status = std::fs::read_to_string(format!("/proc/{}/status", daemon.child.id()))?;
    let line = status.lines().find(|line| line.starts_with("VmRSS"));
    let number = line.and_then(|line| line.split_ascii_whitespace().nth(1));
    Ok(number.ok_or("no VmRSS")?.parse::<usize>()? << 10)
}
