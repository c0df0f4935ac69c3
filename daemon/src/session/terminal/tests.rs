use super::*;

const SESSION: SessionId = SessionId(1);

fn terminal() -> Terminal {
    Terminal::new(Size::DEFAULT, &CreateParams::default())
}

#[test]
fn the_screen_answers_its_program_and_not_its_clients() {
    let mut terminal = terminal();
    terminal.take_output(SESSION, b"\x1b[6n", &Arc::default());
    assert_eq!(terminal.input().front(), Some(&b"\x1b[1;1R"[..]));
}

#[test]
fn attaching_again_replaces_and_does_not_add() {
    let mut terminal = terminal();
    for _ in 0..3 {
        terminal.attach(ClientId(1), Arc::default());
    }
    assert_eq!(terminal.subscribers.len(), 1);
    terminal.detach(ClientId(1));
    assert_eq!(terminal.subscribers.capacity(), 0);
}

#[test]
fn a_client_that_does_not_read_costs_the_same_whatever_the_output() {
    let mut terminal = terminal();
    let (outbox, poke) = (Arc::new(Outbox::default()), Arc::default());
    terminal.attach(ClientId(1), Arc::clone(&outbox));
    terminal.send_snapshots(SESSION, &poke);
    for _ in 0..2000 {
        terminal.take_output(SESSION, &[b'x'; 8192], &poke);
    }
    assert!(terminal.subscribers[0].behind);
    assert!(!outbox.push_output(&encode_output(SESSION, &[b'x'; 8192])));
}

#[test]
fn what_remains_is_the_last_screen() {
    let mut terminal = terminal();
    terminal.take_output(SESSION, b"\x1b]0;a title\x07one\r\ntwo", &Arc::default());
    let remains = terminal.finish(SESSION);
    assert_eq!(
        (remains.screen.text(), remains.screen.title()),
        ("one\ntwo", "a title")
    );
    assert_eq!((remains.cursor.row, remains.cursor.column), (1, 3));
}

#[test]
fn scrollback_is_cut_to_what_fits_an_answer() {
    let lines: Vec<String> = (0..2000).map(|number| format!("{number:0>1000}")).collect();
    let fitting = last_fitting(lines);
    assert_eq!(fitting.len(), SCROLLBACK_ANSWER_BYTES_MAX / 1003);
    assert!(fitting.last().unwrap().ends_with("1999"));
}
