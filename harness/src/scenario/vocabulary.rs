//! The vocabulary of steps: one table, from which the parser, the editor's schema and the documentation are made.

use std::time::Duration;

use super::model::{Leave, Signal};

/// What a field holds.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Kind {
    /// The name of a session or of clients.
    Name,
    /// A text.
    Text,
    /// A program and its arguments.
    Words,
    /// Rows and columns: `"24x80"`.
    TerminalSize,
    /// A size of at most so many bytes: `"10MiB"`.
    Bytes(u64),
    /// A whole number from the first to the second.
    Count(u32, u32),
    /// A duration of at most so long: `"200ms"`.
    Duration(Duration),
    /// One of a closed set of words.
    Choice(&'static [&'static str]),
    /// `{ lines = 1000, bytes = "1MiB" }`.
    Scrollback,
    /// `"silence"`, `{ error = "too_large" }`, `{ error = "too_large", then = "closed" }`.
    Answer,
    /// `true` or `false`.
    Flag,
    /// A whole number, also below zero.
    Code,
    /// A table of headers.
    Headers,
    /// A table or an array.
    Params,
    /// Numbers of measured cycles.
    Cycles,
    /// The name of a placeholder.
    Placeholder,
    /// The name of a group.
    Group,
    /// A table of texts.
    Arguments,
    /// Steps, one after the other.
    Steps,
    /// Branches, at the same time.
    Branches,
}

/// Whether a step can do without a field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Need {
    /// It cannot.
    Required,
    /// It can; what the absence means.
    Default(&'static str),
}

/// One field of a step.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Field {
    /// Its key.
    pub(crate) name: &'static str,
    /// What it holds.
    pub(crate) kind: Kind,
    /// Whether it must be there.
    pub(crate) need: Need,
    /// What it says, in a phrase.
    pub(crate) says: &'static str,
}

/// Whether a step asks the target for something that the target can refuse.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reply {
    /// It does: it takes `expect_error`.
    Yes,
    /// It does not.
    No,
}

/// One step of the vocabulary.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Word {
    /// Its `do`.
    pub(crate) name: &'static str,
    /// What it does, in a phrase.
    pub(crate) says: &'static str,
    /// Whether it can be refused.
    pub(crate) reply: Reply,
    /// Its own fields.
    pub(crate) fields: &'static [Field],
}

/// A step that takes longer would hide a stuck target for the whole deadline.
pub(crate) const WITHIN_MAX: Duration = Duration::from_secs(10 * 60);
/// A block of steps, or a whole cycle, takes an hour at most.
pub(crate) const BLOCK_WITHIN_MAX: Duration = Duration::from_secs(60 * 60);
/// More clients than the descriptors of one load process commonly allow (1,024).
const CLIENTS_MAX: u32 = 1_000;
/// The length in a frame's header has 32 bits.
const DECLARE_MAX: u64 = u32::MAX as u64;
/// As many requests as a connection of sessiond may have under way.
pub(crate) const BRANCHES_MAX: u32 = 64;
/// More than this in one message is a load test, not a leak test.
const PAYLOAD_MAX: u64 = 4 << 30;
/// The most rounds of one repeat; the steps of the whole cycle are bounded as well.
const TIMES_MAX: u32 = 100_000;

const fn required(name: &'static str, kind: Kind, says: &'static str) -> Field {
    Field {
        name,
        kind,
        need: Need::Required,
        says,
    }
}

const fn optional(
    name: &'static str,
    kind: Kind,
    absent: &'static str,
    says: &'static str,
) -> Field {
    Field {
        name,
        kind,
        need: Need::Default(absent),
        says,
    }
}

const fn asks(name: &'static str, fields: &'static [Field], says: &'static str) -> Word {
    Word {
        name,
        says,
        reply: Reply::Yes,
        fields,
    }
}

const fn acts(name: &'static str, fields: &'static [Field], says: &'static str) -> Word {
    Word {
        name,
        says,
        reply: Reply::No,
        fields,
    }
}

const SESSION: Field = required("session", Kind::Name, "which session");
const CLIENT: Field = required("client", Kind::Name, "which clients");
/// Without a name, it is on the connection that lasts as long as the target.
const STANDING: Field = optional(
    "client",
    Kind::Name,
    "one connection that lasts as long as the target",
    "which clients",
);
const METHOD: Field = required("method", Kind::Text, "the method");
const PARAMS: Field = optional("params", Kind::Params, "none", "its parameters");
const COMMAND: Field = required("command", Kind::Words, "a program and its arguments");
const AS: Field = optional("as", Kind::Placeholder, "i", "what the number is called");

/// Every step, in the order of the documentation.
pub(crate) const VOCABULARY: [Word; 24] = [
    asks(
        "open",
        &[
            SESSION,
            COMMAND,
            optional(
                "size",
                Kind::TerminalSize,
                "24x80",
                "rows and columns of its terminal",
            ),
            optional(
                "scrollback",
                Kind::Scrollback,
                "the target's own",
                "what it keeps above its screen",
            ),
        ],
        "opens a session that runs a command",
    ),
    asks(
        "write",
        &[SESSION, required("text", Kind::Text, "what is typed")],
        "types into a session",
    ),
    asks(
        "resize",
        &[
            SESSION,
            required("size", Kind::TerminalSize, "rows and columns"),
        ],
        "changes the size of a session's terminal",
    ),
    acts(
        "kill",
        &[
            SESSION,
            required("signal", Kind::Choice(&Signal::NAMES), "which signal"),
        ],
        "sends a signal to a session's process group, as somebody else on the machine might",
    ),
    asks(
        "wait_exit",
        &[
            SESSION,
            optional(
                "code",
                Kind::Count(0, 255),
                "0",
                "the exit code that it must have",
            ),
            optional(
                "signal",
                Kind::Choice(&Signal::NAMES),
                "none",
                "the signal that must have ended it, instead of `code`",
            ),
        ],
        "waits until a session's child has ended",
    ),
    asks(
        "wait_output",
        &[
            SESSION,
            optional(
                "at_least",
                Kind::Bytes(u64::MAX),
                "or `exactly`",
                "output since the session was opened",
            ),
            optional(
                "exactly",
                Kind::Bytes(u64::MAX),
                "or `at_least`",
                "the same, and not a byte more",
            ),
        ],
        "waits until a session has put out so much",
    ),
    asks(
        "screen",
        &[
            SESSION,
            optional(
                "contains",
                Kind::Text,
                "or `absent`",
                "what a row must contain",
            ),
            optional(
                "absent",
                Kind::Text,
                "or `contains`",
                "what no row may contain",
            ),
        ],
        "reads a session's screen",
    ),
    asks("close", &[SESSION], "ends a session"),
    acts(
        "connect",
        &[
            CLIENT,
            optional("count", Kind::Count(1, CLIENTS_MAX), "1", "how many"),
        ],
        "connects clients that nobody reads for",
    ),
    asks(
        "attach",
        &[CLIENT, SESSION],
        "attaches each of the clients to a session",
    ),
    asks(
        "detach",
        &[CLIENT, SESSION],
        "detaches each of the clients from a session",
    ),
    acts(
        "disconnect",
        &[
            CLIENT,
            required(
                "how",
                Kind::Choice(&Leave::NAMES),
                "with a goodbye or without a word",
            ),
        ],
        "ends the clients' connections",
    ),
    acts(
        "send_raw",
        &[
            CLIENT,
            required(
                "declare",
                Kind::Bytes(DECLARE_MAX),
                "the length that the message declares",
            ),
            required("send", Kind::Bytes(DECLARE_MAX), "the bytes that follow"),
            required("expect", Kind::Answer, "what must come back"),
        ],
        "sends what no honest client would",
    ),
    acts(
        "send",
        &[
            STANDING,
            optional("text", Kind::Text, "or `bytes` or `hex`", "what is sent"),
            optional(
                "bytes",
                Kind::Bytes(PAYLOAD_MAX),
                "or `text` or `hex`",
                "how many bytes `x` are sent",
            ),
            optional(
                "hex",
                Kind::Text,
                "or `text` or `bytes`",
                "exactly which bytes are sent",
            ),
            optional(
                "raw",
                Kind::Flag,
                "false",
                "whether the framing adds nothing: half a message, a header that lies",
            ),
        ],
        "sends bytes or a message on a connection",
    ),
    acts(
        "expect",
        &[
            STANDING,
            optional(
                "contains",
                Kind::Text,
                "or one of the others",
                "what a message must contain",
            ),
            optional(
                "line",
                Kind::Text,
                "or one of the others",
                "what the next message must be",
            ),
            optional(
                "at_least",
                Kind::Bytes(u64::MAX),
                "or one of the others",
                "how many bytes must come",
            ),
            optional(
                "silence",
                Kind::Flag,
                "or one of the others",
                "that nothing may come",
            ),
            optional(
                "closed",
                Kind::Flag,
                "or one of the others",
                "that the connection must be closed",
            ),
        ],
        "reads a connection until what is expected has come",
    ),
    acts(
        "call",
        &[
            STANDING,
            METHOD,
            PARAMS,
            optional(
                "contains",
                Kind::Text,
                "any result",
                "what the result's JSON must contain",
            ),
            optional(
                "expect_error",
                Kind::Code,
                "none",
                "the code of the error that must be the answer",
            ),
        ],
        "calls a JSON-RPC method",
    ),
    acts(
        "notify",
        &[STANDING, METHOD, PARAMS],
        "sends a JSON-RPC notification",
    ),
    acts(
        "request",
        &[
            STANDING,
            optional("method", Kind::Text, "GET", "the method"),
            required("path", Kind::Text, "what follows the host"),
            optional(
                "headers",
                Kind::Headers,
                "none",
                "headers beside those that HTTP needs",
            ),
            optional("body", Kind::Text, "none", "the body"),
            optional(
                "bytes",
                Kind::Bytes(PAYLOAD_MAX),
                "none",
                "a body of so many bytes `x`, instead",
            ),
            optional(
                "chunked",
                Kind::Flag,
                "false",
                "whether the body's length is not declared",
            ),
            optional(
                "status",
                Kind::Count(100, 599),
                "200",
                "the status that must be answered",
            ),
            optional(
                "contains",
                Kind::Text,
                "anything",
                "what the answer's body must contain",
            ),
            optional(
                "at_least",
                Kind::Bytes(u64::MAX),
                "0B",
                "how many bytes it must have",
            ),
        ],
        "makes an HTTP request",
    ),
    acts(
        "idle",
        &[required("for", Kind::Duration(WITHIN_MAX), "how long")],
        "lets the target stand idle",
    ),
    acts(
        "sample",
        &[],
        "reads what the target holds and accounts for here, in the middle of the cycle: for the gate `ledger`",
    ),
    acts(
        "run",
        &[
            COMMAND,
            optional(
                "code",
                Kind::Count(0, 255),
                "0",
                "the exit code that it must have",
            ),
        ],
        "runs a program beside the target, in its environment",
    ),
    acts(
        "repeat",
        &[
            required("times", Kind::Count(0, TIMES_MAX), "how often"),
            AS,
            required("step", Kind::Steps, "the steps, written as [[step.step]]"),
        ],
        "does steps again and again",
    ),
    acts(
        "parallel",
        &[required(
            "branch",
            Kind::Branches,
            "the branches, written as [[step.branch]]",
        )],
        "does branches at the same time, and ends when all have ended",
    ),
    acts(
        "use",
        &[
            required("group", Kind::Group, "which group"),
            optional("with", Kind::Arguments, "nothing", "what the group takes"),
        ],
        "does the steps of a group",
    ),
];

/// The fields of a branch.
pub(crate) const BRANCH: [Field; 4] = [
    optional("name", Kind::Text, "its number", "what messages call it"),
    optional(
        "count",
        Kind::Count(1, BRANCHES_MAX),
        "1",
        "how many such branches",
    ),
    AS,
    required(
        "step",
        Kind::Steps,
        "its steps, written as [[step.branch.step]]",
    ),
];

/// The error that a step which can be refused may ask for.
pub(crate) const EXPECT_ERROR: Field = optional(
    "expect_error",
    Kind::Text,
    "none",
    "the error that must be the answer",
);

/// The fields that every step takes.
pub(crate) const COMMON: [Field; 5] = [
    optional(
        "within",
        Kind::Duration(WITHIN_MAX),
        "30s",
        "how long it may take",
    ),
    optional(
        "every",
        Kind::Count(1, 100_000),
        "every cycle",
        "only every n-th cycle",
    ),
    optional(
        "except_every",
        Kind::Count(1, 100_000),
        "every cycle",
        "all but every n-th cycle",
    ),
    optional(
        "only",
        Kind::Cycles,
        "every cycle",
        "only these measured cycles",
    ),
    optional(
        "except",
        Kind::Cycles,
        "every cycle",
        "all but these measured cycles",
    ),
];

/// The fields that choose a step's cycles: one of them at most.
pub(crate) const WHEN: [&str; 4] = ["every", "except_every", "only", "except"];

impl Word {
    /// The step of that name.
    pub(crate) fn of(name: &str) -> Option<&'static Word> {
        VOCABULARY.iter().find(|word| word.name == name)
    }

    /// Whether it holds other steps: it may take longer, and has no deadline of its own unless it says so.
    pub(crate) fn is_block(&self) -> bool {
        matches!(self.name, "repeat" | "parallel" | "use")
    }

    /// Its own fields, and those that it shares with others.
    pub(crate) fn all_fields(&self) -> Vec<Field> {
        let mut fields = self.fields.to_vec();
        if self.reply == Reply::Yes {
            fields.push(EXPECT_ERROR);
        }
        fields.extend(COMMON.iter().map(|&field| match field.name {
            "within" if self.is_block() => Field {
                kind: Kind::Duration(BLOCK_WITHIN_MAX),
                need: Need::Default("as long as its steps"),
                ..field
            },
            _ => field,
        }));
        fields
    }
}
