//! Words that docs/glossary.md has replaced are not used any more.
//!
//! The glossary says what to write instead. It may name them, and so may this file.

use crate::sources::{assert_none, files};

const REPLACED: [&str; 18] = [
    "carve",
    "carved",
    "carves",
    "carving",
    "contest",
    "contests",
    "copycat",
    "copycats",
    "foresight",
    "hush",
    "hushed",
    "hushes",
    "stranger",
    "strangers",
    "twins",
    "untold",
    "welcome",
    "whoever",
];

const MAY_NAME_THEM: [&str; 2] = ["docs/glossary.md", "house/tests/house/dialect.rs"];

#[test]
fn replaced_words_are_not_used() {
    let mut found = Vec::new();
    let all = [files("", ".rs"), files("", ".md"), files(".ci", "")].concat();
    for file in all.iter().filter(|file| !MAY_NAME_THEM.contains(&file.path.as_str())) {
        for word in replaced(&file.path) {
            found.push(format!("{}: {word} in its name", file.path));
        }
        for (number, line) in file.lines() {
            for word in replaced(line) {
                found.push(format!("{}:{number}: {word}", file.path));
            }
        }
    }
    assert_none("words that docs/glossary.md has replaced", &found);
}

/// The replaced words of a line; identifiers are taken apart.
fn replaced(line: &str) -> impl Iterator<Item = String> {
    words(line).filter(|word| REPLACED.contains(&word.as_str()))
}

/// The words of `a line`, `some_name` and `SomeName`, in lower case.
fn words(line: &str) -> impl Iterator<Item = String> {
    let mut spaced = String::with_capacity(line.len() + 8);
    let mut before = ' ';
    for letter in line.chars() {
        if letter.is_uppercase() && before.is_lowercase() {
            spaced.push(' ');
        }
        spaced.push(if letter.is_alphanumeric() { letter } else { ' ' });
        before = letter;
    }
    spaced.to_lowercase().split_whitespace().map(str::to_owned).collect::<Vec<_>>().into_iter()
}
