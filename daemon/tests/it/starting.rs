//! Starts that fail, and what they leave: nothing.

use std::os::unix::fs::PermissionsExt;

use sessiond_client::Client;
use sessiond_protocol::{CreateParams, ErrorCode};

use crate::daemon::{Daemon, block_on, command, shell};
use crate::processes::children_of;

/// Starts that fail, each for a reason of its own, the last two after the fork.
fn failing(directory: &std::path::Path) -> Vec<CreateParams> {
    let script = directory.join("orphan");
    std::fs::write(&script, "#!/no/such/interpreter\n").unwrap();
    std::fs::set_permissions(&script, std::fs::Permissions::from_mode(0o755)).unwrap();
    let script = script.to_str().unwrap();
    let mut nowhere = command(&["cat"]);
    nowhere.cwd = Some("/no/such/place".to_owned());
    let long = "x".repeat(200_000);
    vec![
        command(&["no-such-program"]),
        command(&["/etc/passwd"]),
        command(&["cat", "a\0b"]),
        nowhere,
        command(&[script]),
        command(&["cat", &long]),
    ]
}

#[test]
fn starts_that_fail_leave_no_child_no_descriptor_no_entry_and_no_file() {
    let daemon = Daemon::start();
    let failing = failing(daemon.directory.path());
    let files = || {
        std::fs::read_dir(daemon.socket.parent().unwrap())
            .unwrap()
            .count()
    };
    block_on(async {
        let client = Client::connect(&daemon.socket).await.unwrap();
        let session = shell(&client, "exit 0").await;
        client.wait(session.id, None).await.unwrap();
        client.close_session(session.id).await.unwrap();
        let before = (daemon.descriptors(), files());
        for params in failing.iter().cycle().take(200) {
            let refused = client.create(params.clone()).await.unwrap_err();
            assert_eq!(refused.code(), Some(ErrorCode::SpawnFailed), "{refused}");
        }
        assert_eq!((daemon.descriptors(), files()), before);
        assert_eq!(client.list().await.unwrap(), []);
    });
    assert_eq!(children_of(daemon.pid()), 0);
}
