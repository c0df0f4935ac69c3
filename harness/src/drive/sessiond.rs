//! The `sessiond` driver: one control connection for the steps, and as many quiet clients as a scenario wants.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use sessiond_client::protocol::{
    CreateParams, ExitStatus, SessionId, SessionInfo, SessionRef, Size,
};
use sessiond_client::{Client, ClientError};

use super::driver::StepError;
use super::quiet::QuietClient;
use crate::record::event::Load;
use crate::sample::pause;
use crate::scenario::{Action, Leave};

/// Between two looks at how much a session has put out; the daemon tells it when asked.
const OUTPUT_EVERY: Duration = Duration::from_millis(2);

/// Drives sessiond through its own protocol.
#[derive(Debug)]
pub(super) struct SessiondDriver {
    socket: PathBuf,
    control: Client,
    /// Sessions of this cycle by the scenario's name for them.
    sessions: BTreeMap<String, SessionId>,
    /// Clients of this cycle by the scenario's name for the group.
    clients: BTreeMap<String, Vec<QuietClient>>,
}

impl From<ClientError> for StepError {
    fn from(error: ClientError) -> Self {
        match error {
            ClientError::Refused(failure) => StepError::Load(failure.to_string()),
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
            sessions: BTreeMap::new(),
            clients: BTreeMap::new(),
        })
    }

    pub(super) async fn step(&mut self, action: &Action, load: &mut Load) -> Result<(), StepError> {
        match action {
            Action::Open {
                session,
                command,
                size,
                scrollback,
            } => {
                let params = CreateParams {
                    command: command.clone(),
                    size: Some(terminal_size(*size)?),
                    scrollback_lines: scrollback
                        .map(|(lines, _)| u32::try_from(lines).unwrap_or(u32::MAX)),
                    scrollback_bytes: scrollback.map(|(_, bytes)| bytes.0),
                    ..CreateParams::default()
                };
                let created = self.control.create(params).await?;
                self.sessions.insert(session.clone(), created.id);
                load.opened += 1;
            }
            Action::Write { session, text } => {
                self.control
                    .write(self.session(session)?, text.as_bytes())
                    .await?;
                load.sent_bytes += text.len() as u64;
            }
            Action::Resize { session, size } => {
                self.control
                    .resize(self.session(session)?, terminal_size(*size)?)
                    .await?;
            }
            Action::WaitExit { session, code } => self.wait_exit(session, *code, load).await?,
            Action::WaitOutput { session, at_least } => {
                while self.info(session).await?.output_bytes < at_least.0 {
                    pause(OUTPUT_EVERY).await;
                }
            }
            Action::Screen { session, contains } => {
                let screen = self.control.screen(self.session(session)?, 0).await?;
                if !screen.rows.iter().any(|row| row.contains(contains)) {
                    return Err(StepError::Load(format!(
                        "`{contains}` is not on the screen"
                    )));
                }
            }
            Action::Close { session } => {
                load.output_bytes += self.info(session).await?.output_bytes;
                self.control.close_session(self.session(session)?).await?;
                self.sessions.remove(session);
                load.closed += 1;
            }
            Action::Idle { duration } => pause(*duration).await,
            Action::Connect { .. }
            | Action::Attach { .. }
            | Action::Detach { .. }
            | Action::Disconnect { .. }
            | Action::SendRaw { .. } => self.client_step(action, load).await?,
            Action::Exchange { exchange, .. } => {
                return Err(StepError::Load(format!(
                    "the sessiond driver has no step `{}`",
                    exchange.name()
                )));
            }
        }
        Ok(())
    }

    /// The steps of clients; every other is done by `step`.
    async fn client_step(&mut self, action: &Action, load: &mut Load) -> Result<(), StepError> {
        match action {
            Action::Connect { client, count } => {
                let clients = connect(&self.socket, *count).await?;
                load.connected += u64::from(*count);
                self.clients.insert(client.clone(), clients);
            }
            Action::Attach { client, session } => {
                let session = self.session(session)?;
                for client in self.group(client)? {
                    client.attach(session).await?;
                }
            }
            Action::Detach { client, session } => {
                let session = self.session(session)?;
                for client in self.group(client)? {
                    client.detach(session).await?;
                }
            }
            Action::Disconnect { client, how } => {
                for client in self.clients.remove(client).unwrap_or_default() {
                    load.client_ms += client.connected_ms();
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
                for client in self.group(client)? {
                    client.send_raw(message, expect, load).await?;
                }
            }
            Action::Open { .. }
            | Action::Write { .. }
            | Action::Resize { .. }
            | Action::WaitExit { .. }
            | Action::WaitOutput { .. }
            | Action::Screen { .. }
            | Action::Close { .. }
            | Action::Exchange { .. }
            | Action::Idle { .. } => {}
        }
        Ok(())
    }

    /// A session that ended by itself is not closed by anybody: it is forgotten here with its cycle.
    pub(super) fn end_cycle(&mut self) {
        self.sessions.clear();
    }

    async fn wait_exit(
        &mut self,
        session: &str,
        code: i32,
        load: &mut Load,
    ) -> Result<(), StepError> {
        let id = self.session(session)?;
        let status = self.control.wait(id, None).await?;
        if status != ExitStatus::Code(code) {
            return Err(StepError::Load(format!(
                "session `{session}` ended with {status}, not with exit code {code}"
            )));
        }
        load.output_bytes += self.control.get(id).await?.output_bytes;
        load.exited += 1;
        Ok(())
    }

    async fn info(&self, session: &str) -> Result<SessionInfo, StepError> {
        Ok(self
            .control
            .get(SessionRef::from(self.session(session)?))
            .await?)
    }

    fn session(&self, name: &str) -> Result<SessionId, StepError> {
        self.sessions
            .get(name)
            .copied()
            .ok_or_else(|| StepError::Load(format!("session `{name}` is not open")))
    }

    fn group(&mut self, name: &str) -> Result<&mut Vec<QuietClient>, StepError> {
        self.clients
            .get_mut(name)
            .ok_or_else(|| StepError::Load(format!("clients `{name}` are not connected")))
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
