//! The environment that a target and the commands that drive it run in.

use std::collections::BTreeMap;
use std::path::PathBuf;

use super::dirs::PrivateDirs;
use crate::config::Target;
use crate::template::{Values, expand};

/// Where a target's probe listens.
pub(super) fn probe_socket(dirs: &PrivateDirs) -> PathBuf {
    dirs.run().join("leakgate-probe.sock")
}

/// leakgate's own environment (a probe that is `armed` takes seeds), the private directories in their usual variables, and the target's own settings.
pub(super) fn environment(
    target: &Target,
    dirs: &PrivateDirs,
    values: &Values,
    armed: bool,
) -> BTreeMap<String, String> {
    let inherited = std::env::vars_os()
        .filter_map(|(key, value)| Some((key.into_string().ok()?, value.into_string().ok()?)));
    let mut env: BTreeMap<_, _> = inherited
        .filter(|(key, _)| !key.starts_with("LEAKGATE_"))
        .collect();
    let private = [
        ("XDG_RUNTIME_DIR", dirs.run()),
        ("XDG_STATE_HOME", dirs.state()),
        ("TMPDIR", dirs.tmp()),
        ("HOME", dirs.home()),
    ];
    env.extend(private.map(|(key, path)| (key.to_owned(), path.display().to_string())));
    if target.probe {
        env.insert(
            "LEAKGATE_PROBE".to_owned(),
            probe_socket(dirs).display().to_string(),
        );
        if armed {
            env.insert("LEAKGATE_SEED".to_owned(), "1".to_owned());
        }
    }
    env.extend(
        target
            .env
            .iter()
            .map(|(key, value)| (key.clone(), expand(value, values))),
    );
    env
}
