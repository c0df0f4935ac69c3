//! The clients that a session's output goes to, in the order in which they were used.
//!
//! The one that was used last (attached, typed, resized) decides the terminal's size: [`Audience::size`]. Nobody else's view
//! is changed by one that reads slowly or holds its output: it misses bytes, which are counted, and gets a snapshot.

use std::sync::Arc;

use bytes::Bytes;
use leakgate_probe::Held;
use sessiond_protocol::{SessionId, Size};
use tokio::sync::Notify;

use crate::core::{ClientId, Flow};
use crate::fanout::{Outbox, Resync, Urgency};
use crate::gauges::SUBSCRIBERS;

/// The clients of one session; the core bounds how many.
#[derive(Debug, Default)]
pub(crate) struct Audience {
    /// Used last comes last.
    members: Vec<Member>,
}

/// A client that the output goes to.
#[derive(Debug)]
struct Member {
    client: ClientId,
    outbox: Arc<Outbox>,
    /// Of its own terminal, where that has a say.
    size: Option<Size>,
    /// It wants no output for now.
    held: bool,
    /// Bytes of output that it did not get, once it is to get a snapshot in their place: 0 when it has just attached.
    missed: Option<u64>,
    _counted: Held,
}

/// What a client that attaches begins with.
#[derive(Debug)]
pub(crate) enum Beginning {
    /// The screen, when there is room.
    Snapshot,
    /// This frame of what it has not seen yet; the screen where that finds no room.
    Output(Bytes),
    /// Nothing: it has seen everything.
    Here,
}

impl Audience {
    /// Adds a client as the one used last; one that is attached already is replaced.
    pub(crate) fn attach(
        &mut self,
        client: ClientId,
        outbox: Arc<Outbox>,
        size: Option<Size>,
        flow: Flow,
        beginning: Beginning,
    ) {
        self.detach(client);
        let missed = match beginning {
            Beginning::Snapshot => Some(0),
            Beginning::Output(frame) => (!outbox.push_output(&frame)).then_some(0),
            Beginning::Here => None,
        };
        self.members.push(Member {
            client,
            outbox,
            size,
            held: flow == Flow::Stopped,
            missed,
            _counted: SUBSCRIBERS.hold(1),
        });
    }

    /// Takes a client out.
    pub(crate) fn detach(&mut self, client: ClientId) {
        self.members.retain(|member| member.client != client);
        self.members.shrink_to_fit();
    }

    /// Takes everybody out.
    pub(crate) fn clear(&mut self) {
        self.members = Vec::new();
    }

    pub(crate) const fn is_empty(&self) -> bool {
        self.members.is_empty()
    }

    /// Notes that a client was used, and with what terminal where that is told anew; false when it is not attached.
    pub(crate) fn used(&mut self, client: ClientId, size: Option<Size>) -> bool {
        let Some(at) = self
            .members
            .iter()
            .position(|member| member.client == client)
        else {
            return false;
        };
        self.members[at..].rotate_left(1);
        if let Some(member) = self.members.last_mut().filter(|_| size.is_some()) {
            member.size = size;
        }
        true
    }

    /// The size that the session's terminal is to have: that of the client used last, of those whose size has a say;
    /// none when there is no such client.
    pub(crate) fn size(&self) -> Option<Size> {
        self.members.iter().rev().find_map(|member| member.size)
    }

    /// Sends an output frame of `length` terminal bytes to everybody who keeps up.
    pub(crate) fn send(&mut self, frame: &Bytes, length: usize, poke: &Arc<Notify>) {
        for member in &mut self.members {
            if let Some(missed) = &mut member.missed {
                *missed += length as u64;
            } else if member.held {
                member.missed = Some(length as u64);
            } else if !member.outbox.push_output(frame) {
                member.missed = Some(length as u64);
                member.outbox.call_when_roomy(poke);
            }
        }
    }

    /// Stops output to a client, or lets it go on.
    pub(crate) fn hold(&mut self, client: ClientId, held: bool) {
        if let Some(member) = self
            .members
            .iter_mut()
            .find(|member| member.client == client)
        {
            member.held = held;
        }
    }

    /// Sends the screen that `snapshot` makes to every client that missed something and has room for it.
    pub(crate) fn catch_up(
        &mut self,
        session: SessionId,
        offset: u64,
        urgency: Urgency,
        snapshot: impl Fn() -> Vec<u8>,
    ) {
        let mut screen = None;
        // At a session's end the last screen is for those who hold the output, too.
        let wants = |member: &&mut Member| !member.held || urgency == Urgency::Last;
        for member in self.members.iter_mut().filter(wants) {
            let Some(dropped_bytes) = member.missed else {
                continue;
            };
            if !member.outbox.has_room_for_snapshot(urgency) {
                continue; // a screen takes long to render
            }
            let resync = Resync {
                session,
                offset,
                dropped_bytes,
                screen: screen.get_or_insert_with(&snapshot),
            };
            if member.outbox.push_snapshot(&resync, urgency) {
                member.missed = None;
            }
        }
    }

    /// Wakes the session when one of those that are behind has room.
    pub(crate) fn wait_for_room(&self, poke: &Arc<Notify>) {
        let behind = |member: &&Member| !member.held && member.missed.is_some();
        for member in self.members.iter().filter(behind) {
            member.outbox.call_when_roomy(poke);
        }
    }
}

#[cfg(test)]
mod tests;
