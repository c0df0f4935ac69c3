//! The probe's client: asks a target that links `leakgate-probe` for its exact readings.

use std::collections::BTreeMap;
use std::io;
use std::path::Path;
use std::time::Duration;

use serde::Deserialize;
use serde::de::DeserializeOwned;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::UnixStream;
use tokio::time::timeout;

use super::seed::Seed;
use crate::record::event::{Gauge, GaugeKind, Heap};

/// An answer longer than this is not the probe's: its own buffer is 64 KiB.
const ANSWER_BYTES_MAX: usize = 128 * 1024;
/// A probe that does not answer a plain question in this time is stuck: it has a thread of its own.
const ANSWER_WITHIN: Duration = Duration::from_secs(10);

/// A connection to a target's probe.
#[derive(Debug)]
pub struct ProbeClient {
    stream: BufReader<UnixStream>,
    line: Vec<u8>,
    hello: Hello,
}

/// Why the probe could not be asked.
#[derive(Debug, thiserror::Error)]
pub enum ProbeError {
    /// The connection failed or ended.
    #[error("the target's probe went away")]
    Io(#[from] io::Error),
    /// No answer in time.
    #[error("the target's probe did not answer `{0}` in time")]
    Silent(String),
    /// The answer is not one that this version understands.
    #[error("the target's probe answered `{question}` with something else: {answer}")]
    Answer {
        /// What was asked.
        question: String,
        /// What came back, cut to 200 characters.
        answer: String,
    },
    /// The probe refused.
    #[error("the target's probe refused `{question}`: {message}")]
    Refused {
        /// What was asked.
        question: String,
        /// Its reason.
        message: String,
    },
}

/// What the probe says of itself.
#[derive(Clone, Debug, Deserialize)]
pub struct Hello {
    /// The process that answers.
    pub pid: u32,
    /// The allocator that the target runs on.
    pub allocator: String,
    /// Whether dhat windows can be opened.
    pub dhat: bool,
}

#[derive(Deserialize)]
struct Stats {
    heap: Option<Heap>,
}

#[derive(Deserialize)]
struct Gauges {
    gauges: Vec<GaugeAnswer>,
}

#[derive(Deserialize)]
struct GaugeAnswer {
    name: String,
    kind: GaugeKind,
    value: i64,
    /// Absent from probes that do not keep it.
    peak: Option<i64>,
    max: Option<i64>,
    file: String,
    line: u32,
}

impl GaugeAnswer {
    fn site(&self) -> String {
        format!("{}:{}", self.file, self.line)
    }
}

/// The highest value of one gauge since the target's start.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Peak {
    /// What it counts.
    pub kind: GaugeKind,
    /// The value.
    pub value: i64,
    /// Where it is registered: `file:line`.
    pub site: String,
}

#[derive(Deserialize)]
struct Quiesced {
    idle: bool,
}

#[derive(Deserialize)]
struct Refusal {
    ok: bool,
    #[serde(default)]
    message: String,
}

#[derive(Deserialize)]
struct Done {}

impl ProbeClient {
    /// Connects and says hello.
    ///
    /// # Errors
    /// See [`ProbeError`].
    pub async fn connect(socket: &Path) -> Result<Self, ProbeError> {
        let stream = BufReader::new(UnixStream::connect(socket).await?);
        let hello = Hello {
            pid: 0,
            allocator: String::new(),
            dhat: false,
        };
        let mut client = Self {
            stream,
            line: Vec::new(),
            hello,
        };
        client.hello = client.ask("hello", ANSWER_WITHIN).await?;
        Ok(client)
    }

    /// What the probe said of itself.
    pub fn hello(&self) -> &Hello {
        &self.hello
    }

    /// Waits until the target says that it is idle, for `bound` at the most; tells whether it is.
    ///
    /// # Errors
    /// See [`ProbeError`].
    pub async fn quiesce(&mut self, bound: Duration) -> Result<bool, ProbeError> {
        let question = format!("quiesce {}", bound.as_millis());
        let answer: Quiesced = self.ask(&question, bound + ANSWER_WITHIN).await?;
        Ok(answer.idle)
    }

    /// The exact heap; absent when the target runs without the counting allocator.
    ///
    /// # Errors
    /// See [`ProbeError`].
    pub async fn heap(&mut self) -> Result<Option<Heap>, ProbeError> {
        Ok(self.ask::<Stats>("stats", ANSWER_WITHIN).await?.heap)
    }

    /// Starts the search for the peak of live bytes anew.
    ///
    /// # Errors
    /// See [`ProbeError`].
    pub async fn reset_peak(&mut self) -> Result<(), ProbeError> {
        self.ask::<Done>("peak reset", ANSWER_WITHIN)
            .await
            .map(|_| ())
    }

    /// Makes the allocator give back what it holds for nobody.
    ///
    /// # Errors
    /// See [`ProbeError`].
    pub async fn trim(&mut self) -> Result<(), ProbeError> {
        self.ask::<Done>("trim", ANSWER_WITHIN).await.map(|_| ())
    }

    /// All gauges by name, counts aside: those are no state of the target.
    ///
    /// # Errors
    /// See [`ProbeError`].
    pub async fn gauges(&mut self) -> Result<BTreeMap<String, Gauge>, ProbeError> {
        let gauge = |g: GaugeAnswer| {
            let gauge = Gauge {
                kind: g.kind,
                value: g.value,
                max: g.max,
                site: g.site(),
            };
            (g.name, gauge)
        };
        let all = self.all_gauges().await?.into_iter();
        Ok(all
            .filter(|g| g.kind != GaugeKind::Count)
            .map(gauge)
            .collect())
    }

    /// The highest values of all gauges and counts since the target's start; none from a probe that does not keep them.
    ///
    /// # Errors
    /// See [`ProbeError`].
    pub async fn peaks(&mut self) -> Result<BTreeMap<String, Peak>, ProbeError> {
        let peak = |g: GaugeAnswer| {
            let peak = Peak {
                kind: g.kind,
                value: g.peak?,
                site: g.site(),
            };
            Some((g.name, peak))
        };
        let all = self.all_gauges().await?.into_iter();
        Ok(all.filter_map(peak).collect())
    }

    async fn all_gauges(&mut self) -> Result<Vec<GaugeAnswer>, ProbeError> {
        let answer: Gauges = self.ask("gauges", ANSWER_WITHIN).await?;
        Ok(answer.gauges)
    }

    /// Makes the target keep what `seed` says, once; a file is left in `directory`.
    ///
    /// # Errors
    /// See [`ProbeError`]; a target that was not started for seeds refuses.
    pub async fn seed(&mut self, seed: &Seed, directory: &Path) -> Result<(), ProbeError> {
        let question = seed.request(directory);
        self.ask::<Done>(&question, ANSWER_WITHIN).await.map(|_| ())
    }

    /// Opens a dhat window with so many frames per stack.
    ///
    /// # Errors
    /// See [`ProbeError`].
    pub async fn start_dhat(&mut self, frames: u32, profile: &Path) -> Result<(), ProbeError> {
        let question = format!("dhat start {frames} {}", profile.display());
        self.ask::<Done>(&question, ANSWER_WITHIN).await.map(|_| ())
    }

    /// Closes the dhat window and writes its profile; symbolising takes a while.
    ///
    /// # Errors
    /// See [`ProbeError`].
    pub async fn stop_dhat(&mut self) -> Result<(), ProbeError> {
        self.ask::<Done>("dhat stop", Duration::from_secs(120))
            .await
            .map(|_| ())
    }

    /// Begins to track every block, with so many frames per stack.
    ///
    /// # Errors
    /// See [`ProbeError`].
    pub async fn start_tracking(&mut self, frames: u32) -> Result<(), ProbeError> {
        let question = format!("track start exact {frames}");
        self.ask::<Done>(&question, ANSWER_WITHIN).await.map(|_| ())
    }

    /// Writes down what is alive of all that was tracked so far, without symbols.
    ///
    /// # Errors
    /// See [`ProbeError`].
    pub async fn snapshot(&mut self, profile: &Path) -> Result<(), ProbeError> {
        let question = format!("track snapshot {}", profile.display());
        self.ask::<Done>(&question, ANSWER_WITHIN).await.map(|_| ())
    }

    async fn ask<A: DeserializeOwned>(
        &mut self,
        question: &str,
        within: Duration,
    ) -> Result<A, ProbeError> {
        let silent = |_| ProbeError::Silent(question.to_owned());
        timeout(within, self.exchange(question))
            .await
            .map_err(silent)??;
        let other = |_| ProbeError::Answer {
            question: question.to_owned(),
            answer: String::from_utf8_lossy(&self.line)
                .chars()
                .take(200)
                .collect(),
        };
        let refusal: Refusal = serde_json::from_slice(&self.line).map_err(other)?;
        if !refusal.ok {
            return Err(ProbeError::Refused {
                question: question.to_owned(),
                message: refusal.message,
            });
        }
        serde_json::from_slice(&self.line).map_err(other)
    }

    async fn exchange(&mut self, question: &str) -> io::Result<()> {
        self.stream
            .write_all(format!("{question}\n").as_bytes())
            .await?;
        self.line.clear();
        loop {
            let available = self.stream.fill_buf().await?;
            if available.is_empty() {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            let end = available.iter().position(|&byte| byte == b'\n');
            let take = end.map_or(available.len(), |at| at + 1);
            self.line.extend_from_slice(&available[..take]);
            self.stream.consume(take);
            if end.is_some() {
                return Ok(());
            }
            if self.line.len() > ANSWER_BYTES_MAX {
                return Err(io::Error::new(
                    io::ErrorKind::InvalidData,
                    "the answer does not end",
                ));
            }
        }
    }
}
