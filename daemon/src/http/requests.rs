//! What each route does: all of it is asked of the core, as other clients ask.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;
use hyper::{Response, StatusCode};
use sessiond_protocol::{
    AttachParams, CreateParams, ErrorCode, Failure, INPUT_OWN_BYTES_MAX, IfExists, Request,
    RequestId, ScreenParams, SessionId, SessionInfo, SessionName, SessionParams, SessionRef,
    Success,
};
use tokio::time::timeout_at;

use super::Service;
use super::answer::Reader;
use super::body::{Charge, Received};
use super::caller::{Caller, Heard, ending};
use super::message::{Answered, Hook, Message};
use super::respond::{self, Payload};
use super::settings::AgentName;
use crate::server::Daemon;
use crate::wake;

/// Bytes that are typed at a time: the terminal takes 4 KiB, and others find room beside them.
const PIECE_BYTES: usize = INPUT_OWN_BYTES_MAX / 2;

/// Bytes of who says something, which the session's environment keeps.
const CREATOR_BYTES_MAX: usize = 256;

/// An answer, or why there is none.
type Answer = Result<Response<Payload>, Failure>;

/// One request that is being done.
pub(super) struct Doing<'a> {
    pub(super) daemon: &'a Arc<Daemon>,
    pub(super) service: &'a Service,
}

impl Doing<'_> {
    /// Asks the core one thing, and answers with what comes of it.
    pub(super) async fn ask(&self, request: Request) -> Answer {
        let success = Caller::new(self.daemon).await?.ask(request).await?;
        Ok(match &success {
            Success::Screen { screen } => respond::screen(screen),
            Success::Created { created: true, .. } => respond::json(StatusCode::CREATED, &success),
            _ => respond::json(StatusCode::OK, &success),
        })
    }

    pub(super) async fn create(&self, body: Received) -> Answer {
        let (params, charge): (CreateParams, Charge) = body.parse()?;
        let answer = self.ask(Request::Create(params)).await;
        drop(charge);
        answer
    }

    pub(super) async fn screen(&self, session: SessionRef, scrollback: u32) -> Answer {
        self.ask(Request::Screen(ScreenParams {
            session,
            scrollback,
        }))
        .await
    }

    pub(super) async fn message(&self, key: SessionName, body: Received) -> Answer {
        let (message, charge) = body.parse()?;
        self.converse(key, message, charge).await
    }

    /// Maps a room of an agent to a key.
    pub(super) async fn webhook(&self, agent: &AgentName, body: Received) -> Answer {
        let Some(command) = self.service.settings.agents.get(agent) else {
            return Err(Failure::new(ErrorCode::NotFound, "no agent has this name"));
        };
        let (hook, charge): (Hook, Charge) = body.parse()?;
        let bad = |message: String| Failure::new(ErrorCode::BadRequest, message);
        let key = agent
            .session(&hook.room)
            .map_err(|error| bad(error.to_string()))?;
        if hook.creator.len() > CREATOR_BYTES_MAX {
            return Err(bad(format!(
                "the creator has more than {CREATOR_BYTES_MAX} bytes"
            )));
        }
        let create = CreateParams {
            command: ["sh", "-c", command].map(str::to_owned).to_vec(),
            env: BTreeMap::from([
                ("SESSIOND_ROOM".to_owned(), hook.room),
                ("SESSIOND_CREATOR".to_owned(), hook.creator),
            ]),
            ..CreateParams::default()
        };
        let message = Message {
            text: hook.content,
            enter: true,
            create: Some(create),
            wait: hook.wait,
        };
        self.converse(key, message, charge).await
    }

    /// Types a message into the session of a key, which is started where there is none, and reads its answer.
    async fn converse(&self, key: SessionName, message: Message, charge: Charge) -> Answer {
        let rule = message.wait.rule()?;
        let until = Instant::now() + rule.timeout;
        let place = self.service.turns.join(&key)?;
        let begun = timeout_at(until.into(), async {
            let turn = place.turn().await.ok_or_else(ending)?;
            let mut caller = Caller::new(self.daemon).await?;
            let (session, created) = self.find(&mut caller, key, message.create).await?;
            attach(&mut caller, session.id).await?;
            Ok((turn, caller, session, created))
        });
        let (turn, mut caller, session, created) = begun.await.map_err(|_| {
            let message = "its turn did not come in that time, or its session did not start";
            Failure::new(ErrorCode::Timeout, message)
        })??;
        let mut text = message.text;
        if message.enter {
            text.push('\r');
        }
        let reader = Reader::new(Instant::now(), session.size, rule, until);
        let answer = read(&mut caller, session.id, text.into(), reader).await;
        drop((caller, turn, place, charge));
        let answered = Answered {
            session,
            created,
            answer: answer?,
        };
        let status = if created {
            StatusCode::CREATED
        } else {
            StatusCode::OK
        };
        Ok(respond::json(status, &answered))
    }

    /// The session of a key, and whether it was started just now.
    async fn find(
        &self,
        caller: &mut Caller,
        key: SessionName,
        create: Option<CreateParams>,
    ) -> Result<(SessionInfo, bool), Failure> {
        let Some(create) = create else {
            let session = key.into();
            return match caller.ask(Request::Get(SessionParams { session })).await? {
                Success::Session { session } => Ok((session, false)),
                _ => Err(ending()),
            };
        };
        if create.name.is_some() {
            let message = "the key is the session's name; `create` has none of its own";
            return Err(Failure::new(ErrorCode::BadRequest, message));
        }
        let params = CreateParams {
            name: Some(key),
            if_exists: IfExists::Get,
            ttl: create.ttl.or(Some(self.service.settings.ttl)),
            ..create
        };
        match caller.ask(Request::Create(params)).await? {
            Success::Created { session, created } => Ok((session, created)),
            _ => Err(ending()),
        }
    }
}

/// Has a session's output sent to the caller from now on.
async fn attach(caller: &mut Caller, session: SessionId) -> Result<(), Failure> {
    let attach = Request::Attach(AttachParams::new(session));
    caller.ask(attach).await.map(drop)
}

/// Types a text, piece by piece as the terminal takes it, and reads what follows until that is over.
async fn read(
    caller: &mut Caller,
    session: SessionId,
    mut text: Bytes,
    mut reader: Reader,
) -> Result<super::answer::Answer, Failure> {
    let mut typing = type_next(caller, session, &mut text);
    if typing.is_none() {
        reader.sent();
    }
    loop {
        if let Some(ended) = reader.ended(Instant::now()) {
            return Ok(reader.finish(ended));
        }
        let heard = tokio::select! {
            biased;
            heard = caller.hear() => heard.ok_or_else(ending)?,
            () = wake::at(Some(reader.wake())) => continue,
        };
        match heard {
            Heard::Reply(id, result) if id == typing => {
                result?;
                typing = type_next(caller, session, &mut text);
                if typing.is_none() {
                    reader.sent();
                }
            }
            Heard::Reply(..) => {}
            Heard::Output(bytes) => reader.output(Instant::now(), &bytes),
            Heard::Missed(bytes) => reader.missed(Instant::now(), bytes),
            Heard::Exited(status) => reader.exited(status),
        }
    }
}

/// Types the next piece; nothing is left where there is none.
fn type_next(caller: &mut Caller, session: SessionId, text: &mut Bytes) -> Option<RequestId> {
    if text.is_empty() {
        return None;
    }
    let piece = text.split_to(text.len().min(PIECE_BYTES));
    Some(caller.write(session, piece))
}
