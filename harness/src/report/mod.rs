//! What people and programs read about a run: one model, several renderings. Only here is a verdict made text.

mod gather;
pub mod markdown;
mod model;
pub mod repeat;
mod store;
pub mod terminal;
#[cfg(test)]
mod tests;
mod text;

pub use gather::from;
pub use model::{GateReport, RunReport, ScenarioReport, SeriesSummary};
pub use store::{StoreError, store};
