//! Who is attached to one session, in the order in which they were used, and what each has said about its side.
//!
//! The running session has its own list, which the output goes to; this one outlives its process. What clients say
//! while there is none changes only this one, and the next process gets it all.

use sessiond_protocol::Size;

use super::{Access, AttachOrder, ClientId, Flow};

/// The attached clients; the core bounds how many. A client's leaving or its connection's end takes it out.
#[derive(Debug, Default)]
pub(super) struct Attached {
    /// Used last comes last.
    members: Vec<Member>,
    /// Since the last process ended, somebody said another size, or left who had a say.
    is_size_open: bool,
}

#[derive(Debug, Clone, Copy)]
struct Member {
    client: ClientId,
    access: Access,
    /// Of its own terminal, where that has a say.
    size: Option<Size>,
    flow: Flow,
}

impl Attached {
    /// Adds a client as the one used last; one that is attached already is replaced.
    pub(super) fn attach(&mut self, client: ClientId, access: Access, size: Option<Size>) {
        self.members.retain(|member| member.client != client);
        self.members.push(Member {
            client,
            access,
            size,
            flow: Flow::Running,
        });
    }

    /// Takes a client out; false when it was not attached.
    pub(super) fn detach(&mut self, client: ClientId) -> bool {
        let before = self.members.len();
        self.members.retain(|member| member.client != client);
        self.members.shrink_to_fit();
        self.members.len() < before
    }

    /// Notes that a client was used, and with what terminal where that is told anew; false when it is not attached.
    pub(super) fn used(&mut self, client: ClientId, size: Option<Size>) -> bool {
        let Some(at) = self.position(client) else {
            return false;
        };
        self.members[at..].rotate_left(1);
        if let Some(member) = self.members.last_mut().filter(|_| size.is_some()) {
            member.size = size;
        }
        true
    }

    /// Notes that a client wants output, or none for now; false when it is not attached.
    pub(super) fn hold(&mut self, client: ClientId, flow: Flow) -> bool {
        let Some(at) = self.position(client) else {
            return false;
        };
        self.members[at].flow = flow;
        true
    }

    /// Notes that the size may have to change and that there is no process whose terminal could.
    pub(super) const fn open_size(&mut self) {
        self.is_size_open = true;
    }

    /// Takes the size that the next terminal is to have; none where nobody said another one since the last, or has a say.
    pub(super) fn take_size(&mut self) -> Option<Size> {
        let is_open = std::mem::take(&mut self.is_size_open);
        let size = self.members.iter().rev().find_map(|member| member.size);
        size.filter(|_| is_open)
    }

    /// How each is to be attached to the session's next process, used last last.
    pub(super) fn orders(&self) -> impl Iterator<Item = (ClientId, AttachOrder)> {
        self.members.iter().map(|member| {
            let order = AttachOrder {
                access: member.access,
                size: member.size,
                flow: member.flow,
                from: None,
            };
            (member.client, order)
        })
    }

    pub(super) fn clients(&self) -> impl Iterator<Item = ClientId> {
        self.members.iter().map(|member| member.client)
    }

    pub(super) fn access(&self, client: ClientId) -> Option<Access> {
        self.position(client).map(|at| self.members[at].access)
    }

    pub(super) fn has(&self, client: ClientId) -> bool {
        self.position(client).is_some()
    }

    pub(super) const fn len(&self) -> usize {
        self.members.len()
    }

    pub(super) const fn is_empty(&self) -> bool {
        self.members.is_empty()
    }

    fn position(&self, client: ClientId) -> Option<usize> {
        self.members
            .iter()
            .position(|member| member.client == client)
    }
}
