//! `[coverage]`: what cannot be seen to be exercised, and why.

use std::collections::BTreeMap;

use crate::source::{Node, Problems};

/// What a project says of its coverage.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Coverage {
    /// Gauges and counts that no scenario need exercise, each with the reason.
    pub except: BTreeMap<String, String>,
}

/// Reads the table.
pub(super) fn read(node: &Node<'_>, problems: &mut Problems) -> Option<Coverage> {
    let table = node.table("a table with `except`", problems)?;
    table.only(&["except"], "`coverage`", problems);
    let mut except = BTreeMap::new();
    if let Some(node) = table.get("except") {
        let table = node.table("a table of gauges and counts, each with a reason", problems)?;
        for (_, name, node) in table.entries() {
            let reason = node.string("the reason", problems)?;
            if reason.trim().is_empty() {
                problems.add(
                    node.span.clone(),
                    format!("`{name}` is excepted without a reason"),
                    "expected why no scenario can exercise it".to_owned(),
                );
            }
            except.insert(name.to_owned(), reason.to_owned());
        }
    }
    Some(Coverage { except })
}
