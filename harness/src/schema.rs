//! The published JSON Schemas of what leakgate writes, generated from the types that write it.

use schemars::schema_for;

use crate::record::event::Line;
use crate::report::RunReport;
use crate::selftest::Summary;

/// The schema of `run.json`.
pub fn run() -> serde_json::Value {
    schema_for!(RunReport).into()
}

/// The schema of one line of `events.jsonl`.
pub fn events() -> serde_json::Value {
    schema_for!(Line).into()
}

/// The schema of `selftest.json`.
pub fn selftest() -> serde_json::Value {
    schema_for!(Summary).into()
}

#[cfg(test)]
mod tests {
    use std::path::{Path, PathBuf};

    use super::*;

    fn directory() -> PathBuf {
        Path::new(env!("CARGO_MANIFEST_DIR"))
            .ancestors()
            .map(|directory| directory.join("docs/schema"))
            .find(|directory| directory.is_dir())
            .expect("the workspace has docs/schema")
    }

    /// `UPDATE_SCHEMAS=1 cargo test -p leakgate` writes them anew.
    #[test]
    fn the_committed_schemas_are_current() {
        for (name, schema) in [
            ("run", run()),
            ("events", events()),
            ("selftest", selftest()),
        ] {
            let path = directory().join(format!("{name}.schema.json"));
            let text = format!("{schema:#}\n");
            if std::env::var_os("UPDATE_SCHEMAS").is_some() {
                std::fs::write(&path, &text).unwrap();
            }
            let committed = std::fs::read_to_string(&path).unwrap();
            assert_eq!(committed, text, "{name}");
        }
    }

    #[test]
    fn the_schemas_name_the_closed_verdicts() {
        let text = run().to_string();
        for verdict in ["withdrawn", "known", "not_judged", "unsupported"] {
            assert!(text.contains(&format!("\"{verdict}\"")), "{verdict}");
        }
        assert!(events().to_string().contains("\"scenario_finished\""));
    }
}
