//! The drivers `socket`, `stdio` and `http`: connections to a target, and what is said on them.
//!
//! A step that names clients is done on each of their connections at the same time. A step that names none is done on
//! the *standing* connection: it is opened when it is first needed and lasts as long as the target.
//!
//! Connections are read only while a step waits for something or sends; in between, the target's output stays in the
//! kernel's buffers, as that of a client that is busy does.

mod abilities;
mod channel;
mod client;
mod framing;
mod http;
mod jsonrpc;
mod patience;
mod received;
mod stream;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{Mutex as Turns, OwnedMutexGuard};
use tokio::task::JoinSet;

pub(super) use self::abilities::{able, steps};
use self::client::{Client, Deed};
use self::patience::Patience;
use self::stream::{Address, Stream};
use super::driver::StepError;
use crate::config::{Endpoint, Framing, Ready};
use crate::record::event::Load;
use crate::sample::pause;
use crate::scenario::{Action, Exchange, Expected, Framed, Leave, Payload};
use crate::target::Instance;
use crate::template::expand;

/// Connections on which a step is done at the same time: as many as a busy server commonly has, each with a buffer.
const AT_ONCE_MAX: usize = 64;
/// The name of the standing connection among the clients; a scenario cannot write it.
const STANDING: &str = "";

/// Connections to one instance of a target.
#[derive(Debug)]
pub(super) struct WireDriver {
    /// Where connections are made; nowhere when the target is driven over its standard input and output.
    address: Option<Address>,
    framing: Framing,
    /// Groups of clients by the scenario's name; one goes with `disconnect`, and all with the target.
    groups: Mutex<BTreeMap<String, Arc<Group>>>,
}

/// Clients that a scenario names together, on which steps take turns; nothing once a step on them has failed.
type Group = Turns<Option<Vec<Client>>>;
/// A step's turn on a group.
type Turn = OwnedMutexGuard<Option<Vec<Client>>>;

impl WireDriver {
    /// A driver of a target that listens.
    pub(super) fn listening(
        endpoint: &Endpoint,
        framing: Framing,
        instance: &Instance,
    ) -> Result<Self, StepError> {
        let address = Address::of(endpoint, &instance.values);
        let address = address.map_err(|error| StepError::Target(error.to_string()))?;
        Ok(Self {
            address: Some(address),
            framing,
            groups: Mutex::default(),
        })
    }

    /// A driver of a target that speaks on its standard input and output; `ready` says what it is asked first.
    pub(super) async fn stdio(
        framing: Framing,
        ready: &Ready,
        instance: &Instance,
    ) -> Result<Self, StepError> {
        let (output, input) = instance
            .stdio()
            .map_err(|error| StepError::Target(error.to_string()))?;
        let stream: Stream = Box::new(tokio::io::join(output, input));
        let mut client = Client::new(stream, framing);
        if let Ready::Request {
            request,
            then,
            within,
        } = ready
        {
            let text = |text: &String| Exchange::Send {
                payload: Payload::Text(expand(text, &instance.values)),
                framed: Framed::Whole,
            };
            // Whatever it says is an answer.
            let answered = Exchange::Expect(Expected::Contains(String::new()));
            let exchanges = [Some(text(request)), Some(answered), then.as_ref().map(text)];
            for exchange in exchanges.into_iter().flatten() {
                let patience = Patience::of(*within);
                // No cycle's load: it happens once.
                client
                    .exchange(&exchange, patience, &mut Load::default())
                    .await?;
            }
        }
        let standing = Arc::new(Group::new(Some(vec![client])));
        Ok(Self {
            address: None,
            framing,
            groups: Mutex::new(BTreeMap::from([(STANDING.to_owned(), standing)])),
        })
    }

    /// Does one step, whose texts have been expanded, and counts what it did into `load`.
    ///
    /// Steps may be done at the same time; on the same clients they are done one after the other.
    pub(super) async fn step(
        &self,
        action: &Action,
        within: Duration,
        load: &mut Load,
    ) -> Result<(), StepError> {
        let patience = Patience::of(within);
        match action {
            Action::Connect { client, count } => {
                let mut clients = Vec::with_capacity(*count as usize);
                for _ in 0..*count {
                    clients.push(self.connect(patience, load).await?);
                }
                let group = Arc::new(Group::new(Some(clients)));
                self.lock().insert(client.clone(), group);
                Ok(())
            }
            Action::Disconnect { client, how } => {
                let mut turn = self.turn(client, patience).await?;
                self.forget(client, &turn);
                let clients = turn.take().ok_or_else(|| not_connected(client))?;
                load.client_ms += clients.iter().map(Client::connected_ms).sum::<u64>();
                match how {
                    Leave::Goodbye => {
                        let left = all(clients, &Deed::Goodbye, patience, load);
                        left.await.map(|_| ())
                    }
                    Leave::Drop => clients.iter().try_for_each(Client::not_cut_off),
                }
            }
            Action::Exchange { client, exchange } => {
                let name = client.as_deref().unwrap_or(STANDING);
                let mut turn = self.turn(name, patience).await?;
                let clients = match (client, turn.take()) {
                    (Some(_), Some(clients)) => clients,
                    (Some(client), None) => return Err(not_connected(client)),
                    (None, kept) => vec![self.standing(kept, patience, load).await?],
                };
                let deed = Deed::Exchange(exchange.clone());
                let done = all(clients, &deed, patience, load).await;
                let clients = done.inspect_err(|_| self.forget(name, &turn))?;
                // The standing connection that is expected to be closed is gone with that: another takes its place.
                if client.is_some() || *exchange != Exchange::Expect(Expected::Closed) {
                    *turn = Some(clients);
                }
                Ok(())
            }
            Action::Idle { duration } => {
                pause(*duration).await;
                Ok(())
            }
            _ => Err(StepError::Load("the driver has no such step".to_owned())),
        }
    }

    async fn connect(&self, patience: Patience, load: &mut Load) -> Result<Client, StepError> {
        let Some(address) = &self.address else {
            return Err(StepError::Closed(
                "the target has closed its standard output, and it has no other".to_owned(),
            ));
        };
        let stream = patience
            .wait(address.connect())
            .await?
            .map_err(|error| StepError::Target(format!("cannot connect to {address}: {error}")))?;
        load.connected += 1;
        Ok(Client::new(stream, self.framing))
    }

    async fn standing(
        &self,
        kept: Option<Vec<Client>>,
        patience: Patience,
        load: &mut Load,
    ) -> Result<Client, StepError> {
        match kept.into_iter().flatten().next() {
            Some(client) if !client.is_closed() => Ok(client),
            // What a real client does when a server has closed an idle connection.
            _ => self.connect(patience, load).await,
        }
    }

    /// Waits until no other step uses these clients.
    async fn turn(&self, name: &str, patience: Patience) -> Result<Turn, StepError> {
        let group = match name {
            STANDING => self.lock().entry(name.to_owned()).or_default().clone(),
            _ => {
                let group = self.lock().get(name).cloned();
                group.ok_or_else(|| not_connected(name))?
            }
        };
        let turn = tokio::time::timeout_at(patience.deadline(), group.lock_owned()).await;
        turn.map_err(|_| {
            let who = match name {
                STANDING => "the standing connection".to_owned(),
                name => format!("clients `{name}`"),
            };
            StepError::Late(format!(
                "another branch used {who} all the time; steps on the same connection take turns"
            ))
        })
    }

    /// The group of this turn is over; one that has taken its name since then is not.
    fn forget(&self, name: &str, turn: &Turn) {
        let mut groups = self.lock();
        if groups
            .get(name)
            .is_some_and(|group| Arc::ptr_eq(group, Turn::mutex(turn)))
        {
            groups.remove(name);
        }
    }

    /// No code that holds this lock can panic half-way through a change.
    fn lock(&self) -> MutexGuard<'_, BTreeMap<String, Arc<Group>>> {
        self.groups.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn not_connected(name: &str) -> StepError {
    StepError::Load(format!("clients `{name}` are not connected"))
}

/// Does the same with every client, many at the same time; the first failure ends the others.
async fn all(
    clients: Vec<Client>,
    deed: &Deed,
    patience: Patience,
    load: &mut Load,
) -> Result<Vec<Client>, StepError> {
    let mut done = Vec::with_capacity(clients.len());
    let mut waiting = clients.into_iter();
    // Its tasks end with it, and their connections with them.
    let mut tasks = JoinSet::new();
    loop {
        while tasks.len() < AT_ONCE_MAX
            && let Some(client) = waiting.next()
        {
            let deed = deed.clone();
            tasks.spawn(async move {
                let mut load = Load::default();
                let performed = client.perform(&deed, patience, &mut load).await;
                (performed, load)
            });
        }
        let Some(ended) = tasks.join_next().await else {
            return Ok(done);
        };
        let (performed, counted) = ended
            .map_err(|error| StepError::Load(format!("leakgate's own client failed: {error}")))?;
        load.add(&counted);
        done.extend(performed?);
    }
}
