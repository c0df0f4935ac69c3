//! Actions in one line each, as `leakgate plan` shows them.

use std::fmt;

use super::model::{Action, Ended, Leave, Output, RawAnswer};
use super::wire::{Answer, Exchange, Expected, Framed, Payload};
use crate::template::shell_line;

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.name())?;
        for name in self.client().into_iter().chain(self.session()) {
            write!(f, " {name}")?;
        }
        match self {
            Action::Open {
                command,
                size: (rows, columns),
                scrollback,
                ..
            } => {
                write!(f, ": {} ({rows}x{columns}", shell_line(command))?;
                if let Some((lines, bytes)) = scrollback {
                    write!(f, ", scrollback of {lines} lines and {bytes}")?;
                }
                write!(f, ")")
            }
            Action::Write { text, .. } => write!(f, ": {text:?}"),
            Action::Resize {
                size: (rows, columns),
                ..
            } => write!(f, ": {rows}x{columns}"),
            Action::Kill { signal, .. } => write!(f, ": {}", signal.name()),
            Action::WaitExit { ended, .. } => match ended {
                Ended::Code(code) => write!(f, ": exit code {code}"),
                Ended::Signal(signal) => write!(f, ": signal {}", signal.name()),
            },
            Action::WaitOutput { output, .. } => match output {
                Output::AtLeast(bytes) => write!(f, ": at least {} bytes", bytes.0),
                Output::Exactly(bytes) => write!(f, ": exactly {} bytes", bytes.0),
            },
            Action::Screen {
                contains, absent, ..
            } => {
                if let Some(text) = contains {
                    write!(f, ": contains {text:?}")?;
                }
                if let Some(text) = absent {
                    write!(f, ": does not contain {text:?}")?;
                }
                Ok(())
            }
            Action::Connect { count, .. } => write!(f, ": {count}"),
            Action::Disconnect { how, .. } => match how {
                Leave::Goodbye => write!(f, ": goodbye"),
                Leave::Drop => write!(f, ": drop"),
            },
            Action::SendRaw {
                message, expect, ..
            } => {
                let (declare, send) = (message.declare, message.send);
                write!(f, ": declares {declare}, sends {send}, expects ")?;
                match expect {
                    RawAnswer::Silence => write!(f, "silence"),
                    RawAnswer::Error(code) => write!(f, "{code}"),
                    RawAnswer::ErrorThenClosed(code) => write!(f, "{code} and the end"),
                }
            }
            Action::Exchange { exchange, .. } => exchange_text(exchange, f),
            Action::Idle { duration } => write!(f, ": {}", humantime::format_duration(*duration)),
            Action::Run { command, code } => {
                write!(f, ": {}, exit code {code}", shell_line(command))
            }
            Action::Close { .. }
            | Action::Attach { .. }
            | Action::Detach { .. }
            | Action::Sample => Ok(()),
        }
    }
}

fn exchange_text(exchange: &Exchange, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    let params = |params: &Option<serde_json::Value>| match params {
        Some(params) => format!(" {params}"),
        None => String::new(),
    };
    match exchange {
        Exchange::Send { payload, framed } => {
            let raw = if *framed == Framed::Raw {
                ", unframed"
            } else {
                ""
            };
            write!(f, ": {}{raw}", payload_text(payload))
        }
        Exchange::Expect(expected) => match expected {
            Expected::Contains(text) => write!(f, ": contains {text:?}"),
            Expected::Line(text) => write!(f, ": {text:?}"),
            Expected::AtLeast(bytes) => write!(f, ": at least {} bytes", bytes.0),
            Expected::Silence => write!(f, ": silence"),
            Expected::Closed => write!(f, ": the end of the connection"),
        },
        Exchange::Call {
            method,
            params: given,
            answer,
        } => {
            write!(f, ": {method}{}", params(given))?;
            match answer {
                Answer::Result => Ok(()),
                Answer::Containing(text) => write!(f, ", answered with {text:?}"),
                Answer::Error(code) => write!(f, ", answered with the error {code}"),
            }
        }
        Exchange::Notify {
            method,
            params: given,
        } => write!(f, ": {method}{}", params(given)),
        Exchange::Request(request) => {
            write!(f, ": {} {}", request.method, request.path)?;
            if let Some(body) = &request.body {
                write!(f, " with {}", payload_text(body))?;
            }
            write!(f, ", answered with {}", request.status)
        }
    }
}

fn payload_text(payload: &Payload) -> String {
    match payload {
        Payload::Text(text) => format!("{text:?}"),
        Payload::Fill(bytes) => format!("{} bytes", bytes.0),
        Payload::Exact(bytes) => format!("{} exact bytes", bytes.len()),
    }
}
