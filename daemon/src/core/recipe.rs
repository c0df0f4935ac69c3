//! What a session is started from, kept so that it can be started again; its bytes are accounted for.

use std::collections::BTreeMap;
use std::ops::Deref;
use std::sync::Arc;

use leakgate_probe::Held;
use sessiond_protocol::CreateParams;

use crate::gauges::RECIPE_BYTES;

/// Bytes of command, directory and variables that are kept for a restart: what a shell line can reasonably hold. An agent whose
/// prompt is longer is shown with a shortened command and cannot be restarted; a shared MCP server is refused.
pub(crate) const RECIPE_BYTES_MAX: usize = 64 << 10;

/// Bytes of command, directory and variables, as they are counted everywhere: on the heap, each text with its place.
pub(crate) fn recipe_bytes(
    command: &[String],
    cwd: Option<&String>,
    env: &BTreeMap<String, String>,
) -> usize {
    let variables = env.iter().flat_map(|(name, value)| [name, value]);
    let texts = command.iter().chain(variables).chain(cwd);
    texts
        .map(|text| size_of::<String>() + text.capacity())
        .sum()
}

/// Bytes of a command as it is shown: in every line of a list, to people. An agent's prompt in an argument is far longer.
const COMMAND_BYTES_MAX: usize = 256;

/// The parameters of a session, as long as something can be started from them.
#[derive(Debug)]
pub(crate) struct Recipe {
    params: CreateParams,
    accounted: Held,
}

impl Recipe {
    pub(crate) fn new(params: CreateParams) -> Arc<Self> {
        let bytes = recipe_bytes(&params.command, params.cwd.as_ref(), &params.env);
        Arc::new(Self {
            params,
            accounted: RECIPE_BYTES.hold(size_of::<Self>() + bytes),
        })
    }

    /// Whether it is small enough to be kept for another start.
    pub(super) const fn fits(&self) -> bool {
        self.accounted.held() <= size_of::<Self>() + RECIPE_BYTES_MAX
    }
}

impl Deref for Recipe {
    type Target = CreateParams;

    fn deref(&self) -> &CreateParams {
        &self.params
    }
}

/// What a session's entry keeps of its recipe.
#[derive(Debug)]
pub(super) enum Remembered {
    /// All of it.
    Whole(Arc<Recipe>),
    /// The command as it is shown, because the whole is too large to be kept.
    Shown {
        command: Vec<String>,
        _accounted: Held,
    },
}

impl Remembered {
    pub(super) fn new(recipe: &Arc<Recipe>) -> Self {
        if recipe.fits() {
            return Self::Whole(Arc::clone(recipe));
        }
        let command = shortened(&recipe.command);
        let _accounted = RECIPE_BYTES.hold(recipe_bytes(&command, None, &BTreeMap::new()));
        Self::Shown {
            command,
            _accounted,
        }
    }

    /// The command as it is shown.
    pub(super) fn command(&self) -> Vec<String> {
        match self {
            Self::Whole(recipe) => shortened(&recipe.command),
            Self::Shown { command, .. } => command.clone(),
        }
    }

    /// All of it, where it was kept.
    pub(super) const fn whole(&self) -> Option<&Arc<Recipe>> {
        match self {
            Self::Whole(recipe) => Some(recipe),
            Self::Shown { .. } => None,
        }
    }
}

/// A command as it is shown: whole arguments, and at the bound a cut one with an ellipsis.
fn shortened(command: &[String]) -> Vec<String> {
    let mut left = COMMAND_BYTES_MAX;
    let mut kept = Vec::new();
    for argument in command {
        if left == 0 || argument.len() > left {
            kept.push(format!(
                "{}…",
                &argument[..argument.floor_char_boundary(left)]
            ));
            break;
        }
        // An argument costs its place, too, so that many empty ones are not free.
        left = left.saturating_sub(argument.len().max(1));
        kept.push(argument.clone());
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_command_is_cut_at_a_character_and_a_short_one_is_left() {
        let short = vec!["sh".to_owned(), "-c".to_owned(), "date".to_owned()];
        assert_eq!(shortened(&short), short);
        let long = shortened(&["agent".to_owned(), "é".repeat(100_000), "never".to_owned()]);
        assert_eq!(long.len(), 2);
        assert!(
            long[1].ends_with("é…") && long[1].len() <= 256,
            "{}",
            long[1].len()
        );
        assert!(shortened(&vec![String::new(); 100_000]).len() <= 300);
    }

    #[test]
    fn what_is_too_large_to_be_kept_is_shown_and_accounted_for() {
        let recipe = |bytes: usize| {
            Recipe::new(CreateParams {
                command: vec!["agent".to_owned(), "x".repeat(bytes)],
                ..CreateParams::default()
            })
        };
        assert!(Remembered::new(&recipe(60_000)).whole().is_some());
        let large = recipe(RECIPE_BYTES_MAX);
        let remembered = Remembered::new(&large);
        assert!(remembered.whole().is_none());
        assert_eq!(remembered.command()[0], "agent");
    }
}
