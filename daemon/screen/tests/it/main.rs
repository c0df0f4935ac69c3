//! What a program sees of the screen, sequence by sequence, and what holds for any input.

mod alternate;
mod editing;
mod limits;
mod memory;
mod moving;
mod printing;
mod properties;
mod reads;
mod recorded;
mod reports;
mod snapshots;
mod streams;
