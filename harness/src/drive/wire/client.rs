//! A client: one connection, on which messages or HTTP requests are exchanged.

use tokio::time::Instant;

use super::super::driver::StepError;
use super::channel::Channel;
use super::http::Requests;
use super::patience::Patience;
use super::stream::Stream;
use crate::config::Framing;
use crate::record::event::Load;
use crate::scenario::{Exchange, HttpRequest};
use crate::units::milliseconds;

/// A connection, as it has been used so far.
#[derive(Debug)]
pub(super) struct Client {
    state: State,
    connected: Instant,
}

#[derive(Debug)]
enum State {
    /// Bytes and messages.
    Channel(Box<Channel>),
    /// HTTP requests.
    Requests(Requests),
    /// A request could not be made a connection of: there is nothing left to speak on.
    Gone,
}

/// What a client does.
#[derive(Clone, Debug)]
pub(super) enum Deed {
    /// Says something.
    Exchange(Exchange),
    /// Leaves in an orderly way.
    Goodbye,
}

impl Client {
    pub(super) fn new(stream: Stream, framing: Framing) -> Self {
        Self {
            state: State::Channel(Box::new(Channel::new(stream, framing))),
            connected: Instant::now(),
        }
    }

    /// Milliseconds since it connected.
    pub(super) fn connected_ms(&self) -> u64 {
        milliseconds(self.connected.elapsed())
    }

    /// Whether it is known that the target has closed the connection.
    pub(super) fn is_closed(&self) -> bool {
        match &self.state {
            State::Channel(_) => false,
            State::Requests(requests) => requests.is_closed(),
            State::Gone => true,
        }
    }

    /// Does it; a client that has left is not returned.
    pub(super) async fn perform(
        mut self,
        deed: &Deed,
        patience: Patience,
        load: &mut Load,
    ) -> Result<Option<Self>, StepError> {
        match deed {
            Deed::Exchange(exchange) => {
                self.exchange(exchange, patience, load).await?;
                Ok(Some(self))
            }
            Deed::Goodbye => {
                match self.state {
                    State::Channel(channel) => channel.goodbye(patience).await?,
                    State::Requests(requests) => requests.goodbye(patience).await?,
                    State::Gone => {}
                }
                Ok(None)
            }
        }
    }

    /// An error when the target did not take all that was sent, and nothing was to show for it.
    pub(super) fn not_cut_off(&self) -> Result<(), StepError> {
        match &self.state {
            State::Channel(channel) => channel.not_cut_off(),
            State::Requests(_) | State::Gone => Ok(()),
        }
    }

    /// Says something, and reads what is expected.
    pub(super) async fn exchange(
        &mut self,
        exchange: &Exchange,
        patience: Patience,
        load: &mut Load,
    ) -> Result<(), StepError> {
        if let Exchange::Request(request) = exchange {
            return self.request(request, patience, load).await;
        }
        let State::Channel(channel) = &mut self.state else {
            return Err(StepError::Load(
                "this connection has made HTTP requests: connect another client for bytes of your own".to_owned(),
            ));
        };
        let before = channel.received();
        let done = match exchange {
            Exchange::Send { payload, framed } => {
                channel.send(payload, *framed, patience, load).await
            }
            Exchange::Expect(expected) => channel.expect(expected, patience, load).await,
            Exchange::Call {
                method,
                params,
                answer,
            } => {
                let params = params.as_ref();
                channel.call(method, params, answer, patience, load).await
            }
            Exchange::Notify { method, params } => {
                let params = params.as_ref();
                channel.notify(method, params, patience, load).await
            }
            Exchange::Request(_) => Ok(()),
        };
        load.output_bytes += channel.received() - before;
        done
    }

    async fn request(
        &mut self,
        request: &HttpRequest,
        patience: Patience,
        load: &mut Load,
    ) -> Result<(), StepError> {
        let mut requests = match std::mem::replace(&mut self.state, State::Gone) {
            State::Channel(channel) if channel.is_fresh() => {
                Requests::new(channel.into_stream()).await?
            }
            State::Requests(requests) => requests,
            State::Channel(_) | State::Gone => {
                return Err(StepError::Load(
                    "this connection has sent bytes of its own: connect another client for requests".to_owned(),
                ));
            }
        };
        let done = requests.request(request, patience, load).await;
        self.state = State::Requests(requests);
        done
    }
}
