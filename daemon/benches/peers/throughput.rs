//! How fast output gets through: a file is `cat`ed into a terminal.

use std::io::Read;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use portable_pty::{CommandBuilder, MasterPty, PtySize, native_pty_system};
use sessiond_client::Client;
use sessiond_protocol::{CreateParams, Size};

use crate::content::Content;
use crate::support::{Daemon, Failure};
use crate::table::{Goal, Row};
use crate::tmux::{HISTORY_LINES, Server, Tmux};
use crate::{Effort, Rows, median, runtime};

/// Rows and columns.
const SIZES: [(u16, u16); 2] = [(24, 80), (50, 200)];

/// Who reads along.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Audience {
    Nobody,
    OneClient,
}

/// MiB/s of all that takes part in one comparison, round by round.
#[derive(Debug, Default)]
struct Speeds {
    bare: Vec<f64>,
    sessiond: Vec<f64>,
    tmux: Vec<f64>,
}

pub(crate) fn measure(effort: Effort, tmux: Option<&Tmux>, rows: Rows<'_>) -> Result<(), Failure> {
    let directory = tempfile::tempdir()?;
    let input = directory.path().join("input");
    let program = Command::new(env!("CARGO_BIN_EXE_sessiond"));
    let daemon = Daemon::start(program, &directory.path().join("s.sock"))?;
    let server = tmux.map(Tmux::serve).transpose()?;
    let runtime = runtime()?;
    let client = runtime.block_on(Client::connect(&daemon.socket))?;
    for content in Content::ALL {
        let bytes = content.write(&input, effort.pick(8 << 20, 100_000_000))?;
        for (height, width) in SIZES {
            for audience in [Audience::Nobody, Audience::OneClient] {
                let mut speeds = Speeds::default();
                let speed = |time: Duration| mib(bytes) / time.as_secs_f64();
                for _ in 0..effort.rounds() {
                    let size = Size::new(height, width)?;
                    speeds.bare.push(speed(bare(&input)?));
                    let through = through_sessiond(&client, &input, size, audience);
                    speeds.sessiond.push(speed(runtime.block_on(through)?));
                    if let Some(server) = &server {
                        let time = through_tmux(server, &input, (height, width), audience)?;
                        speeds.tmux.push(speed(time));
                    }
                }
                let what = format!("{} {width}x{height}", content.name());
                rows(row(what, &speeds, audience));
            }
        }
    }
    Ok(())
}

fn row(what: String, speeds: &Speeds, audience: Audience) -> Row {
    let (who, of_bare) = match audience {
        Audience::Nobody => ("detached", 0.9),
        Audience::OneClient => ("one client", 0.8),
    };
    Row {
        what: format!("{what}, {who}"),
        unit: "MiB/s",
        sessiond: median(&speeds.sessiond),
        tmux: (!speeds.tmux.is_empty()).then(|| median(&speeds.tmux)),
        bare: Some(median(&speeds.bare)),
        goals: vec![Goal::OfBare(of_bare), Goal::TimesTmux(1.8)],
    }
}

#[expect(clippy::cast_precision_loss, reason = "files are far below 2^53 bytes")]
fn mib(bytes: usize) -> f64 {
    bytes as f64 / f64::from(1 << 20)
}

/// The least that can be done with a terminal's output: read it.
fn bare(input: &Path) -> Result<Duration, Failure> {
    let started = Instant::now();
    let mut command = CommandBuilder::new("cat");
    command.arg(input);
    let (master, mut child) = in_terminal(command, PtySize::default())?;
    read_to_end(&*master)?;
    child.wait()?;
    Ok(started.elapsed())
}

type Child = Box<dyn portable_pty::Child + Send + Sync>;

fn in_terminal(
    command: CommandBuilder,
    size: PtySize,
) -> Result<(Box<dyn MasterPty + Send>, Child), Failure> {
    let pair = native_pty_system().openpty(size)?;
    let child = pair.slave.spawn_command(command)?;
    Ok((pair.master, child))
}

/// Reads until nobody holds the terminal.
fn read_to_end(master: &dyn MasterPty) -> Result<(), Failure> {
    let mut reader = master.try_clone_reader()?;
    let mut buffer = vec![0; 64 << 10];
    while reader.read(&mut buffer)? > 0 {}
    Ok(())
}

async fn through_sessiond(
    client: &Client,
    input: &Path,
    size: Size,
    audience: Audience,
) -> Result<Duration, Failure> {
    // The shell waits until everybody is there.
    let script = format!("read line; exec cat {}", input.display());
    let params = CreateParams {
        command: vec!["sh".to_owned(), "-c".to_owned(), script],
        size: Some(size),
        scrollback_lines: Some(u32::try_from(HISTORY_LINES)?),
        ..CreateParams::default()
    };
    let session = client.create(params).await?.id;
    let mut attachment = match audience {
        Audience::Nobody => None,
        Audience::OneClient => Some(client.attach(session, None).await?),
    };
    let started = Instant::now();
    client.write(session, b"\n").await?;
    if let Some(attachment) = &mut attachment {
        while attachment.next().await.is_some() {}
    } else {
        client.wait(session, None).await?;
    }
    let elapsed = started.elapsed();
    client.close_session(session).await?;
    Ok(elapsed)
}

fn through_tmux(
    server: &Server,
    input: &Path,
    (height, width): (u16, u16),
    audience: Audience,
) -> Result<Duration, Failure> {
    let script = format!(
        "read line; cat {}; {}",
        input.display(),
        server.signal("done")
    );
    let (x, y) = (width.to_string(), height.to_string());
    server.run(&["new-session", "-d", "-s", "t", "-x", &x, "-y", &y, &script])?;
    // The history of a window is that of its creation; a status line would take a row.
    let size = PtySize {
        rows: height + 1,
        cols: width,
        ..PtySize::default()
    };
    let attached = match audience {
        Audience::Nobody => None,
        Audience::OneClient => {
            let mut command = CommandBuilder::from_argv(arguments(server));
            command.env("TERM", "xterm-256color");
            let (master, child) = in_terminal(command, size)?;
            let reading = std::thread::spawn(move || {
                // The terminal's end comes as an error; what is measured is elsewhere.
                let _ = read_to_end(&*master);
            });
            wait_for_client(server)?;
            Some((reading, child))
        }
    };
    let started = Instant::now();
    server.run(&["send-keys", "-t", "t", "Enter"])?;
    server.run(&["wait-for", "done"])?;
    let elapsed = started.elapsed();
    // The session may have ended by itself.
    let _ = server.run(&["kill-session", "-t", "t"]);
    if let Some((reading, mut child)) = attached {
        child.wait()?;
        reading.join().map_err(|_| "the reader panicked")?;
    }
    Ok(elapsed)
}

fn arguments(server: &Server) -> Vec<std::ffi::OsString> {
    let command = server.command(&["attach-session", "-t", "t"]);
    let program = std::iter::once(command.get_program().to_owned());
    program
        .chain(command.get_args().map(std::ffi::OsStr::to_owned))
        .collect()
}

/// tmux says who is attached, and has no way to wait for it.
fn wait_for_client(server: &Server) -> Result<(), Failure> {
    let deadline = Instant::now() + Duration::from_secs(10);
    while Instant::now() < deadline {
        if !server.run(&["list-clients", "-t", "t"])?.is_empty() {
            return Ok(());
        }
    }
    Err("no client was attached to tmux within 10 s".into())
}
