use proptest::prelude::*;

use super::*;

const SESSION: SessionId = SessionId(1);

fn size(side: u16) -> Size {
    Size::new(side, side).unwrap()
}

fn join(audience: &mut Audience, client: u64, size: Option<Size>) -> Arc<Outbox> {
    let outbox = Arc::new(Outbox::default());
    let client = ClientId(client);
    let (outbox_there, flow) = (Arc::clone(&outbox), Flow::Running);
    audience.attach(client, outbox_there, size, flow, Beginning::Snapshot);
    outbox
}

fn catch_up(audience: &mut Audience) {
    audience.catch_up(SESSION, 0, Urgency::WhenRoomy, || b"screen".to_vec());
}

#[derive(Debug, Clone)]
enum Use {
    Attach(u64, Option<u16>),
    Type(u64),
    Resize(u64, u16),
    Detach(u64),
}

fn uses() -> impl Strategy<Value = Vec<Use>> {
    let client = || 0u64..5;
    let one = prop_oneof![
        (client(), proptest::option::of(1u16..9))
            .prop_map(|(client, side)| Use::Attach(client, side)),
        client().prop_map(Use::Type),
        (client(), 1u16..9).prop_map(|(client, side)| Use::Resize(client, side)),
        client().prop_map(Use::Detach),
    ];
    proptest::collection::vec(one, 0..60)
}

proptest! {
    #[test]
    fn the_size_is_that_of_the_client_used_last_of_those_that_are_attached_and_have_one(uses in uses()) {
        let mut audience = Audience::default();
        // Every use in order; a client's size is what it said last since it attached.
        let mut attached: std::collections::BTreeMap<u64, (usize, Option<u16>)> = Default::default();
        for (time, one) in uses.into_iter().enumerate() {
            match one {
                Use::Attach(client, side) => {
                    join(&mut audience, client, side.map(size));
                    attached.insert(client, (time, side));
                }
                Use::Type(client) => {
                    let known = audience.used(ClientId(client), None);
                    prop_assert_eq!(known, attached.contains_key(&client));
                    attached.entry(client).and_modify(|(used, _)| *used = time);
                }
                Use::Resize(client, side) => {
                    audience.used(ClientId(client), Some(size(side)));
                    attached.entry(client).and_modify(|of| *of = (time, Some(side)));
                }
                Use::Detach(client) => {
                    audience.detach(ClientId(client));
                    attached.remove(&client);
                }
            }
            let latest = attached.values().filter(|(_, side)| side.is_some()).max();
            prop_assert_eq!(audience.size(), latest.and_then(|(_, side)| side.map(size)));
            prop_assert_eq!(audience.members.len(), attached.len());
        }
    }
}

#[test]
fn attaching_again_replaces_and_does_not_add() {
    let mut audience = Audience::default();
    for _ in 0..3 {
        join(&mut audience, 1, None);
    }
    assert_eq!(audience.members.len(), 1);
    audience.detach(ClientId(1));
    assert_eq!(audience.members.capacity(), 0);
}

#[test]
fn a_client_that_holds_gets_nothing_until_it_releases_and_the_others_get_everything() {
    let (mut audience, poke) = (Audience::default(), Arc::default());
    let (holding, other) = (join(&mut audience, 1, None), join(&mut audience, 2, None));
    catch_up(&mut audience);
    let queued = holding.queued_bytes();
    audience.hold(ClientId(1), true);
    let frame = Bytes::from_static(b"12345");
    for _ in 0..3 {
        audience.send(&frame, 5, &poke);
    }
    catch_up(&mut audience);
    assert_eq!(holding.queued_bytes(), queued);
    assert_eq!(other.queued_bytes(), queued + 15);
    assert_eq!(audience.members[0].missed, Some(15));
    audience.hold(ClientId(1), false);
    catch_up(&mut audience);
    assert!(holding.queued_bytes() > queued);
    assert_eq!(audience.members[0].missed, None);
}

#[test]
fn a_client_that_holds_when_it_is_attached_gets_the_screen_when_it_releases() {
    let (mut audience, outbox) = (Audience::default(), Arc::new(Outbox::default()));
    let (client, beginning) = (ClientId(1), Beginning::Snapshot);
    audience.attach(client, Arc::clone(&outbox), None, Flow::Stopped, beginning);
    catch_up(&mut audience);
    audience.send(&Bytes::from_static(b"12345"), 5, &Arc::default());
    assert_eq!(outbox.queued_bytes(), 0);
    audience.hold(client, false);
    catch_up(&mut audience);
    assert!(outbox.queued_bytes() > 0);
}

#[test]
fn the_screen_is_rendered_only_for_those_who_have_room_for_it() {
    let mut audience = Audience::default();
    let client = join(&mut audience, 1, None);
    let frame = Bytes::from(vec![b'x'; 200 << 10]);
    assert!(client.push_output(&frame));
    audience.catch_up(SESSION, 0, Urgency::WhenRoomy, || {
        panic!("there is no room")
    });
    client.wrote(frame.len());
    let queued = client.queued_bytes();
    catch_up(&mut audience);
    assert!(client.queued_bytes() > queued);
}

#[test]
fn who_held_and_missed_nothing_gets_no_snapshot() {
    let mut audience = Audience::default();
    let client = join(&mut audience, 1, None);
    catch_up(&mut audience);
    let queued = client.queued_bytes();
    audience.hold(ClientId(1), true);
    audience.hold(ClientId(1), false);
    catch_up(&mut audience);
    assert_eq!(client.queued_bytes(), queued);
}

#[test]
fn a_client_that_goes_on_from_an_offset_begins_with_what_it_has_not_seen() {
    let (mut audience, outbox) = (Audience::default(), Arc::new(Outbox::default()));
    let missing = Bytes::from_static(b"missing");
    let beginning = Beginning::Output(missing.clone());
    let (client, flow) = (ClientId(1), Flow::Running);
    audience.attach(client, Arc::clone(&outbox), None, flow, beginning);
    catch_up(&mut audience);
    assert_eq!(outbox.queued_bytes(), missing.len());
}
