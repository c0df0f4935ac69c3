//! The recordings that run: each hangs off its transcript, and ends with it.

use std::path::Path;

use sessiond_protocol::{ErrorCode, Failure, RecordingInfo, SessionName, TranscriptId};

use super::files::Files;
use super::now_unix_ms;
use super::recording::{self, CannotBegin, Command, Over, Recording};
use super::transcript::Transcript;

/// Recordings at a time: each has its file open, among the descriptors that the daemon keeps for itself.
pub(crate) const RECORDINGS_MAX: usize = 16;

impl Files {
    /// Begins to record a transcript. One that is recorded already ends its recording, unless that has this name.
    ///
    /// # Errors
    /// `limit`, `name_taken` when another transcript is recorded under that name, `storage`; `not_found`.
    pub(crate) fn record(
        &mut self,
        id: TranscriptId,
        name: Option<SessionName>,
    ) -> Result<RecordingInfo, Failure> {
        let transcript = self.get(id).ok_or_else(|| super::no_transcript(id))?;
        let of = transcript.path.to_string_lossy().into_owned();
        let name = name.unwrap_or_else(|| recording::name_of(Path::new(&of)));
        let path = self.recorded_in.join(format!("{name}.md"));
        let running = || {
            let all = self.after(None);
            all.filter_map(|(id, transcript)| Some((id, transcript.recording.as_deref()?)))
        };
        match running().find(|(_, recording)| recording.path == path) {
            Some((other, _)) if other == id => return self.recording(id),
            Some((other, _)) => {
                let message = format!("transcript {other} is recorded as {name} already");
                return Err(Failure::new(ErrorCode::NameTaken, message));
            }
            None => {}
        }
        let is_room = running().count() < RECORDINGS_MAX || transcript.recording.is_some();
        if !is_room {
            let message = format!("{RECORDINGS_MAX} transcripts are recorded");
            return Err(Failure::new(ErrorCode::Limit, message));
        }
        self.end_recording(id, &Over::Another);
        let begun = Recording::begin(&self.recorded_in, &name, &of, now_unix_ms());
        let begun = begun.map_err(|error| {
            let code = match error {
                CannotBegin::Full(_) | CannotBegin::TooMany(_) => ErrorCode::Limit,
                CannotBegin::Unwritable(..) => ErrorCode::Storage,
            };
            Failure::new(code, error.to_string())
        })?;
        tracing::info!(transcript = id.0, path = %begun.path.display(), "a recording begins");
        self.change(id, |transcript| {
            transcript.recording = Some(Box::new(begun))
        });
        self.recording(id)
    }

    /// Ends a transcript's recording, if there is one.
    pub(crate) fn end_recording(&mut self, id: TranscriptId, why: &Over) {
        let recording = self.change(id, |transcript| transcript.recording.take());
        if let Some(recording) = recording.flatten() {
            recording.end(why, now_unix_ms());
        }
    }

    /// The daemon ends.
    pub(crate) fn end_recordings(&mut self) {
        let recorded = self.recordings().into_iter();
        let ids: Vec<_> = recorded.map(|recording| recording.transcript).collect();
        for id in ids {
            self.end_recording(id, &Over::Shutdown);
        }
    }

    /// A transcript's recording.
    ///
    /// # Errors
    /// `not_found`.
    pub(crate) fn recording(&self, id: TranscriptId) -> Result<RecordingInfo, Failure> {
        let transcript = self.get(id).ok_or_else(|| super::no_transcript(id))?;
        let info = info(id, transcript);
        info.ok_or_else(|| super::not_found(&format!("transcript {id} is not recorded")))
    }

    /// All that run.
    pub(crate) fn recordings(&self) -> Vec<RecordingInfo> {
        let all = self.after(None);
        all.filter_map(|(id, transcript)| info(id, transcript))
            .collect()
    }

    /// Does what somebody has said to the agent.
    pub(crate) fn obey(&mut self, id: TranscriptId, command: Command) {
        let done = match command {
            Command::Start(name) => self.record(id, name).map(|_| ()),
            Command::Stop => {
                self.end_recording(id, &Over::Asked);
                Ok(())
            }
        };
        if let Err(failure) = done {
            tracing::warn!(transcript = id.0, "not recorded: {}", failure.message);
        }
    }
}

fn info(id: TranscriptId, transcript: &Transcript) -> Option<RecordingInfo> {
    let recording = transcript.recording.as_deref()?;
    Some(RecordingInfo {
        transcript: id,
        session: transcript.session,
        path: recording.path.to_string_lossy().into_owned(),
        bytes: recording.bytes,
        events: recording.events,
        since_unix_ms: recording.since_unix_ms,
    })
}
