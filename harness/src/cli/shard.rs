//! `--shard K/N`: a part of the work, so that several machines can share it.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// More machines than this do not share one suite.
const SHARDS_MAX: usize = 1_000;

/// The K-th of N parts, counted from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub(crate) struct Shard {
    part: usize,
    of: usize,
}

impl Shard {
    /// This part of the list: every N-th from the K-th on, so that neighbours, which are often alike, are spread.
    pub(crate) fn of<T>(self, list: Vec<T>) -> Vec<T> {
        list.into_iter()
            .skip(self.part - 1)
            .step_by(self.of)
            .collect()
    }
}

impl FromStr for Shard {
    type Err = String;

    fn from_str(text: &str) -> Result<Shard, String> {
        let number = |text: &str| text.parse::<usize>().ok();
        text.split_once('/')
            .and_then(|(part, of)| {
                Some(Shard {
                    part: number(part)?,
                    of: number(of)?,
                })
            })
            .filter(|shard| (1..=shard.of).contains(&shard.part) && shard.of <= SHARDS_MAX)
            .ok_or_else(|| {
                format!("`{text}` is no part; allowed: K/N, from 1/N to N/N, N up to {SHARDS_MAX}")
            })
    }
}

impl fmt::Display for Shard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.part, self.of)
    }
}

impl TryFrom<String> for Shard {
    type Error = String;

    fn try_from(text: String) -> Result<Shard, String> {
        text.parse()
    }
}

impl From<Shard> for String {
    fn from(shard: Shard) -> String {
        shard.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_parts_together_are_the_whole_and_none_has_what_another_has() {
        for of in 1..=5 {
            let parts = (1..=of).map(|part| format!("{part}/{of}").parse::<Shard>().unwrap());
            let mut all: Vec<u32> = parts.flat_map(|part| part.of((0..13).collect())).collect();
            all.sort_unstable();
            assert_eq!(all, (0..13).collect::<Vec<_>>());
        }
    }

    #[test]
    fn what_is_no_part_is_refused() {
        for wrong in [
            "0/3", "4/3", "1", "1/", "/2", "a/b", "1/0", "-1/2", "1/1001",
        ] {
            assert!(wrong.parse::<Shard>().is_err(), "{wrong}");
        }
    }
}
