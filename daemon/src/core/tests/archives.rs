//! What is kept on the disk of sessions that are gone, and what has to go.

use std::time::Duration;

use sessiond_protocol::{ArchiveId, ArchiveInfo, ArchiveParams, Request};

use super::super::archives::{ARCHIVE_AGE, ARCHIVES_BYTES_MAX, ARCHIVES_MAX};
use super::world::*;
use crate::core::*;

fn info(id: u64, text_bytes: u64) -> ArchiveInfo {
    ArchiveInfo {
        id: ArchiveId(id),
        name: None,
        command: vec!["sh".to_owned()],
        archived_unix_ms: 0,
        text_bytes,
    }
}

/// Archives that an earlier daemon left.
fn find(world: &mut World, found: Vec<ArchiveInfo>) {
    world.files.extend(found.iter().map(|info| info.id));
    world.handle(Event::ArchivesFound { found });
}

fn archive(id: u64) -> ArchiveParams {
    ArchiveParams {
        archive: ArchiveId(id),
    }
}

#[test]
fn an_archived_session_is_gone_and_comes_back_with_its_text() {
    let mut world = World::new();
    let client = world.connect(1);
    let session = world.run_with(client, params(Some("build")));
    let asked = world.ask(client, Request::Archive(by_id(session)));
    assert!(world.ending.contains(&session));
    world.end(session);
    assert!(
        !world.answers.contains_key(&asked),
        "it is not on the disk yet"
    );
    world.written();
    let Ok(Success::Archived { archive: kept }) = &world.answers[&asked] else {
        panic!("{:?}", world.answers[&asked])
    };
    assert_eq!(
        (kept.text_bytes, kept.name.clone()),
        (9, "build".parse().ok())
    );
    assert_eq!(world.core.sessions.len(), 0);
    let restore = world.ask(client, Request::Restore(archive(1)));
    let twice = world.ask(client, Request::Restore(archive(1)));
    assert_eq!(world.code(twice), Some(ErrorCode::Busy));
    world.read();
    assert!(world.files.is_empty());
    world.start(world.starting[0]);
    assert!(matches!(
        world.answers[&restore],
        Ok(Success::Created { created: true, .. })
    ));
    world.check();
}

#[test]
fn a_restore_that_is_refused_keeps_the_archive() {
    let mut world = World::with(Settings {
        sessions_max: 1,
        ..Settings::default()
    });
    let client = world.connect(1);
    find(&mut world, vec![info(1, 10)]);
    world.run(client);
    let restore = world.ask(client, Request::Restore(archive(1)));
    world.read();
    assert_eq!(world.code(restore), Some(ErrorCode::Limit));
    assert_eq!(world.files.len(), 1);
    let forgotten = world.ask(client, Request::Forget(archive(1)));
    assert_eq!(world.answers[&forgotten], Ok(Success::Forgotten {}));
    let gone = world.ask(client, Request::Forget(archive(1)));
    assert_eq!(world.code(gone), Some(ErrorCode::NotFound));
    world.check();
}

#[test]
fn what_is_too_old_too_many_or_too_large_goes_and_the_oldest_first() {
    let mut world = World::new();
    let many = (1..=ARCHIVES_MAX as u64 + 3)
        .map(|id| info(id, 1))
        .collect();
    find(&mut world, many);
    assert_eq!(world.files.len(), ARCHIVES_MAX);
    assert_eq!(world.files.first(), Some(&ArchiveId(4)));
    find(&mut world, vec![info(100, ARCHIVES_BYTES_MAX)]);
    assert!(world.files.iter().eq([&ArchiveId(100)]));
    world.pass(ARCHIVE_AGE.as_secs() - 1);
    assert_eq!(world.files.len(), 1);
    world.pass(1);
    assert!(world.files.is_empty());
    assert_eq!(world.core.next_wake(), None);
}

#[test]
fn an_archive_that_becomes_too_old_while_it_is_restored_goes_when_that_is_refused() {
    let mut world = World::with(Settings {
        sessions_max: 1,
        archive_age: Duration::from_secs(5),
        ..Settings::default()
    });
    let client = world.connect(1);
    find(&mut world, vec![info(1, 10)]);
    world.run(client);
    let restore = world.ask(client, Request::Restore(archive(1)));
    world.pass(5);
    assert_eq!(world.files.len(), 1);
    world.read();
    assert_eq!(world.code(restore), Some(ErrorCode::Limit));
    assert!(world.files.is_empty());
    world.check();
}
