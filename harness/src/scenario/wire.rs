//! What is said on a connection: the steps of the drivers `socket`, `stdio` and `http`.

use serde_json::Value;

use crate::units::Bytes;

/// One exchange on a connection.
#[derive(Clone, Debug, PartialEq)]
pub enum Exchange {
    /// Sends bytes.
    Send {
        /// What is sent.
        payload: Payload,
        /// Whether the driver makes a message of it.
        framed: Framed,
    },
    /// Reads until the target has done what is expected of it.
    Expect(Expected),
    /// Calls a JSON-RPC method and waits for its answer.
    Call {
        /// The method.
        method: String,
        /// Its parameters: an object, an array, or none.
        params: Option<Value>,
        /// What must be answered.
        answer: Answer,
    },
    /// Sends a JSON-RPC notification, which nobody answers.
    Notify {
        /// The method.
        method: String,
        /// Its parameters.
        params: Option<Value>,
    },
    /// Makes an HTTP request and reads its whole answer.
    Request(Box<HttpRequest>),
}

/// Bytes to send.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Payload {
    /// A text.
    Text(String),
    /// So many bytes `x`, sent in pieces: neither side has to hold them.
    Fill(Bytes),
    /// Exactly these bytes.
    Exact(Vec<u8>),
}

/// Whether the driver makes a message of what is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Framed {
    /// It adds what its framing needs: an end of line, a header.
    Whole,
    /// It adds nothing: half a message, or a header that lies.
    Raw,
}

/// What the target must do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Expected {
    /// Say this, anywhere in a message (in what comes, where the framing has no messages).
    Contains(String),
    /// Say exactly this as its next message (line, where the framing has no messages).
    Line(String),
    /// Say so many bytes, which are counted and not kept.
    AtLeast(Bytes),
    /// Say nothing, and stay connected.
    Silence,
    /// Close the connection.
    Closed,
}

/// What must be answered to a call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// Any result.
    Result,
    /// A result whose JSON text contains this.
    Containing(String),
    /// An error with this code.
    Error(i64),
}

/// An HTTP request, and what must come back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HttpRequest {
    /// `GET`, ...
    pub method: String,
    /// From `/` on, with its query.
    pub path: String,
    /// Headers beside those that HTTP itself needs, in the order of their names.
    pub headers: Vec<(String, String)>,
    /// The body; none when absent.
    pub body: Option<Payload>,
    /// Whether its length is declared.
    pub length: Length,
    /// The status that must be answered.
    pub status: u16,
    /// A text that the body must contain.
    pub contains: Option<String>,
    /// The least that the body must have.
    pub at_least: Bytes,
}

/// How the end of an HTTP body is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Length {
    /// By a length declared in advance.
    Declared,
    /// By its last chunk.
    Chunked,
}

impl Exchange {
    /// Its name in scenarios.
    pub fn name(&self) -> &'static str {
        match self {
            Exchange::Send { .. } => "send",
            Exchange::Expect(_) => "expect",
            Exchange::Call { .. } => "call",
            Exchange::Notify { .. } => "notify",
            Exchange::Request(_) => "request",
        }
    }
}
