//! A session on this terminal: its output here, what is typed here there.

use std::io;
use std::time::Duration;

use bytes::Bytes;
use sessiond_client::{Client, ClientError, Event};
use sessiond_protocol::{ErrorCode, ExitStatus, SessionId, SessionRef};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::mpsc;
use tokio::time::timeout;

use super::detach_key::{DetachKey, Watch};
use super::exit_code::CliError;
use super::output;
use super::raw_terminal::{CLEAR, RawTerminal, WIPE, size};

/// Typed pieces that wait for a program that does not read. What is typed beyond them is lost with a bell; the keys that
/// detach work all the same.
const TYPED_PIECES_MAX: usize = 64;

/// Bytes taken from the keyboard at a time: what the kernel hands over at most.
const TYPED_BYTES: usize = 4096;

/// How long a detach waits for the session to take what was typed before it.
const LAST_KEYS_MAX: Duration = Duration::from_secs(1);

const BELL: &[u8] = b"\x07";

/// Why the attachment is over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Parting {
    Detached,
    Exited(ExitStatus),
    /// A signal asks this client to end.
    Signalled,
    /// The terminal that this client runs on is gone.
    TerminalGone,
    /// The daemon is gone.
    Disconnected,
}

/// Attaches this terminal to a session until one of them ends, or the keys are typed.
///
/// # Errors
/// When the daemon refuses or is lost, or this terminal cannot be used.
pub(super) async fn attach(
    client: &Client,
    session: SessionRef,
    key: &DetachKey,
) -> Result<(), CliError> {
    let mut signals =
        Signals::listen().map_err(|source| CliError::system("listen for signals", source))?;
    let attachment = client.attach(session, size()).await?;
    let id = attachment.id();
    let name = attachment
        .session()
        .name
        .as_ref()
        .map_or_else(|| id.to_string(), ToString::to_string);
    let terminal =
        RawTerminal::enter().map_err(|source| CliError::system("use this terminal", source))?;
    let (typed, pieces) = mpsc::channel(TYPED_PIECES_MAX);
    let mut sending = std::pin::pin!(send_typed(client, id, pieces));
    let parting = tokio::select! {
        parting = show(attachment) => parting,
        parting = read_keys(&terminal, Watch::new(key), typed) => parting,
        parting = signals.wait(client, id) => Ok(parting),
        refused = &mut sending => refused,
    };
    if let Ok(Parting::Detached) = parting {
        // What was typed before the keys is still the session's.
        let _ = timeout(LAST_KEYS_MAX, sending).await;
    }
    drop(terminal);
    match parting.map_err(|source| CliError::system("use this terminal", source))? {
        Parting::Detached => {
            output::terminal_bytes(WIPE)
                .map_err(|source| CliError::system("use this terminal", source))?;
            output::line(&format!("[detached from session {name}]"));
        }
        Parting::Exited(status) => output::line(&format!("[session {name} ended: {status}]")),
        Parting::Signalled | Parting::TerminalGone => {}
        Parting::Disconnected => return Err(ClientError::Disconnected.into()),
    }
    Ok(())
}

/// Writes the session's output to this terminal. A slow terminal makes this a slow client, which the daemon handles.
async fn show(mut attachment: sessiond_client::Attachment) -> io::Result<Parting> {
    while let Some(event) = attachment.next().await {
        match event {
            Event::Output(bytes) => output::terminal_bytes(&bytes)?,
            Event::Snapshot(bytes) => {
                output::terminal_bytes(CLEAR)?;
                output::terminal_bytes(&bytes)?;
            }
            Event::Resynced { .. } => {} // the snapshot that follows says it all
            Event::Exited(status) => return Ok(Parting::Exited(status)),
        }
    }
    Ok(Parting::Disconnected)
}

async fn read_keys(
    terminal: &RawTerminal,
    mut watch: Watch,
    typed: mpsc::Sender<Bytes>,
) -> io::Result<Parting> {
    let mut buffer = [0; TYPED_BYTES];
    loop {
        let read = terminal.read(&mut buffer).await?;
        if read == 0 {
            return Ok(Parting::TerminalGone);
        }
        let found = watch.typed(&buffer[..read]);
        if !found.forward.is_empty() && typed.try_send(found.forward.into()).is_err() {
            output::terminal_bytes(BELL)?;
        }
        if found.detach {
            return Ok(Parting::Detached);
        }
    }
}

/// Sends what is typed, piece by piece as the session takes it, until nothing more can be typed.
async fn send_typed(
    client: &Client,
    session: SessionId,
    mut pieces: mpsc::Receiver<Bytes>,
) -> io::Result<Parting> {
    while let Some(piece) = pieces.recv().await {
        match client.write(session, &piece).await {
            Ok(()) => {}
            Err(ClientError::Refused(failure)) if failure.code == ErrorCode::Busy => {
                output::terminal_bytes(BELL)?
            }
            // The session's end is told as an event, with its status.
            Err(ClientError::Refused(_)) => std::future::pending().await,
            Err(_) => return Ok(Parting::Disconnected),
        }
    }
    Ok(Parting::Detached)
}

/// The signals that matter while a session is attached.
struct Signals {
    window: Signal,
    terminate: Signal,
    interrupt: Signal,
    hangup: Signal,
}

impl Signals {
    fn listen() -> io::Result<Self> {
        Ok(Self {
            window: signal(SignalKind::window_change())?,
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
            hangup: signal(SignalKind::hangup())?,
        })
    }

    /// Follows this terminal's size until a signal asks to end.
    async fn wait(&mut self, client: &Client, session: SessionId) -> Parting {
        loop {
            tokio::select! {
                _ = self.window.recv() => {
                    if let Some(size) = size() {
                        // A session that ends meanwhile has no size; its end is told as an event.
                        let _ = client.resize(session, size).await;
                    }
                }
                _ = self.terminate.recv() => return Parting::Signalled,
                _ = self.interrupt.recv() => return Parting::Signalled,
                _ = self.hangup.recv() => return Parting::Signalled,
            }
        }
    }
}
