//! What a server is started with, checked once.

use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::time::Duration;

use sessiond_protocol::{ErrorCode, Failure, McpStartParams};

use crate::chosen::within;
use crate::core::{RECIPE_BYTES_MAX, recipe_bytes};

/// Bytes of a message: documents pass, and a hundred clients with one each do not fill a machine.
const LINE_BYTES_DEFAULT: u64 = 1 << 20;
const LINE_BYTES: RangeInclusive<u64> = 1 << 10..=64 << 20;

/// How long a client may say and hear nothing.
const IDLE_MS_DEFAULT: u64 = 600_000;
const IDLE_MS: RangeInclusive<u64> = 100..=365 * 24 * 3_600_000;

/// How long an answer may take: tools run builds.
const PENDING_MS_DEFAULT: u64 = 600_000;
const PENDING_MS: RangeInclusive<u64> = 100..=24 * 3_600_000;

/// A server's settings.
#[derive(Debug)]
pub(super) struct Settings {
    pub(super) command: Vec<String>,
    pub(super) cwd: Option<PathBuf>,
    pub(super) environment: Vec<(String, String)>,
    pub(super) line_bytes: usize,
    pub(super) idle: Duration,
    pub(super) pending: Duration,
}

impl Settings {
    /// # Errors
    /// `bad_request` for what is out of its range, `too_large` for a command that is.
    pub(super) fn new(params: McpStartParams) -> Result<Self, Failure> {
        if params.command.is_empty() {
            let message = "a server needs a command";
            return Err(Failure::new(ErrorCode::BadRequest, message));
        }
        let bytes = recipe_bytes(&params.command, params.cwd.as_ref(), &params.env);
        if bytes > RECIPE_BYTES_MAX {
            let message = format!(
                "command, variables and directory have {bytes} bytes, more than {RECIPE_BYTES_MAX}"
            );
            return Err(Failure::new(ErrorCode::TooLarge, message));
        }
        let line_bytes = within(
            params.line_bytes,
            LINE_BYTES_DEFAULT,
            LINE_BYTES,
            "line_bytes",
        )?;
        let idle = within(params.idle_ms, IDLE_MS_DEFAULT, IDLE_MS, "idle_ms")?;
        let pending = within(
            params.pending_ms,
            PENDING_MS_DEFAULT,
            PENDING_MS,
            "pending_ms",
        )?;
        Ok(Self {
            command: params.command,
            cwd: params.cwd.map(PathBuf::from),
            environment: params.env.into_iter().collect(),
            line_bytes: usize::try_from(line_bytes).unwrap_or(usize::MAX),
            idle: Duration::from_millis(idle),
            pending: Duration::from_millis(pending),
        })
    }
}
