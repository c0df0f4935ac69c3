//! What agents say of themselves in status files, and who is told of it.
//!
//! A profile is a directory in which the hooks of agents leave status files, with a command that is run when an agent
//! becomes what somebody wants to know of.

use serde::{Deserialize, Serialize};

use crate::name::SessionName;
use crate::session::SessionId;

/// What an agent is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AgentState {
    /// It works.
    Running,
    /// It wants something of a person.
    Waiting,
    /// It has done what it was asked to.
    Idle,
    /// It cannot go on.
    Error,
}

/// What is wanted of statuses.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum StatusRequest {
    /// What each session's agent has said last. Answered `statuses`.
    List {},
    /// Tells this connection of every change from now on, with notices `status` and `status_missed`. Answered `watching`.
    Watch {},
    /// Ends what `watch` began. Answered `unwatched`.
    Unwatch {},
    /// Begins to watch a directory. Answered `opened` when what is in it was read.
    Open(ProfileParams),
    /// Ends what `open` began, and forgets it. Answered `closed` when nothing of it is left.
    Close {
        /// Which.
        profile: SessionName,
    },
    /// What is open. Answered `profiles`.
    Profiles {},
    /// Reads every status file anew, and watches again directories that were replaced. Answered `rescanned` when that is
    /// done.
    Rescan {},
    /// What nobody has been told of yet. Answered `notifications`.
    Inbox {
        /// Of which profile.
        profile: SessionName,
        /// Whether that is taken out. What a hook is being told of stays.
        #[serde(default)]
        take: bool,
    },
    /// What nobody could be told of. Answered `notifications`.
    Dead {
        /// Of which profile.
        profile: SessionName,
        /// Whether that is taken out.
        #[serde(default)]
        take: bool,
    },
}

impl StatusRequest {
    /// Whether the answer needs nothing to happen first.
    #[must_use]
    pub const fn is_answered_at_once(&self) -> bool {
        match self {
            Self::Open(_) | Self::Close { .. } | Self::Rescan {} => false,
            Self::List {}
            | Self::Watch {}
            | Self::Unwatch {}
            | Self::Profiles {}
            | Self::Inbox { .. }
            | Self::Dead { .. } => true,
        }
    }
}

/// A profile to be opened.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ProfileParams {
    /// A name of the form that sessions have, which no other profile has.
    pub name: SessionName,
    /// Where status files are left: an absolute path; created when it is not there.
    pub directory: String,
    /// Program and arguments to be run for each notification; empty: notifications wait until somebody takes them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub hook: Vec<String>,
    /// States that are notified; `waiting` and `error` when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub on: Option<Vec<AgentState>>,
    /// For how many milliseconds the same state and text of a session is not notified again: 0 to a day; one minute when
    /// absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dedup_ms: Option<u64>,
    /// After how many milliseconds a hook is ended that has not ended by itself: 100 to an hour; 10 s when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deadline_ms: Option<u64>,
    /// How often a hook is tried for one notification: 1 to 10; 5 when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub attempts: Option<u32>,
    /// How many milliseconds a notification is kept that nobody was told of, dead or not: 100 to 30 days; a day when
    /// absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ttl_ms: Option<u64>,
}

impl ProfileParams {
    /// A profile of that directory, without a hook.
    #[must_use]
    pub const fn new(name: SessionName, directory: String) -> Self {
        Self {
            name,
            directory,
            hook: Vec::new(),
            on: None,
            dedup_ms: None,
            deadline_ms: None,
            attempts: None,
            ttl_ms: None,
        }
    }
}

/// What came of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum StatusReply {
    /// By session.
    Statuses {
        /// All of them.
        statuses: Vec<StatusInfo>,
    },
    /// Notices follow.
    Watching {},
    /// No notice follows.
    Unwatched {},
    /// It is watched.
    Opened {
        /// The new profile.
        profile: Box<ProfileInfo>,
    },
    /// Nothing of it is left.
    Closed {},
    /// By name.
    Profiles {
        /// All of them.
        profiles: Vec<ProfileInfo>,
    },
    /// Everything that was in the directories is read.
    Rescanned {},
    /// To `inbox` and `dead`, oldest first.
    Notifications {
        /// All of them.
        notifications: Vec<NotificationInfo>,
    },
}

/// What a session's agent has said last.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StatusInfo {
    /// Of which session.
    pub session: SessionId,
    /// In which profile's directory.
    pub profile: SessionName,
    /// What it is doing.
    pub state: AgentState,
    /// The beginning of what it says of that, in one line.
    pub text: String,
    /// When it has said so, in milliseconds since 1970 UTC.
    pub time_unix_ms: u64,
    /// When it has come into that state.
    pub since_unix_ms: u64,
}

/// An agent that is doing something else now, or says something else of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StatusChange {
    /// Of which session.
    pub session: SessionId,
    /// The session's name, where it has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<SessionName>,
    /// In which profile.
    pub profile: SessionName,
    /// What it was doing; absent where nothing was known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<AgentState>,
    /// What it is doing; absent where nothing is known any more: its session, its file or its profile is gone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to: Option<AgentState>,
    /// The beginning of what it says of that, in one line.
    pub text: String,
    /// When it has said so, in milliseconds since 1970 UTC.
    pub time_unix_ms: u64,
}

/// What the daemon tells about one profile. Counts are since it was opened.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ProfileInfo {
    /// Its name.
    pub name: SessionName,
    /// Where its status files are.
    pub directory: String,
    /// Whether the directory is there and watched.
    pub watched: bool,
    /// What is run for each notification.
    pub hook: Vec<String>,
    /// States that are notified.
    pub on: Vec<AgentState>,
    /// The file that says what was notified and what came of it.
    pub journal: String,
    /// Sessions whose status is known from here.
    pub statuses: usize,
    /// Notifications that nobody has been told of yet.
    pub inbox: usize,
    /// Notifications that nobody could be told of.
    pub dead: usize,
    /// What has happened.
    pub counts: ProfileCounts,
    /// The last file that could not be taken.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_fault: Option<FileFault>,
}

/// What has happened in a profile since it was opened.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ProfileCounts {
    /// Changes of an agent's state or text.
    pub changes: u64,
    /// Notifications that a hook was told of, or that somebody took.
    pub delivered: u64,
    /// Hooks that were not started, failed, or were ended at their deadline.
    pub failed: u64,
    /// Notifications that were given up after the last attempt.
    pub died: u64,
    /// Changes that were not notified because the same had been a moment before.
    pub repeated: u64,
    /// Notifications that nobody was told of in time.
    pub expired: u64,
    /// Notifications whose session was gone before anybody was told.
    pub orphaned: u64,
    /// Notifications for which there was no room.
    pub dropped: u64,
    /// Files that say nothing that can be understood.
    pub bad: u64,
    /// Files that are too large.
    pub oversized: u64,
    /// Files that name no session of this daemon, or are older than the one they name.
    pub strangers: u64,
    /// Files beyond those that are read in one directory.
    pub left_out: u64,
    /// Times at which the whole directory was read because changes were missed.
    pub overflows: u64,
}

/// A status file that was not taken.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FileFault {
    /// Its name.
    pub file: String,
    /// What is wrong with it.
    pub why: String,
}

/// A notification that nobody was told of.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NotificationInfo {
    /// Its number; never used twice in a profile.
    pub id: u64,
    /// Of which change.
    pub change: StatusChange,
    /// Attempts so far.
    pub attempts: u32,
    /// What came of the last one.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub error: String,
}
