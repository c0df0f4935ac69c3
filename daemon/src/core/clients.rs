//! The clients that the core knows, and when it next asks whether they live.
//!
//! There is one round for all of them, and none while there are none. A client that was silent for a whole round is asked;
//! one that stays silent for another is cut off. So silence ends a connection after at least two rounds and at most three.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use sessiond_protocol::{EndReason, ErrorCode, Failure};

use super::entry::Fate;
use super::{ClientId, Core, Effect, LiveClient, Now, Plane, Pulse};
use crate::gauges::CLIENTS;

/// Rounds within [`Settings::client_timeout`](super::Settings::client_timeout).
const ROUNDS: u32 = 3;

/// All clients, by number.
#[derive(Debug)]
pub(super) struct Clients<C> {
    known: BTreeMap<ClientId, C>,
    next_round: Option<Instant>,
}

impl<C: LiveClient> Clients<C> {
    pub(super) const fn new() -> Self {
        Self {
            known: BTreeMap::new(),
            next_round: None,
        }
    }

    fn insert(&mut self, client: ClientId, handle: C, next_round: Instant) {
        CLIENTS.add(1);
        self.known.insert(client, handle);
        self.next_round.get_or_insert(next_round);
    }

    /// False when it was not known.
    fn remove(&mut self, client: ClientId) -> bool {
        let known = self.known.remove(&client).is_some();
        if known {
            CLIENTS.sub(1);
        }
        if self.known.is_empty() {
            self.next_round = None;
        }
        known
    }

    pub(super) fn get(&self, client: ClientId) -> Option<&C> {
        self.known.get(&client)
    }

    pub(super) fn len(&self) -> usize {
        self.known.len()
    }

    #[cfg(test)]
    pub(super) fn ids(&self) -> impl Iterator<Item = &ClientId> {
        self.known.keys()
    }

    /// When the next round is due.
    pub(super) const fn next_wake(&self) -> Option<Instant> {
        self.next_round
    }
}

impl<P: Plane> Core<P> {
    pub(super) fn connected(
        &mut self,
        now: Now,
        client: ClientId,
        handle: P::Client,
        effects: &mut Vec<Effect<P>>,
    ) {
        let clients_max = self.settings.clients_max;
        let failure = if let Err(failure) = self.check_open() {
            failure
        } else if self.clients.len() >= clients_max {
            Failure::new(
                ErrorCode::Limit,
                format!("{clients_max} clients are connected already"),
            )
        } else {
            let next_round = now.instant + self.round();
            self.clients.insert(client, handle, next_round);
            return;
        };
        effects.push(Effect::Refuse {
            client: handle,
            failure,
        });
    }

    /// Takes a client out of everything that knows it, and ends what it was running.
    pub(super) fn disconnected(
        &mut self,
        now: Now,
        client: ClientId,
        effects: &mut Vec<Effect<P>>,
    ) {
        if !self.clients.remove(client) {
            return; // it was refused
        }
        for id in self.sessions.ids_where(|entry| entry.calls.has(client)) {
            let Some(mut entry) = self.sessions.change(id) else {
                continue;
            };
            let (told, was_running) = entry.forget_client(now, client);
            drop(entry);
            effects.extend(told);
            if was_running {
                self.end(id, Fate::Gone(EndReason::Closed), effects);
            }
        }
    }

    /// Asks about every client when that is due; those that did not answer are cut off, and their disconnection follows.
    pub(super) fn ask_clients(&mut self, now: Now, effects: &mut Vec<Effect<P>>) {
        if self
            .clients
            .next_round
            .is_none_or(|round| now.instant < round)
        {
            return;
        }
        self.clients.next_round = Some(now.instant + self.round());
        for (client, handle) in &self.clients.known {
            if handle.pulse() == Pulse::Gone {
                effects.push(Effect::HangUp {
                    client: *client,
                    handle: handle.clone(),
                });
            }
        }
    }

    fn round(&self) -> Duration {
        self.settings.client_timeout / ROUNDS
    }
}
