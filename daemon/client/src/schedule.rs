//! The requests about schedules.

use sessiond_protocol::{
    CreateParams, Request, ScheduleId, ScheduleInfo, ScheduleParams, Success, UnscheduleParams,
    When,
};

use crate::client::Client;
use crate::driver::unexpected;
use crate::error::ClientError;

impl Client {
    /// Makes a schedule that starts this session at its time, or again and again.
    ///
    /// # Errors
    /// `bad_request` for a time that is past or too far, `limit`, `too_large`; and see [`Client`].
    pub async fn schedule(
        &self,
        when: When,
        session: CreateParams,
    ) -> Result<ScheduleInfo, ClientError> {
        let params = ScheduleParams { when, session };
        match self.call(&Request::Schedule(params)).await? {
            Success::Scheduled { schedule } => Ok(schedule),
            other => Err(unexpected(&other)),
        }
    }

    /// All schedules by number.
    ///
    /// # Errors
    /// See [`Client`].
    pub async fn schedules(&self) -> Result<Vec<ScheduleInfo>, ClientError> {
        match self.call(&Request::Schedules).await? {
            Success::Schedules { schedules } => Ok(schedules),
            other => Err(unexpected(&other)),
        }
    }

    /// Takes a schedule back. What it has started goes on.
    ///
    /// # Errors
    /// `not_found`; and see [`Client`].
    pub async fn unschedule(&self, schedule: ScheduleId) -> Result<(), ClientError> {
        let params = UnscheduleParams { schedule };
        match self.call(&Request::Unschedule(params)).await? {
            Success::Unscheduled {} => Ok(()),
            other => Err(unexpected(&other)),
        }
    }
}
