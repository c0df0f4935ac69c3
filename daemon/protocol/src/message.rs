//! Control messages as whole JSON objects: hello, reply, notice; and the envelope of a request.

use serde::ser::SerializeMap;
use serde::{Deserialize, Serialize, Serializer};
use serde_json::value::RawValue;

use crate::life::EndReason;
use crate::reply::{Failure, Success};
use crate::request::Request;
use crate::session::{ExitStatus, RequestId, SessionId};
use crate::status::StatusChange;

/// The client's first message, under the key `hello`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ClientHello {
    /// The protocol version it speaks.
    pub protocol: u32,
    /// Its name and version, for the log.
    pub client: String,
}

/// The server's answer to a hello, under the key `hello`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ServerHello {
    /// The protocol version it speaks.
    pub protocol: u32,
    /// Its name and version.
    pub server: String,
    /// Its process.
    pub pid: u32,
    /// Payload bytes of the largest frame that it takes and sends.
    pub max_frame: usize,
}

/// A reply; `id` is `None` when the request's own could not be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reply {
    /// The request's id.
    pub id: Option<RequestId>,
    /// What came of it.
    pub result: Result<Success, Failure>,
}

/// What the server says unasked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(
    tag = "notice",
    content = "params",
    rename_all = "snake_case",
    deny_unknown_fields
)]
pub enum Notice {
    /// To everybody attached: the session has ended and no frame of it follows.
    Exited {
        /// Which.
        session: SessionId,
        /// How its process ended.
        status: ExitStatus,
        /// Why.
        reason: EndReason,
    },
    /// To everybody attached: its process has ended and another is started. Its first snapshot follows.
    Respawning {
        /// Which.
        session: SessionId,
        /// How its process ended.
        status: ExitStatus,
        /// When the next one is started at the soonest, in milliseconds from now.
        in_ms: u64,
    },
    /// To a client that missed output, because it read too slowly or held it: a snapshot follows in its place.
    Resynced {
        /// Of which session.
        session: SessionId,
        /// How much of it.
        dropped_bytes: u64,
    },
    /// To everybody who watches statuses.
    Status(StatusChange),
    /// To a client that watches statuses and read too slowly: so many changes were left out, and what holds can be asked for.
    StatusMissed {
        /// How many.
        changes: u64,
    },
    /// To a client that has been silent for long: it is disconnected unless it says something. A `ping` will do.
    Ping {},
}

/// A control frame from the server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ServerMessage {
    /// First of all.
    Hello(ServerHello),
    /// To a request.
    Reply(Reply),
    /// Unasked.
    Notice(Notice),
}

impl ClientHello {
    /// The hello of a client that calls itself `client`, in this crate's version.
    #[must_use]
    pub fn new(client: impl Into<String>) -> Self {
        Self {
            protocol: crate::PROTOCOL_VERSION,
            client: client.into(),
        }
    }

    /// As the JSON object that goes into a control frame.
    #[must_use]
    pub fn message(&self) -> impl Serialize + '_ {
        Keyed {
            key: "hello",
            value: self,
        }
    }
}

impl ServerHello {
    /// As the JSON object that goes into a control frame.
    #[must_use]
    pub fn message(&self) -> impl Serialize + '_ {
        Keyed {
            key: "hello",
            value: self,
        }
    }
}

impl Request {
    /// As the JSON object that goes into a control frame.
    #[must_use]
    pub fn message(&self, id: RequestId) -> impl Serialize + '_ {
        #[derive(Serialize)]
        struct Envelope<'a> {
            id: RequestId,
            #[serde(flatten)]
            request: &'a Request,
        }
        Envelope { id, request: self }
    }
}

impl Serialize for Reply {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(2))?;
        map.serialize_entry("id", &self.id)?;
        match &self.result {
            Ok(success) => map.serialize_entry("result", success)?,
            Err(failure) => map.serialize_entry("error", failure)?,
        }
        map.end()
    }
}

struct Keyed<'a, T> {
    key: &'static str,
    value: &'a T,
}

impl<T: Serialize> Serialize for Keyed<'_, T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(1))?;
        map.serialize_entry(self.key, self.value)?;
        map.end()
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawServerMessage<'a> {
    hello: Option<ServerHello>,
    id: Option<RequestId>,
    result: Option<Success>,
    error: Option<Failure>,
    #[serde(borrow)]
    notice: Option<&'a RawValue>,
    #[serde(borrow)]
    params: Option<&'a RawValue>,
}

impl ServerMessage {
    /// Reads a control frame from the server.
    ///
    /// # Errors
    /// When it is not JSON, or none of the three messages.
    pub fn parse(json: &[u8]) -> Result<Self, serde_json::Error> {
        let raw: RawServerMessage<'_> = serde_json::from_slice(json)?;
        match raw {
            RawServerMessage {
                hello: Some(hello), ..
            } => Ok(ServerMessage::Hello(hello)),
            RawServerMessage {
                id,
                result: Some(success),
                error: None,
                ..
            } => Ok(ServerMessage::Reply(Reply {
                id,
                result: Ok(success),
            })),
            RawServerMessage {
                id,
                result: None,
                error: Some(failure),
                ..
            } => Ok(ServerMessage::Reply(Reply {
                id,
                result: Err(failure),
            })),
            RawServerMessage {
                notice: Some(_),
                params: Some(_),
                ..
            } => serde_json::from_slice(json).map(ServerMessage::Notice),
            _ => Err(serde::de::Error::custom(
                "neither a hello, a reply nor a notice",
            )),
        }
    }
}

#[cfg(test)]
mod tests;
