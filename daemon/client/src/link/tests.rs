use std::time::Duration;

use sessiond_protocol::{
    Decoded, Frame, FrameBuffer, MAX_FRAME_BYTES, SessionInfo, SessionState, Size, Ttl,
    parse_request,
};

use super::*;

const SESSION: SessionId = SessionId(4);

/// Asks for something; the request's id and where its answer comes.
fn ask(
    link: &Link,
    attach: Option<Arc<Mailbox>>,
) -> (RequestId, oneshot::Receiver<Result<Success, ClientError>>) {
    let (reply, answer) = oneshot::channel();
    let pending = Pending {
        reply,
        attach,
        is_sent: false,
    };
    (link.expect_reply(pending).unwrap(), answer)
}

/// What the connection says by itself next.
fn errand(link: &Link) -> Option<Request> {
    let mut buffer = FrameBuffer::new(MAX_FRAME_BYTES);
    buffer.fill(&link.next_errand()?);
    match buffer.take() {
        Ok(Some(Decoded::Frame(Frame::Control(json)))) => Some(parse_request(&json).unwrap().1),
        other => panic!("{other:?}"),
    }
}

/// Attaches; from then on the mailbox is the session's.
fn attach(link: &Link) -> Arc<Mailbox> {
    let mailbox = Arc::<Mailbox>::default();
    let (id, answer) = ask(link, Some(Arc::clone(&mailbox)));
    let session = SessionInfo {
        id: SESSION,
        name: None,
        command: Vec::new(),
        pid: None,
        size: Size::DEFAULT,
        state: SessionState::Running,
        clients: 1,
        created_unix_ms: 0,
        output_bytes: 0,
        title: String::new(),
        ttl: Ttl::try_from(Duration::from_secs(1)).unwrap(),
        expires_in_ms: None,
        starts: 1,
        screen: None,
    };
    link.answer(Reply {
        id: Some(id),
        result: Ok(Success::Attached {
            session,
            from: None,
        }),
    });
    drop(answer);
    mailbox
}

fn fill(link: &Link, mailbox: &Arc<Mailbox>) {
    let output = Event::Output(Bytes::from(vec![b'x'; 300 << 10]));
    link.wish(SESSION, mailbox, mailbox.push(output, None));
}

/// Reads one event that is there.
fn read(link: &Link, mailbox: &Arc<Mailbox>) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap();
    let (.., wish) = runtime.block_on(mailbox.pop()).unwrap();
    link.wish(SESSION, mailbox, wish);
}

fn hold() -> Option<Request> {
    Some(Request::Hold(SessionParams {
        session: SESSION.into(),
    }))
}

fn release() -> Option<Request> {
    Some(Request::Release(SessionParams {
        session: SESSION.into(),
    }))
}

#[test]
fn a_wait_that_is_given_up_is_taken_back_after_it_was_sent_and_otherwise_not_sent() {
    let link = Link::default();
    let (unsent, _answer) = ask(&link, None);
    link.give_up(unsent, true);
    assert_eq!(errand(&link), None);
    assert!(!link.is_to_be_sent(unsent));
    let (sent, _answer) = ask(&link, None);
    assert!(link.is_to_be_sent(sent));
    link.give_up(sent, true);
    let cancel = Request::Cancel(CancelParams { request: sent });
    assert_eq!(errand(&link), Some(cancel));
    assert_eq!(errand(&link), None);
}

#[test]
fn the_server_hears_what_an_attachment_wants_when_it_is_told_and_not_what_it_wanted_before() {
    let link = Link::default();
    let mailbox = attach(&link);
    fill(&link, &mailbox);
    assert_eq!(errand(&link), hold());
    read(&link, &mailbox);
    assert_eq!(errand(&link), release());
    // A thread that is stopped between its change and its word for it speaks last.
    let output = Event::Output(Bytes::from(vec![b'x'; 300 << 10]));
    let late = mailbox.push(output, None);
    read(&link, &mailbox);
    link.wish(SESSION, &mailbox, late);
    assert_eq!(errand(&link), release());
    assert_eq!(errand(&link), None);
}

#[test]
fn an_attachment_that_was_replaced_has_no_say_in_what_the_one_in_its_place_gets() {
    let link = Link::default();
    let earlier = attach(&link);
    fill(&link, &earlier);
    let current = attach(&link);
    // The hold may have come after the attach.
    assert_eq!(errand(&link), release());
    fill(&link, &current);
    assert_eq!(errand(&link), hold());
    read(&link, &earlier);
    assert_eq!(errand(&link), None);
}
