//! Phrases: asked for on the terminal, read from files, or made.

use std::fs::OpenOptions;
use std::io::{self, Write};
use std::path::Path;

use norm_net::seal::{MIN_PHRASE, Phrase};
use zeroize::Zeroizing;

use super::{Side, file};
use crate::exit::Failure;
use crate::text;

/// Words of a phrase that is made: 66 bits.
const WORDS: usize = 6;

/// The phrase in a file; lines that begin with `#` are comments.
pub(super) fn of_file(path: &Path) -> Result<Phrase, Failure> {
    let content = file::read("--phrase-file", path)?;
    let lines = content.lines().filter(|line| !line.trim_start().starts_with('#'));
    let mut words = Zeroizing::new(String::with_capacity(content.len()));
    lines.for_each(|line| {
        words.push_str(line);
        words.push(' ');
    });
    checked(&format!("the phrase of --phrase-file {}", text::path(path)), &words)
}

/// A phrase that is long enough.
pub(super) fn checked(what: &str, words: &str) -> Result<Phrase, Failure> {
    Phrase::new(words).map_err(|_| {
        Failure::usage(format!(
            "{what} has fewer than {MIN_PHRASE} characters, and could be guessed: use six words, \
             such as norm-send --phrase makes"
        ))
    })
}

/// Asks for a phrase. A sender that has none yet gets a new one, which only the terminal shows.
pub(super) fn ask(side: Side) -> Result<Phrase, Failure> {
    let prompt = match side {
        Side::Sender => "phrase (Enter makes a new one): ",
        Side::Receiver => "phrase: ",
    };
    let answer = rpassword::prompt_password(prompt).map(Zeroizing::new).map_err(no_terminal)?;
    if side == Side::Receiver || !answer.trim().is_empty() {
        return checked("the phrase", &answer);
    }
    let phrase = make()?;
    show(&phrase).map_err(no_terminal)?;
    Ok(phrase)
}

fn no_terminal(error: io::Error) -> Failure {
    Failure::usage(format!(
        "--phrase asks on a terminal, and there is none: {error}; use --phrase-file or NORM_PHRASE"
    ))
}

/// Draws a phrase.
fn make() -> Result<Phrase, Failure> {
    let mut random = Zeroizing::new([0; 2 * WORDS]);
    getrandom::fill(&mut *random).map_err(|error| {
        Failure::local(format!("the system has no random numbers for a phrase: {error}"))
    })?;
    checked("the phrase", &spell(&random))
}

/// Eleven bits are a word.
fn spell(random: &[u8; 2 * WORDS]) -> Zeroizing<String> {
    let list = bip39::Language::English.word_list();
    let (pairs, _) = random.as_chunks::<2>();
    let mut words = Zeroizing::new(String::with_capacity(WORDS * 9));
    for pair in pairs {
        if !words.is_empty() {
            words.push(' ');
        }
        words.push_str(list[usize::from(u16::from_be_bytes(*pair)) % list.len()]);
    }
    words
}

/// Shows a phrase on the terminal, wherever the output goes.
fn show(phrase: &Phrase) -> io::Result<()> {
    let terminal = if cfg!(windows) { "CONOUT$" } else { "/dev/tty" };
    let mut terminal = OpenOptions::new().write(true).open(terminal)?;
    writeln!(terminal, "phrase: {}\nnorm-recv --phrase asks for it", phrase.words())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn made_phrases_are_six_words_of_the_list() {
        let first = spell(&[0; 12]);
        assert_eq!(*first, "abandon abandon abandon abandon abandon abandon");
        let last = spell(&[0xff; 12]);
        assert_eq!(*last, "zoo zoo zoo zoo zoo zoo");
        let each: Vec<Phrase> = (0..50).map(|_| make().unwrap()).collect();
        let different: BTreeSet<&str> = each.iter().map(Phrase::words).collect();
        assert_eq!(different.len(), each.len());
        assert!(different.iter().all(|words| words.split(' ').count() == 6));
        let list = bip39::Language::English.word_list();
        let unique: BTreeSet<&str> = list.iter().copied().collect();
        assert_eq!(unique.len(), 2048, "11 bits a word");
    }

    #[test]
    fn shortest_words_are_long_enough() {
        let list = bip39::Language::English.word_list();
        let shortest = list.iter().map(|word| word.len()).min().unwrap();
        assert!(WORDS * (shortest + 1) > MIN_PHRASE);
    }

    #[test]
    fn short_phrases_are_refused_with_the_cure() {
        let refused = checked("the phrase", "hunter2").unwrap_err().message;
        assert!(refused.contains("20 characters") && refused.contains("six words"), "{refused}");
        assert!(!refused.contains("hunter2"), "{refused}");
    }

    #[test]
    #[cfg(unix)]
    fn file_with_a_phrase_may_have_comments() {
        let temp = tempfile::tempdir().unwrap();
        let path = temp.path().join("phrase");
        file::create(&path, "# lab\none two three\n four five six\n").unwrap();
        assert_eq!(of_file(&path).unwrap().words(), "one two three four five six");
    }
}
