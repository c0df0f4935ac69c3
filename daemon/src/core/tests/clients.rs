//! Clients: who is cut off and when, and who is refused.

use super::world::{SILENT, World};
use crate::core::*;

fn impatient() -> World {
    World::with(Settings {
        client_timeout: Duration::from_secs(30),
        ..Settings::default()
    })
}

fn fall_silent(client: ClientId) {
    SILENT.with_borrow_mut(|silent| silent.insert(client, false));
}

fn answer(client: ClientId) {
    SILENT.with_borrow_mut(|silent| silent.remove(&client));
}

#[test]
fn without_clients_there_is_no_round_and_with_many_there_is_one() {
    let mut world = impatient();
    assert_eq!(world.core.next_wake(), None);
    let start = world.now().instant;
    let clients: Vec<ClientId> = (0..5).map(|seat| world.connect(seat)).collect();
    assert_eq!(
        world.core.next_wake(),
        Some(start + Duration::from_secs(10))
    );
    world.pass(10);
    assert_eq!(
        world.core.next_wake(),
        Some(start + Duration::from_secs(20))
    );
    for client in clients {
        world.disconnect(client);
    }
    assert_eq!(world.core.next_wake(), None);
}

#[test]
fn a_silent_client_is_cut_off_within_its_time_and_not_before_it_was_asked() {
    let mut world = impatient();
    let (silent, slow, other) = (world.connect(1), world.connect(2), world.connect(3));
    world.pass(10); // they have said hello since the round before
    fall_silent(silent);
    fall_silent(slow);
    world.pass(10);
    assert_eq!(world.hung_up, []);
    answer(slow); // to the question
    world.pass(10);
    assert_eq!(world.hung_up, [silent]);
    world.disconnect(silent);
    fall_silent(slow);
    world.pass(9); // not yet a round
    world.pass(1);
    answer(slow);
    for _ in 0..10 {
        world.pass(10);
    }
    assert_eq!(world.hung_up, [silent]);
    assert!(world.connected.contains(&other));
}

#[test]
fn the_setting_bounds_the_clients() {
    let mut world = World::with(Settings {
        clients_max: 2,
        ..Settings::default()
    });
    let clients = [world.connect(1), world.connect(2), world.connect(3)];
    let stays = clients.map(|client| world.connected.contains(&client));
    assert_eq!(stays, [true, true, false]);
}
