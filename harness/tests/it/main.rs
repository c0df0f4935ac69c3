//! leakgate as its users run it: real processes, real files, exit codes.

mod architecture;
mod bad_input;
mod bench;
mod bisect;
mod browser;
mod cleanup;
mod compare;
mod exec_target;
mod known_leaks;
mod language;
mod memory;
mod merge;
mod objects;
mod page;
mod prove;
mod sampling;
mod selftest;
mod sessiond_target;
mod trend;
mod watch;
mod wire_targets;
