//! What sessions cost in resident memory.

use std::process::Command;
use std::time::{Duration, Instant};

use sessiond_client::Client;
use sessiond_protocol::{CreateParams, SessionId};

use crate::content::Content;
use crate::proc::resident;
use crate::support::{Daemon, Failure};
use crate::table::{Goal, Row};
use crate::tmux::{HISTORY_LINES, Server, Tmux};
use crate::{Effort, Rows, median, runtime};

/// Full histories at a time.
const HISTORIES: usize = 10;

/// Sessions that have shown a prompt and wait.
const IDLE: usize = 200;

/// How long resident memory must stay as it is to be called settled: three times what a history waits to be compressed.
const SETTLED_AFTER: Duration = Duration::from_secs(3);

const PROMPT: &str = "printf '$ '; exec cat";

pub(crate) fn measure(effort: Effort, tmux: Option<&Tmux>, rows: Rows<'_>) -> Result<(), Failure> {
    let directory = tempfile::tempdir()?;
    let input = directory.path().join("input");
    Content::Coloured.write_lines(&input, HISTORY_LINES + 100)?;
    let script = format!("cat {}; printf ready; exec cat", input.display());
    let mut histories = Figures::default();
    let mut idle = Figures::default();
    let mut kept = Vec::new();
    for round in 0..effort.rounds() {
        let socket = directory.path().join(format!("s{round}.sock"));
        let program = Command::new(env!("CARGO_BIN_EXE_sessiond"));
        let daemon = Daemon::start(program, &socket)?;
        let (history, after) = runtime()?.block_on(full_histories(&daemon, &script))?;
        histories.sessiond.push(history);
        kept.push(after);
        idle.sessiond
            .push(runtime()?.block_on(idle_sessions(&daemon))?);
        if let Some(tmux) = tmux {
            histories
                .tmux
                .push(of_tmux(&tmux.serve()?, &script, HISTORIES)?);
            idle.tmux.push(of_tmux(&tmux.serve()?, PROMPT, IDLE)?);
        }
    }
    rows(histories.row("a full history, 10,000 coloured lines", 0.25));
    rows(idle.row("an idle session with a prompt", 1.0));
    rows(Row::alone(
        "kept after ten full histories were closed",
        "KiB",
        median(&kept),
        Goal::AtMost(2048.0),
    ));
    Ok(())
}

/// KiB per session, round by round.
#[derive(Debug, Default)]
struct Figures {
    sessiond: Vec<f64>,
    tmux: Vec<f64>,
}

impl Figures {
    fn row(&self, what: &str, of_tmux: f64) -> Row {
        Row {
            what: what.to_owned(),
            unit: "KiB",
            sessiond: median(&self.sessiond),
            tmux: (!self.tmux.is_empty()).then(|| median(&self.tmux)),
            bare: None,
            goals: vec![Goal::AtMostOfTmux(of_tmux)],
        }
    }
}

/// Starts `count` sessions and waits until each shows `sign`.
async fn open(
    client: &Client,
    script: &str,
    sign: &str,
    count: usize,
) -> Result<Vec<SessionId>, Failure> {
    let mut sessions = Vec::new();
    for _ in 0..count {
        let params = CreateParams {
            command: ["sh", "-c", script].map(str::to_owned).to_vec(),
            scrollback_lines: Some(u32::try_from(HISTORY_LINES)?),
            ..CreateParams::default()
        };
        let id = client.create(params).await?.id;
        while !shows(&client.screen(id, 0).await?.rows, sign) {}
        sessions.push(id);
    }
    Ok(sessions)
}

fn shows(rows: &[String], sign: &str) -> bool {
    rows.iter().any(|row| row.contains(sign))
}

/// KiB per history, and KiB kept when all were closed, against one that was opened and closed before.
async fn full_histories(daemon: &Daemon, script: &str) -> Result<(f64, f64), Failure> {
    let client = Client::connect(&daemon.socket).await?;
    let pid = daemon.child.id();
    for id in open(&client, script, "ready", 1).await? {
        client.close_session(id).await?;
    }
    let before = resident(pid)?;
    let sessions = open(&client, script, "ready", HISTORIES).await?;
    let full = settled(pid)?;
    for id in sessions {
        client.close_session(id).await?;
    }
    let after = resident(pid)?;
    Ok((per(full - before, HISTORIES), per(after - before, 1)))
}

/// Resident memory once it has not changed for a while: a history is compressed when its output has paused for a second.
fn settled(pid: u32) -> Result<f64, Failure> {
    let (mut last, mut since) = (resident(pid)?, Instant::now());
    while since.elapsed() < SETTLED_AFTER {
        let now = resident(pid)?;
        if now.to_bits() != last.to_bits() {
            (last, since) = (now, Instant::now());
        }
        std::thread::yield_now();
    }
    Ok(last)
}

/// KiB per session.
async fn idle_sessions(daemon: &Daemon) -> Result<f64, Failure> {
    let client = Client::connect(&daemon.socket).await?;
    open(&client, PROMPT, "$", 1).await?;
    let before = resident(daemon.child.id())?;
    let sessions = open(&client, PROMPT, "$", IDLE).await?;
    let after = resident(daemon.child.id())?;
    for id in sessions {
        client.close_session(id).await?;
    }
    Ok(per(after - before, IDLE))
}

#[expect(clippy::cast_precision_loss, reason = "a few hundred")]
fn per(bytes: f64, count: usize) -> f64 {
    bytes / 1024.0 / count as f64
}

/// KiB per session of this script; the first one is not counted.
fn of_tmux(server: &Server, script: &str, count: usize) -> Result<f64, Failure> {
    let sign = if script == PROMPT { "$" } else { "ready" };
    let open = |name: &str| -> Result<(), Failure> {
        server.run(&[
            "new-session",
            "-d",
            "-s",
            name,
            "-x",
            "80",
            "-y",
            "24",
            script,
        ])?;
        while !server
            .run(&["capture-pane", "-p", "-t", name])?
            .contains(sign)
        {}
        Ok(())
    };
    open("first")?;
    let pid = server.pid()?;
    let before = resident(pid)?;
    for number in 0..count {
        open(&format!("t{number}"))?;
    }
    Ok(per(resident(pid)? - before, count))
}
