//! The requests about statuses of agents.

use sessiond_protocol::{
    NotificationInfo, ProfileInfo, ProfileParams, Request, SessionName, StatusInfo, StatusReply,
    StatusRequest, Success,
};

use crate::client::Client;
use crate::driver::unexpected;
use crate::error::ClientError;
use crate::status_feed::StatusWatch;

impl Client {
    async fn status(&self, request: StatusRequest) -> Result<StatusReply, ClientError> {
        match self.call(&Request::Status(request)).await? {
            Success::Status { reply } => Ok(reply),
            other => Err(unexpected(&other)),
        }
    }

    /// What each session's agent has said last, by session.
    ///
    /// # Errors
    /// See [`Client`].
    pub async fn statuses(&self) -> Result<Vec<StatusInfo>, ClientError> {
        match self.status(StatusRequest::List {}).await? {
            StatusReply::Statuses { statuses } => Ok(statuses),
            other => Err(other_status(&other)),
        }
    }

    /// Every change from now on. A second watch of one client ends the first.
    ///
    /// # Errors
    /// See [`Client`].
    pub async fn watch_statuses(&self) -> Result<StatusWatch, ClientError> {
        let watch = StatusWatch::begin(self.handle());
        match self.status(StatusRequest::Watch {}).await? {
            StatusReply::Watching {} => Ok(watch),
            other => Err(other_status(&other)),
        }
    }

    /// Begins to watch a directory of status files; returns when what is in it was read.
    ///
    /// # Errors
    /// `bad_request` for settings out of their ranges, `name_taken`, `limit`, `storage` for a directory that cannot be
    /// watched; and see [`Client`].
    pub async fn open_profile(&self, params: ProfileParams) -> Result<ProfileInfo, ClientError> {
        match self.status(StatusRequest::Open(params)).await? {
            StatusReply::Opened { profile } => Ok(*profile),
            other => Err(other_status(&other)),
        }
    }

    /// Forgets a profile, its statuses and its notifications; returns when nothing of it is left, also no hook.
    ///
    /// # Errors
    /// `not_found`; and see [`Client`].
    pub async fn close_profile(&self, profile: SessionName) -> Result<(), ClientError> {
        match self.status(StatusRequest::Close { profile }).await? {
            StatusReply::Closed {} => Ok(()),
            other => Err(other_status(&other)),
        }
    }

    /// All profiles by name.
    ///
    /// # Errors
    /// See [`Client`].
    pub async fn profiles(&self) -> Result<Vec<ProfileInfo>, ClientError> {
        match self.status(StatusRequest::Profiles {}).await? {
            StatusReply::Profiles { profiles } => Ok(profiles),
            other => Err(other_status(&other)),
        }
    }

    /// Reads every status file anew; returns when that is done.
    ///
    /// # Errors
    /// See [`Client`].
    pub async fn rescan_statuses(&self) -> Result<(), ClientError> {
        match self.status(StatusRequest::Rescan {}).await? {
            StatusReply::Rescanned {} => Ok(()),
            other => Err(other_status(&other)),
        }
    }

    /// What nobody has been told of yet, oldest first; `take` takes it out, but for what a hook is being told of.
    ///
    /// # Errors
    /// `not_found`; and see [`Client`].
    pub async fn inbox(
        &self,
        profile: SessionName,
        take: bool,
    ) -> Result<Vec<NotificationInfo>, ClientError> {
        let request = StatusRequest::Inbox { profile, take };
        notifications(self.status(request).await?)
    }

    /// What nobody could be told of, oldest first; `take` takes it out.
    ///
    /// # Errors
    /// `not_found`; and see [`Client`].
    pub async fn dead_notifications(
        &self,
        profile: SessionName,
        take: bool,
    ) -> Result<Vec<NotificationInfo>, ClientError> {
        let request = StatusRequest::Dead { profile, take };
        notifications(self.status(request).await?)
    }
}

fn notifications(reply: StatusReply) -> Result<Vec<NotificationInfo>, ClientError> {
    match reply {
        StatusReply::Notifications { notifications } => Ok(notifications),
        other => Err(other_status(&other)),
    }
}

fn other_status(reply: &StatusReply) -> ClientError {
    ClientError::Protocol(format!("the answer to something else: {reply:?}"))
}
