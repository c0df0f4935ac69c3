//! One message at a time for each key: an answer is what follows its own message. A key is here as long as somebody has its
//! turn or waits for it.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use leakgate_probe::Held;
use sessiond_protocol::{ErrorCode, Failure, SessionName};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::gauges::HTTP_TURNS;

/// Messages for one key at a time, of which all but one wait: an agent answers one after the other, and who would be the next
/// but so many comes again.
const TOGETHER_MAX: usize = 16;

/// All keys that are talked to.
#[derive(Debug, Default)]
pub(super) struct Turns {
    keys: Mutex<BTreeMap<SessionName, Line>>,
}

/// Who has the turn of one key, or waits for it.
#[derive(Debug)]
struct Line {
    gate: Arc<Semaphore>,
    together: usize,
    _counted: Held,
}

/// A place in a key's line. Dropping it leaves the line.
#[derive(Debug)]
pub(super) struct Place<'a> {
    turns: &'a Turns,
    key: SessionName,
    gate: Arc<Semaphore>,
}

impl Turns {
    /// Takes a place in a key's line.
    ///
    /// # Errors
    /// `busy` when the line is full.
    pub(super) fn join(&self, key: &SessionName) -> Result<Place<'_>, Failure> {
        let mut keys = self.lock();
        let line = keys.entry(key.clone()).or_insert_with(|| Line {
            gate: Arc::new(Semaphore::new(1)),
            together: 0,
            _counted: HTTP_TURNS.hold(1),
        });
        if line.together >= TOGETHER_MAX {
            let message = format!("{TOGETHER_MAX} messages for {key} are under way already");
            return Err(Failure::new(ErrorCode::Busy, message));
        }
        line.together += 1;
        Ok(Place {
            turns: self,
            key: key.clone(),
            gate: Arc::clone(&line.gate),
        })
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<SessionName, Line>> {
        // No code that holds this lock can panic half-way through a change.
        self.keys.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Place<'_> {
    /// Waits for the turn, which lasts as long as the permit. In the order in which the places were taken.
    pub(super) async fn turn(&self) -> Option<OwnedSemaphorePermit> {
        Arc::clone(&self.gate).acquire_owned().await.ok()
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        let mut keys = self.turns.lock();
        if let Some(line) = keys.get_mut(&self.key) {
            line.together -= 1;
            if line.together == 0 {
                keys.remove(&self.key);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(text: &str) -> SessionName {
        text.parse().unwrap()
    }

    #[tokio::test]
    async fn the_turn_of_a_key_goes_round_and_keys_do_not_wait_for_one_another() {
        let turns = Turns::default();
        let (first, second) = (
            turns.join(&key("a")).unwrap(),
            turns.join(&key("a")).unwrap(),
        );
        let other = turns.join(&key("b")).unwrap();
        let turn = first.turn().await.unwrap();
        drop(other.turn().await.unwrap());
        let mut waits = std::pin::pin!(second.turn());
        tokio::select! {
            biased;
            _ = &mut waits => panic!("two at a time"),
            () = std::future::ready(()) => {}
        }
        drop((turn, first));
        assert!(waits.await.is_some());
    }

    #[test]
    fn a_line_is_bounded_and_gone_with_its_last_place() {
        let turns = Turns::default();
        let places: Vec<_> = (0..TOGETHER_MAX)
            .map(|_| turns.join(&key("a")).unwrap())
            .collect();
        assert_eq!(turns.join(&key("a")).unwrap_err().code, ErrorCode::Busy);
        let other = turns.join(&key("b")).unwrap();
        assert_eq!(turns.lock().len(), 2);
        drop(places);
        assert_eq!(turns.lock().keys().collect::<Vec<_>>(), [&key("b")]);
        drop(other);
        assert!(turns.lock().is_empty());
    }
}
