//! Connections against a peer in the same process: what only shows from both ends.

use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex};
use tokio::net::UnixListener;
use tokio::task::JoinSet;

use super::channel::Channel;
use super::received::RECEIVED_MAX;
use super::*;
use crate::units::Bytes;

/// What either side of a connection holds before its writer waits: as much as a Unix socket.
const BUFFER: usize = 208 * 1024;

fn patience() -> Patience {
    Patience::of(Duration::from_secs(8))
}

fn raw() -> (Channel, DuplexStream) {
    let (ours, theirs) = duplex(BUFFER);
    (Channel::new(Box::new(ours), Framing::Raw), theirs)
}

fn load_error(done: Result<(), StepError>) -> String {
    match done {
        Err(StepError::Load(text)) => text,
        other => panic!("expected a load that failed, got {other:?}"),
    }
}

#[tokio::test]
async fn a_large_message_to_a_peer_that_echoes_it_is_sent_whole_and_counted() {
    let (mut channel, peer) = raw();
    let mut peers = JoinSet::new();
    peers.spawn(async move {
        let (mut reader, mut writer) = tokio::io::split(peer);
        tokio::io::copy(&mut reader, &mut writer).await
    });
    let bytes = Bytes(4 * RECEIVED_MAX as u64);
    let mut load = Load::default();
    channel
        .send(&Payload::Fill(bytes), Framed::Whole, patience(), &mut load)
        .await
        .expect("it is sent");
    assert_eq!(load.sent_bytes, bytes.0);
    channel
        .expect(&Expected::AtLeast(bytes), patience(), &mut load)
        .await
        .expect("all of it comes back");
    assert_eq!(channel.received(), bytes.0);
}

#[tokio::test]
async fn what_came_while_sending_and_was_not_kept_is_told() {
    let (mut channel, mut peer) = raw();
    let mut peers = JoinSet::new();
    peers.spawn(async move {
        let flood = vec![b'y'; 2 * RECEIVED_MAX];
        peer.write_all(&flood).await?;
        // Only now is anything read: all of the flood has been taken by then.
        tokio::io::copy(&mut peer, &mut tokio::io::sink()).await
    });
    let message = Payload::Fill(Bytes(2 * RECEIVED_MAX as u64));
    let mut load = Load::default();
    let sent = channel.send(&message, Framed::Whole, patience(), &mut load);
    sent.await.expect("it is sent");
    let soon = Patience::of(Duration::from_millis(20));
    let wanted = Expected::Contains("z".to_owned());
    let error = load_error(channel.expect(&wanted, soon, &mut load).await);
    assert!(error.contains("bytes that were not kept"), "{error}");
}

#[tokio::test]
async fn a_message_that_was_cut_off_is_an_error_unless_the_end_was_expected() {
    for expects_it in [false, true] {
        let (mut channel, mut peer) = raw();
        let mut peers = JoinSet::new();
        peers.spawn(async move { peer.read_exact(&mut [0; 1000]).await.map(|_| ()) });
        let message = Payload::Fill(Bytes(1 << 20));
        let mut load = Load::default();
        let sent = channel.send(&message, Framed::Whole, patience(), &mut load);
        sent.await.expect("what becomes of it is told later");
        assert!(load.sent_bytes < 1 << 20, "{load:?}");
        if expects_it {
            let closed = channel.expect(&Expected::Closed, patience(), &mut load);
            closed.await.expect("it is closed");
            channel.not_cut_off().expect("as expected");
            continue;
        }
        let silence = channel.expect(&Expected::Silence, patience(), &mut load);
        let Err(StepError::Closed(text)) = silence.await else {
            panic!("a connection that was cut off is not silent");
        };
        assert!(text.contains("of 1048576 bytes had been sent"), "{text}");
    }
}

#[tokio::test]
async fn a_step_that_fails_on_one_connection_closes_them_all() {
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("s");
    let listener = UnixListener::bind(&path).expect("a socket");
    let driver = WireDriver {
        address: Some(Address::Unix(path)),
        framing: Framing::Lines,
        groups: Mutex::default(),
    };
    let mut load = Load::default();
    let within = Duration::from_secs(8);
    let client = "c".to_owned();
    let connect = Action::Connect {
        client: client.clone(),
        count: 100,
    };
    driver
        .step(&connect, within, &mut load)
        .await
        .expect("connected");
    let mut peers = Vec::new();
    for _ in 0..100 {
        peers.push(listener.accept().await.expect("a connection").0);
    }
    // More than are waited for at once, and one of the first answers wrongly: the others never do.
    peers[3].write_all(b"no\n").await.expect("written");
    let expect = Action::Exchange {
        client: Some(client),
        exchange: Exchange::Expect(Expected::Line("yes".to_owned())),
    };
    let error = load_error(driver.step(&expect, within, &mut load).await);
    assert_eq!(error, "expected the line `yes`, got `no`");
    for mut peer in peers {
        let mut rest = Vec::new();
        peer.read_to_end(&mut rest).await.expect("the end");
    }
    assert!(driver.lock().is_empty());
}

#[tokio::test]
async fn steps_on_the_same_clients_take_turns() {
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("s");
    let listener = UnixListener::bind(&path).expect("a socket");
    let driver = WireDriver {
        address: Some(Address::Unix(path)),
        framing: Framing::Lines,
        groups: Mutex::default(),
    };
    let within = Duration::from_secs(8);
    let connect = Action::Connect {
        client: "c".to_owned(),
        count: 2,
    };
    let mut load = Load::default();
    let connected = driver.step(&connect, within, &mut load);
    connected.await.expect("connected");
    let mut peers = JoinSet::new();
    peers.spawn(async move {
        let mut echoes = JoinSet::new();
        while let Ok((stream, _)) = listener.accept().await {
            let (mut reader, mut writer) = stream.into_split();
            echoes.spawn(async move { tokio::io::copy(&mut reader, &mut writer).await });
        }
    });
    for client in [Some("c".to_owned()), None] {
        let said = |text: &str| Action::Exchange {
            client: client.clone(),
            exchange: Exchange::Send {
                payload: Payload::Text(text.to_owned()),
                framed: Framed::Whole,
            },
        };
        let heard = Action::Exchange {
            client: client.clone(),
            exchange: Exchange::Expect(Expected::Contains("second".to_owned())),
        };
        let (first, second) = (said("first"), said("second"));
        let mut loads = [Load::default(), Load::default(), Load::default()];
        let [one, two, three] = &mut loads;
        // The first of them has begun when the second one comes: nobody is told that nobody is connected.
        let (one, two, three) = tokio::join!(
            driver.step(&first, within, one),
            driver.step(&second, within, two),
            driver.step(&heard, within, three),
        );
        one.and(two).and(three).expect("each has its turn");
        let connected: u64 = loads.iter().map(|load| load.connected).sum();
        assert_eq!(
            connected,
            u64::from(client.is_none()),
            "one standing connection"
        );
    }
}

#[tokio::test]
async fn a_step_that_never_has_its_turn_says_who_had_it() {
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("s");
    let _listener = UnixListener::bind(&path).expect("a socket");
    let driver = WireDriver {
        address: Some(Address::Unix(path)),
        framing: Framing::Lines,
        groups: Mutex::default(),
    };
    let within = Duration::from_millis(20);
    let _turn = driver
        .turn(STANDING, Patience::of(within))
        .await
        .expect("free");
    let waits = Action::Exchange {
        client: None,
        exchange: Exchange::Expect(Expected::Line("x".to_owned())),
    };
    match driver.step(&waits, within, &mut Load::default()).await {
        Err(StepError::Late(text)) => assert!(text.contains("the standing connection"), "{text}"),
        other => panic!("expected a step that is late, got {other:?}"),
    }
}
