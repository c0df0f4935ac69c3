//! The bytes of history that all sessions may keep together, and how they are divided.
//!
//! Every session is granted what it asks for while that fits. Where it does not, each keeps a floor, and the rest goes to those that
//! run and have put something out last; so the paused and the longest silent are trimmed first, and are granted all again when there
//! is room, or when they put something out. A session takes up its grant in its own turn: it is poked.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;

/// What all sessions may keep when nobody says otherwise: 128 full histories of the default size, or all sessions that a daemon
/// carries with four times the floor.
pub(crate) const HISTORY_BYTES: usize = 256 << 20;

/// What a session is left with, if it asks for as much: about a thousand compressed lines.
const FLOOR_BYTES: usize = 64 << 10;

/// What one session asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Claim {
    wanted: usize,
    /// Its output is stopped.
    paused: bool,
    /// When it put something out last, in minutes: sessions that are busy at the same time do not take turns at each other's cost.
    minute: u64,
}

/// Divides `total` bytes among claims, given in the order of the sessions' age, the oldest first.
fn divide(total: usize, claims: &[Claim]) -> Vec<usize> {
    let floor = FLOOR_BYTES.min(total / claims.len().max(1));
    let mut granted: Vec<usize> = claims.iter().map(|claim| claim.wanted.min(floor)).collect();
    let mut left = total - granted.iter().sum::<usize>();
    let mut by_rank: Vec<usize> = (0..claims.len()).collect();
    by_rank.sort_by_key(|index| {
        let claim = &claims[*index];
        (claim.paused, Reverse(claim.minute), Reverse(*index))
    });
    for index in by_rank {
        let more = (claims[index].wanted - granted[index]).min(left);
        granted[index] += more;
        left -= more;
    }
    granted
}

/// The budget, shared by all sessions.
#[derive(Debug)]
pub(crate) struct HistoryBudget {
    total: usize,
    shares: Mutex<Shares>,
}

#[derive(Debug, Default)]
struct Shares {
    last: u64,
    /// By age. A session's is taken out when its [`Share`] is dropped.
    slots: BTreeMap<u64, Slot>,
}

#[derive(Debug)]
struct Slot {
    claim: Claim,
    granted: usize,
    /// Wakes the session to take up another grant.
    poke: Arc<Notify>,
}

/// A session's part of the budget, for as long as this exists.
#[derive(Debug)]
pub(crate) struct Share {
    budget: Arc<HistoryBudget>,
    number: u64,
    minute: u64,
}

impl HistoryBudget {
    pub(crate) fn new(total: usize) -> Self {
        Self {
            total,
            shares: Mutex::default(),
        }
    }

    /// Lets a session take part that wants `wanted` bytes and puts something out now.
    pub(crate) fn join(self: &Arc<Self>, wanted: usize, minute: u64, poke: Arc<Notify>) -> Share {
        let mut shares = self.lock();
        shares.last += 1;
        let number = shares.last;
        let claim = Claim {
            wanted,
            paused: false,
            minute,
        };
        let slot = Slot {
            claim,
            granted: 0,
            poke,
        };
        shares.slots.insert(number, slot);
        shares.divide(self.total);
        Share {
            budget: Arc::clone(self),
            number,
            minute,
        }
    }

    fn lock(&self) -> MutexGuard<'_, Shares> {
        // No code that holds this lock can panic half-way through a change.
        self.shares.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn change(&self, number: u64, change: impl FnOnce(&mut Claim)) {
        let mut shares = self.lock();
        if let Some(slot) = shares.slots.get_mut(&number) {
            change(&mut slot.claim);
            shares.divide(self.total);
        }
    }
}

impl Shares {
    fn divide(&mut self, total: usize) {
        let claims: Vec<Claim> = self.slots.values().map(|slot| slot.claim).collect();
        for (slot, granted) in self.slots.values_mut().zip(divide(total, &claims)) {
            if slot.granted != granted {
                slot.granted = granted;
                slot.poke.notify_one();
            }
        }
    }
}

impl Share {
    /// Bytes that the session may keep now.
    pub(crate) fn granted(&self) -> usize {
        let shares = self.budget.lock();
        shares
            .slots
            .get(&self.number)
            .map_or(0, |slot| slot.granted)
    }

    /// Says that the session has put something out in this minute.
    pub(crate) fn touch(&mut self, minute: u64) {
        if self.minute != minute {
            self.minute = minute;
            self.budget
                .change(self.number, |claim| claim.minute = minute);
        }
    }

    /// Says whether the session's output is stopped.
    pub(crate) fn set_paused(&self, paused: bool) {
        self.budget
            .change(self.number, |claim| claim.paused = paused);
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        let mut shares = self.budget.lock();
        shares.slots.remove(&self.number);
        shares.divide(self.budget.total);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn any_claim() -> impl Strategy<Value = Claim> {
        (0..4_usize << 20, any::<bool>(), 0..5_u64).prop_map(|(wanted, paused, minute)| Claim {
            wanted,
            paused,
            minute,
        })
    }

    proptest! {
        #[test]
        fn grants_fit_the_budget_keep_floors_and_trim_the_paused_and_silent_first(
            total in 0..64_usize << 20,
            claims in prop::collection::vec(any_claim(), 0..60),
        ) {
            let granted = divide(total, &claims);
            prop_assert!(granted.iter().sum::<usize>() <= total);
            let floor = FLOOR_BYTES.min(total / claims.len().max(1));
            for (claim, granted) in claims.iter().zip(&granted) {
                prop_assert!((claim.wanted.min(floor)..=claim.wanted).contains(granted));
            }
            if claims.iter().map(|claim| claim.wanted).sum::<usize>() <= total {
                prop_assert!(claims.iter().zip(&granted).all(|(claim, granted)| claim.wanted == *granted));
            }
            for (one, of_one) in claims.iter().zip(&granted) {
                for (other, of_other) in claims.iter().zip(&granted) {
                    let goes_first = (one.paused, Reverse(one.minute)) < (other.paused, Reverse(other.minute));
                    if goes_first && *of_one < one.wanted {
                        prop_assert!(*of_other <= floor, "{one:?} was trimmed before {other:?}");
                    }
                }
            }
        }
    }

    #[test]
    fn a_trimmed_session_is_told_and_gets_its_share_back_when_there_is_room() {
        let budget = Arc::new(HistoryBudget::new(3 << 20));
        let pokes: [Arc<Notify>; 2] = Default::default();
        let mut first = budget.join(2 << 20, 1, Arc::clone(&pokes[0]));
        assert_eq!(first.granted(), 2 << 20);
        let second = budget.join(2 << 20, 2, Arc::clone(&pokes[1]));
        assert_eq!((first.granted(), second.granted()), (1 << 20, 2 << 20));
        first.touch(3);
        assert_eq!((first.granted(), second.granted()), (2 << 20, 1 << 20));
        first.set_paused(true);
        assert_eq!((first.granted(), second.granted()), (1 << 20, 2 << 20));
        drop(second);
        assert_eq!(first.granted(), 2 << 20);
        drop(first);
        assert!(budget.lock().slots.is_empty());
    }
}
