use super::*;

const SESSION: SessionId = SessionId(1);

fn terminal() -> Terminal {
    Terminal::new(Size::DEFAULT, &CreateParams::default(), Origin::default())
}

/// As a turn of reading does it, in one piece.
fn take(terminal: &mut Terminal, output: &[u8], poke: &Arc<Notify>) {
    terminal.show(output);
    terminal.take_output(SESSION, output, poke);
}

#[test]
fn the_screen_answers_its_program_and_not_its_clients() {
    let mut terminal = terminal();
    take(&mut terminal, b"\x1b[6n", &Arc::default());
    assert_eq!(terminal.input().front(), Some(&b"\x1b[1;1R"[..]));
}

fn order(from: Option<u64>) -> AttachOrder {
    AttachOrder {
        access: Access::Full,
        size: None,
        flow: Flow::Running,
        from,
    }
}

#[test]
fn who_looks_only_has_no_say_in_the_size() {
    let mut terminal = terminal();
    let (large, small) = (Size::new(50, 200).unwrap(), Size::new(10, 40).unwrap());
    let with = |size, access| AttachOrder {
        access,
        size: Some(size),
        flow: Flow::Running,
        from: None,
    };
    let (writer, reader) = (with(large, Access::Full), with(small, Access::ReadOnly));
    terminal.attach(SESSION, ClientId(1), Arc::default(), writer);
    terminal.attach(SESSION, ClientId(2), Arc::default(), reader);
    assert_eq!(terminal.unsettled_size(), Some(large));
    terminal.resize(large);
    assert_eq!(terminal.unsettled_size(), None);
}

#[test]
fn a_client_that_comes_back_in_time_gets_what_it_missed_and_otherwise_the_screen() {
    let mut terminal = terminal();
    take(&mut terminal, b"first second", &Arc::default());
    let begin = |terminal: &mut Terminal, from| {
        let outbox = Arc::new(Outbox::default());
        terminal.attach(SESSION, ClientId(1), Arc::clone(&outbox), order(from));
        terminal.send_snapshots(SESSION, &Arc::default());
        outbox.queued_bytes()
    };
    assert_eq!(
        begin(&mut terminal, Some(6)),
        encode_output(SESSION, b"second").len()
    );
    assert_eq!(begin(&mut terminal, Some(12)), 0);
    take(&mut terminal, &[b'\r'; 70_000], &Arc::default());
    let snapshot = begin(&mut terminal, None);
    assert_eq!(begin(&mut terminal, Some(12)), snapshot);
    assert_eq!(begin(&mut terminal, Some(1 << 40)), snapshot);
}

#[test]
fn a_client_that_does_not_read_costs_the_same_whatever_the_output() {
    let mut terminal = terminal();
    let (outbox, poke) = (Arc::new(Outbox::default()), Arc::default());
    terminal.attach(SESSION, ClientId(1), Arc::clone(&outbox), order(None));
    terminal.send_snapshots(SESSION, &poke);
    for _ in 0..2000 {
        take(&mut terminal, &[b'x'; 8192], &poke);
    }
    assert!(!outbox.push_output(&encode_output(SESSION, &[b'x'; 8192])));
}

#[test]
fn a_session_that_is_trimmed_forgets_its_oldest_lines_and_keeps_all_again_when_there_is_room() {
    let budget = Arc::new(HistoryBudget::new(2 << 20));
    let poke = Arc::new(Notify::new());
    let mut first = terminal();
    first.join(&budget, Arc::clone(&poke));
    let text: String = (0..9000)
        .map(|number| format!("{number:x<60}\r\n"))
        .collect();
    take(&mut first, text.as_bytes(), &poke);
    let before = first.retained_bytes();
    first.set_flow(Flow::Stopped);
    let mut second = terminal();
    second.join(&budget, Arc::default());
    first.take_up_grant();
    assert!(
        before > 256 << 10 && first.retained_bytes() < 128 << 10,
        "{before}"
    );
    assert!(first.text(1).scrollback[0].starts_with("8976x"));
    drop(second);
    first.take_up_grant();
    first.set_flow(Flow::Running);
    take(&mut first, text.as_bytes(), &poke);
    assert!(first.retained_bytes() > 256 << 10);
}

#[test]
fn what_remains_is_the_last_screen() {
    let mut terminal = terminal();
    take(
        &mut terminal,
        b"\x1b]0;a title\x07one\r\ntwo",
        &Arc::default(),
    );
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

const LINES: usize = 10_000;

fn put_out_lines(terminal: &mut Terminal) {
    for number in 0..LINES {
        let line = format!("a line of output with the number {number}\r\n");
        take(terminal, line.as_bytes(), &Arc::default());
    }
}

fn compact(terminal: &mut Terminal) {
    while terminal.compact() != Compacted::Nothing {}
}

#[test]
fn the_history_is_compressed_once_after_the_last_output() {
    let mut terminal = terminal();
    assert_eq!(terminal.due(), None);
    put_out_lines(&mut terminal);
    compact(&mut terminal);
    let warm = terminal.retained_bytes();
    let due = terminal.due().unwrap();
    assert_eq!(due, terminal.quiet_since() + COLD_AFTER);
    terminal.attend(due - Duration::from_nanos(1));
    compact(&mut terminal);
    assert_eq!(
        (terminal.retained_bytes(), terminal.due()),
        (warm, Some(due))
    );
    terminal.attend(due);
    compact(&mut terminal);
    assert!(terminal.retained_bytes() < warm / 2);
    assert_eq!(terminal.due(), None);
}

#[test]
fn what_output_without_a_pause_leaves_for_a_while_is_compressed_too() {
    let mut terminal = terminal();
    put_out_lines(&mut terminal);
    let warm = terminal.retained_bytes();
    for _ in 0..2 {
        compact(&mut terminal);
        assert_eq!(terminal.retained_bytes(), warm);
        terminal.aged -= COLD_AFTER;
        take(&mut terminal, b".", &Arc::default());
    }
    compact(&mut terminal);
    assert!(terminal.retained_bytes() < warm / 2);
}
