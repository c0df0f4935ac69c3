//! How fast a transcript is read: bytes per second of a file in the page cache, and what the daemon takes for it.
//!
//! The goal is 200 MB/s in bounded memory. `-- --quick` takes a fifth of the file. The lines are as Claude Code writes them: prompts,
//! replies and calls of some hundred bytes, results of tools of some kilobytes, with what is escaped in them.

#![expect(clippy::print_stdout, reason = "a bench is its own reporter")]

mod support;

use std::fs;
use std::io::{BufWriter, Write};
use std::path::Path;
use std::process::Command;
use std::time::Instant;

use sessiond_client::Client;
use sessiond_protocol::{TranscriptStats, TranscriptsReply, TranscriptsRequest};

use support::{Daemon, Failure};

const BYTES: u64 = 200_000_000;

/// What the daemon may take for transcripts: a fraction of the file.
const MAX_MEMORY: &str = "33554432";

fn main() -> Result<(), Failure> {
    // cargo bench passes flags of its own; a test run of all targets passes none of them and wants to be short.
    let is_quick = std::env::args().any(|argument| argument == "--quick")
        || !std::env::args().any(|argument| argument == "--bench");
    let bytes = if is_quick { BYTES / 5 } else { BYTES };
    let directory = tempfile::tempdir()?;
    let (written, followed) = (directory.path().join("written"), directory.path().join("t"));
    fs::create_dir(&followed)?;
    let bytes = write(&written, bytes)?;
    let mut program = Command::new(env!("CARGO_BIN_EXE_sessiond"));
    program.env("SESSIOND_TRANSCRIPTS", &followed);
    program.env("SESSIOND_MAX_MEMORY", MAX_MEMORY);
    program.env("XDG_STATE_HOME", directory.path());
    let daemon = Daemon::start(program, &directory.path().join("s.sock"))?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    runtime.block_on(async {
        let client = Client::connect(&daemon.socket).await?;
        client.transcripts(TranscriptsRequest::Sync {}).await?;
        let before = status_kb(&daemon, "VmHWM")?;
        fs::rename(&written, followed.join("large.jsonl"))?;
        let begun = Instant::now();
        client.transcripts(TranscriptsRequest::Sync {}).await?;
        let time = begun.elapsed();
        let stats = stats(&client).await?;
        if stats.read_bytes != bytes || stats.bad_lines > 0 {
            return Err(format!("of {bytes} bytes it has read {stats:?}").into());
        }
        let rate = u128::from(bytes) / time.as_micros().max(1);
        println!(
            "read                  {rate:>8} MB/s   {bytes} bytes, {} events",
            stats.events
        );
        let events = stats.held_events;
        println!(
            "held                  {:>8} bytes   {events} events",
            stats.held_bytes
        );
        let most = status_kb(&daemon, "VmHWM")?;
        println!("resident at most      {most:>8} kB   {before} kB before");
        Ok(())
    })
}

async fn stats(client: &Client) -> Result<TranscriptStats, Failure> {
    match client.transcripts(TranscriptsRequest::Stats {}).await? {
        TranscriptsReply::Stats { stats } => Ok(stats),
        other => Err(format!("{other:?}").into()),
    }
}

/// Writes at least so many bytes of lines; how many.
fn write(path: &Path, bytes: u64) -> Result<u64, Failure> {
    let output = "test result: ok. 12 passed; 0 failed \\\"quoted\\\" C:\\\\path\\n".repeat(60);
    let lines = [
        r#"{"parentUuid":"4f1c","isSidechain":false,"userType":"external","cwd":"/src","sessionId":"c7d1fb1a","version":"2.0.61","type":"user","message":{"role":"user","content":"Please make the test pass that fails since yesterday.\nIt is flaky."},"uuid":"8a6d","timestamp":"2026-01-31T23:59:59.250Z"}"#.to_owned(),
        r#"{"parentUuid":"8a6d","isSidechain":false,"cwd":"/src","sessionId":"c7d1fb1a","version":"2.0.61","type":"assistant","message":{"id":"msg","model":"m","role":"assistant","content":[{"type":"text","text":"I run it first, to see how it fails."},{"type":"tool_use","id":"toolu","name":"Bash","input":{"command":"cargo test -p it","description":"Run the tests"}}],"usage":{"input_tokens":12,"output_tokens":345}},"uuid":"91aa","timestamp":"2026-01-31T23:59:59.999Z"}"#.to_owned(),
        format!(r#"{{"parentUuid":"91aa","isSidechain":false,"cwd":"/src","sessionId":"c7d1fb1a","type":"user","message":{{"role":"user","content":[{{"tool_use_id":"toolu","type":"tool_result","content":"{output}"}}]}},"toolUseResult":{{"stdout":"{output}","stderr":"","interrupted":false}},"uuid":"a0b1","timestamp":"2026-01-31T23:59:59.999Z"}}"#),
    ];
    let mut file = BufWriter::new(fs::File::create(path)?);
    let mut written = 0;
    for line in lines.iter().cycle() {
        if written >= bytes {
            break;
        }
        writeln!(file, "{line}")?;
        written += line.len() as u64 + 1;
    }
    file.flush()?;
    // It is read once, so that it is in the page cache.
    std::io::copy(&mut fs::File::open(path)?, &mut std::io::sink())?;
    Ok(written)
}

fn status_kb(daemon: &Daemon, key: &str) -> Result<u64, Failure> {
    let status = fs::read_to_string(format!("/proc/{}/status", daemon.child.id()))?;
    let line = status.lines().find(|line| line.starts_with(key));
    let number = line.and_then(|line| line.split_ascii_whitespace().nth(1));
    Ok(number.ok_or("no such line")?.parse()?)
}
