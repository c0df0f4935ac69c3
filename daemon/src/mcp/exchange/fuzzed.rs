//! Arbitrary bytes from clients and a server in turn, and what holds whatever they say.
//!
//! The input is records with a zero byte between them. The first byte of a record says who speaks, the rest is what is said, which
//! need be no line: `1` to `3` are clients, `s` is the server. `-1` lets that client leave and another come in its place, `!` ends the
//! server, `*` starts it again, `>` lets so much time go by that everything expires.
//!
//! A second account is kept of who has asked what, from nothing but what goes out; it says to whom an answer may go.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use serde_json::value::RawValue;

use super::super::lines::{Line, Splitter};
use super::super::message::{ID_BYTES_MAX, Kind, Message, our_number};
use super::{
    Availability, Exchange, OWED_MAX, PENDING_PER_CLIENT_MAX, Peer, Purpose, Weight, Wires,
};

/// Bytes of a line: few, so that longer ones are common.
const LINE_BYTES_MAX: usize = 600;

const TTL: Duration = Duration::from_secs(60);

/// Who is heard, and with which message.
#[derive(Debug, Default)]
enum Speaker {
    /// Nobody: somebody has left, or time went by.
    #[default]
    Nobody,
    /// With the id of what it says, and whether that is a greeting.
    Client(Peer, Option<String>, bool),
    /// With the id and the progress token of what it says.
    Server(Option<String>, Option<String>),
}

/// The second account.
#[derive(Debug, Default)]
struct Account {
    speaker: Speaker,
    present: BTreeSet<Peer>,
    /// By the number that the server knows.
    asked: BTreeMap<u64, (Peer, String)>,
    handshakes: BTreeSet<u64>,
    /// Clients whose handshake is not answered, and their ids.
    greeting: Vec<(Peer, String)>,
    /// By the number that the client knows; the server's own ids.
    owed: BTreeMap<u64, (Peer, String)>,
    /// The last number that went out.
    last: u64,
}

struct World {
    exchange: Exchange,
    now: Instant,
    clients: [(Peer, Splitter); 3],
    server: Splitter,
    last_peer: u64,
    account: Account,
}

/// Plays `input`.
///
/// # Panics
/// When something does not hold.
pub(crate) fn run(input: &[u8]) {
    let mut world = World::new();
    for record in input.split(|byte| *byte == 0) {
        world.play(record);
        world.check();
    }
    world.end();
}

impl World {
    fn new() -> Self {
        let mut world = Self {
            exchange: Exchange::new(TTL),
            now: Instant::now(),
            clients: [1, 2, 3].map(|number| (Peer(number), Splitter::new(LINE_BYTES_MAX))),
            server: Splitter::new(LINE_BYTES_MAX),
            last_peer: 3,
            account: Account::default(),
        };
        for number in 1..=3 {
            world.exchange.join(Peer(number));
            world.account.present.insert(Peer(number));
        }
        world
    }

    fn play(&mut self, record: &[u8]) {
        self.account.speaker = Speaker::Nobody;
        match record {
            [seat @ b'1'..=b'3', said @ ..] => self.client_says(usize::from(*seat - b'1'), said),
            [b's', said @ ..] if self.exchange.availability == Availability::Up => {
                self.server_says(said);
            }
            [b'-', seat @ b'1'..=b'3', ..] => self.replace(usize::from(*seat - b'1')),
            [b'!', ..] => {
                self.exchange.server_gone("gone", &mut self.account);
                self.exchange.availability = Availability::Down("gone".to_owned());
                assert!(self.account.asked.is_empty(), "asked of nobody");
                self.account.owed.clear();
                self.server = Splitter::new(LINE_BYTES_MAX);
            }
            [b'*', ..] if self.exchange.availability != Availability::Up => {
                self.exchange.availability = Availability::Up;
                self.exchange.replay(self.now, &mut self.account);
            }
            [b'>', ..] => {
                self.now += 2 * TTL;
                self.exchange.expire(self.now, &mut self.account);
                assert!(self.exchange.owed.is_empty(), "owed for ever");
                self.account.owed.clear();
            }
            _ => {}
        }
    }

    fn client_says(&mut self, seat: usize, said: &[u8]) {
        let Self {
            exchange,
            now,
            account,
            ..
        } = self;
        let (peer, splitter) = &mut self.clients[seat];
        splitter.feed(said, |line| {
            let id = said_id(&line);
            let method = match &line {
                Line::Whole(line) => {
                    Message::parse(line)
                        .ok()
                        .and_then(|message| match message.kind {
                            Kind::Request { method, .. } => Some(method),
                            _ => None,
                        })
                }
                Line::Oversized { .. } => None,
            };
            let greets = method.is_some_and(|method| method == "initialize");
            if greets {
                let id = id.clone().expect("a request has one");
                account.greeting.push((*peer, id));
            }
            account.speaker = Speaker::Client(*peer, id, greets);
            exchange.hear_client(*peer, line, LINE_BYTES_MAX, *now, account);
        });
    }

    fn server_says(&mut self, said: &[u8]) {
        let Self {
            exchange,
            now,
            account,
            ..
        } = self;
        self.server.feed(said, |line| {
            let token = match &line {
                Line::Whole(line) => member(line, "params").and_then(|params| {
                    let token = member(params.get().as_bytes(), "progressToken")?;
                    Some(token.get().to_owned())
                }),
                Line::Oversized { .. } => None,
            };
            account.speaker = Speaker::Server(said_id(&line), token);
            exchange.hear_server(line, LINE_BYTES_MAX, *now, account);
        });
    }

    fn replace(&mut self, seat: usize) {
        let (peer, splitter) = &mut self.clients[seat];
        self.account.leave(*peer);
        self.exchange.leave(*peer, self.now, &mut self.account);
        self.account.owed.retain(|_, (owes, _)| owes != peer);
        self.last_peer += 1;
        *peer = Peer(self.last_peer);
        *splitter = Splitter::new(LINE_BYTES_MAX);
        self.exchange.join(*peer);
        self.account.present.insert(*peer);
    }

    /// What is held has a bound, for each client and in all.
    fn check(&self) {
        let splitters = self.clients.iter().map(|(_, splitter)| splitter);
        for splitter in splitters.chain([&self.server]) {
            assert!(splitter.held() <= LINE_BYTES_MAX, "an unfinished line");
        }
        let mut asked = 0;
        for (peer, state) in &self.exchange.peers {
            assert!(self.account.present.contains(peer), "of somebody who left");
            assert!(state.asked.len() <= PENDING_PER_CLIENT_MAX, "asked");
            assert!(
                state.asked.keys().all(|id| id.len() <= ID_BYTES_MAX),
                "an id"
            );
            asked += state.asked.len();
        }
        let pending = self.exchange.pending.values();
        let of_clients = pending.filter(|pending| pending.asker.is_some());
        for pending in of_clients.clone() {
            let token = pending
                .asker
                .as_ref()
                .and_then(|asker| asker.token.as_ref());
            assert!(
                token.is_none_or(|token| token.len() <= ID_BYTES_MAX),
                "a token"
            );
        }
        assert!(of_clients.count() <= asked, "pending for nobody");
        assert!(self.exchange.owed.len() <= OWED_MAX, "owed");
        let subscribers = self.exchange.subscribers.values();
        assert!(
            subscribers.clone().all(|peers| !peers.is_empty()),
            "a resource of nobody"
        );
        let subscriptions: usize = subscribers.map(BTreeSet::len).sum();
        let counted: usize = self
            .exchange
            .peers
            .values()
            .map(|state| state.resources)
            .sum();
        assert_eq!(subscriptions, counted, "subscriptions");
    }

    /// When all have left and time has gone by, nothing is left.
    fn end(mut self) {
        self.account.speaker = Speaker::Nobody;
        for (peer, _) in &self.clients {
            self.account.leave(*peer);
            self.exchange.leave(*peer, self.now, &mut self.account);
        }
        assert!(self.exchange.owed.is_empty() && self.exchange.subscribers.is_empty());
        assert!(self.exchange.peers.is_empty());
        let ours = |purpose: &Purpose| {
            matches!(purpose, Purpose::Own | Purpose::Handshake | Purpose::Replay)
        };
        assert!(
            self.exchange
                .pending
                .values()
                .all(|pending| ours(&pending.purpose))
        );
        self.exchange.expire(self.now + 2 * TTL, &mut self.account);
        assert!(self.exchange.pending.is_empty(), "under way for ever");
        assert!(self.account.greeting.is_empty() && self.account.asked.is_empty());
    }
}

/// The id in a line, as it was written.
fn said_id(line: &Line<'_>) -> Option<String> {
    match line {
        Line::Whole(line) => member(line, "id").map(|id| id.get().to_owned()),
        Line::Oversized { outline, .. } => outline.id.as_deref().map(str::to_owned),
    }
}

/// A member of an object as most programs read it: of several the last.
fn member(json: &[u8], name: &str) -> Option<Box<RawValue>> {
    let mut members: BTreeMap<String, Box<RawValue>> = serde_json::from_slice(json).ok()?;
    members.remove(name)
}

impl Account {
    /// What somebody asked who leaves is answered to nobody.
    fn leave(&mut self, gone: Peer) {
        self.present.remove(&gone);
        self.asked.retain(|_, (peer, _)| *peer != gone);
        self.greeting.retain(|(peer, _)| *peer != gone);
    }

    /// A number goes out once.
    fn new_number(&mut self, id: &str) -> u64 {
        let number: u64 = id.parse().expect("a number of ours");
        assert!(number > self.last, "{number} goes out again");
        self.last = number;
        number
    }

    /// Takes note that somebody is answered; false when it waits for nothing of that name.
    fn is_answered(&mut self, peer: Peer, id: &str) -> bool {
        let is_it = |(asker, own): &(Peer, String)| *asker == peer && own == id;
        if let Some(place) = self.greeting.iter().position(is_it) {
            self.greeting.remove(place);
            return true;
        }
        let mut asked = self.asked.iter();
        let found = asked
            .find(|(_, asked)| is_it(asked))
            .map(|(number, _)| *number);
        found.is_some_and(|number| self.asked.remove(&number).is_some())
    }
}

impl Wires for Account {
    fn to_server(&mut self, pieces: &[&[u8]]) {
        let line = pieces.concat();
        let message = Message::parse(&line).expect("what goes to the server is a message");
        match &message.kind {
            Kind::Request { id, method, .. } => {
                let number = self.new_number(id);
                let meta = member(&line, "params")
                    .and_then(|params| member(params.get().as_bytes(), "_meta"));
                let token = meta.and_then(|meta| member(meta.get().as_bytes(), "progressToken"));
                // Any other token may be somebody else's number.
                let token = token.as_ref().map(|token| token.get());
                assert!(token.is_none_or(|token| token == *id), "token {token:?}");
                match &self.speaker {
                    Speaker::Client(..) if method == "initialize" => {
                        self.handshakes.insert(number);
                    }
                    Speaker::Client(peer, asked_as, _) => {
                        let asked_as = asked_as.clone().expect("what is passed on had an id");
                        self.asked.insert(number, (*peer, asked_as));
                    }
                    Speaker::Server(..) | Speaker::Nobody => {}
                }
            }
            Kind::Answer { id, .. } => match &self.speaker {
                Speaker::Client(peer, answered, _) => {
                    let number = answered.as_deref().and_then(our_number);
                    let owed = number.and_then(|number| self.owed.remove(&number));
                    assert_eq!(
                        owed,
                        Some((*peer, (*id).to_owned())),
                        "an answer of another"
                    );
                }
                Speaker::Server(asked, _) => assert_eq!(asked.as_deref(), Some(*id)),
                Speaker::Nobody => {
                    assert!(self.owed.values().any(|(_, own)| own == id), "never asked");
                }
            },
            Kind::Notification { method, .. } => {
                if method != "notifications/cancelled" {
                    return;
                }
                let params = member(&line, "params");
                let id = params.and_then(|params| member(params.get().as_bytes(), "requestId"));
                let number = id.as_ref().and_then(|id| our_number(id.get()));
                let asked = number.and_then(|number| self.asked.remove(&number));
                if let (Speaker::Client(peer, ..), Some((asker, _))) = (&self.speaker, &asked) {
                    assert_eq!(peer, asker, "what another has asked is cancelled");
                }
                if let (Speaker::Nobody, Some(number), Some(asked)) = (&self.speaker, number, asked)
                {
                    self.asked.insert(number, asked); // it expires: the answer follows
                }
            }
        }
    }

    fn to_client(&mut self, peer: Peer, _weight: Weight, pieces: &[&[u8]]) {
        assert!(self.present.contains(&peer), "to somebody who left");
        let line = pieces.concat();
        let kind = match Message::parse(&line) {
            Ok(message) => message.kind,
            Err(error) => {
                let id = member(&line, "id");
                assert_eq!(id.as_ref().map(|id| id.get()), Some("null"), "{error}");
                assert!(matches!(self.speaker, Speaker::Client(speaker, ..) if speaker == peer));
                return;
            }
        };
        match (kind, &self.speaker) {
            (Kind::Answer { id, .. }, Speaker::Client(speaker, said, greets)) => {
                assert_eq!(
                    (*speaker, said.as_deref()),
                    (peer, Some(id)),
                    "not who asked"
                );
                // Refused, or answered from what is stored; what it has asked before under that id waits on.
                let is_it = |(asker, own): &(Peer, String)| *asker == peer && own == id;
                if *greets && let Some(place) = self.greeting.iter().rposition(is_it) {
                    self.greeting.remove(place);
                }
            }
            (Kind::Answer { id, .. }, Speaker::Server(said, _)) => {
                let number = said
                    .as_deref()
                    .and_then(our_number)
                    .expect("an answer to us");
                if self.handshakes.contains(&number) {
                    assert!(self.is_answered(peer, id), "not who greeted");
                } else {
                    let asked = self.asked.remove(&number);
                    assert_eq!(asked, Some((peer, id.to_owned())), "not who asked");
                }
            }
            (Kind::Answer { id, .. }, Speaker::Nobody) => {
                assert!(self.is_answered(peer, id), "not who asked");
            }
            (Kind::Request { id, .. }, Speaker::Server(said, _)) => {
                let own = said.clone().expect("a request has an id");
                let number = self.new_number(id);
                self.owed.insert(number, (peer, own));
            }
            (Kind::Request { .. }, _) => panic!("asked by nobody"),
            (Kind::Notification { method, .. }, Speaker::Server(_, token)) => {
                if method == "notifications/progress" {
                    let number = token.as_deref().and_then(our_number);
                    let asked = number.and_then(|number| self.asked.get(&number));
                    assert_eq!(asked.map(|(asker, _)| *asker), Some(peer), "not who asked");
                }
            }
            (Kind::Notification { method, .. }, _) => assert_eq!(method, "notifications/cancelled"),
        }
    }
}
