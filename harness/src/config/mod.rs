//! `leakgate.toml`: the targets that can be driven here, and how each is built, started, watched and stopped.

mod connection;
mod coverage;
mod model;
mod parse;
mod prove;
mod ready;
mod selftest;
#[cfg(test)]
mod tests;

pub use coverage::Coverage;
pub use model::{
    Config, Driver, Endpoint, ExecStep, ExecSteps, Framing, Process, Profile, Ready, Signal, Stop,
    Target,
};
pub use parse::LoadError;
pub use prove::Prove;
pub use selftest::SelfTest;
