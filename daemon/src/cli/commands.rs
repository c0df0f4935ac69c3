//! What each command does.

use std::io::{self, Read};
use std::path::{Path, PathBuf};

use rustix::fs::{Mode, OFlags};
use sessiond_protocol::{CreateParams, SessionRef};

use super::args::{Args, Command, NewArgs, Question, ServeArgs};
use super::attach::{Role, attach};
use super::exit_code::{CliError, ExitCode};
use super::launch::{READY, connect, connect_or_start};
use super::waiting::wait;
use super::{
    archive, http, life, log, mcp, output, profile, raw_terminal, reading, runtime, schedule,
    stats, status, transcripts,
};
use crate::core::Settings;
use crate::inherited::{Descriptors, shed};
use crate::paths::default_socket;
use crate::server::serve;

/// Bytes of standard input that `write -` sends at a time.
const PIPE_BYTES: usize = 16 << 10;

/// Where there is no `$SHELL`.
const DEFAULT_SHELL: &str = "/bin/sh";

/// Does what was typed.
pub(super) fn execute(args: Args) -> Result<ExitCode, CliError> {
    let socket = match args.socket {
        Some(socket) => socket,
        None => default_socket()?,
    };
    match args.command {
        Command::Serve(options) => run_daemon(socket, options),
        Command::Ask(question) => runtime()?.block_on(ask(&socket, question)),
    }
}

async fn ask(socket: &Path, question: Question) -> Result<ExitCode, CliError> {
    match question {
        Question::New(new) => return create(socket, new).await,
        Question::List { json } => list(socket, json).await?,
        Question::Attach {
            session,
            read_only,
            keys,
        } => {
            let role = match read_only {
                true => Role::Look,
                false => Role::Write,
            };
            return attach(socket, connect(socket).await?, session, &keys, role).await;
        }
        Question::Read(command) => reading::execute(socket, command).await?,
        Question::Write { session, text } => write(socket, session, &text).await?,
        Question::Resize { session, size } => connect(socket).await?.resize(session, size).await?,
        Question::Wait(args) => return wait(socket, args).await,
        Question::Pause { session } => connect(socket).await?.pause(session).await?,
        Question::Resume { session } => connect(socket).await?.resume(session).await?,
        Question::Life(command) => return life::execute(socket, command).await,
        Question::Archive(command) => archive::execute(socket, command).await?,
        Question::Schedule(command) => schedule::execute(socket, command).await?,
        Question::Stats => stats::show(socket).await?,
        Question::Http => http::show(socket).await?,
        Question::Mcp(command) => mcp::execute(socket, command).await?,
        Question::Transcripts(command) => transcripts::execute(socket, command).await?,
        Question::Status(args) => status::show(socket, args).await?,
        Question::Profile(command) => profile::execute(socket, command).await?,
        Question::Shutdown => shut_down(socket).await?,
    }
    Ok(ExitCode::Success)
}

fn run_daemon(socket: PathBuf, options: ServeArgs) -> Result<ExitCode, CliError> {
    let descriptors = if options.background {
        Descriptors::Close
    } else {
        Descriptors::KeepToOurselves
    };
    shed(descriptors).map_err(|source| CliError::system("put descriptors in order", source))?;
    log::start(&options)?;
    if options.background {
        leave_terminal().map_err(|source| CliError::system("leave the terminal", source))?;
    }
    let settings = Settings {
        clients_max: options.max_clients,
        client_timeout: options.client_timeout,
        sessions_max: options.sessions.sessions_max(),
        history_bytes: options.sessions.history_bytes(),
        ttl: options.sessions.ttl(),
        archive_age: options.sessions.archive_age(),
        transcripts: options.transcripts.settings()?,
        profiles: options.statuses.profiles()?,
        http: options.http.settings()?,
    };
    serve(socket, settings, || {
        if options.background {
            // Whoever started this daemon may have given up on it; then nobody misses the word.
            let _ = output::terminal_bytes(READY);
            let _ = close_stdout();
        }
    })?;
    Ok(ExitCode::Success)
}

/// A kernel session of its own, so that the terminal's end is not the daemon's, and a directory that is always there.
fn leave_terminal() -> io::Result<()> {
    rustix::process::setsid()?;
    Ok(rustix::process::chdir("/")?)
}

fn close_stdout() -> io::Result<()> {
    let null = rustix::fs::open("/dev/null", OFlags::WRONLY | OFlags::CLOEXEC, Mode::empty())?;
    Ok(rustix::stdio::dup2_stdout(null)?)
}

async fn create(socket: &Path, new: NewArgs) -> Result<ExitCode, CliError> {
    let command = if new.command.is_empty() {
        vec![std::env::var("SHELL").unwrap_or_else(|_| DEFAULT_SHELL.to_owned())]
    } else {
        new.command
    };
    let params = CreateParams {
        if_exists: new.life.if_exists(),
        ttl: new.life.ttl,
        respawn: new.life.respawn(),
        ..new.place.params(command)?
    };
    let client = connect_or_start(socket).await?;
    let session = client.create(params).await?;
    if new.detach || !raw_terminal::is_interactive() {
        output::line(&session.id.to_string());
        return Ok(ExitCode::Success);
    }
    attach(socket, client, session.id.into(), &new.keys, Role::Write).await
}

async fn list(socket: &Path, json: bool) -> Result<(), CliError> {
    let (sessions, statuses) = match connect(socket).await {
        Ok(client) if json => (client.list().await?, Vec::new()),
        Ok(client) => (client.list().await?, client.statuses().await?),
        Err(CliError::NoDaemon(_)) => (Vec::new(), Vec::new()), // and so no sessions
        Err(error) => return Err(error),
    };
    if json {
        let text = serde_json::to_string_pretty(&sessions);
        output::line(&text.map_err(|error| CliError::system("write JSON", error.into()))?);
    } else {
        let statuses = statuses.iter();
        let agents = statuses.map(|status| (status.session, status.state));
        output::sessions(&sessions, &agents.collect());
    }
    Ok(())
}

async fn write(socket: &Path, session: SessionRef, text: &str) -> Result<(), CliError> {
    let client = connect(socket).await?;
    let id = client.get(session).await?.id;
    if text != "-" {
        return Ok(client.write(id, text.as_bytes()).await?);
    }
    loop {
        // On a thread of its own: meanwhile the client answers when the daemon asks whether it lives.
        let read = tokio::task::spawn_blocking(read_piece).await;
        let piece = read
            .unwrap_or_else(|panicked| Err(panicked.into()))
            .map_err(|source| CliError::system("read standard input", source))?;
        if piece.is_empty() {
            return Ok(());
        }
        client.write(id, &piece).await?;
    }
}

/// What comes next on standard input; nothing at its end.
fn read_piece() -> io::Result<Vec<u8>> {
    let mut piece = vec![0; PIPE_BYTES];
    let read = io::stdin().read(&mut piece)?;
    piece.truncate(read);
    Ok(piece)
}

/// Returns when the daemon has closed its sessions, its socket and this connection.
async fn shut_down(socket: &Path) -> Result<(), CliError> {
    match connect(socket).await {
        Ok(client) => {
            let sessions = client.shutdown().await?;
            client.closed().await;
            output::line(&format!("daemon ended, {sessions} session(s) closed"));
        }
        Err(CliError::NoDaemon(_)) => output::line("no daemon runs"),
        Err(error) => return Err(error),
    }
    Ok(())
}
