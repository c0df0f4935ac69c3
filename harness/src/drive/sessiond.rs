//! The `sessiond` driver: one control connection for the steps, and as many quiet clients as a scenario wants.
//!
//! Steps of several branches go over the one connection at the same time: the client pipelines, and the daemon answers
//! each request when it is done, in whatever order.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::time::Duration;

use sessiond_client::protocol::{
    CreateParams, ExitStatus, Failure, SessionId, SessionInfo, SessionRef, SessionState, Size,
};
use sessiond_client::{Client, ClientError};
use tokio::sync::Mutex;

use super::driver::{Refusal, StepError};
use super::exec::screen_is;
use super::quiet::QuietClient;
use super::tally::Tally;
use crate::sample::pause;
use crate::scenario::{Action, Ended, Leave, Output, Signal};
use crate::units::Bytes;

/// Between two looks at how much a session has put out; the daemon tells it when asked.
const OUTPUT_EVERY: Duration = Duration::from_millis(2);

/// Drives sessiond through its own protocol.
#[derive(Debug)]
pub(super) struct SessiondDriver {
    socket: PathBuf,
    control: Client,
    /// Sessions of this cycle by the scenario's name for them, also those that have ended: a step may expect the
    /// error that they answer. Cleared with the cycle.
    sessions: RefCell<BTreeMap<String, SessionId>>,
    /// Clients of this cycle by the scenario's name for the group; `disconnect` removes them.
    clients: RefCell<BTreeMap<String, Rc<Mutex<Vec<QuietClient>>>>>,
}

impl From<Failure> for Refusal {
    fn from(failure: Failure) -> Self {
        Refusal {
            code: Some(failure.code.to_string()),
            message: failure.to_string(),
        }
    }
}

impl From<ClientError> for StepError {
    fn from(error: ClientError) -> Self {
        match error {
            ClientError::Refused(failure) => StepError::Refused(failure.into()),
            error => StepError::Target(crate::causes::with_causes(&error)),
        }
    }
}

impl SessiondDriver {
    pub(super) async fn connect(socket: PathBuf) -> Result<Self, StepError> {
        let control = Client::connect(&socket).await?;
        Ok(Self {
            socket,
            control,
            sessions: RefCell::default(),
            clients: RefCell::default(),
        })
    }

    pub(super) async fn step(&self, action: &Action, tally: &Tally) -> Result<(), StepError> {
        match action {
            Action::Open { .. } => self.open(action, tally).await?,
            Action::Write { session, text } => {
                self.control
                    .write(self.session(session)?, text.as_bytes())
                    .await?;
                tally.add(|load| load.sent_bytes += text.len() as u64);
            }
            Action::Resize { session, size } => {
                self.control
                    .resize(self.session(session)?, terminal_size(*size)?)
                    .await?;
            }
            Action::Kill { session, signal } => self.kill(session, *signal).await?,
            Action::WaitExit { session, ended } => self.wait_exit(session, *ended, tally).await?,
            Action::WaitOutput { session, output } => self.wait_output(session, *output).await?,
            Action::Screen {
                session,
                contains,
                absent,
            } => {
                let screen = self.control.screen(self.session(session)?, 0).await?;
                screen_is(&screen.rows, contains.as_deref(), absent.as_deref())?;
            }
            Action::Close { session } => {
                let output_bytes = self.info(session).await?.output_bytes;
                self.control.close_session(self.session(session)?).await?;
                tally.add(|load| {
                    load.output_bytes += output_bytes;
                    load.closed += 1;
                });
            }
            Action::Connect { .. }
            | Action::Attach { .. }
            | Action::Detach { .. }
            | Action::Disconnect { .. }
            | Action::SendRaw { .. } => self.client_step(action, tally).await?,
            Action::Exchange { .. } | Action::Idle { .. } | Action::Sample | Action::Run { .. } => {
                return Err(StepError::Load(format!(
                    "the sessiond driver has no step `{}`",
                    action.name()
                )));
            }
        }
        Ok(())
    }

    /// The steps of clients; every other is done elsewhere.
    async fn client_step(&self, action: &Action, tally: &Tally) -> Result<(), StepError> {
        match action {
            Action::Connect { client, count } => {
                let clients = connect(&self.socket, *count).await?;
                tally.add(|load| load.connected += u64::from(*count));
                let clients = Rc::new(Mutex::new(clients));
                self.clients.borrow_mut().insert(client.clone(), clients);
            }
            Action::Attach { client, session } => {
                let session = self.session(session)?;
                for client in self.group(client)?.lock().await.iter_mut() {
                    client.attach(session).await?;
                }
            }
            Action::Detach { client, session } => {
                let session = self.session(session)?;
                for client in self.group(client)?.lock().await.iter_mut() {
                    client.detach(session).await?;
                }
            }
            Action::Disconnect { client, how } => {
                let group = self.group(client)?;
                self.clients.borrow_mut().remove(client);
                for client in group.lock().await.drain(..) {
                    tally.add(|load| load.client_ms += client.connected_ms());
                    match how {
                        Leave::Goodbye => client.goodbye().await?,
                        Leave::Drop => drop(client),
                    }
                }
            }
            Action::SendRaw {
                client,
                message,
                expect,
            } => {
                for client in self.group(client)?.lock().await.iter_mut() {
                    client.send_raw(message, expect, tally).await?;
                }
            }
            _ => {}
        }
        Ok(())
    }

    /// A session that ended by itself is not closed by anybody: it is forgotten here with its cycle.
    pub(super) fn end_cycle(&self) {
        self.sessions.borrow_mut().clear();
    }

    async fn open(&self, action: &Action, tally: &Tally) -> Result<(), StepError> {
        let Action::Open {
            session,
            command,
            size,
            scrollback,
        } = action
        else {
            return Ok(());
        };
        let params = CreateParams {
            command: command.clone(),
            size: Some(terminal_size(*size)?),
            scrollback_lines: scrollback.map(|(lines, _)| u32::try_from(lines).unwrap_or(u32::MAX)),
            scrollback_bytes: scrollback.map(|(_, bytes)| bytes.0),
            ..CreateParams::default()
        };
        let created = self.control.create(params).await?;
        self.sessions
            .borrow_mut()
            .insert(session.clone(), created.id);
        tally.add(|load| load.opened += 1);
        Ok(())
    }

    /// Sends the signal as anybody on the machine could: the daemon is not asked.
    async fn kill(&self, session: &str, signal: Signal) -> Result<(), StepError> {
        let info = self.info(session).await?;
        let leader = info
            .pid
            .filter(|_| matches!(info.state, SessionState::Running | SessionState::Paused))
            .and_then(|pid| rustix::process::Pid::from_raw(i32::try_from(pid).ok()?));
        let Some(leader) = leader else {
            return Err(StepError::Load(format!("session `{session}` does not run")));
        };
        rustix::process::kill_process_group(leader, signal.kernel()).map_err(|error| {
            StepError::Load(format!(
                "session `{session}` cannot be sent {}: {error}",
                signal.name()
            ))
        })
    }

    async fn wait_exit(&self, session: &str, ended: Ended, tally: &Tally) -> Result<(), StepError> {
        let id = self.session(session)?;
        let status = self.control.wait(id, None).await?;
        let wanted = match ended {
            Ended::Code(code) => ExitStatus::Code(code),
            Ended::Signal(signal) => ExitStatus::Signal(signal.kernel().as_raw()),
        };
        if status != wanted {
            return Err(StepError::Load(format!(
                "session `{session}` ended with {status}, not with {wanted}"
            )));
        }
        let output_bytes = self.control.get(id).await?.output_bytes;
        tally.add(|load| {
            load.output_bytes += output_bytes;
            load.exited += 1;
        });
        Ok(())
    }

    async fn wait_output(&self, session: &str, output: Output) -> Result<(), StepError> {
        let (Output::AtLeast(wanted) | Output::Exactly(wanted)) = output;
        loop {
            let info = self.info(session).await?;
            let seen = info.output_bytes;
            if seen == wanted.0 || (seen > wanted.0 && output == Output::AtLeast(wanted)) {
                return Ok(());
            }
            if seen > wanted.0 || matches!(info.state, SessionState::Exited { .. }) {
                return Err(StepError::Load(format!(
                    "session `{session}` has put out {seen} bytes, not {} ({})",
                    wanted.0,
                    Bytes(wanted.0)
                )));
            }
            pause(OUTPUT_EVERY).await;
        }
    }

    async fn info(&self, session: &str) -> Result<SessionInfo, StepError> {
        Ok(self
            .control
            .get(SessionRef::from(self.session(session)?))
            .await?)
    }

    fn session(&self, name: &str) -> Result<SessionId, StepError> {
        let id = self.sessions.borrow().get(name).copied();
        id.ok_or_else(|| StepError::Load(format!("session `{name}` is not open")))
    }

    fn group(&self, name: &str) -> Result<Rc<Mutex<Vec<QuietClient>>>, StepError> {
        let group = self.clients.borrow().get(name).map(Rc::clone);
        group.ok_or_else(|| StepError::Load(format!("clients `{name}` are not connected")))
    }
}

async fn connect(socket: &Path, count: u32) -> Result<Vec<QuietClient>, StepError> {
    let mut clients = Vec::with_capacity(count as usize);
    for _ in 0..count {
        clients.push(QuietClient::connect(socket).await?);
    }
    Ok(clients)
}

fn terminal_size((rows, columns): (u16, u16)) -> Result<Size, StepError> {
    Size::new(rows, columns).map_err(|error| StepError::Load(error.to_string()))
}
