//! What a message consists of: one text, or a list of blocks.

use std::borrow::Cow;
use std::fmt;

use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;

use super::text::{EVENT_BYTES_MAX, Text, beginning};

/// Blocks of one message that are looked at; agents write a handful. A line of the largest size could have a million.
const BLOCKS_MAX: usize = 256;

/// A message's blocks.
#[derive(Debug, Default)]
pub(super) struct Blocks<'a>(pub(super) Vec<Block<'a>>);

/// One of them. What a kind does not have is empty.
#[derive(Debug, Default)]
pub(super) struct Block<'a> {
    pub(super) kind: Text<'a>,
    pub(super) text: Text<'a>,
    /// The tool that is called.
    pub(super) name: Text<'a>,
    /// What it is called with.
    pub(super) input: Text<'a>,
    /// What it came to.
    pub(super) content: Flat<'a>,
}

/// The texts of blocks, one after the other.
#[derive(Debug, Default)]
pub(super) struct Flat<'a>(pub(super) Text<'a>);

impl<'a> Flat<'a> {
    fn push(&mut self, more: Text<'a>) {
        if self.0.bytes() == 0 {
            self.0 = more;
            return;
        }
        let bytes = self.0.bytes() + 1 + more.bytes();
        let kept = std::mem::take(&mut self.0).into_kept();
        let mut kept = kept.into_owned();
        if kept.len() < EVENT_BYTES_MAX {
            kept.push('\n');
            let room = EVENT_BYTES_MAX.saturating_sub(kept.len());
            kept.push_str(beginning(more.as_str(), room));
        }
        self.0 = Text::new(Cow::Owned(kept), bytes);
    }
}

/// Implements `Deserialize` by a visitor that takes texts, lists and objects, and nothing out of anything else.
macro_rules! lenient {
    ($type:ident, $visitor:ident) => {
        impl<'de: 'a, 'a> Deserialize<'de> for $type<'a> {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                deserializer.deserialize_any($visitor)
            }
        }

        struct $visitor;

        impl<'de> Visitor<'de> for $visitor {
            type Value = $type<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a text or blocks")
            }

            fn visit_borrowed_str<E>(self, text: &'de str) -> Result<$type<'de>, E> {
                Ok($type::from(Text::borrowed(text)))
            }

            fn visit_str<E>(self, text: &str) -> Result<$type<'de>, E> {
                Ok($type::from(Text::copied(text)))
            }

            fn visit_bool<E>(self, _: bool) -> Result<$type<'de>, E> {
                Ok($type::default())
            }

            fn visit_i64<E>(self, _: i64) -> Result<$type<'de>, E> {
                Ok($type::default())
            }

            fn visit_u64<E>(self, _: u64) -> Result<$type<'de>, E> {
                Ok($type::default())
            }

            fn visit_f64<E>(self, _: f64) -> Result<$type<'de>, E> {
                Ok($type::default())
            }

            fn visit_unit<E>(self) -> Result<$type<'de>, E> {
                Ok($type::default())
            }

            fn visit_seq<A: SeqAccess<'de>>(self, seq: A) -> Result<$type<'de>, A::Error> {
                $type::of_list(seq)
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<$type<'de>, A::Error> {
                $type::of_object(map)
            }
        }
    };
}

lenient!(Text, TextVisitor);
lenient!(Flat, FlatVisitor);
lenient!(Block, BlockVisitor);
lenient!(Blocks, BlocksVisitor);

impl<'de> Text<'de> {
    fn of_list<A: SeqAccess<'de>>(mut seq: A) -> Result<Self, A::Error> {
        while seq.next_element::<IgnoredAny>()?.is_some() {}
        Ok(Self::default())
    }

    fn of_object<A: MapAccess<'de>>(mut map: A) -> Result<Self, A::Error> {
        while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(Self::default())
    }
}

impl<'a> From<Text<'a>> for Flat<'a> {
    fn from(text: Text<'a>) -> Self {
        Self(text)
    }
}

impl<'de> Flat<'de> {
    fn of_list<A: SeqAccess<'de>>(mut seq: A) -> Result<Self, A::Error> {
        let mut flat = Self::default();
        while let Some(block) = seq.next_element::<Block<'de>>()? {
            if !block.text.is_empty() {
                flat.push(block.text);
            }
        }
        Ok(flat)
    }

    /// `{"content": ..}`, as Codex has it of some tools.
    fn of_object<A: MapAccess<'de>>(map: A) -> Result<Self, A::Error> {
        let block = Block::of_object(map)?;
        Ok(match block.text.is_empty() {
            true => block.content,
            false => Self(block.text),
        })
    }
}

impl<'a> From<Text<'a>> for Block<'a> {
    fn from(text: Text<'a>) -> Self {
        Self {
            kind: Text::borrowed("text"),
            text,
            ..Self::default()
        }
    }
}

impl<'de> Block<'de> {
    fn of_list<A: SeqAccess<'de>>(mut seq: A) -> Result<Self, A::Error> {
        while seq.next_element::<IgnoredAny>()?.is_some() {}
        Ok(Self::default())
    }

    fn of_object<A: MapAccess<'de>>(mut map: A) -> Result<Self, A::Error> {
        let mut block = Self::default();
        while let Some(key) = map.next_key::<Text<'de>>()? {
            match key.as_str() {
                "type" => block.kind = map.next_value()?,
                "text" | "thinking" => block.text = map.next_value()?,
                "name" => block.name = map.next_value()?,
                "input" => block.input = Text::of_json(map.next_value::<&RawValue>()?),
                "content" => block.content = map.next_value()?,
                _ => drop(map.next_value::<IgnoredAny>()?),
            }
        }
        Ok(block)
    }
}

impl<'a> From<Text<'a>> for Blocks<'a> {
    fn from(text: Text<'a>) -> Self {
        Self(vec![text.into()])
    }
}

impl<'de> Blocks<'de> {
    fn of_list<A: SeqAccess<'de>>(mut seq: A) -> Result<Self, A::Error> {
        let mut blocks = Vec::new();
        while blocks.len() < BLOCKS_MAX
            && let Some(block) = seq.next_element()?
        {
            blocks.push(block);
        }
        while seq.next_element::<IgnoredAny>()?.is_some() {}
        Ok(Self(blocks))
    }

    fn of_object<A: MapAccess<'de>>(map: A) -> Result<Self, A::Error> {
        Block::of_object(map).map(|block| Self(vec![block]))
    }
}
