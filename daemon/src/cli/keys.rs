//! The keys that are this client's own: how they are written, and how they are found in what is typed.

use std::str::FromStr;

/// Keys to be typed one after the other, as the bytes that a terminal sends for them; at least one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Keys {
    bytes: Vec<u8>,
    text: String,
}

impl FromStr for Keys {
    type Err = String;

    /// Reads `ctrl-\,d`: keys separated by commas, each `ctrl-` and a character, or a character.
    fn from_str(text: &str) -> Result<Self, String> {
        let bytes = text.split(',').map(parse_key).collect::<Option<Vec<u8>>>();
        let bytes =
            bytes.ok_or_else(|| format!("{text:?} is not a list of keys like ctrl-\\,d"))?;
        Ok(Self {
            bytes,
            text: text.to_owned(),
        })
    }
}

impl std::fmt::Display for Keys {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.text)
    }
}

fn parse_key(key: &str) -> Option<u8> {
    let (control, character) = match key.strip_prefix("ctrl-") {
        Some(character) => (true, character),
        None => (false, key),
    };
    let &[byte] = character.as_bytes() else {
        return None;
    };
    match (control, byte.to_ascii_uppercase()) {
        // ASCII: a control character is its letter without the two high bits.
        (true, letter @ b'@'..=b'_') => Some(letter & 0x1f),
        (true, _) => None,
        (false, _) => byte.is_ascii_graphic().then_some(byte),
    }
}

/// What this client does when its keys are typed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Action {
    /// Leave the session.
    Detach,
    /// Stop this process, until the shell lets it go on.
    Suspend,
    /// Show nothing more.
    Hold,
    /// Show what comes again.
    Release,
}

/// XOFF and XON, which every terminal has for stopping output.
const FLOW_KEYS: [(u8, Action); 2] = [(0x13, Action::Hold), (0x11, Action::Release)];

/// Finds the keys in what is typed. What may be their beginning is held back until it is clear.
#[derive(Debug)]
pub(super) struct Watch {
    actions: Vec<(Vec<u8>, Action)>,
    /// The beginning of at least one action's keys; often empty.
    begun: Vec<u8>,
}

/// What is to be done with typed bytes, in this order.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Typed {
    /// These go to the session.
    pub(super) forward: Vec<u8>,
    /// Then this is done.
    pub(super) action: Option<Action>,
    /// Bytes of what was typed that were looked at.
    pub(super) used: usize,
}

impl Watch {
    /// Looks for these keys; where `flow` is set, also for ctrl-S and ctrl-Q.
    pub(super) fn new(detach: &Keys, suspend: &Keys, flow: bool) -> Self {
        let mut actions = vec![
            (detach.bytes.clone(), Action::Detach),
            (suspend.bytes.clone(), Action::Suspend),
        ];
        if flow {
            actions.extend(FLOW_KEYS.map(|(key, action)| (vec![key], action)));
        }
        Self {
            actions,
            begun: Vec::new(),
        }
    }

    /// Takes typed bytes up to the first action in them.
    pub(super) fn typed(&mut self, bytes: &[u8]) -> Typed {
        let mut forward = Vec::with_capacity(bytes.len());
        for (at, &byte) in bytes.iter().enumerate() {
            self.begun.push(byte);
            while !self
                .actions
                .iter()
                .any(|(keys, _)| keys.starts_with(&self.begun))
            {
                forward.push(self.begun.remove(0));
            }
            let done = self.actions.iter().find(|(keys, _)| *keys == self.begun);
            if let Some((_, action)) = done {
                let action = Some(*action);
                self.begun.clear();
                return Typed {
                    forward,
                    action,
                    used: at + 1,
                };
            }
        }
        Typed {
            forward,
            action: None,
            used: bytes.len(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys(text: &str) -> Keys {
        text.parse().unwrap()
    }

    fn watch() -> Watch {
        Watch::new(&keys("ctrl-\\,d"), &keys("ctrl-\\,ctrl-z"), true)
    }

    fn goes_on(forward: &[u8], used: usize) -> Typed {
        Typed {
            forward: forward.to_vec(),
            action: None,
            used,
        }
    }

    #[test]
    fn the_keys_are_found_in_one_piece_and_in_two() {
        let typed = watch().typed(b"ab\x1cdrest");
        assert_eq!(
            (&*typed.forward, typed.action),
            (&b"ab"[..], Some(Action::Detach))
        );
        assert_eq!(typed.used, 4);
        let mut watch = watch();
        assert_eq!(watch.typed(b"\x1c"), goes_on(b"", 1));
        assert_eq!(watch.typed(b"\x1a").action, Some(Action::Suspend));
        assert_eq!(watch.typed(b"\x13x").action, Some(Action::Hold));
    }

    #[test]
    fn what_only_begins_like_the_keys_is_typed() {
        let mut watch = watch();
        assert_eq!(watch.typed(b"\x1cx"), goes_on(b"\x1cx", 2));
        assert_eq!(watch.typed(b"\x1c\x1c"), goes_on(b"\x1c", 2));
        assert_eq!(watch.typed(b"d").action, Some(Action::Detach));
    }

    #[test]
    fn without_flow_keys_the_program_gets_them() {
        let mut watch = Watch::new(&keys("ctrl-\\,d"), &keys("ctrl-\\,ctrl-z"), false);
        assert_eq!(watch.typed(b"\x13\x11"), goes_on(b"\x13\x11", 2));
    }

    #[test]
    fn keys_are_read_as_documented() {
        let keys = |text: &str| text.parse::<Keys>().map(|keys| keys.bytes);
        assert_eq!(keys("ctrl-p,ctrl-q"), Ok(vec![0x10, 0x11]));
        assert_eq!(keys("~,."), Ok(b"~.".to_vec()));
        assert!(keys("").is_err() && keys("alt-x").is_err() && keys("ctrl-1").is_err());
    }
}
