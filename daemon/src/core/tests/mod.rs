//! The core on paper: sessions and clients are numbers, and time moves when a test says so.

mod archives;
mod attached;
mod clients;
mod creation;
mod ending;
mod incidents;
mod random;
mod schedules;
mod time;
mod waits;
mod world;
