//! Subscriptions to resources, counted: the server has one for all clients, and it ends with the last of theirs.

use std::time::Instant;

use super::super::message::{Details, answer};
use super::requests::Request;
use super::{CODE_INVALID, CODE_LIMIT, Exchange, Peer, Purpose, Wires};

/// Resources that one client may be subscribed to: more is better served by `listen`.
const RESOURCES_PER_CLIENT_MAX: usize = 128;

/// Bytes of a resource's name that are kept.
const URI_BYTES_MAX: usize = 4096;

impl Exchange {
    /// Every one goes to the server, for which it is the same subscription; who has it is kept here.
    pub(super) fn subscribe(
        &mut self,
        peer: Peer,
        request: &Request<'_>,
    ) -> Result<Purpose, (i32, String)> {
        let details = Details::of(request.params);
        let uri = details.uri().filter(|uri| uri.len() <= URI_BYTES_MAX);
        let uri: Box<str> = match uri {
            Some(uri) => (*uri).into(),
            None => {
                return Err((
                    CODE_INVALID,
                    format!("no uri of up to {URI_BYTES_MAX} bytes"),
                ));
            }
        };
        let Some(state) = self.peers.get_mut(&peer) else {
            return Ok(Purpose::Ordinary);
        };
        let has_it = self
            .subscribers
            .get(&uri)
            .is_some_and(|peers| peers.contains(&peer));
        if !has_it {
            if state.resources >= RESOURCES_PER_CLIENT_MAX {
                let why =
                    format!("this client is subscribed to {RESOURCES_PER_CLIENT_MAX} resources");
                return Err((CODE_LIMIT, why));
            }
            state.resources += 1;
            self.subscribers
                .entry(uri.clone())
                .or_default()
                .insert(peer);
        }
        Ok(Purpose::Subscribe(uri))
    }

    /// The answer, where the server need not know because others are still subscribed.
    pub(super) fn unsubscribe(&mut self, peer: Peer, request: &Request<'_>) -> Option<String> {
        let details = Details::of(request.params);
        let uri = details.uri()?;
        self.forget_subscription(peer, &uri);
        let others = self.subscribers.contains_key(&*uri);
        others.then(|| answer(request.id, "{}"))
    }

    pub(super) fn forget_subscription(&mut self, peer: Peer, uri: &str) {
        let Some(peers) = self.subscribers.get_mut(uri) else {
            return;
        };
        if peers.remove(&peer)
            && let Some(state) = self.peers.get_mut(&peer)
        {
            state.resources -= 1;
        }
        if peers.is_empty() {
            self.subscribers.remove(uri);
        }
    }

    /// A client is gone; what only it was subscribed to ends.
    pub(super) fn unsubscribe_all(&mut self, peer: Peer, now: Instant, wires: &mut impl Wires) {
        for peers in self.subscribers.values_mut() {
            peers.remove(&peer);
        }
        let ended = self.subscribers.extract_if(.., |_, peers| peers.is_empty());
        for (uri, _) in ended.collect::<Vec<_>>() {
            let number = self.add_pending(None, Purpose::Own, now);
            send(number, "resources/unsubscribe", &uri, wires);
        }
    }

    /// To a new process: everything that clients are subscribed to.
    pub(super) fn subscribe_again(&mut self, now: Instant, wires: &mut impl Wires) {
        let uris: Vec<_> = self.subscribers.keys().cloned().collect();
        for uri in uris {
            let number = self.add_pending(None, Purpose::Own, now);
            send(number, "resources/subscribe", &uri, wires);
        }
    }
}

fn send(number: u64, method: &str, uri: &str, wires: &mut impl Wires) {
    let uri = serde_json::Value::from(uri);
    let request = format!(
        r#"{{"jsonrpc":"2.0","id":{number},"method":"{method}","params":{{"uri":{uri}}}}}"#
    );
    wires.to_server(&[request.as_bytes()]);
}
