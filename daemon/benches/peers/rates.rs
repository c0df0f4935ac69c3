//! How fast sessions are opened and closed.

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Instant;

use sessiond_client::Client;
use sessiond_protocol::CreateParams;

use crate::support::{Daemon, Failure};
use crate::table::{Goal, Row};
use crate::tmux::{Server, Tmux};
use crate::{Effort, Rows, median, runtime};

/// Cycles that are under way at a time where they need not wait for one another.
const ABREAST: usize = 8;

pub(crate) fn measure(effort: Effort, tmux: Option<&Tmux>, rows: Rows<'_>) -> Result<(), Failure> {
    let directory = tempfile::tempdir()?;
    let program = Command::new(env!("CARGO_BIN_EXE_sessiond"));
    let daemon = Daemon::start(program, &directory.path().join("s.sock"))?;
    let server = tmux.map(Tmux::serve).transpose()?;
    let runtime = runtime()?;
    let client = runtime.block_on(Client::connect(&daemon.socket))?;
    // So that tmux does not end with its last session, and both have one more than is measured.
    if let Some(server) = &server {
        server.run(&["new-session", "-d", "-s", "first", "cat"])?;
    }
    let (cycles, fast) = (effort.pick(20, 100), effort.pick(200, 1000));
    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    let (mut one, mut abreast, mut bare) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..effort.rounds() {
        ours.push(rate(cycles, || by_command_line(&daemon.socket, cycles))?);
        if let Some(server) = &server {
            theirs.push(rate(cycles, || by_tmux(server, cycles))?);
        }
        bare.push(rate(fast, || without_terminal(fast))?);
        one.push(rate(fast, || runtime.block_on(by_client(&client, fast)))?);
        abreast.push(rate(fast, || {
            runtime.block_on(async {
                let parts = (0..ABREAST).map(|_| by_client(&client, fast / ABREAST));
                let mut parts: Vec<_> = parts.map(Box::pin).collect();
                all(&mut parts).await
            })
        })?);
    }
    let row = |what: &str, ours: &[f64]| Row {
        what: what.to_owned(),
        unit: "/s",
        sessiond: median(ours),
        tmux: None,
        bare: Some(median(&bare)),
        goals: vec![Goal::AtLeast(1000.0)],
    };
    rows(Row {
        what: "open and close, command lines".to_owned(),
        unit: "/s",
        sessiond: median(&ours),
        tmux: (!theirs.is_empty()).then(|| median(&theirs)),
        bare: None,
        goals: vec![Goal::TimesTmux(2.0)],
    });
    rows(row("open and close, typed client, one by one", &one));
    rows(row("open and close, typed client, eight abreast", &abreast));
    Ok(())
}

#[expect(clippy::cast_precision_loss, reason = "a few hundred")]
fn rate(cycles: usize, body: impl FnOnce() -> Result<(), Failure>) -> Result<f64, Failure> {
    let started = Instant::now();
    body()?;
    Ok(cycles as f64 / started.elapsed().as_secs_f64())
}

/// Polls all of them to their ends.
async fn all<F>(parts: &mut [std::pin::Pin<Box<F>>]) -> Result<(), Failure>
where
    F: Future<Output = Result<(), Failure>>,
{
    let mut left: Vec<_> = parts.iter_mut().collect();
    std::future::poll_fn(|context| {
        let mut failed = None;
        left.retain_mut(|part| match part.as_mut().poll(context) {
            std::task::Poll::Pending => true,
            std::task::Poll::Ready(result) => {
                failed = failed.take().or(result.err());
                false
            }
        });
        match failed {
            Some(error) => std::task::Poll::Ready(Err(error)),
            None if left.is_empty() => std::task::Poll::Ready(Ok(())),
            None => std::task::Poll::Pending,
        }
    })
    .await
}

/// The least that can be done: the program is started and killed, without a terminal and without a daemon.
fn without_terminal(cycles: usize) -> Result<(), Failure> {
    for _ in 0..cycles {
        let mut child = Command::new("cat")
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .spawn()?;
        child.kill()?;
        child.wait()?;
    }
    Ok(())
}

fn by_command_line(socket: &Path, cycles: usize) -> Result<(), Failure> {
    let run = |arguments: &[&str]| -> Result<String, Failure> {
        let mut command = Command::new(env!("CARGO_BIN_EXE_sessiond"));
        command.arg("--socket").arg(socket).args(arguments);
        let output = command.stdin(Stdio::null()).output()?;
        if !output.status.success() {
            return Err(format!("{arguments:?}: {}", output.status).into());
        }
        Ok(String::from_utf8(output.stdout)?)
    };
    for _ in 0..cycles {
        let id = run(&["new", "-d", "--", "cat"])?;
        run(&["close", id.trim()])?;
    }
    Ok(())
}

fn by_tmux(server: &Server, cycles: usize) -> Result<(), Failure> {
    for _ in 0..cycles {
        server.run(&["new-session", "-d", "-s", "t", "cat"])?;
        server.run(&["kill-session", "-t", "t"])?;
    }
    Ok(())
}

async fn by_client(client: &Client, cycles: usize) -> Result<(), Failure> {
    for _ in 0..cycles {
        let params = CreateParams {
            command: vec!["cat".to_owned()],
            ..CreateParams::default()
        };
        let id = client.create(params).await?.id;
        client.close_session(id).await?;
    }
    Ok(())
}
