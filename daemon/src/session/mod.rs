//! The data plane: terminal bytes from a session's PTY to its screen and its clients, and back.
//!
//! A [`Session`] is what the core and the connections hold of a running one; the [task](task::run) owns the rest. All of
//! its operations are short and none waits.

mod audience;
mod capture;
mod input;
mod lookout;
mod pty;
mod read;
mod replay;
pub(crate) mod task;
mod terminal;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use bytes::Bytes;
use sessiond_protocol::{
    Failure, Read, ReadReply, RequestId, ScreenState, ScreenText, SessionId, Size,
};
use sessiond_screen::Pattern;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use crate::core::{AttachOrder, ClientId, Facts, Flow, LiveSession, Ticket};
use crate::fanout::Outbox;
use crate::freed::Freed;
use crate::history_budget::HistoryBudget;
pub(crate) use lookout::Lookout;
pub(crate) use pty::{Pty, Reading};
pub(crate) use read::read;
pub(crate) use terminal::{Terminal, screen_size, state_of};

/// A running session, as everybody but its task sees it.
#[derive(Debug)]
pub(crate) struct Session {
    id: SessionId,
    pty: Pty,
    terminal: Mutex<Terminal>,
    /// Wakes the task: there is input, or a client has room again. Shared with the queues of clients that are behind.
    poke: Arc<Notify>,
    end: CancellationToken,
    freed: Arc<Freed>,
}

impl Session {
    pub(crate) fn new(id: SessionId, pty: Pty, terminal: Terminal, freed: Arc<Freed>) -> Self {
        let poke = Arc::new(Notify::new());
        Self {
            id,
            pty,
            terminal: Mutex::new(terminal),
            poke,
            end: CancellationToken::new(),
            freed,
        }
    }

    /// Takes part in what all sessions may keep of their history.
    fn join(&self, budget: &Arc<HistoryBudget>) {
        self.terminal().join(budget, Arc::clone(&self.poke));
    }

    pub(crate) fn terminal(&self) -> MutexGuard<'_, Terminal> {
        // A screen that a panic left half-changed still shows more than none.
        self.terminal.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) const fn pty(&self) -> &Pty {
        &self.pty
    }

    /// Begins the session's end.
    pub(crate) fn end(&self) {
        self.end.cancel();
    }

    /// Sends a snapshot, or what the client has not seen yet, and from then on all output to this client.
    pub(crate) fn attach(&self, client: ClientId, outbox: Arc<Outbox>, order: AttachOrder) {
        let mut terminal = self.terminal();
        terminal.attach(self.id, client, outbox, order);
        self.settle_size(&mut terminal);
        terminal.send_snapshots(self.id, &self.poke);
    }

    /// Hands over all of its text at its end.
    pub(crate) fn keep_text(&self) {
        self.terminal().keep_text();
    }

    /// Attaches those who were attached to the session's last process, used last last; none of them is being used by that, so
    /// the terminal takes no other size than the one that they have said meanwhile.
    pub(crate) fn attach_again(
        &self,
        clients: Vec<(ClientId, Arc<Outbox>, AttachOrder)>,
        size: Option<Size>,
    ) {
        let mut terminal = self.terminal();
        for (client, outbox, order) in clients {
            terminal.attach(self.id, client, outbox, order);
        }
        if let Some(size) = size {
            self.set_size(&mut terminal, size);
        }
        terminal.send_snapshots(self.id, &self.poke);
    }

    pub(crate) fn detach(&self, client: ClientId) {
        let mut terminal = self.terminal();
        terminal.audience().detach(client);
        self.settle_size(&mut terminal);
    }

    /// Takes the size of an attached client's terminal, or from anybody else one for this session's.
    pub(crate) fn resize(&self, client: ClientId, size: Size) {
        let mut terminal = self.terminal();
        if terminal.audience().used(client, Some(size)) {
            self.settle_size(&mut terminal);
        } else {
            self.set_size(&mut terminal, size);
        }
    }

    fn settle_size(&self, terminal: &mut Terminal) {
        if let Some(size) = terminal.unsettled_size() {
            self.set_size(terminal, size);
        }
    }

    /// Changes the size of screen and terminal; the programs in it are told by the kernel.
    fn set_size(&self, terminal: &mut Terminal, size: Size) {
        terminal.resize(size);
        if let Err(error) = self.pty.resize(size) {
            tracing::warn!(session = %self.id, %error, "the terminal was not resized");
        }
    }

    /// Stops sending output to a client, or lets it go on.
    pub(crate) fn hold(&self, client: ClientId, flow: Flow) {
        let mut terminal = self.terminal();
        terminal.audience().hold(client, flow == Flow::Stopped);
        terminal.send_snapshots(self.id, &self.poke);
    }

    /// Stops reading the terminal, or goes on.
    pub(crate) fn set_flow(&self, flow: Flow) {
        self.terminal().set_flow(flow);
        self.poke.notify_one();
    }

    /// Begins to look for text; what is found goes to the core as an event.
    pub(crate) fn watch(&self, ticket: Ticket, pattern: Pattern) {
        let mut terminal = self.terminal();
        let (lookout, screen) = terminal.lookout();
        lookout.watch(ticket, pattern, screen, Instant::now());
        self.poke.notify_one();
    }

    pub(crate) fn unwatch(&self, ticket: Ticket) {
        self.terminal().lookout().0.unwatch(ticket);
    }

    /// Queues input of a client; the answer goes to `outbox` when the terminal has taken it.
    pub(crate) fn write(
        &self,
        client: ClientId,
        bytes: Bytes,
        outbox: &Arc<Outbox>,
        id: RequestId,
    ) -> Result<(), Failure> {
        let mut terminal = self.terminal();
        // Typing is use, also where the program takes no more.
        if terminal.audience().used(client, None) {
            self.settle_size(&mut terminal);
        }
        terminal.input().push(bytes, outbox, id)?;
        self.poke.notify_one();
        Ok(())
    }
}

impl LiveSession for Arc<Session> {
    fn facts(&self) -> Facts {
        self.terminal().facts()
    }

    fn screen(&self, scrollback: usize) -> ScreenText {
        self.terminal().text(scrollback)
    }

    fn quiet_since(&self) -> Instant {
        self.terminal().quiet_since()
    }

    fn replays_from(&self, offset: u64) -> bool {
        self.terminal().replay().reaches(offset)
    }

    fn state(&self) -> ScreenState {
        self.terminal().state()
    }

    fn read(&self, what: &Read) -> Result<ReadReply, Failure> {
        self.terminal().read(what)
    }
}
