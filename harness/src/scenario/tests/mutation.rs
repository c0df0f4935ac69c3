//! Any change of a right scenario either is right or points inside the file; nothing panics, nothing takes for ever.

use proptest::prelude::*;

use super::*;

/// Pieces that a person could leave at the wrong place.
const PIECES: [&str; 16] = [
    "",
    "\"",
    "[",
    "]",
    "{",
    "}",
    "{i}",
    "{size}",
    "=",
    "\n",
    "[[step]]\n",
    "-1",
    "1e9",
    "é",
    "times = 100000\n",
    "do = \"repeat\"\n",
];

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    #[test]
    fn a_changed_scenario_is_right_or_points_inside(
        from in 0..1_400_usize,
        length in 0..40_usize,
        piece in 0..PIECES.len(),
        again in 0..1_400_usize,
    ) {
        let mut text = super::wrong::RIGHT.to_owned();
        let start = text.floor_char_boundary(from);
        let end = text.floor_char_boundary(from + length);
        text.replace_range(start..end, PIECES[piece]);
        let at = text.floor_char_boundary(again);
        text.insert_str(at, PIECES[(piece + 1) % PIECES.len()]);
        let read = Scenario::from_toml("small", Path::new("small.toml"), &text);
        if let Err(errors) = read {
            prop_assert!(errors.point_inside(), "{text}");
            prop_assert!(!errors.to_string().is_empty());
        }
    }

    #[test]
    fn anything_at_all_is_right_or_points_inside(text in "\\PC{0,200}") {
        if let Err(errors) = Scenario::from_toml("small", Path::new("small.toml"), &text) {
            prop_assert!(errors.point_inside(), "{text}");
        }
    }
}
