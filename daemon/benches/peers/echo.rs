//! How long a typed key takes until it is seen.

use std::io::{BufRead, BufReader, Write};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use sessiond_client::{Client, Event};
use sessiond_protocol::CreateParams;

use crate::support::{Daemon, Failure};
use crate::table::{Goal, Row};
use crate::tmux::{Server, Tmux};
use crate::{Effort, Rows, median, ms, p99, runtime};

/// What is typed: a key that the terminal echoes as it is.
const KEY: &[u8] = b"x";

pub(crate) fn measure(effort: Effort, tmux: Option<&Tmux>, rows: Rows<'_>) -> Result<(), Failure> {
    let directory = tempfile::tempdir()?;
    let program = Command::new(env!("CARGO_BIN_EXE_sessiond"));
    let daemon = Daemon::start(program, &directory.path().join("s.sock"))?;
    let server = tmux.map(Tmux::serve).transpose()?;
    let keys = effort.pick(200, 1000);
    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    for _ in 0..effort.rounds() {
        ours.push(runtime()?.block_on(by_sessiond(&daemon, keys))?);
        if let Some(server) = &server {
            theirs.push(by_tmux(server, keys)?);
        }
    }
    let row = |what: &str, figure: fn(Vec<Duration>) -> Duration, goals| {
        let of = |rounds: &[Vec<Duration>]| {
            let figures: Vec<f64> = rounds
                .iter()
                .map(|times| ms(figure(times.clone())))
                .collect();
            median(&figures)
        };
        Row {
            what: what.to_owned(),
            unit: "ms",
            sessiond: of(&ours),
            tmux: (!theirs.is_empty()).then(|| of(&theirs)),
            bare: None,
            goals,
        }
    };
    rows(row(
        "a key's echo, p99 (tmux: control mode)",
        p99,
        vec![Goal::AtMostOfTmux(1.0)],
    ));
    rows(row("a key's echo, median", |times| median(&times), vec![]));
    Ok(())
}

async fn by_sessiond(daemon: &Daemon, keys: usize) -> Result<Vec<Duration>, Failure> {
    let client = Client::connect(&daemon.socket).await?;
    let params = CreateParams {
        command: vec!["cat".to_owned()],
        ..CreateParams::default()
    };
    let session = client.create(params).await?.id;
    let mut attachment = client.attach(session, None).await?;
    // What is on the screen so far comes first.
    attachment.next().await.ok_or("the session ended")?;
    let mut times = Vec::new();
    while times.len() < keys {
        let typed = Instant::now();
        client.write(session, KEY).await?;
        loop {
            match attachment.next().await.ok_or("the session ended")? {
                Event::Output(bytes) if bytes.contains(&KEY[0]) => break,
                _ => {}
            }
        }
        times.push(typed.elapsed());
    }
    client.close_session(session).await?;
    Ok(times)
}

fn by_tmux(server: &Server, keys: usize) -> Result<Vec<Duration>, Failure> {
    server.run(&["new-session", "-d", "-s", "echo", "cat"])?;
    let mut control = server
        .command(&["-C", "attach-session", "-t", "echo"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()?;
    let mut input = control.stdin.take().ok_or("no input")?;
    let mut lines = BufReader::new(control.stdout.take().ok_or("no output")?).lines();
    let mut times = Vec::new();
    while times.len() < keys {
        let typed = Instant::now();
        input.write_all(b"send-keys -l x\n")?;
        loop {
            let line = lines.next().ok_or("tmux ended")??;
            if line.starts_with("%output") && line.ends_with('x') {
                break;
            }
        }
        times.push(typed.elapsed());
    }
    drop(input);
    server.run(&["kill-session", "-t", "echo"])?;
    control.wait()?;
    Ok(times)
}
