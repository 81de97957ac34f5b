//! How a session is told of, and found.

use std::path::{Path, PathBuf};

use clap::Args;

use super::shared::NETWORK;

/// How `norm-send` tells of its session.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = NETWORK)]
pub struct AnnounceArgs {
    /// Announce the session under a name [default: that of PATH]
    ///
    /// With a key the default is the name of this sender, as all can read the announcement.
    /// For normctl list and norm-recv --session: by SAP (RFC 2974), every 5 s, through the
    /// same interface and with the same TTL.
    #[arg(long, verbatim_doc_comment, value_name = "NAME", num_args = 0..=1,
        require_equals = true, default_missing_value = "", value_parser = name_or_none,
        conflicts_with_all = ["demo", "dry_run"])]
    pub announce: Option<String>,

    /// Write a description of the session to FILE, as SDP
    ///
    /// For norm-recv --sdp, or another program. Replaces an earlier description;
    /// any other existing file is refused.
    #[arg(long, verbatim_doc_comment, value_name = "FILE",
        conflicts_with_all = ["demo", "dry_run"])]
    pub sdp: Option<PathBuf>,
}

impl AnnounceArgs {
    /// The name under which the session is announced, if it is; `default` is that of one that was
    /// given none.
    pub fn name(&self, default: &str) -> Option<String> {
        let name = self.announce.as_deref()?;
        Some(if name.is_empty() { default } else { name }.to_owned())
    }
}

/// The name of the first path, also of `.`.
pub fn name_of(paths: &[PathBuf]) -> String {
    let Some(first) = paths.first() else { return "files".to_owned() };
    let absolute = || std::path::absolute(first).ok().filter(|_| first.file_name().is_none());
    let resolved = || absolute().and_then(|path| path.canonicalize().ok());
    let path = resolved().unwrap_or_else(|| first.clone());
    let name = path.file_name().map_or(path.as_path(), Path::new);
    crate::text::path(name).into_owned()
}

/// A name, or nothing.
fn name_or_none(text: &str) -> Result<String, String> {
    if text.is_empty() { Ok(String::new()) } else { super::recv::name(text) }
}

/// How `norm-recv` finds its session.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = NETWORK)]
pub struct FindArgs {
    /// Join the session that is announced by this name
    ///
    /// The name is that of norm-send --announce, and has to be that of one session only.
    /// Listens for 7 s, or for 15 s if there is none. normctl list shows what is announced.
    #[arg(long, verbatim_doc_comment, value_name = "NAME", conflicts_with_all = ["group", "sdp"])]
    pub session: Option<String>,

    /// Join the session that FILE describes, as SDP
    ///
    /// FILE is one of norm-send --sdp, or of another program.
    #[arg(long, verbatim_doc_comment, value_name = "FILE", conflicts_with = "group")]
    pub sdp: Option<PathBuf>,
}

#[cfg(test)]
mod tests {
    use super::name_of;
    use crate::args::{RecvArgs, SendArgs, parse_words};

    fn name(words: &str) -> Option<String> {
        let args: SendArgs = parse_words(words).unwrap();
        args.announce.name(&name_of(&args.paths))
    }

    #[test]
    fn session_has_the_name_that_is_given_or_that_of_the_first_path() {
        assert_eq!(name("photos"), None);
        assert_eq!(name("--announce photos more").as_deref(), Some("photos"));
        assert_eq!(name("--announce a/photos/").as_deref(), Some("photos"));
        assert_eq!(name("--announce=lab-7 photos").as_deref(), Some("lab-7"));
        assert_eq!(name("--announce --files-from list").as_deref(), Some("files"));
        let here = std::env::current_dir().unwrap();
        assert_eq!(name("--announce .").as_deref(), here.file_name().unwrap().to_str());
        let long = format!("--announce={} x", "n".repeat(65));
        assert!(parse_words::<SendArgs>(&long).unwrap_err().message.contains("1 to 64 bytes"));
    }

    #[test]
    fn session_that_cannot_be_announced_or_described_is_refused() {
        let cases = [
            ("--announce -g 10.0.0.1:6000 .", "--announce", "--group"),
            ("--sdp /no/such/dir/s.sdp .", "--sdp", "/no/such/dir"),
        ];
        for (words, flag, cure) in cases {
            let message = parse_words::<SendArgs>(words).unwrap().check().unwrap_err().message;
            assert!(message.contains(flag) && message.contains(cure), "{words}: {message}");
        }
    }

    #[test]
    fn session_is_found_in_one_way_only() {
        for words in ["--session a -g 239.1.1.1:6000", "--sdp f -g 239.1.1.1:6000"] {
            let message = parse_words::<RecvArgs>(words).unwrap_err().message;
            assert!(message.contains("--group"), "{message}");
        }
        let message = parse_words::<RecvArgs>("--session a --sdp f").unwrap_err().message;
        assert!(message.contains("--sdp") && message.contains("--session"), "{message}");
        assert!(parse_words::<SendArgs>("--announce --demo").is_err());
    }
}
