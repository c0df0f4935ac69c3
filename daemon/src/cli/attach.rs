//! A session on this terminal: its output here, what is typed here there.

use std::convert::Infallible;
use std::io;
use std::path::Path;
use std::time::Duration;

use bytes::Bytes;
use sessiond_client::{Attachment, Client, ClientError, Event};
use sessiond_protocol::{AttachParams, EndReason, ExitStatus, SessionId, SessionRef};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::{mpsc, watch};
use tokio::time::timeout;

use super::args::KeyArgs;
use super::display::Display;
use super::exit_code::{CliError, ExitCode};
use super::keys::{Action, Watch};
use super::launch::connect;
use super::raw_terminal::{CLEAR, RawTerminal, WIPE, size};
use super::suspend;

/// Typed pieces that wait for a program that does not read. What is typed beyond them is lost with a bell; the keys that
/// detach work all the same.
const TYPED_PIECES_MAX: usize = 64;

/// Bytes taken from the keyboard at a time: what the kernel hands over at most.
const TYPED_BYTES: usize = 4096;

/// How long a detach waits for the session to take what was typed before it.
const LAST_KEYS_MAX: Duration = Duration::from_secs(1);

const BELL: &[u8] = b"\x07";

/// What this client may do in the session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Role {
    Write,
    /// Nothing that is typed is sent.
    Look,
}

/// Why the attachment is over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Parting {
    Detached,
    /// This process is to stop, and to attach again when it goes on.
    Suspended,
    Ended(ExitStatus, EndReason),
    /// A signal asks this client to end.
    Signalled,
    /// The terminal that this client runs on is gone.
    TerminalGone,
    /// The daemon is gone, or does not know this client any more.
    Disconnected,
}

fn terminal_error(source: io::Error) -> CliError {
    CliError::system("use this terminal", source)
}

/// Attaches this terminal to a session until one of them ends, or the keys are typed.
///
/// # Errors
/// When the daemon refuses, or this terminal cannot be used.
pub(super) async fn attach(
    socket: &Path,
    mut client: Client,
    session: SessionRef,
    keys: &KeyArgs,
    role: Role,
) -> Result<ExitCode, CliError> {
    let mut signals =
        Signals::listen().map_err(|source| CliError::system("listen for signals", source))?;
    let display = Display::open().map_err(terminal_error)?;
    loop {
        let params = AttachParams {
            size: size(),
            read_only: role == Role::Look,
            ..AttachParams::new(session.clone())
        };
        let attachment = tokio::select! {
            attachment = client.attach_with(params) => attachment?,
            () = signals.end() => return Ok(ExitCode::Success),
        };
        let name = attachment
            .session()
            .name
            .as_ref()
            .map_or_else(|| attachment.id().to_string(), ToString::to_string);
        let parting = visit(&client, attachment, keys, role, &mut signals, &display)
            .await
            .map_err(terminal_error)?;
        take_leave(&display, parting, &name).await;
        if parting == Parting::Disconnected {
            return Ok(ExitCode::Disconnected);
        }
        if parting != Parting::Suspended {
            return Ok(ExitCode::Success);
        }
        // A stopped process answers no question of the daemon's: it comes back as a new client.
        client.close().await;
        suspend::stop().map_err(|source| CliError::system("stop this process", source))?;
        client = tokio::select! {
            client = connect(socket) => client?,
            () = signals.end() => return Ok(ExitCode::Success),
        };
    }
}

/// Says on the restored terminal why it is back, and takes a session off it that goes on elsewhere.
async fn take_leave(display: &Display, parting: Parting, name: &str) {
    let line = match parting {
        Parting::Detached => format!("[detached from {name}]\n"),
        Parting::Suspended => format!("[suspended; {name} goes on]\n"),
        Parting::Ended(status, reason) => format!("[{name} {}]\n", how_it_ended(status, reason)),
        Parting::Disconnected => "[lost the connection]\n".to_owned(),
        Parting::Signalled | Parting::TerminalGone => return,
    };
    let goes_on = matches!(parting, Parting::Detached | Parting::Suspended);
    let wipe = if goes_on { WIPE } else { &[] };
    display.say_last(&[wipe, line.as_bytes()].concat()).await;
}

fn how_it_ended(status: ExitStatus, reason: EndReason) -> String {
    match (reason, status) {
        (EndReason::Exited, ExitStatus::Code(code)) => format!("exited with code {code}"),
        (EndReason::Exited, ExitStatus::Signal(signal)) => format!("was ended by signal {signal}"),
        (EndReason::Failed, _) => format!("was given up after {status}"),
        (EndReason::Closed, _) => "was closed".to_owned(),
        (EndReason::Expired, _) => "has expired".to_owned(),
        (EndReason::Shutdown, _) => "ended with the daemon".to_owned(),
    }
}

/// One stretch in raw mode.
async fn visit(
    client: &Client,
    attachment: Attachment,
    keys: &KeyArgs,
    role: Role,
    signals: &mut Signals,
    display: &Display,
) -> io::Result<Parting> {
    let id = attachment.id();
    let terminal = RawTerminal::enter(display)?;
    let (typed, pieces) = mpsc::channel(TYPED_PIECES_MAX);
    let (holds, is_held) = watch::channel(false);
    let keyboard = Keyboard {
        terminal: &terminal,
        display,
        watch: Watch::new(&keys.detach_key, &keys.suspend_key, keys.flow_keys),
        role,
        typed,
        holds,
    };
    let mut sending = std::pin::pin!(send_typed(client, display, id, pieces));
    let parting = tokio::select! {
        parting = show(attachment, display, is_held) => parting?,
        parting = keyboard.read() => parting?,
        parting = signals.wait(client, id) => parting,
        refused = &mut sending => refused?,
    };
    if parting == Parting::Detached || parting == Parting::Suspended {
        // What was typed before the keys is still the session's.
        let _ = timeout(LAST_KEYS_MAX, sending).await;
    }
    if parting != Parting::TerminalGone {
        terminal.reset().await;
    }
    Ok(parting)
}

/// Writes the session's output to this terminal. A slow terminal makes this a slow client, which the daemon handles; so does
/// one on which output is held.
async fn show(
    mut attachment: Attachment,
    display: &Display,
    mut is_held: watch::Receiver<bool>,
) -> io::Result<Parting> {
    loop {
        // The keyboard, which holds and releases, lives as long as this.
        let _ = is_held.wait_for(|is_held| !is_held).await;
        let event = tokio::select! {
            event = attachment.next() => event,
            _ = is_held.changed() => continue,
        };
        match event {
            Some(Event::Output(bytes)) => display.write(&bytes).await?,
            Some(Event::Snapshot(bytes)) => {
                display.write(CLEAR).await?;
                display.write(&bytes).await?;
            }
            Some(Event::Resynced { .. }) => {} // the snapshot that follows says it all
            Some(Event::Respawning(status, wait)) => {
                let wait = wait.as_secs();
                let told = format!(
                    "\r\n[its program ended: {status}; the next one starts in {wait} s]\r\n"
                );
                display.write(told.as_bytes()).await?;
            }
            Some(Event::Exited(status, reason)) => return Ok(Parting::Ended(status, reason)),
            None => return Ok(Parting::Disconnected),
        }
    }
}

/// What is typed, and where it goes.
struct Keyboard<'a> {
    terminal: &'a RawTerminal<'a>,
    display: &'a Display,
    watch: Watch,
    role: Role,
    typed: mpsc::Sender<Bytes>,
    holds: watch::Sender<bool>,
}

impl Keyboard<'_> {
    /// Reads until the keys are typed that leave, or the terminal has gone.
    async fn read(mut self) -> io::Result<Parting> {
        let mut buffer = [0; TYPED_BYTES];
        loop {
            let read = self.terminal.read(&mut buffer).await?;
            if read == 0 {
                return Ok(Parting::TerminalGone);
            }
            let mut rest = &buffer[..read];
            while !rest.is_empty() {
                let found = self.watch.typed(rest);
                rest = &rest[found.used..];
                self.forward(found.forward);
                if let Some(parting) = found.action.and_then(|action| self.act(action)) {
                    return Ok(parting);
                }
            }
        }
    }

    fn forward(&self, bytes: Vec<u8>) {
        let wanted = !bytes.is_empty() && self.role == Role::Write;
        if wanted && self.typed.try_send(bytes.into()).is_err() {
            self.display.try_write(BELL);
        }
    }

    fn act(&self, action: Action) -> Option<Parting> {
        match action {
            Action::Detach => return Some(Parting::Detached),
            Action::Suspend if suspend::is_possible() => return Some(Parting::Suspended),
            Action::Suspend => self.display.try_write(BELL),
            Action::Hold | Action::Release => {
                self.holds.send_replace(action == Action::Hold);
            }
        }
        None
    }
}

/// Sends what is typed, piece by piece as the session takes it, until nothing more can be typed.
async fn send_typed(
    client: &Client,
    display: &Display,
    session: SessionId,
    mut pieces: mpsc::Receiver<Bytes>,
) -> io::Result<Parting> {
    while let Some(piece) = pieces.recv().await {
        match client.write(session, &piece).await {
            Ok(()) => {}
            // Too much waits already, or no process runs: the next one is typed to as this one was. The session's end is told
            // as an event, with its status.
            Err(ClientError::Refused(_)) => display.try_write(BELL),
            Err(_) => return Ok(Parting::Disconnected),
        }
    }
    Ok(Parting::Detached)
}

/// The signals that matter while a session is attached.
struct Signals {
    window: Signal,
    suspend: Signal,
    terminate: Signal,
    interrupt: Signal,
    hangup: Signal,
}

impl Signals {
    fn listen() -> io::Result<Self> {
        Ok(Self {
            window: signal(SignalKind::window_change())?,
            suspend: signal(SignalKind::from_raw(rustix::process::Signal::TSTP.as_raw()))?,
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
            hangup: signal(SignalKind::hangup())?,
        })
    }

    /// Follows this terminal's size until a signal asks to end or to stop.
    async fn wait(&mut self, client: &Client, session: SessionId) -> Parting {
        tokio::select! {
            never = follow_size(&mut self.window, client, session) => match never {},
            () = suspended(&mut self.suspend) => Parting::Suspended,
            () = end(&mut self.terminate, &mut self.interrupt, &mut self.hangup) => {
                Parting::Signalled
            }
        }
    }

    /// Waits until a signal asks to end.
    async fn end(&mut self) {
        end(&mut self.terminate, &mut self.interrupt, &mut self.hangup).await;
    }
}

async fn follow_size(window: &mut Signal, client: &Client, session: SessionId) -> Infallible {
    loop {
        window.recv().await;
        if let Some(size) = size() {
            // A session that ends meanwhile has no size, and one that is only looked at takes none.
            let _ = client.resize(session, size).await;
        }
    }
}

/// Waits until this process is to stop, and can.
async fn suspended(suspend: &mut Signal) {
    loop {
        suspend.recv().await;
        if suspend::is_possible() {
            return;
        }
    }
}

async fn end(terminate: &mut Signal, interrupt: &mut Signal, hangup: &mut Signal) {
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
        _ = hangup.recv() => {}
    }
}
