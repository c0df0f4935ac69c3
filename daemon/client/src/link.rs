//! What callers and the connection's task share: who waits for which reply, where each session's events go, and what the
//! connection itself has to say.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use sessiond_protocol::{
    CancelParams, Failure, Reply, Request, RequestId, SessionId, SessionParams, StatusChange,
    StatusRequest, Success, encode_control,
};
use tokio::sync::{Notify, oneshot};

use crate::attachment::Event;
use crate::error::ClientError;
use crate::mailbox::{Mailbox, Wish};
use crate::status_feed::Feed;

/// The shared part of a connection.
#[derive(Debug, Default)]
pub(crate) struct Link {
    shared: Mutex<Shared>,
    /// There is an errand.
    errand: Notify,
}

#[derive(Debug, Default)]
struct Shared {
    next_request: u64,
    pending: BTreeMap<RequestId, Pending>,
    attachments: BTreeMap<SessionId, Arc<Mailbox>>,
    /// Where changes of statuses go.
    statuses: Option<Arc<Feed>>,
    errands: Errands,
    ended: bool,
    /// A failure that the server tied to no request: the last thing it says before it closes.
    farewell: Option<Failure>,
}

/// What the connection has to say by itself, at most one thing of a kind per session: nobody waits for the answers, and no
/// caller's frames go before it.
#[derive(Debug, Default)]
struct Errands {
    /// The server asks whether this client lives.
    pong: bool,
    /// Waits that nobody waits for any more. No more than the server has taken and not answered.
    cancel: BTreeSet<RequestId>,
    /// Sessions of which the server has to hear whether to hold their output; what, is read when it is said, so that nothing that
    /// was thought of earlier comes later.
    flow: BTreeSet<SessionId>,
    detach: BTreeSet<SessionId>,
    /// Nobody here watches statuses any more.
    unwatch: bool,
}

/// A caller that waits for a reply; one that attaches also says where the events go, because the first of them follows
/// the reply at once.
#[derive(Debug)]
pub(crate) struct Pending {
    pub(crate) reply: oneshot::Sender<Result<Success, ClientError>>,
    pub(crate) attach: Option<Arc<Mailbox>>,
    /// Its frame is being written or has been: then the server may be at it.
    pub(crate) is_sent: bool,
}

impl Link {
    /// No code that holds this lock can panic half-way through a change.
    fn lock(&self) -> MutexGuard<'_, Shared> {
        self.shared.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Notes who waits for a reply.
    ///
    /// # Errors
    /// When the connection has ended.
    pub(crate) fn expect_reply(&self, pending: Pending) -> Result<RequestId, ClientError> {
        let mut shared = self.lock();
        if shared.ended {
            let farewell = shared.farewell.clone();
            return Err(farewell.map_or(ClientError::Disconnected, ClientError::Refused));
        }
        let id = shared.new_request();
        shared.pending.insert(id, pending);
        Ok(id)
    }

    /// Whether a request whose turn has come is to be sent: not when its caller has given up already.
    pub(crate) fn is_to_be_sent(&self, id: RequestId) -> bool {
        let mut shared = self.lock();
        let pending = shared.pending.get_mut(&id);
        pending.map(|pending| pending.is_sent = true).is_some()
    }

    /// Notes that nobody waits for a reply any more; a request that was sent and may take long is taken back.
    pub(crate) fn give_up(&self, id: RequestId, is_revocable: bool) {
        let mut shared = self.lock();
        let Some(pending) = shared.pending.remove(&id) else {
            return;
        };
        if is_revocable && pending.is_sent {
            shared.errands.cancel.insert(id);
        }
        self.errand.notify_one(); // a detach may have waited for it
    }

    /// Hands a reply to whoever waits for it.
    pub(crate) fn answer(&self, reply: Reply) {
        let mut shared = self.lock();
        let Some(id) = reply.id else {
            shared.farewell = reply.result.err();
            return;
        };
        let pending = shared.pending.remove(&id);
        if let Ok(Success::Attached { session, from }) = &reply.result {
            match pending.as_ref().and_then(|pending| pending.attach.clone()) {
                Some(mailbox) => {
                    mailbox.begin(from.unwrap_or_default());
                    if let Some(earlier) = shared.attachments.insert(session.id, mailbox) {
                        earlier.close();
                        // What was said for the earlier one may have reached the server after the attach.
                        shared.errands.flow.insert(session.id);
                    }
                }
                // Its caller has stopped waiting.
                None if !shared.attachments.contains_key(&session.id) => {
                    shared.errands.detach.insert(session.id);
                }
                None => {}
            }
            self.errand.notify_one();
        }
        drop(shared);
        if let Some(pending) = pending {
            // A caller that no longer waits needs no answer.
            let _ = pending
                .reply
                .send(reply.result.map_err(ClientError::Refused));
        }
    }

    /// Hands an event to the session's attachment; waits only where that has more than an honest server sends.
    pub(crate) async fn deliver(&self, session: SessionId, event: Event, offset: Option<u64>) {
        let Some(mailbox) = self.lock().attachments.get(&session).cloned() else {
            return; // detached, or its attachment was dropped
        };
        mailbox.room().await;
        let is_last = matches!(event, Event::Exited(..));
        let wish = mailbox.push(event, offset);
        self.wish(session, &mailbox, wish);
        if is_last {
            mailbox.close();
            self.lock().attachments.remove(&session);
        }
    }

    /// Sees to it that the server hears what the session's attachment wants; one that was replaced wants nothing any more.
    pub(crate) fn wish(&self, session: SessionId, mailbox: &Arc<Mailbox>, wish: Wish) {
        if wish == Wish::Nothing {
            return;
        }
        let mut shared = self.lock();
        let current = shared.attachments.get(&session);
        if current.is_some_and(|current| Arc::ptr_eq(current, mailbox)) {
            shared.errands.flow.insert(session);
            self.errand.notify_one();
        }
    }

    /// Takes the attachment out that reads from this mailbox, and tells the server.
    pub(crate) fn leave(&self, mailbox: &Arc<Mailbox>) {
        mailbox.close();
        let mut shared = self.lock();
        let mine = shared
            .attachments
            .iter()
            .find(|(_, other)| Arc::ptr_eq(mailbox, other));
        if let Some(session) = mine.map(|(session, _)| *session) {
            shared.attachments.remove(&session);
            shared.errands.flow.remove(&session);
            shared.errands.detach.insert(session);
            self.errand.notify_one();
        }
    }

    /// Takes the attachment out that reads from this mailbox; the server knows.
    pub(crate) fn left(&self, mailbox: &Arc<Mailbox>) {
        let mut shared = self.lock();
        shared
            .attachments
            .retain(|_, other| !Arc::ptr_eq(mailbox, other));
    }

    /// Sends changes of statuses there, and no more to where they went before.
    pub(crate) fn watch_statuses(&self, feed: &Arc<Feed>) {
        let mut shared = self.lock();
        if shared.ended {
            feed.close();
        } else if let Some(earlier) = shared.statuses.replace(Arc::clone(feed)) {
            earlier.close();
        }
    }

    /// Sends none there any more, and tells the server.
    pub(crate) fn unwatch_statuses(&self, feed: &Arc<Feed>) {
        let mut shared = self.lock();
        let current = shared.statuses.as_ref();
        if current.is_some_and(|current| Arc::ptr_eq(current, feed)) {
            shared.statuses = None;
            shared.errands.unwatch = true;
            self.errand.notify_one();
        }
    }

    pub(crate) fn status_changed(&self, change: StatusChange) {
        if let Some(feed) = &self.lock().statuses {
            feed.push(change);
        }
    }

    pub(crate) fn status_missed(&self, changes: u64) {
        if let Some(feed) = &self.lock().statuses {
            feed.missed(changes);
        }
    }

    /// Answers the server's question whether this client lives.
    pub(crate) fn pong(&self) {
        self.lock().errands.pong = true;
        self.errand.notify_one();
    }

    /// Waits until there is an errand.
    pub(crate) async fn errand(&self) -> Bytes {
        loop {
            let errand = self.errand.notified();
            if let Some(frame) = self.next_errand() {
                return frame;
            }
            errand.await;
        }
    }

    fn next_errand(&self) -> Option<Bytes> {
        let mut shared = self.lock();
        let request = shared.next_errand()?;
        let id = shared.new_request();
        Some(encode_control(&request.message(id)))
    }

    /// Ends every wait.
    pub(crate) fn end(&self) {
        let mut shared = self.lock();
        shared.ended = true;
        for (_, mailbox) in std::mem::take(&mut shared.attachments) {
            mailbox.close();
        }
        if let Some(feed) = shared.statuses.take() {
            feed.close();
        }
        shared.errands = Errands::default();
        let farewell = shared.farewell.clone();
        for (_, pending) in std::mem::take(&mut shared.pending) {
            let error = farewell
                .clone()
                .map_or(ClientError::Disconnected, ClientError::Refused);
            // A caller that no longer waits needs no answer.
            let _ = pending.reply.send(Err(error));
        }
    }
}

impl Shared {
    const fn new_request(&mut self) -> RequestId {
        self.next_request += 1;
        RequestId(self.next_request)
    }

    fn next_errand(&mut self) -> Option<Request> {
        if std::mem::take(&mut self.errands.pong) {
            return Some(Request::Ping);
        }
        if let Some(request) = self.errands.cancel.pop_first() {
            return Some(Request::Cancel(CancelParams { request }));
        }
        if std::mem::take(&mut self.errands.unwatch) && self.statuses.is_none() {
            return Some(Request::Status(StatusRequest::Unwatch {}));
        }
        while let Some(session) = self.errands.flow.pop_first() {
            let Some(mailbox) = self.attachments.get(&session) else {
                continue; // it has ended
            };
            let params = SessionParams {
                session: session.into(),
            };
            return Some(match mailbox.is_held() {
                true => Request::Hold(params),
                false => Request::Release(params),
            });
        }
        // While an attach is under way it may be to the session that was left, and goes before.
        if self
            .pending
            .values()
            .any(|pending| pending.attach.is_some())
        {
            return None;
        }
        while let Some(session) = self.errands.detach.pop_first() {
            if !self.attachments.contains_key(&session) {
                return Some(Request::Detach(SessionParams {
                    session: session.into(),
                }));
            }
        }
        None
    }
}

#[cfg(test)]
mod tests;
