//! The core on paper: sessions and clients are numbers, and time moves when a test says so.

mod creation;
mod ending;
mod random;
mod time;
mod world;
