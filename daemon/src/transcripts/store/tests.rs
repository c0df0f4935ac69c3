//! The store against its budget, and its account against what it holds.

use proptest::prelude::*;
use sessiond_protocol::TranscriptKind;

use super::*;

fn said(text: &str) -> Said<'_> {
    Said {
        kind: TranscriptKind::Reply,
        time_unix_ms: None,
        name: "",
        text,
        bytes: text.len() as u64,
    }
}

fn store(total: usize, transcript: usize) -> Store {
    Store::new(Budget { total, transcript })
}

fn ats(store: &Store, id: u64) -> Vec<u64> {
    store.iter(TranscriptId(id)).map(|kept| kept.at).collect()
}

#[test]
fn what_was_appended_is_read_in_place() {
    let mut store = store(1 << 20, 1 << 20);
    for at in 0..2000 {
        let text = format!("text {at}");
        store.append(TranscriptId(1), at, said(&text));
    }
    assert_eq!(ats(&store, 1), (0..2000).collect::<Vec<_>>());
    let last = store.iter(TranscriptId(1)).next_back().unwrap();
    assert_eq!(last.said, said("text 1999"));
    assert_eq!(store.evicted(), Evicted::default());
}

#[test]
fn the_transcript_that_was_used_least_recently_goes_first() {
    let mut store = store(1 << 20, 1 << 20);
    let text = "x".repeat(1000);
    for id in 1..=4 {
        for at in 0..200 {
            store.append(TranscriptId(id), at, said(&text));
        }
    }
    store.touch(TranscriptId(1));
    for at in 0..300 {
        store.append(TranscriptId(5), at, said(&text));
    }
    assert_eq!(store.held(TranscriptId(2)), (0, 0));
    assert_eq!(ats(&store, 1).len(), 200);
    assert_eq!(store.evicted().total_budget, 200);
}

#[test]
fn one_transcript_over_its_own_budget_keeps_its_last_events() {
    let mut store = store(8 << 20, 1 << 20);
    let text = "x".repeat(1000);
    for at in 0..3000 {
        store.append(TranscriptId(1), at, said(&text));
    }
    let held = ats(&store, 1);
    assert_eq!(held, (3000 - held.len() as u64..3000).collect::<Vec<_>>());
    assert!(held.len() > 700 && store.bytes() <= 1 << 20);
    let evicted = store.evicted();
    assert_eq!(evicted.transcript_budget, 3000 - held.len() as u64);
    assert_eq!(evicted.total_budget, 0);
}

#[test]
fn one_that_no_budget_takes_leaves_nothing_behind() {
    let mut store = store(1 << 10, 1 << 20);
    store.append(TranscriptId(1), 0, said(&"x".repeat(5000)));
    assert_eq!((store.bytes(), store.events()), (0, 0));
    assert!(store.shelves.is_empty());
    assert_eq!(store.evicted().total_budget, 1);
    store.set_other_bytes(2 << 10);
    store.append(TranscriptId(1), 0, said("x"));
    assert_eq!(store.bytes(), 2 << 10, "only what cannot be evicted");
}

proptest! {
    #[test]
    fn the_account_is_the_sum_of_what_is_held_and_within_the_budget(
        steps in prop::collection::vec((1..6_u64, 0..4000_usize, 0..30_u8), 1..400),
    ) {
        let mut store = store(256 << 10, 160 << 10);
        let text = "y".repeat(4000);
        let mut appended = 0;
        for (at, (id, bytes, what)) in steps.into_iter().enumerate() {
            match what {
                0 => store.forget(TranscriptId(id), Why::Gone),
                1 => store.touch(TranscriptId(id)),
                _ => {
                    appended += 1;
                    store.append(TranscriptId(id), at as u64, said(&text[..bytes]));
                }
            }
            let held: usize = store.shelves.values().map(Shelf::heap_bytes).sum();
            prop_assert_eq!(store.bytes, held);
            prop_assert_eq!(store.accounted.held(), held);
            prop_assert!(held <= 256 << 10);
            let events: u64 = store.shelves.values().map(|shelf| shelf.events).sum();
            prop_assert_eq!(store.events(), events);
            let evicted = store.evicted();
            let gone = evicted.total_budget + evicted.transcript_budget + evicted.gone;
            prop_assert_eq!(events + gone, appended);
        }
    }
}
