//! How Cargo builds the copies: what a patch can touch is built quickly, all else as it ships.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use serde::Deserialize;

use crate::config::Config;

/// What Cargo says of a workspace, as far as it is asked here.
#[derive(Deserialize)]
struct Metadata {
    packages: Vec<Package>,
}

#[derive(Deserialize)]
struct Package {
    name: String,
}

/// The configuration for the copies of a project, as `.cargo/config.toml` has it: that of `[prove]`, or else one by which the
/// project's own packages are built incrementally and hardly optimised. Nothing for what is no project of Cargo's.
pub(super) fn configuration(config: &Config) -> String {
    if let Some(lines) = &config.prove.cargo {
        return lines.join("\n");
    }
    match has_manifest(&config.root) {
        true => for_short_rebuilds(&members(&config.root)),
        false => String::new(),
    }
}

fn has_manifest(root: &Path) -> bool {
    fs::exists(root.join("Cargo.toml")).unwrap_or(false)
}

/// Optimised a little: without any optimisation a load that moves megabytes takes longer than the build that it saves. By
/// package, since a setting for all of them reaches what they depend on, build scripts included.
fn for_short_rebuilds(members: &[String]) -> String {
    let mut text = "profile.release.incremental = true\n".to_owned();
    for name in members {
        // Writing to a String cannot fail.
        let _ = writeln!(
            text,
            "profile.release.package.\"{name}\" = {{ opt-level = 1, codegen-units = 256 }}"
        );
    }
    text
}

/// The packages of the workspace; none where Cargo cannot tell: then all is built as it ships.
fn members(root: &Path) -> Vec<String> {
    let asked = Command::new("cargo")
        .args([
            "metadata",
            "--no-deps",
            "--offline",
            "--format-version",
            "1",
        ])
        .current_dir(root)
        .stdin(Stdio::null())
        .stderr(Stdio::null())
        .output();
    let said = asked.map(|output| output.stdout).unwrap_or_default();
    let metadata = serde_json::from_slice::<Metadata>(&said);
    metadata.map_or_else(
        |_| Vec::new(),
        |metadata| metadata.packages.into_iter().map(|p| p.name).collect(),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packages_of_the_workspace_are_built_briefly_and_nothing_is_said_of_others() {
        let root = tempfile::tempdir().unwrap();
        assert!(!has_manifest(root.path()));
        fs::create_dir(root.path().join("src")).unwrap();
        fs::write(root.path().join("src/lib.rs"), "").unwrap();
        let manifest =
            "[package]\nname = \"own\"\nversion = \"0.1.0\"\nedition = \"2024\"\n[workspace]\n";
        fs::write(root.path().join("Cargo.toml"), manifest).unwrap();
        let text = for_short_rebuilds(&members(root.path()));
        let settings: toml::Table = text.parse().unwrap();
        let release = &settings["profile"]["release"];
        assert_eq!(release["incremental"].as_bool(), Some(true));
        assert_eq!(
            release["package"]["own"]["opt-level"].as_integer(),
            Some(1),
            "{text}"
        );
    }
}
