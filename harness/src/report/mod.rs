//! What people and programs read about a run: one model, several renderings. Only here is a verdict made text.

pub mod annotations;
mod curves;
mod figures;
mod first_look;
mod flame;
mod gather;
pub mod junit;
pub mod markdown;
mod model;
pub mod page;
pub mod repeat;
pub mod sarif;
pub(crate) mod spark;
mod store;
pub mod terminal;
#[cfg(test)]
mod tests;
pub(crate) mod text;
pub mod triage;

pub use curves::{Curve, Curves, curves};
pub use figures::{Figure, Figures, figures};
pub use gather::from;
pub use model::{GateReport, RunReport, ScenarioReport, SeriesSummary};
pub use store::{StoreError, store};
pub(crate) use store::{json, replace};
pub(crate) use text::headline_of;
