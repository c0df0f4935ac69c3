//! Owns the probe's thread: it waits for its clients, for time to pass where one waits for rest, and for the end.

use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec};
use rustix::io::Errno;
use rustix::net::SocketFlags;

use super::client::{Client, Connection, Received};
use super::commands::{Reply, Subject};
use super::quiesce::LOOK_EVERY;
use crate::protocol::answer::Answer;
use crate::protocol::request::{OVERLONG, Request};

/// Clients served at a time: the harness, its profiler, a person with `nc`, and one more. The next is told so.
pub(super) const CLIENTS_MAX: usize = 4;

/// How long a failed accept (the daemon is out of descriptors) is not tried again: the connection stays pending, and
/// polling it would spin.
const ACCEPT_REST: Duration = Duration::from_millis(100);

// Places in what is polled. The listener comes first because the kernel looks in this order: when a client leaves and
// another one comes, a look that finds the new one also finds the free place.
const LISTENER: usize = 0;
const STOP: usize = 1;
const CLIENTS: usize = 2;
const POLLED: usize = CLIENTS + CLIENTS_MAX;

/// Everything the thread has. Allocated when the probe starts; nothing in it grows.
pub(super) struct Server {
    listener: OwnedFd,
    stop: Arc<OwnedFd>,
    clients: [Option<Client>; CLIENTS_MAX],
    /// When accepting is tried again, if the last try failed.
    accept_again: Option<Instant>,
    subject: Subject,
    answer: Answer,
}

impl Server {
    pub(super) fn new(listener: OwnedFd, stop: Arc<OwnedFd>, subject: Subject) -> Self {
        Self {
            listener,
            stop,
            clients: [const { None }; CLIENTS_MAX],
            accept_again: None,
            subject,
            answer: Answer::new(),
        }
    }

    /// Answers until it is told to stop.
    pub(super) fn serve(mut self) {
        loop {
            let ready = match self.wait() {
                Ok(ready) => ready,
                Err(Errno::INTR) => continue,
                // Not reachable with valid descriptors; a probe that cannot wait must not spin.
                Err(_) => return,
            };
            if !ready[STOP].is_empty() {
                return;
            }
            for (slot, ready) in self.clients.iter_mut().zip(&ready[CLIENTS..]) {
                let Some(client) = slot else { continue };
                let gone = if client.waiting.is_some() {
                    ready.intersects(PollFlags::HUP | PollFlags::ERR)
                } else {
                    !ready.is_empty() && client.receive() == Connection::Closed
                };
                if gone
                    || answer_all(client, &mut self.subject, &mut self.answer) == Connection::Closed
                {
                    *slot = None;
                }
            }
            if self.accept_again.is_some_and(|at| at <= Instant::now()) {
                self.accept_again = None;
            }
            if !ready[LISTENER].is_empty() {
                self.accept();
            }
        }
    }

    /// Waits until something is ready, or time has to be looked at.
    fn wait(&self) -> Result<[PollFlags; POLLED], Errno> {
        // A client's place that is empty, or that waits for rest, asks for nothing (hanging up is told anyway).
        let mut polled =
            [const { PollFlags::empty() }; POLLED].map(|nothing| PollFd::new(&self.stop, nothing));
        for (place, client) in polled[CLIENTS..].iter_mut().zip(&self.clients) {
            if let Some(client) = client {
                let asked = if client.waiting.is_some() {
                    PollFlags::empty()
                } else {
                    PollFlags::IN
                };
                *place = PollFd::new(client.connection(), asked);
            }
        }
        polled[STOP] = PollFd::new(&self.stop, PollFlags::IN);
        if self.accept_again.is_none() {
            polled[LISTENER] = PollFd::new(&self.listener, PollFlags::IN);
        }
        let looking = self
            .clients
            .iter()
            .flatten()
            .any(|client| client.waiting.is_some());
        let timeout = if looking {
            Some(LOOK_EVERY)
        } else {
            self.accept_again.map(|_| ACCEPT_REST)
        };
        let timeout = timeout.map(|wait| Timespec::try_from(wait).expect("milliseconds fit"));
        rustix::event::poll(&mut polled, timeout.as_ref())?;
        Ok(polled.map(|place| place.revents()))
    }

    fn accept(&mut self) {
        let connection = match rustix::net::accept_with(
            &self.listener,
            SocketFlags::CLOEXEC | SocketFlags::NONBLOCK,
        ) {
            Ok(connection) => connection,
            Err(Errno::AGAIN | Errno::INTR | Errno::CONNABORTED) => return,
            Err(_) => {
                self.accept_again = Some(Instant::now() + ACCEPT_REST);
                return;
            }
        };
        let client = Client::new(connection);
        if let Some(place) = self.clients.iter_mut().find(|place| place.is_none()) {
            *place = Some(client);
        } else {
            self.answer.error(
                "busy",
                format_args!("{CLIENTS_MAX} clients are connected; allowed: {CLIENTS_MAX}"),
            );
            // Closed either way.
            client.send(self.answer.line());
        }
    }
}

/// Answers what `client` has asked so far and can be answered now.
fn answer_all(client: &mut Client, subject: &mut Subject, answer: &mut Answer) -> Connection {
    loop {
        if let Some(waiting) = &mut client.waiting {
            if !subject.look(waiting, answer) {
                return Connection::Open;
            }
            client.waiting = None;
        } else {
            match client.next() {
                Received::Partial => return Connection::Open,
                Received::Overlong => answer.error("bad_request", OVERLONG.0),
                Received::Line { len } => {
                    let reply = match Request::parse(client.line(len)) {
                        Ok(request) => subject.reply(&request, answer),
                        Err(bad) => {
                            answer.error("bad_request", bad.0);
                            Reply::Written
                        }
                    };
                    client.consume(len);
                    if let Reply::Later(quiesce) = reply {
                        client.waiting = Some(quiesce);
                        continue;
                    }
                }
            }
        }
        if client.send(answer.line()) == Connection::Closed {
            return Connection::Closed;
        }
    }
}
