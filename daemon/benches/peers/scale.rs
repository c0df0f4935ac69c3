//! What many sessions and many clients cost.

use std::io::{BufRead, BufReader, Write};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use sessiond_client::Client;
use sessiond_protocol::{CreateParams, SessionId};

use crate::support::{Daemon, Failure};
use crate::table::{Goal, Row};
use crate::tmux::Tmux;
use crate::{Effort, Rows, ms, p99, runtime};

/// Ends only by SIGKILL.
const DEAF: &str = "trap '' HUP TERM; printf ready; while :; do sleep 1000; done";

/// Requests of one connection that may be under way.
const UNDER_WAY_MAX: usize = 50;

pub(crate) fn measure(effort: Effort, _tmux: Option<&Tmux>, rows: Rows<'_>) -> Result<(), Failure> {
    let directory = tempfile::tempdir()?;
    let start = |name| Probed::start(directory.path(), name);
    rows(idle_daemon(effort, &start("idle")?)?);
    for row in listing(effort, &start("list")?)? {
        rows(row);
    }
    rows(ping(effort, &start("ping")?)?);
    rows(deaf(effort, &start("deaf")?)?);
    Ok(())
}

/// A daemon whose allocations can be read.
struct Probed {
    daemon: Daemon,
    probe: PathBuf,
}

impl Probed {
    fn start(directory: &Path, name: &str) -> Result<Self, Failure> {
        let probe = directory.join(format!("{name}.probe"));
        let mut program = Command::new(env!("CARGO_BIN_EXE_sessiond"));
        program.env("LEAKGATE_PROBE", &probe);
        Ok(Self {
            daemon: Daemon::start(program, &directory.join(format!("{name}.sock")))?,
            probe,
        })
    }

    /// Bytes and blocks that the daemon has allocated in its life.
    fn allocated(&self) -> Result<(f64, f64), Failure> {
        let mut stream = UnixStream::connect(&self.probe)?;
        stream.write_all(b"stats\n")?;
        let mut line = String::new();
        BufReader::new(stream).read_line(&mut line)?;
        let answer: serde_json::Value = serde_json::from_str(&line)?;
        let number = |name: &str| {
            answer["heap"][name]
                .as_f64()
                .ok_or(format!("no {name}: {line}"))
        };
        Ok((number("allocated_bytes")?, number("allocated_blocks")?))
    }
}

async fn open(client: &Client, count: usize, script: &str) -> Result<Vec<SessionId>, Failure> {
    let mut sessions = Vec::new();
    for _ in 0..count {
        let params = CreateParams {
            command: ["sh", "-c", script].map(str::to_owned).to_vec(),
            ..CreateParams::default()
        };
        sessions.push(client.create(params).await?.id);
    }
    Ok(sessions)
}

async fn until_shown(client: &Client, sessions: &[SessionId], sign: &str) -> Result<(), Failure> {
    for id in sessions {
        let shows = |row: &String| row.contains(sign);
        while !client.screen(*id, 0).await?.rows.iter().any(shows) {}
    }
    Ok(())
}

/// What a daemon with sessions at a prompt allocates while nothing happens.
fn idle_daemon(effort: Effort, probed: &Probed) -> Result<Row, Failure> {
    let sessions = effort.pick(50, 200);
    let seconds = effort.pick(5, 30);
    let allocated = runtime()?.block_on(async {
        let client = Client::connect(&probed.daemon.socket).await?;
        let opened = open(&client, sessions, "printf '$ '; exec cat").await?;
        until_shown(&client, &opened, "$").await?;
        let before = probed.allocated()?;
        let over = tokio::time::Instant::now() + Duration::from_secs(seconds as u64);
        // What is waited for is that nothing happens.
        let _ = tokio::time::timeout_at(over, std::future::pending::<()>()).await;
        Ok::<f64, Failure>(probed.allocated()?.0 - before.0)
    })?;
    let what = format!("allocated by {sessions} idle sessions in {seconds} s");
    Ok(Row::alone(&what, "bytes", allocated, Goal::AtMost(0.0)))
}

/// What a list allocates per session, with and without output held.
#[expect(clippy::cast_precision_loss, reason = "a thousand")]
fn listing(effort: Effort, probed: &Probed) -> Result<[Row; 2], Failure> {
    let count = effort.pick(100, 1000);
    let (empty, full) = runtime()?.block_on(async {
        let client = Client::connect(&probed.daemon.socket).await?;
        let script = "printf ready; read line; seq 2000; printf full; exec cat";
        let sessions = open(&client, count, script).await?;
        until_shown(&client, &sessions, "ready").await?;
        let empty = list(&client, probed).await?;
        for id in &sessions {
            client.write(*id, b"\n").await?;
        }
        until_shown(&client, &sessions, "full").await?;
        Ok::<_, Failure>((empty, list(&client, probed).await?))
    })?;
    let per = |blocks: f64| blocks / count as f64;
    Ok([
        Row::alone(
            &format!("allocations per session, list of {count}"),
            "",
            per(empty),
            Goal::AtMost(10.0),
        ),
        Row::alone(
            "the same when each holds 2,000 lines",
            "",
            per(full),
            Goal::AtMost(10.0),
        ),
    ])
}

/// Blocks that one list allocates in the daemon; the first one finds caches cold.
async fn list(client: &Client, probed: &Probed) -> Result<f64, Failure> {
    client.list().await?;
    let before = probed.allocated()?.1;
    client.list().await?;
    Ok(probed.allocated()?.1 - before)
}

/// How long a ping takes among many sessions and clients, while one session puts out what it can.
fn ping(effort: Effort, probed: &Probed) -> Result<Row, Failure> {
    let count = effort.pick(100, 1000);
    let times = runtime()?.block_on(async {
        let client = Client::connect(&probed.daemon.socket).await?;
        let sessions = open(&client, count - 1, "exec cat").await?;
        let mut idle = Vec::new();
        for _ in 0..count {
            idle.push(Client::connect(&probed.daemon.socket).await?);
        }
        let loud = open(&client, 1, "exec yes").await?;
        let mut times = Vec::new();
        for _ in 0..effort.pick(200, 2000) {
            let asked = Instant::now();
            client.ping().await?;
            times.push(asked.elapsed());
        }
        drop(idle);
        for id in sessions.into_iter().chain(loud) {
            client.close_session(id).await?;
        }
        Ok::<_, Failure>(times)
    })?;
    let what = format!("ping among {count} sessions and {count} clients, p99");
    Ok(Row::alone(&what, "ms", ms(p99(times)), Goal::AtMost(10.0)))
}

/// How long it takes to close many sessions that ignore it, beyond the grace of 2 s that each has.
fn deaf(effort: Effort, probed: &Probed) -> Result<Row, Failure> {
    let count = effort.pick(100, 1000);
    let time = runtime()?.block_on(async {
        let client = Client::connect(&probed.daemon.socket).await?;
        let sessions = open(&client, count, DEAF).await?;
        until_shown(&client, &sessions, "ready").await?;
        let mut clients = Vec::new();
        for _ in sessions.chunks(UNDER_WAY_MAX) {
            clients.push(std::sync::Arc::new(
                Client::connect(&probed.daemon.socket).await?,
            ));
        }
        let started = Instant::now();
        let mut closing = tokio::task::JoinSet::new();
        for (sessions, client) in sessions.chunks(UNDER_WAY_MAX).zip(&clients) {
            for id in sessions.iter().copied() {
                let client = std::sync::Arc::clone(client);
                closing.spawn(async move { client.close_session(id).await.map(drop) });
            }
        }
        while let Some(closed) = closing.join_next().await {
            closed??;
        }
        Ok::<_, Failure>(started.elapsed())
    })?;
    let what = format!("closing {count} sessions that ignore SIGHUP");
    Ok(Row::alone(
        &what,
        "s",
        time.as_secs_f64(),
        Goal::AtMost(6.0),
    ))
}
