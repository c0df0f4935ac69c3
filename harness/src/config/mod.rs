//! `leakgate.toml`: the targets that can be driven here, and how each is built, started, watched and stopped.

mod model;
mod parse;
#[cfg(test)]
mod tests;

pub use model::{
    Config, Driver, ExecStep, ExecSteps, Process, Profile, Ready, Signal, Stop, Target,
};
pub use parse::LoadError;
