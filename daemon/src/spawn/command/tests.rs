use std::os::unix::fs::PermissionsExt;

use sessiond_protocol::CreateParams;

use super::*;

fn launch(command: &[&str], cwd: Option<&Path>, environment: &[(&str, &str)]) -> Launch {
    let params = CreateParams {
        command: command.iter().map(|&word| word.to_owned()).collect(),
        cwd: cwd.map(|cwd| cwd.to_str().unwrap().to_owned()),
        env: environment
            .iter()
            .map(|&(name, value)| (name.to_owned(), value.to_owned()))
            .collect(),
        ..CreateParams::default()
    };
    Launch::new(
        &StartOrder {
            params,
            size: Size::DEFAULT,
        },
        "me:1".to_owned(),
    )
}

fn executable(directory: &Path, name: &str, content: &str) -> PathBuf {
    let path = directory.join(name);
    std::fs::write(&path, content).unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
    path
}

#[test]
fn a_program_is_found_in_the_path_that_the_client_sets() {
    let directory = tempfile::tempdir().unwrap();
    let program = executable(directory.path(), "tool", "#!/bin/sh\n");
    let path = directory.path().to_str().unwrap();
    let found = launch(&["tool"], None, &[("PATH", path)])
        .resolve(Path::new("/"))
        .unwrap();
    assert_eq!(found, program);
}

#[test]
fn what_cannot_run_is_named_before_anything_is_forked() {
    let directory = tempfile::tempdir().unwrap();
    let here = Some(directory.path());
    executable(directory.path(), "text", "just text\n");
    executable(directory.path(), "orphan", "#!/no/such/interpreter -x\n");
    std::fs::write(directory.path().join("plain"), "#!/bin/sh\n").unwrap();
    let refused =
        |command: &[&str], cwd: Option<&Path>| launch(command, cwd, &[]).builder().unwrap_err();
    assert!(matches!(
        refused(&["no-such-program"], here),
        SpawnError::NotInPath { .. }
    ));
    assert!(matches!(refused(&[""], here), SpawnError::NotInPath { .. }));
    assert!(matches!(
        refused(&["./missing"], here),
        SpawnError::NotExecutable { .. }
    ));
    assert!(matches!(
        refused(&["./plain"], here),
        SpawnError::NotExecutable { .. }
    ));
    assert!(matches!(
        refused(&["/"], here),
        SpawnError::NotExecutable { .. }
    ));
    assert!(matches!(
        refused(&["./text"], here),
        SpawnError::NotAProgram { .. }
    ));
    assert!(matches!(
        refused(&["./orphan"], here),
        SpawnError::Interpreter { .. }
    ));
    assert!(matches!(
        refused(&["sh"], Some(Path::new("/no/such/place"))),
        SpawnError::Cwd { .. }
    ));
    assert!(matches!(
        refused(&["sh"], Some(Path::new("/dev/null"))),
        SpawnError::Cwd { .. }
    ));
    assert!(matches!(refused(&["sh", "a\0b"], here), SpawnError::Nul));
}

#[test]
fn a_mark_is_found_only_in_an_environment_of_this_daemon() {
    let mark = Mark::new("77-5");
    let environment = |value: &str| format!("A=1\0{MARK_VARIABLE}={value}\0B=2\0").into_bytes();
    assert_eq!(
        mark.find_in(&environment(&mark.of(SessionId(12)))),
        Some(SessionId(12))
    );
    assert_eq!(mark.find_in(&environment("77-50:12")), None);
    assert_eq!(mark.find_in(&environment("77-5:x")), None);
    assert_eq!(mark.find_in(b""), None);
}
