use std::collections::VecDeque;

use proptest::prelude::*;
use serde_json::{Value, json};

use super::super::lines::Line;
use super::*;

const TTL: Duration = Duration::from_secs(60);
const LIMIT: usize = 1 << 20;

/// What has arrived, on both sides.
#[derive(Default)]
struct Ends {
    server: VecDeque<Value>,
    clients: BTreeMap<Peer, VecDeque<Value>>,
}

impl Wires for Ends {
    fn to_server(&mut self, pieces: &[&[u8]]) {
        let message = serde_json::from_slice(&pieces.concat()).unwrap();
        self.server.push_back(message);
    }

    fn to_client(&mut self, peer: Peer, _weight: Weight, pieces: &[&[u8]]) {
        let message = serde_json::from_slice(&pieces.concat()).unwrap();
        self.clients.entry(peer).or_default().push_back(message);
    }
}

struct World {
    exchange: Exchange,
    ends: Ends,
    now: Instant,
}

impl World {
    fn new(clients: u64) -> Self {
        let mut world = Self {
            exchange: Exchange::new(TTL),
            ends: Ends::default(),
            now: Instant::now(),
        };
        for number in 1..=clients {
            world.exchange.join(Peer(number));
        }
        world
    }

    fn says(&mut self, peer: u64, message: &Value) {
        let line = message.to_string();
        let line = Line::Whole(line.as_bytes());
        self.exchange
            .hear_client(Peer(peer), line, LIMIT, self.now, &mut self.ends);
    }

    fn server_says(&mut self, message: &Value) -> Heard {
        let line = message.to_string();
        let line = Line::Whole(line.as_bytes());
        self.exchange
            .hear_server(line, LIMIT, self.now, &mut self.ends)
    }

    /// What has arrived at the server; it must have.
    fn heard(&mut self) -> Value {
        self.ends
            .server
            .pop_front()
            .expect("nothing for the server")
    }

    fn got(&mut self, peer: u64) -> Value {
        let got = self
            .ends
            .clients
            .get_mut(&Peer(peer))
            .and_then(VecDeque::pop_front);
        got.unwrap_or_else(|| panic!("nothing for client {peer}"))
    }

    fn leave(&mut self, peer: u64) {
        self.exchange.leave(Peer(peer), self.now, &mut self.ends);
    }

    fn nothing_more(&self) {
        assert!(self.ends.server.is_empty(), "{:?}", self.ends.server);
        let mut clients = self.ends.clients.values();
        assert!(clients.all(VecDeque::is_empty), "{:?}", self.ends.clients);
    }

    /// Two clients, of whom the first has made the handshake.
    fn greeted() -> Self {
        let mut world = Self::new(2);
        for peer in [1, 2] {
            world.says(
                peer,
                &json!({"id": "i", "method": "initialize", "params": {"p": 1}}),
            );
        }
        let number = world.heard()["id"].clone();
        world.server_says(&json!({"id": number, "result": {"serverInfo": 1}}));
        for peer in [1, 2] {
            assert_eq!(
                world.got(peer),
                json!({"jsonrpc": "2.0", "id": "i", "result": {"serverInfo": 1}})
            );
            world.says(peer, &json!({"method": "notifications/initialized"}));
        }
        assert_eq!(world.heard()["method"], "notifications/initialized");
        world.nothing_more();
        world
    }
}

#[test]
fn one_handshake_serves_all_and_is_answered_from_what_is_stored() {
    let mut world = World::greeted();
    world.exchange.join(Peer(3));
    world.says(3, &json!({"id": 0, "method": "initialize"}));
    assert_eq!(world.got(3)["id"], 0);
    world.nothing_more();
    assert_eq!(world.exchange.handshake.owner(), Some(Peer(1)));
}

#[test]
fn a_handshake_that_is_refused_is_tried_again_by_the_next() {
    let mut world = World::new(2);
    world.says(1, &json!({"id": 1, "method": "initialize"}));
    let number = world.heard()["id"].clone();
    world.says(2, &json!({"id": 2, "method": "initialize"}));
    world.leave(1);
    world.server_says(&json!({"id": number, "error": {"code": 5, "message": "no"}}));
    assert_eq!(world.got(2)["error"]["code"], 5);
    world.nothing_more();
    world.says(2, &json!({"id": 2, "method": "initialize"}));
    assert_eq!(world.heard()["method"], "initialize");
}

#[test]
fn progress_goes_to_who_wants_it_under_its_own_token() {
    let mut world = World::new(2);
    let call =
        json!({"id": 7, "method": "tools/call", "params": {"_meta": {"progressToken": "t"}}});
    world.says(1, &call);
    world.says(2, &call);
    let (first, second) = (world.heard(), world.heard());
    let token = |message: &Value| message["params"]["_meta"]["progressToken"].clone();
    assert_ne!(token(&first), token(&second));
    let progress = json!({"method": "notifications/progress", "params": {"progressToken": token(&second), "progress": 1}});
    world.server_says(&progress);
    assert_eq!(world.got(2)["params"]["progressToken"], "t");
    world.says(
        2,
        &json!({"method": "notifications/cancelled", "params": {"requestId": 7}}),
    );
    assert_eq!(world.heard()["params"]["requestId"], second["id"]);
    // What comes now comes too late.
    world.server_says(&progress);
    world.server_says(&json!({"id": second["id"], "result": {}}));
    assert_eq!(world.exchange.counts.dropped, 2);
    world.nothing_more();
}

#[test]
fn an_id_that_is_under_way_and_too_many_requests_are_refused() {
    let mut world = World::new(1);
    let call = |id: usize| json!({"id": id, "method": "m"});
    for id in 0..PENDING_PER_CLIENT_MAX {
        world.says(1, &call(id));
    }
    world.says(1, &call(0));
    assert_eq!(world.got(1)["error"]["code"], CODE_INVALID);
    world.says(1, &call(PENDING_PER_CLIENT_MAX));
    let refused = world.got(1);
    assert_eq!(refused["error"]["code"], CODE_LIMIT);
    assert_eq!(refused["id"], PENDING_PER_CLIENT_MAX);
}

#[test]
fn the_servers_questions_go_to_one_client_and_an_owner_that_goes_is_an_error() {
    let mut world = World::greeted();
    let question = json!({"id": "q", "method": "roots/list"});
    world.server_says(&question);
    let asked = world.got(1);
    world.says(
        2,
        &json!({"id": asked["id"], "result": "not mine to answer"}),
    );
    world.nothing_more();
    world.says(1, &json!({"id": asked["id"], "result": {"roots": []}}));
    assert_eq!(world.heard(), json!({"id": "q", "result": {"roots": []}}));
    world.server_says(&question);
    let asked = world.got(1);
    world.server_says(&json!({"method": "notifications/cancelled", "params": {"requestId": "q"}}));
    assert_eq!(world.got(1)["params"]["requestId"], asked["id"]);
    world.server_says(&question);
    world.got(1);
    world.leave(1);
    assert_eq!(world.heard()["error"]["code"], CODE_GONE);
    world.server_says(&question);
    world.got(2);
    world.leave(2);
    world.heard();
    world.server_says(&question);
    assert_eq!(world.heard()["error"]["code"], CODE_GONE);
    world.server_says(&json!({"id": 3, "method": "ping"}));
    assert_eq!(
        world.heard(),
        json!({"jsonrpc": "2.0", "id": 3, "result": {}})
    );
    assert_eq!(world.exchange.pending(), 0);
}

#[test]
fn a_listener_hears_what_is_tagged_for_it_for_as_long_as_it_likes() {
    const TAG: &str = "io.modelcontextprotocol/subscriptionId";
    let mut world = World::new(2);
    for peer in [1, 2] {
        world.says(
            peer,
            &json!({"id": "l", "method": "subscriptions/listen", "params": {}}),
        );
    }
    let (first, second) = (world.heard(), world.heard());
    assert_eq!(world.exchange.next_deadline(), None);
    let tagged = |of: &Value| json!({"method": "notifications/tools/list_changed", "params": {"_meta": {TAG: of["id"]}}});
    world.server_says(&tagged(&second));
    assert_eq!(world.got(2)["params"]["_meta"][TAG], "l");
    world.server_says(&json!({"id": first["id"], "result": {"_meta": {TAG: first["id"]}}}));
    let end = world.got(1);
    assert_eq!(
        (&end["id"], &end["result"]["_meta"][TAG]),
        (&json!("l"), &json!("l"))
    );
    world.leave(2);
    assert_eq!(world.heard()["params"]["requestId"], second["id"]);
    world.nothing_more();
}

#[test]
fn only_the_last_unsubscription_reaches_the_server() {
    let mut world = World::greeted();
    let request = |id: u64, what: &str| json!({"id": id, "method": format!("resources/{what}"), "params": {"uri": "u:1"}});
    for peer in [1, 2] {
        world.says(peer, &request(1, "subscribe"));
        let number = world.heard()["id"].clone();
        world.server_says(&json!({"id": number, "result": {}}));
        world.got(peer);
        assert!(world.exchange.is_waiting(Peer(peer)));
    }
    let update = json!({"method": "notifications/resources/updated", "params": {"uri": "u:1"}});
    world.server_says(&update);
    assert_eq!(
        (world.got(1), world.got(2)),
        (update.clone(), update.clone())
    );
    world.says(1, &request(2, "unsubscribe"));
    assert_eq!(world.got(1)["result"], json!({}));
    world.server_says(&update);
    world.got(2);
    world.nothing_more();
    world.leave(2);
    let last = world.heard();
    assert_eq!(
        (&last["method"], &last["params"]["uri"]),
        (&json!("resources/unsubscribe"), &json!("u:1"))
    );
    world.server_says(&json!({"id": last["id"], "result": {}}));
    world.server_says(&update);
    world.nothing_more();
    assert_eq!(
        (world.exchange.pending(), world.exchange.counts.dropped),
        (0, 0)
    );
}

#[test]
fn a_new_process_is_told_what_the_last_one_knew() {
    let mut world = World::greeted();
    world.says(
        1,
        &json!({"id": 1, "method": "resources/subscribe", "params": {"uri": "u:1"}}),
    );
    let number = world.heard()["id"].clone();
    world.server_says(&json!({"id": number, "result": {}}));
    world.got(1);
    world.says(2, &json!({"id": 2, "method": "tools/call"}));
    world.heard();
    world.exchange.server_gone("it crashed", &mut world.ends);
    assert_eq!(world.got(2)["error"]["message"], "it crashed");
    world.exchange.availability = Availability::Down("it starts again in 5 s".to_owned());
    world.says(2, &json!({"id": 3, "method": "tools/call"}));
    assert_eq!(world.got(2)["error"]["message"], "it starts again in 5 s");
    world.nothing_more();
    world.exchange.availability = Availability::Up;
    assert!(world.exchange.replay(world.now, &mut world.ends));
    let replayed = world.heard();
    assert_eq!(replayed["params"], json!({"p": 1}));
    let heard = world.server_says(&json!({"id": replayed["id"], "result": {"new": 1}}));
    assert_eq!(heard, Heard::Replayed);
    assert_eq!(world.heard()["method"], "notifications/initialized");
    assert_eq!(world.heard()["method"], "resources/subscribe");
    world.nothing_more();
}

#[test]
fn what_is_not_answered_in_time_is_an_error_on_both_sides() {
    let mut world = World::greeted();
    world.says(2, &json!({"id": 9, "method": "tools/call"}));
    let number = world.heard()["id"].clone();
    world.server_says(&json!({"id": "q", "method": "roots/list"}));
    let question = world.got(1)["id"].clone();
    assert_eq!(world.exchange.next_deadline(), Some(world.now + TTL));
    world.exchange.expire(world.now + TTL, &mut world.ends);
    assert_eq!(world.got(2)["error"]["code"], CODE_EXPIRED);
    assert_eq!(world.heard()["params"]["requestId"], number);
    assert_eq!(world.heard()["error"]["code"], CODE_EXPIRED);
    assert_eq!(world.got(1)["params"]["requestId"], question);
    assert_eq!(
        (world.exchange.counts.expired, world.exchange.pending()),
        (2, 0)
    );
    assert_eq!(world.exchange.next_deadline(), None);
}

#[test]
fn an_oversized_line_is_an_error_for_who_waits_for_it() {
    let mut world = World::greeted();
    let oversized = |id: &Value, method: Option<&str>| Line::Oversized {
        outline: super::super::outline::Outline {
            id: Some(id.to_string().into()),
            method: method.map(Into::into),
        },
        bytes: 2 << 20,
    };
    let now = world.now;
    world.exchange.hear_client(
        Peer(1),
        oversized(&json!(4), Some("m")),
        LIMIT,
        now,
        &mut world.ends,
    );
    let refused = world.got(1);
    assert_eq!(
        (&refused["id"], &refused["error"]["code"]),
        (&json!(4), &json!(CODE_TOO_LARGE))
    );
    world.says(2, &json!({"id": "a", "method": "m"}));
    let number = world.heard()["id"].clone();
    world
        .exchange
        .hear_server(oversized(&number, None), LIMIT, now, &mut world.ends);
    let refused = world.got(2);
    assert_eq!(
        (&refused["id"], &refused["error"]["code"]),
        (&json!("a"), &json!(CODE_TOO_LARGE))
    );
    world.server_says(&json!({"id": "q", "method": "roots/list"}));
    let question = world.got(1)["id"].clone();
    world.exchange.hear_client(
        Peer(1),
        oversized(&question, None),
        LIMIT,
        now,
        &mut world.ends,
    );
    assert_eq!(world.heard()["id"], "q");
    world.exchange.hear_server(
        oversized(&json!("z"), Some("m")),
        LIMIT,
        now,
        &mut world.ends,
    );
    assert_eq!(world.heard()["id"], "z");
    world.nothing_more();
    assert_eq!(world.exchange.pending(), 0);
}

proptest! {
    /// Clients whose ids clash, a server that answers in any order, and clients that go half-way.
    #[test]
    fn each_answer_reaches_exactly_its_asker_under_its_own_id(
        asks in prop::collection::vec((1_u64..6, 0_u64..4, any::<bool>()), 1..60),
        order in prop::collection::vec(any::<prop::sample::Index>(), 60),
        gone in 1_u64..6,
    ) {
        let mut world = World::new(5);
        let mut under_way = BTreeSet::new();
        for (peer, id, is_text) in asks {
            let id = if is_text { json!(id.to_string()) } else { json!(id) };
            if under_way.insert((peer, id.to_string())) {
                world.says(peer, &json!({"id": id, "method": "m", "params": {"from": peer, "as": id}}));
            }
        }
        let mut asked: Vec<Value> = world.ends.server.drain(..).collect();
        prop_assert_eq!(asked.len(), under_way.len());
        prop_assert_eq!(world.exchange.pending(), under_way.len());
        world.leave(gone);
        let cancelled = world.ends.server.drain(..).count();
        prop_assert_eq!(cancelled, under_way.iter().filter(|(peer, _)| *peer == gone).count());
        for index in order {
            if asked.is_empty() {
                break;
            }
            let request = asked.swap_remove(index.index(asked.len()));
            world.server_says(&json!({"id": request["id"], "result": request["params"]}));
        }
        for (peer, answers) in &world.ends.clients {
            prop_assert!(peer.0 != gone);
            for answer in answers {
                prop_assert_eq!(&answer["result"]["from"], peer.0);
                prop_assert_eq!(&answer["result"]["as"], &answer["id"]);
                prop_assert!(under_way.remove(&(peer.0, answer["id"].to_string())));
            }
        }
        under_way.retain(|(peer, _)| *peer != gone);
        prop_assert!(under_way.is_empty());
        prop_assert_eq!(world.exchange.pending(), 0);
        prop_assert!(world.exchange.peers.values().all(|state| state.asked.is_empty()));
    }
}
