//! What is posted: a message for a keyed session, or a webhook's; and when its answer is over.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use sessiond_protocol::{CreateParams, Failure, SessionInfo, TextPattern};
use sessiond_screen::{Case, Pattern};

use super::answer::{Answer, Rule};
use crate::chosen::within;
use crate::pattern::{self, AWAITED_BYTES_MAX};

/// How long there is no output before an answer counts as over: programs think, and people do not like to wait.
const QUIET_MS_DEFAULT: u64 = 500;

/// Shorter than that, and the pauses of a busy machine end answers; longer, and one is better off with a pattern.
const QUIET_MS: std::ops::RangeInclusive<u64> = 10..=600_000;

/// How long an answer may take: less than what most clients and proxies wait for one.
const TIMEOUT_MS_DEFAULT: u64 = 30_000;

/// An agent may work for an hour.
const TIMEOUT_MS: std::ops::RangeInclusive<u64> = 1..=3_600_000;

/// A message for a session.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Message {
    /// What is typed.
    pub(super) text: String,
    /// Whether the return key is pressed after it.
    #[serde(default = "yes")]
    pub(super) enter: bool,
    /// The session to be started where none has the key; without it there must be one.
    #[serde(default)]
    pub(super) create: Option<CreateParams>,
    #[serde(default)]
    pub(super) wait: Wait,
}

/// What a webhook posts. Services add fields of their own, which say nothing here.
#[derive(Debug, Deserialize)]
pub(super) struct Hook {
    /// Who says it.
    pub(super) creator: String,
    /// Where; each has a session of its own.
    pub(super) room: String,
    /// What is typed.
    pub(super) content: String,
    #[serde(default)]
    pub(super) wait: Wait,
}

/// When an answer is over, as it is said.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Wait {
    quiet_ms: Option<u64>,
    pattern: Option<TextPattern>,
    timeout_ms: Option<u64>,
}

/// What a message is answered with.
#[derive(Debug, Serialize)]
pub(super) struct Answered {
    pub(super) session: SessionInfo,
    /// Whether it was started for this message.
    pub(super) created: bool,
    pub(super) answer: Answer,
}

const fn yes() -> bool {
    true
}

impl Wait {
    /// The rule that this says. Where a pattern is waited for, quiet alone ends nothing unless it is asked for too.
    pub(super) fn rule(&self) -> Result<Rule, Failure> {
        let quiet_ms = within(self.quiet_ms, QUIET_MS_DEFAULT, QUIET_MS, "quiet_ms")?;
        let timeout_ms = within(
            self.timeout_ms,
            TIMEOUT_MS_DEFAULT,
            TIMEOUT_MS,
            "timeout_ms",
        )?;
        let read = |pattern| pattern::read(pattern, Case::Sensitive, AWAITED_BYTES_MAX);
        let pattern: Option<Pattern> = self.pattern.as_ref().map(read).transpose()?;
        let by_quiet = pattern.is_none() || self.quiet_ms.is_some();
        Ok(Rule {
            quiet: by_quiet.then(|| Duration::from_millis(quiet_ms)),
            pattern,
            timeout: Duration::from_millis(timeout_ms),
        })
    }
}

#[cfg(test)]
mod tests {
    use sessiond_protocol::ErrorCode;

    use super::*;

    fn rule(json: &str) -> Result<Rule, ErrorCode> {
        let wait: Wait = serde_json::from_str(json).unwrap();
        wait.rule().map_err(|failure| failure.code)
    }

    #[test]
    fn quiet_ends_an_answer_unless_a_pattern_does() {
        let quiet = |json: &str| rule(json).unwrap().quiet.map(|quiet| quiet.as_millis());
        assert_eq!(quiet("{}"), Some(500));
        assert_eq!(quiet(r#"{"pattern":{"text":"$ "}}"#), None);
        assert_eq!(
            quiet(r#"{"pattern":{"text":"$ "},"quiet_ms":20}"#),
            Some(20)
        );
        assert_eq!(rule("{}").unwrap().timeout.as_secs(), 30);
    }

    #[test]
    fn what_is_out_of_bounds_is_refused() {
        for wrong in [
            r#"{"quiet_ms":9}"#,
            r#"{"timeout_ms":0}"#,
            r#"{"timeout_ms":3600001}"#,
            r#"{"pattern":{"regex":"("}}"#,
        ] {
            assert_eq!(rule(wrong).err(), Some(ErrorCode::BadRequest), "{wrong}");
        }
    }

    #[test]
    fn a_message_is_strict_and_a_webhook_is_not() {
        assert!(serde_json::from_str::<Message>(r#"{"text":"a","texte":1}"#).is_err());
        assert!(
            serde_json::from_str::<Message>(r#"{"text":"a"}"#)
                .unwrap()
                .enter
        );
        let hook = r#"{"creator":"c","room":"r","content":"x","server":"s"}"#;
        assert_eq!(serde_json::from_str::<Hook>(hook).unwrap().room, "r");
    }
}
