//! Owns the probe's wire format: one request per line, one line of JSON per answer.

pub(crate) mod answer;
pub(crate) mod request;
pub(crate) mod seed;
pub(crate) mod track;
