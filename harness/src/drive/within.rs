//! Reading the target in the middle of a cycle, while it holds what the load made it hold.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use super::driver::StepError;
use crate::record::event::{GaugeKind, Heap};
use crate::sample::probe::ProbeClient;

/// How long the target may take to be done with what it was sent; what it holds is read then, done or not.
const QUIESCE_BOUND: Duration = Duration::from_secs(5);

/// What the target held and accounted for.
#[derive(Clone, Debug)]
pub(super) struct Held {
    pub(super) heap: Option<Heap>,
    /// Bytes, by gauge.
    pub(super) accounted: BTreeMap<String, i64>,
}

/// Reads the target, each time over a connection of its own to the target's probe: none stands in a sample.
#[derive(Debug)]
pub(super) struct Within {
    socket: PathBuf,
}

impl Within {
    /// Of the target whose probe listens on `socket`.
    pub(super) fn new(socket: PathBuf) -> Self {
        Self { socket }
    }

    /// Waits until the target has come to rest, for a bounded time, and reads it.
    pub(super) async fn read(&self) -> Result<Held, StepError> {
        let mut probe = ProbeClient::connect(&self.socket).await?;
        probe.quiesce(QUIESCE_BOUND).await?;
        let gauges = probe.gauges().await?;
        let accounted = gauges
            .into_iter()
            .filter(|(_, gauge)| gauge.kind == GaugeKind::Accounted)
            .map(|(name, gauge)| (name, gauge.value))
            .collect();
        Ok(Held {
            heap: probe.heap().await?,
            accounted,
        })
    }
}
