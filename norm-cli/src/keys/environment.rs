//! Where the command line and the environment say that a key is.

use std::env;
use std::ffi::OsString;
use std::path::PathBuf;

use zeroize::Zeroizing;

use super::missing;
use crate::args::KeyArgs;
use crate::exit::Failure;

/// What of the environment concerns keys.
#[derive(Clone, Default)]
pub(super) struct Environment {
    key_file: Option<PathBuf>,
    phrase: Option<OsString>,
    requires: bool,
}

/// Where a key is. It is not printed: it may be the phrase itself.
#[derive(PartialEq, Eq)]
#[cfg_attr(test, derive(Debug))]
pub(super) enum Source {
    /// Nowhere.
    Nothing { insecure: bool },
    /// In a file; also what names it.
    KeyFile(&'static str, PathBuf),
    /// A phrase in a file.
    PhraseFile(PathBuf),
    /// This phrase.
    Phrase(Zeroizing<String>),
    /// The user knows a phrase.
    Ask,
}

impl Environment {
    /// That of this process. Empty variables are none.
    pub(super) fn of_process() -> Self {
        let value = |name| env::var_os(name).filter(|value| !value.is_empty());
        Self {
            key_file: value("NORM_KEY_FILE").map(PathBuf::from),
            phrase: value("NORM_PHRASE"),
            requires: value("NORM_REQUIRE_KEY").is_some_and(|value| value != "0"),
        }
    }
}

/// Where the key is. What the command line says comes first.
pub(super) fn choose(args: &KeyArgs, environment: &Environment) -> Result<Source, Failure> {
    let of_environment = || match (&environment.key_file, &environment.phrase) {
        _ if args.insecure && environment.requires => Ok(None),
        (Some(_), _) | (_, Some(_)) if args.insecure => Err(Failure::usage(
            "--insecure is given, and NORM_KEY_FILE or NORM_PHRASE is set: leave out the one that \
             you do not mean",
        )),
        (Some(_), Some(_)) => {
            Err(Failure::usage("NORM_KEY_FILE and NORM_PHRASE are both set: unset one of them"))
        }
        (Some(file), None) => Ok(Some(Source::KeyFile("NORM_KEY_FILE", file.clone()))),
        (None, Some(phrase)) => of_phrase(phrase.clone()).map(Some),
        (None, None) => Ok(None),
    };
    if let Some(file) = &args.key {
        return Ok(Source::KeyFile("--key", file.clone()));
    }
    if let Some(file) = &args.phrase_file {
        return Ok(Source::PhraseFile(file.clone()));
    }
    if args.phrase {
        let phrase = environment.phrase.clone();
        return phrase.map_or(Ok(Source::Ask), of_phrase);
    }
    match of_environment()? {
        Some(source) => Ok(source),
        None if environment.requires => Err(missing(args.insecure)),
        None => Ok(Source::Nothing { insecure: args.insecure }),
    }
}

fn of_phrase(phrase: OsString) -> Result<Source, Failure> {
    let phrase = phrase.into_string().map_err(|_| Failure::usage("NORM_PHRASE is no UTF-8 text"));
    phrase.map(|phrase| Source::Phrase(Zeroizing::new(phrase)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::exit::Code;

    fn environment(key: &str, phrase: &str, requires: bool) -> Environment {
        Environment {
            key_file: Some(key).filter(|key| !key.is_empty()).map(PathBuf::from),
            phrase: Some(phrase).filter(|phrase| !phrase.is_empty()).map(OsString::from),
            requires,
        }
    }

    #[test]
    fn command_line_comes_before_the_environment() {
        let both = environment("env.key", "env words", true);
        let key = KeyArgs { key: Some("a.key".into()), ..KeyArgs::default() };
        let file = KeyArgs { phrase_file: Some("words".into()), ..KeyArgs::default() };
        let ask = KeyArgs { phrase: true, ..KeyArgs::default() };
        let words = || Source::Phrase(Zeroizing::new("env words".to_owned()));
        assert_eq!(choose(&key, &both), Ok(Source::KeyFile("--key", "a.key".into())));
        assert_eq!(choose(&file, &both), Ok(Source::PhraseFile("words".into())));
        assert_eq!(choose(&ask, &both), Ok(words()));
        assert_eq!(choose(&ask, &Environment::default()), Ok(Source::Ask));
        let none = KeyArgs::default();
        assert!(choose(&none, &both).unwrap_err().message.contains("unset one"));
        let key = environment("env.key", "", true);
        assert_eq!(choose(&none, &key), Ok(Source::KeyFile("NORM_KEY_FILE", "env.key".into())));
        assert_eq!(choose(&none, &environment("", "env words", false)), Ok(words()));
    }

    #[test]
    fn required_key_cannot_be_left_out() {
        let insecure = KeyArgs { insecure: true, ..KeyArgs::default() };
        for args in [KeyArgs::default(), insecure.clone()] {
            let refused = choose(&args, &environment("", "", true)).unwrap_err();
            assert_eq!(refused.code, Code::Key);
            assert!(refused.message.contains("--key FILE"), "{refused}");
            let insecure = args.insecure;
            assert_eq!(choose(&args, &Environment::default()), Ok(Source::Nothing { insecure }));
        }
        let given = environment("env.key", "", true);
        assert_eq!(choose(&insecure, &given).unwrap_err().code, Code::Key);
        // Nor is one that is set left out without a word.
        for given in [environment("env.key", "", false), environment("", "env words", false)] {
            assert!(choose(&insecure, &given).unwrap_err().message.contains("NORM_KEY_FILE"));
        }
    }
}
