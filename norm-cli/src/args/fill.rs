//! How `norm-recv` fetches files without a session, and how `norm-send` offers them.

use std::net::SocketAddr;
use std::time::Duration;

use clap::Args;
use norm_http::SourceUrl;

use super::shared::{FILES, NETWORK};
use crate::units;

/// The port that files are served at, unless one is given.
const DEFAULT_PORT: u16 = 5740;

/// Where `norm-recv` fetches files.
#[derive(Clone, Debug, Default, Args)]
#[command(next_help_heading = FILES)]
pub struct FillArgs {
    /// Fetch the files by HTTP, without a session; repeatable
    ///
    /// Goes on with what interrupted transfers have left in DIR. URL is http://HOST:PORT/ of
    /// norm-send --serve, or a file or folder on a web server with its .norm file beside it
    /// (norm-send --hash-only). Several sources share the work; every MiB is verified,
    /// whichever it comes from. Use --expect: plain http does not prove what it brings.
    #[arg(long, verbatim_doc_comment, value_name = "URL", value_parser = source,
        conflicts_with_all = ["group", "interface", "source", "sender_name", "session", "sdp",
            "feedback", "flute", "continuous", "timeout", "name", "delete", "dry_run",
            "accept_older", "drop"])]
    pub fill: Vec<SourceUrl>,
}

/// How `norm-send` offers files beside its session.
#[derive(Clone, Debug, Default, Args)]
#[command(next_help_heading = NETWORK)]
pub struct ServeArgs {
    /// Serve the files by HTTP, too, for norm-recv --fill [default: port 5740]
    ///
    /// All files are hashed first, as with --hash-first; they are served from then on, at the
    /// address of the interface unless another one is given, and on after the transfer until
    /// norm-send is stopped. All machines that reach the address can read them.
    #[arg(long, verbatim_doc_comment, value_name = "ADDR:PORT", num_args = 0..=1,
        require_equals = true, conflicts_with_all = ["demo", "dry_run", "compat", "flute"])]
    pub serve: Option<Option<SocketAddr>>,

    /// Serve for this time after the transfer [default: until stopped]
    #[arg(long, value_name = "SECS", requires = "serve", value_parser = units::seconds)]
    pub serve_for: Option<Duration>,

    /// Write PATH.norm with the hashes of each PATH, and send nothing
    ///
    /// Beside the file or folder, for web servers: norm-recv --fill takes both from there.
    /// Prints the content hash for --expect. A .norm file that is there is replaced.
    #[arg(long, verbatim_doc_comment, help_heading = FILES,
        conflicts_with_all = ["demo", "dry_run", "compat", "flute", "serve", "files_from"])]
    pub hash_only: bool,
}

impl ServeArgs {
    /// Where files are served by a session at this address, if they are.
    pub fn address(&self, session: SocketAddr) -> Option<SocketAddr> {
        let default = || {
            let mut address = session;
            address.set_port(DEFAULT_PORT);
            address
        };
        self.serve.map(|given| given.unwrap_or_else(default))
    }
}

/// The address of a source.
fn source(text: &str) -> Result<SourceUrl, String> {
    let url = SourceUrl::parse(text).map_err(|error| error.to_string())?;
    match url.is_secure() {
        true => {
            Err("https is not supported yet: use http, and --expect with the content hash that \
                     norm-send prints"
                .to_owned())
        }
        false => Ok(url),
    }
}

#[cfg(test)]
mod tests {
    use crate::args::{RecvArgs, SendArgs, parse_words};

    #[test]
    fn sources_are_http_addresses() {
        let args: RecvArgs =
            parse_words("--fill http://a:1/ --fill http://b/x.iso images").unwrap();
        assert_eq!(args.fill.fill.len(), 2);
        assert_eq!(args.directory.to_str(), Some("images"));
        for (words, expected) in [
            ("--fill a/b", "http://HOST/PATH"),
            ("--fill https://a/b", "https is not supported yet"),
            ("--fill http://me@a/b", "user or password"),
            ("--fill http://a/ --continuous", "--continuous"),
            ("--fill http://a/ -g 239.1.2.3:5740", "--group"),
            ("--fill http://a/ --dry-run", "--dry-run"),
        ] {
            let message = parse_words::<RecvArgs>(words).unwrap_err().message;
            assert!(message.contains(expected), "{words}: {message}");
        }
    }

    #[test]
    fn files_are_served_at_the_interface_unless_an_address_is_given() {
        let address = |words: &str| {
            let args: SendArgs = parse_words(words).unwrap();
            let session = "192.0.2.1:40000".parse().unwrap();
            args.serve.address(session).map(|address| address.to_string())
        };
        assert_eq!(address("x"), None);
        assert_eq!(address("--serve x").as_deref(), Some("192.0.2.1:5740"));
        assert_eq!(address("--serve=127.0.0.1:80 x").as_deref(), Some("127.0.0.1:80"));
        for words in ["--serve --compat nrl x", "--serve --hash-only x", "--serve-for 5 x"] {
            assert!(parse_words::<SendArgs>(words).is_err(), "{words}");
        }
        assert!(parse_words::<SendArgs>("--serve x").unwrap().hashes_first());
    }
}
