//! What people and programs read about a run: one model, several renderings. Only here is a verdict made text.

pub mod markdown;
mod model;
mod store;
pub mod terminal;

pub use model::{GateReport, RunReport, ScenarioReport};
pub use store::{StoreError, store};

use crate::judge::RunVerdict;
use crate::record::event::Line;

/// The report of a run: its verdict beside what the recording says about how it was obtained.
pub fn from(verdict: &RunVerdict, lines: &[Line]) -> RunReport {
    let _ = (verdict, lines);
    unimplemented!("follows")
}
