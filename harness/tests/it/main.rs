//! leakgate as its users run it: real processes, real files, exit codes.

mod bad_input;
mod bench;
mod cleanup;
mod exec_target;
