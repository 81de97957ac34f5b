//! Options that choose what is sent. Those with patterns are taken in their order.

use std::path::PathBuf;

use clap::builder::NonEmptyStringValueParser;
use clap::{Arg, ArgMatches, Args, Command, FromArgMatches};

use super::preserve::PreserveArgs;
use super::shared::FILES;

/// One of the options with patterns.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PatternArg {
    /// `--exclude PATTERN`
    Exclude(String),
    /// `--include PATTERN`
    Include(String),
    /// `--exclude-from FILE`
    ExcludeFrom(PathBuf),
}

/// What is sent of what is named.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = FILES)]
pub struct ChoiceArgs {
    /// The patterns, in the order in which they were given.
    #[command(flatten)]
    pub patterns: PatternArgs,

    /// Send only the files that FILE names, one a line; - is stdin
    ///
    /// Names are relative to PATH, a single directory, or to the current one. They arrive with
    /// their directories; a directory in the list is sent without what is in it.
    #[arg(long, verbatim_doc_comment, value_name = "FILE", conflicts_with = "demo")]
    pub files_from: Option<PathBuf>,

    /// Names in --files-from end with a zero byte (find -print0)
    #[arg(short = '0', long = "from0", requires = "files_from")]
    pub from0: bool,

    /// Send what symbolic links lead to, instead of the links
    ///
    /// Without it links are sent as they are, those named as PATH too, as with rsync. LINK/,
    /// with a slash at the end, stands for what is in the directory that it leads to in any
    /// case. With --compat, which sends no links, those named as PATH are followed.
    #[arg(long, verbatim_doc_comment, conflicts_with = "demo")]
    pub follow_symlinks: bool,

    /// What of files is sent and set beyond permissions and times.
    #[command(flatten)]
    pub preserve: PreserveArgs,

    /// Show what would be sent, and send nothing
    ///
    /// Prints the names, how many bytes they have, and what is left out, and why.
    #[arg(short = 'n', long, verbatim_doc_comment,
        conflicts_with_all = ["demo", "report", "compat"])]
    pub dry_run: bool,
}

/// The options with patterns, in the order in which they were given.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PatternArgs(pub Vec<PatternArg>);

/// Their help: the first line, and the rest.
const EXCLUDE: [&str; 2] = [
    "Leave out files and directories that match a gitignore pattern",
    "The last pattern that matches decides, as in gitignore files; with rsync it is the\n\
     first. *.o matches in all directories, /src/*.o only there, build/ only directories.\n\
     Patterns are compared with names as they arrive. What is in a directory that is left\n\
     out is left out, too.",
];
const INCLUDE: [&str; 2] = [
    "Keep what an --exclude before it leaves out",
    "Only *.jpg of all directories: --exclude '*' --include '*/' --include '*.jpg'",
];
const EXCLUDE_FROM: [&str; 2] = [
    "Take patterns from FILE, such as a .gitignore; - is stdin",
    "Lines that begin with ! keep what they match; those with # are comments.",
];

fn option(name: &'static str, value: &'static str, help: [&'static str; 2]) -> Arg {
    let [short, more] = help;
    Arg::new(name)
        .long(name)
        .value_name(value)
        .help(short)
        .long_help(format!("{short}\n\n{more}"))
        .help_heading(FILES)
        .action(clap::ArgAction::Append)
        .conflicts_with("demo")
}

impl Args for PatternArgs {
    fn augment_args(command: Command) -> Command {
        let text = NonEmptyStringValueParser::new;
        command
            .arg(option("exclude", "PATTERN", EXCLUDE).value_parser(text()))
            .arg(option("include", "PATTERN", INCLUDE).value_parser(text()))
            .arg(
                option("exclude-from", "FILE", EXCLUDE_FROM)
                    .value_parser(clap::value_parser!(PathBuf)),
            )
    }

    fn augment_args_for_update(command: Command) -> Command {
        Self::augment_args(command)
    }
}

impl FromArgMatches for PatternArgs {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        let mut patterns = Self::default();
        patterns.update_from_arg_matches(matches)?;
        Ok(patterns)
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        let mut found = in_places(matches, "exclude", |p: &String| PatternArg::Exclude(p.clone()));
        let include = |p: &String| PatternArg::Include(p.clone());
        found.extend(in_places(matches, "include", include));
        let file = |file: &PathBuf| PatternArg::ExcludeFrom(file.clone());
        found.extend(in_places(matches, "exclude-from", file));
        found.sort_by_key(|(place, _)| *place);
        self.0.extend(found.into_iter().map(|(_, pattern)| pattern));
        Ok(())
    }
}

/// The values of an option, each with its place in the command line.
fn in_places<T: Clone + Send + Sync + 'static>(
    matches: &ArgMatches,
    name: &str,
    value: impl Fn(&T) -> PatternArg,
) -> Vec<(usize, PatternArg)> {
    let places = matches.indices_of(name).into_iter().flatten();
    let values = matches.get_many::<T>(name).into_iter().flatten();
    places.zip(values.map(value)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::args::{SendArgs, parse_words};

    #[test]
    fn patterns_keep_their_order_among_all_options() {
        let words = "--include a --exclude b -b 5M --exclude-from f --include=c x --exclude d";
        let args: SendArgs = parse_words(words).unwrap();
        let expected = [
            PatternArg::Include("a".to_owned()),
            PatternArg::Exclude("b".to_owned()),
            PatternArg::ExcludeFrom("f".into()),
            PatternArg::Include("c".to_owned()),
            PatternArg::Exclude("d".to_owned()),
        ];
        assert_eq!(args.choice.patterns.0, expected);
        assert_eq!(parse_words::<SendArgs>("x").unwrap().choice.patterns, PatternArgs::default());
    }

    #[test]
    fn zero_is_a_flag_and_no_path() {
        for words in
            ["-0 --files-from list dir", "--files-from list -0 dir", "--files-from=l dir -0"]
        {
            let args: SendArgs = parse_words(words).unwrap();
            assert!(args.choice.from0 && args.paths.len() == 1, "{words}: {:?}", args.paths);
        }
    }

    #[test]
    fn wrong_choices_name_the_option() {
        for (words, wanted) in [
            ("-0 x", "--files-from"),
            ("--exclude= x", "--exclude"),
            ("--dry-run --report r x", "--report"),
            ("--demo --exclude a x", "--demo"),
        ] {
            let message = parse_words::<SendArgs>(words).unwrap_err().message;
            assert!(message.contains(wanted), "{words}: {message}");
        }
        assert!(parse_words::<SendArgs>("--files-from list").is_ok(), "no PATH is needed");
    }
}
