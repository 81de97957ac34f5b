//! Rules that leave out a part of what was found. They are those of gitignore files.

use std::collections::BTreeSet;
use std::fmt;
use std::path::{Path, PathBuf};

use ignore::gitignore::{Gitignore, GitignoreBuilder};

/// A pattern that is none.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct PatternError {
    /// The pattern.
    pub pattern: String,
    /// The file that it stands in; `None` when it was given by itself.
    pub file: Option<PathBuf>,
    /// What is wrong with it.
    pub problem: String,
}

impl fmt::Display for PatternError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { pattern, file, problem } = self;
        write!(f, "the pattern {pattern:?} ")?;
        if let Some(file) = file {
            write!(f, "in {} ", file.display())?;
        }
        write!(f, "cannot be used: {problem}; put a backslash before signs that are meant")
    }
}

impl std::error::Error for PatternError {}

/// A pattern, and whether names that match it are left out or kept.
///
/// Patterns are those of gitignore files: `*.o` matches at any depth, `/build` and `src/build` only
/// from the top of what is sent, and `build/` only directories. They are compared with names as
/// these arrive. What is in a directory that is left out is left out, too.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rule {
    /// The pattern with what gitignore files have before it.
    line: String,
    /// The file that it stands in.
    file: Option<PathBuf>,
}

impl Rule {
    /// Leaves out what matches a pattern.
    pub fn exclude(pattern: &str) -> Self {
        Self { line: literal_start(pattern), file: None }
    }

    /// Keeps what matches a pattern, and was left out by a rule before this one.
    pub fn include(pattern: &str) -> Self {
        Self { line: format!("!{pattern}"), file: None }
    }

    /// The rules in the text of a gitignore file, which is named in messages.
    pub fn of_file(file: &Path, text: &str) -> Vec<Self> {
        let rule = |line: &str| Self { line: line.to_owned(), file: Some(file.to_owned()) };
        text.trim_start_matches('\u{feff}').lines().map(rule).collect()
    }

    /// The pattern.
    fn pattern(&self) -> &str {
        let is_escaped = self.line.starts_with("\\!") || self.line.starts_with("\\#");
        let signs = usize::from(is_escaped || self.line.starts_with('!'));
        &self.line[signs..]
    }
}

/// A pattern as a line, in which `!` and `#` at the beginning have no meaning.
fn literal_start(pattern: &str) -> String {
    let escape = if pattern.starts_with(['!', '#']) { "\\" } else { "" };
    format!("{escape}{pattern}")
}

/// Compiled rules.
#[derive(Clone, Debug)]
pub struct Rules {
    patterns: Gitignore,
    /// Lines of those that were given one by one, and have decided nothing so far.
    unused: BTreeSet<String>,
}

impl Rules {
    /// Compiles rules.
    ///
    /// # Errors
    /// The first pattern that is none.
    pub fn new(rules: &[Rule]) -> Result<Self, PatternError> {
        let mut builder = GitignoreBuilder::new("");
        // A bracket that is not closed is a mistake, and no name.
        builder.allow_unclosed_class(false);
        for rule in rules {
            builder
                .add_line(rule.file.clone(), &rule.line)
                .map_err(|error| problem(rule, &error))?;
        }
        let patterns = builder.build().map_err(|error| PatternError {
            pattern: String::new(),
            file: None,
            problem: error.to_string(),
        })?;
        let given = rules.iter().filter(|rule| rule.file.is_none());
        Ok(Self {
            patterns,
            unused: given.map(|rule| rule.line.trim_end_matches(' ').to_owned()).collect(),
        })
    }

    /// True when there are none.
    pub fn is_empty(&self) -> bool {
        self.patterns.is_empty()
    }

    /// True when something with this name is left out; its directories are not.
    pub fn exclude(&mut self, name: &Path, is_directory: bool) -> bool {
        let matched = self.patterns.matched(name, is_directory);
        if let Some(glob) = matched.inner()
            && !self.unused.is_empty()
            && glob.from().is_none()
        {
            self.unused.remove(glob.original());
        }
        matched.is_ignore()
    }

    /// The patterns that were given one by one and have decided nothing.
    pub fn unused(self) -> Vec<String> {
        let pattern = |line: String| Rule { line, file: None }.pattern().to_owned();
        self.unused.into_iter().map(pattern).collect()
    }
}

fn problem(rule: &Rule, error: &ignore::Error) -> PatternError {
    let problem = match error {
        ignore::Error::Glob { err, .. } => err.clone(),
        other => other.to_string(),
    };
    PatternError { pattern: rule.pattern().to_owned(), file: rule.file.clone(), problem }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn excluded(rules: &[Rule], name: &str, is_directory: bool) -> bool {
        Rules::new(rules).unwrap().exclude(Path::new(name), is_directory)
    }

    #[test]
    fn patterns_match_at_any_depth_from_the_top_or_only_directories() {
        let cases = [
            ("*.o", "a.o", false, true),
            ("*.o", "set/sub/a.o", false, true),
            ("/a.o", "set/a.o", false, false),
            ("/set/a.o", "set/a.o", false, true),
            ("set/*.o", "set/sub/a.o", false, false),
            ("set/**/a.o", "set/x/y/a.o", false, true),
            ("build/", "set/build", true, true),
            ("build/", "set/build", false, false),
            ("!important", "!important", false, true),
            ("#1", "#1", false, true),
        ];
        for (pattern, name, is_directory, wanted) in cases {
            let found = excluded(&[Rule::exclude(pattern)], name, is_directory);
            assert_eq!(found, wanted, "{pattern} and {name}");
        }
    }

    #[test]
    fn the_last_rule_that_matches_decides() {
        let all_but_jpg = [Rule::exclude("*"), Rule::include("*/"), Rule::include("*.jpg")];
        assert!(excluded(&all_but_jpg, "set/a.png", false));
        assert!(!excluded(&all_but_jpg, "set/a.jpg", false));
        assert!(!excluded(&all_but_jpg, "set", true));
        let reversed = [Rule::include("*.jpg"), Rule::exclude("*")];
        assert!(excluded(&reversed, "a.jpg", false));
    }

    #[test]
    fn lines_of_a_file_are_those_of_gitignore() {
        let text = "\u{feff}# objects\r\n*.o\r\n\n!keep.o\n";
        let rules = Rule::of_file(Path::new("list"), text);
        assert!(excluded(&rules, "a.o", false) && !excluded(&rules, "keep.o", false));
        assert!(!excluded(&rules, "# objects", false), "a comment");
    }

    #[test]
    #[cfg(unix)]
    fn names_may_be_any_bytes() {
        use std::ffi::OsStr;
        use std::os::unix::ffi::OsStrExt;

        let rules = &mut Rules::new(&[Rule::exclude("caf?"), Rule::exclude("a*b")]).unwrap();
        for name in [&b"caf\xe9"[..], b"a\nb", b"a\xffb", b"set/a\n\nb"] {
            assert!(rules.exclude(Path::new(OsStr::from_bytes(name)), false), "{name:?}");
        }
    }

    #[test]
    fn rules_that_decide_nothing_are_told_unless_they_are_of_a_file() {
        let mut given = vec![Rule::exclude("*.o"), Rule::exclude("#x"), Rule::include("y")];
        given.extend(Rule::of_file(Path::new("list"), "*.tmp"));
        let mut rules = Rules::new(&given).unwrap();
        assert!(rules.exclude(Path::new("a.o"), false));
        assert_eq!(rules.unused(), ["y", "#x"]);
    }

    #[test]
    fn a_pattern_that_is_none_is_named_with_its_file() {
        for rules in [vec![Rule::exclude("a[b")], Rule::of_file(Path::new("list"), "ok\na[b")] {
            let is_of_file = rules.len() > 1;
            let PatternError { pattern, file, problem } = Rules::new(&rules).unwrap_err();
            assert_eq!((pattern.as_str(), file.is_some()), ("a[b", is_of_file));
            assert!(!problem.is_empty());
        }
    }
}
