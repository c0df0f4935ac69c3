//! HTTP on loopback or a Unix socket, for programs that speak nothing else: sessions, keyed messages, webhooks, events.
//!
//! ```text
//! bytes -> stream -> hyper -> rules -> route -> body -> message -> caller -> Core::handle -> reply -> respond
//!                                                          turns ^      \-> output -> answer ------^
//! effects, changes of statuses -> feed -> events, one place in the feed per client
//! ```
//!
//! Off unless an address is given. Nothing here decides about sessions: each request is a client of the core for as long as it
//! lasts ([`caller`]). [`address`], [`settings`], [`rules`], [`route`], [`message`], [`answer`] and [`feed`] do no I/O.

mod address;
mod answer;
mod body;
mod caller;
mod connection;
mod events;
mod feed;
#[cfg(any(test, feature = "fuzzing"))]
pub(crate) mod fuzzed;
mod listener;
mod message;
mod requests;
mod respond;
mod route;
mod rules;
mod settings;
mod stream;
mod token;
mod turns;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use sessiond_protocol::{HttpInfo, Success};

pub(crate) use address::Address;
use body::Bodies;
pub(crate) use feed::{Feed, News};
pub(crate) use listener::{ListenError, Listening, listen};
pub(crate) use route::counts;
pub(crate) use settings::{
    AgentName, BODY_BYTES, BODY_BYTES_ALLOWED, HttpSettings, KEYED_TTL, parse_agent,
};
use token::{Token, TokenError};
use turns::Turns;

use crate::paths::{self, PathError};

/// HTTP of one daemon, on or off.
#[derive(Debug, Default)]
pub(crate) struct Http {
    feed: Arc<Feed>,
    service: Option<Service>,
}

/// What all connections share.
#[derive(Debug)]
struct Service {
    settings: HttpSettings,
    /// Where it listens, with the port that was chosen.
    address: Address,
    token_file: PathBuf,
    token: Token,
    turns: Turns,
    bodies: Bodies,
}

/// Why HTTP cannot be had.
#[derive(Debug, thiserror::Error)]
pub(crate) enum HttpError {
    #[error(transparent)]
    Listen(#[from] ListenError),
    #[error(transparent)]
    Token(#[from] TokenError),
    #[error(transparent)]
    Path(#[from] PathError),
}

impl Http {
    /// Listens where the settings say; does nothing without them. `run` is a number that no other daemon of this user has had.
    pub(crate) fn open(
        settings: Option<HttpSettings>,
        socket: &Path,
        run: u64,
    ) -> Result<(Self, Option<Listening>), HttpError> {
        let Some(settings) = settings else {
            return Ok((Self::default(), None));
        };
        let (token_file, token) = match &settings.token_file {
            Some(path) => (path.clone(), Token::read(path)?),
            None => {
                let path = paths::http_token(socket)?;
                let token = Token::read_or_make(&path)?;
                (path, token)
            }
        };
        let (listening, address) = Listening::open(&settings.address)?;
        tracing::info!(%address, token = %token_file.display(), "serving HTTP");
        let service = Service {
            address,
            token_file,
            token,
            turns: Turns::default(),
            bodies: Bodies::new(settings.body_bytes),
            settings,
        };
        let http = Self {
            feed: Arc::new(Feed::new(run)),
            service: Some(service),
        };
        Ok((http, Some(listening)))
    }

    /// What has happened lately.
    pub(crate) const fn feed(&self) -> &Arc<Feed> {
        &self.feed
    }

    const fn service(&self) -> Option<&Service> {
        self.service.as_ref()
    }

    /// What is told about it.
    pub(crate) fn info(&self) -> Success {
        let service = self.service.as_ref();
        Success::Http {
            http: HttpInfo {
                address: service.map(|service| service.address.to_string()),
                token_file: service.map(|service| service.token_file.display().to_string()),
            },
        }
    }
}
