//! What whoever starts the daemon can choose.

use std::time::Duration;

use sessiond_protocol::{ProfileParams, Ttl};

use super::{ARCHIVE_AGE, CLIENTS_MAX, SESSIONS_MAX};
use crate::history_budget::HISTORY_BYTES;
use crate::http::HttpSettings;
use crate::transcripts::TranscriptSettings;

/// The core's settings.
#[derive(Debug, Clone)]
pub(crate) struct Settings {
    /// Connections at a time, at most [`CLIENTS_MAX`].
    pub(crate) clients_max: usize,
    /// A client that says nothing for so long, although it was asked to, is disconnected. A third of it is the shortest
    /// time that a client has to answer.
    pub(crate) client_timeout: Duration,
    /// Sessions that have not ended, at a time; at most [`SESSIONS_MAX`].
    pub(crate) sessions_max: usize,
    /// How long a session may stay unused that says nothing else.
    pub(crate) ttl: Ttl,
    /// Bytes of history that all sessions may keep together.
    pub(crate) history_bytes: usize,
    /// How long an archive is kept.
    pub(crate) archive_age: Duration,
    /// What is followed of agents, and how much of it is kept; not the core's business.
    pub(crate) transcripts: TranscriptSettings,
    /// Status profiles that are open from the start.
    pub(crate) profiles: Vec<ProfileParams>,
    /// HTTP, where it is wanted; not the core's business.
    pub(crate) http: Option<HttpSettings>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            clients_max: CLIENTS_MAX,
            // A laptop's client may be suspended for a coffee break; beyond that its queue is better freed.
            client_timeout: Duration::from_secs(15 * 60),
            sessions_max: SESSIONS_MAX,
            ttl: Ttl::DEFAULT,
            history_bytes: HISTORY_BYTES,
            archive_age: ARCHIVE_AGE,
            transcripts: TranscriptSettings::default(),
            profiles: Vec::new(),
            http: None,
        }
    }
}
