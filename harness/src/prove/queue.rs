//! Work that several benches share, each with a thread of its own.

use std::collections::VecDeque;
use std::sync::Mutex;
use std::sync::mpsc::sync_channel;

use crate::cli::Failure;

/// Lets each bench, which is told by its place, take one piece of work after the other, the first that `takes` lets it have,
/// and hands what `make` makes of it to `done` as it comes. Ends at the first failure, or when `done` has had enough.
///
/// # Errors
/// The first failure, whosever it is.
pub(super) fn share<B: Sync, W: Send, R: Send>(
    benches: &[B],
    work: VecDeque<W>,
    takes: impl Fn(usize, &W) -> bool + Sync,
    make: impl Fn(&B, W) -> Result<R, Failure> + Sync,
    mut done: impl FnMut(R) -> Result<bool, Failure>,
) -> Result<(), Failure> {
    let work = Mutex::new(work);
    let next = |place: usize| {
        let mut work = work.lock().expect("no bench panics while it holds it");
        let index = work.iter().position(|piece| takes(place, piece))?;
        work.remove(index)
    };
    // One result per bench may wait: whoever takes them is faster than any of the work.
    let (results, made) = sync_channel(benches.len());
    std::thread::scope(|scope| {
        for (place, bench) in benches.iter().enumerate() {
            let (results, next, make) = (results.clone(), &next, &make);
            scope.spawn(move || {
                while let Some(piece) = next(place) {
                    // Nobody listens any more when another bench has failed.
                    if results.send(make(bench, piece)).is_err() {
                        return;
                    }
                }
            });
        }
        drop(results);
        let mut all = Ok(());
        for result in &made {
            match result.and_then(&mut done) {
                Ok(true) => {}
                Ok(false) => break,
                Err(failure) => {
                    all = Err(failure);
                    break;
                }
            }
        }
        // Before the benches are waited for: they end at their next result.
        drop(made);
        all
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_work_is_made_and_a_piece_only_where_it_is_taken() {
        let work: VecDeque<u32> = (0..100).collect();
        let mut made = Vec::new();
        let places = [0_usize, 1];
        let takes = |place, piece: &u32| place == 0 || !piece.is_multiple_of(10);
        let make = |place: &usize, piece| Ok((*place, piece));
        let done = |piece| {
            made.push(piece);
            Ok(true)
        };
        share(&places, work, takes, make, done).unwrap();
        made.sort_by_key(|(_, piece)| *piece);
        let pieces: Vec<u32> = made.iter().map(|(_, piece)| *piece).collect();
        assert_eq!(pieces, (0..100).collect::<Vec<u32>>());
        let tens = made.iter().filter(|(_, piece)| piece.is_multiple_of(10));
        assert!(tens.into_iter().all(|(place, _)| *place == 0));
    }

    #[test]
    fn the_first_failure_ends_it() {
        let work: VecDeque<u32> = (0..100).collect();
        let make = |_: &(), piece| match piece {
            7 => Err(Failure::internal("seven")),
            piece => Ok(piece),
        };
        let mut made = 0;
        let done = |_| {
            made += 1;
            Ok(true)
        };
        let ended = share(&[()], work, |_, _| true, make, done);
        assert_eq!(ended.unwrap_err().message, "seven");
        assert_eq!(made, 7);
    }
}
