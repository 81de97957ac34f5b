//! Addresses of sources: `http://host:port/path?query`.

use std::fmt;
use std::path::Path;

use hyper::Uri;
use hyper::http::uri::PathAndQuery;

/// Bytes of an address at most.
const MAX_BYTES: usize = 8 << 10;

/// An address of a source. It has a host, and neither user nor fragment.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct SourceUrl {
    is_secure: bool,
    /// As it stands in the address: IPv6 addresses have brackets.
    host: String,
    port: Option<u16>,
    /// Begins with a slash.
    path: String,
    query: Option<String>,
}

/// Why an address is none.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum UrlError {
    /// It does not begin with `http://`.
    NoHttp,
    /// It has characters that no address has, or no host.
    Malformed,
    /// A user or password stands in it.
    HasUser,
}

impl fmt::Display for UrlError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NoHttp => "it is no address of a source: use http://HOST/PATH",
            Self::Malformed => "it is malformed: write spaces and the like as %20",
            Self::HasUser => "it has a user or password in it, which are not supported",
        })
    }
}

impl std::error::Error for UrlError {}

impl SourceUrl {
    /// An address from its text.
    ///
    /// # Errors
    /// When it is none.
    pub fn parse(text: &str) -> Result<Self, UrlError> {
        let scheme = text.split_once("://").map(|(scheme, _)| scheme).unwrap_or_default();
        let is_secure = scheme.eq_ignore_ascii_case("https");
        if !is_secure && !scheme.eq_ignore_ascii_case("http") {
            return Err(UrlError::NoHttp);
        }
        let text = text.split_once('#').map_or(text, |(before, _)| before);
        let uri: Uri = text.parse().map_err(|_| UrlError::Malformed)?;
        let authority = uri.authority().ok_or(UrlError::Malformed)?;
        if authority.as_str().contains('@') {
            return Err(UrlError::HasUser);
        }
        let host = authority.host().to_owned();
        let is_host = |c: char| c.is_ascii_alphanumeric() || "-._~[]:%".contains(c);
        let port = authority.port_u16();
        let has_other_port = authority.as_str().len() > host.len() && port.is_none();
        if host.is_empty() || !host.chars().all(is_host) || has_other_port {
            return Err(UrlError::Malformed);
        }
        let path = if uri.path().is_empty() { "/" } else { uri.path() }.to_owned();
        let url = Self { is_secure, host, port, path, query: uri.query().map(str::to_owned) };
        let fits = text.len() <= MAX_BYTES && url.path.starts_with('/');
        // What is printed is to be read again.
        (fits && url.request_target().is_some()).then_some(url).ok_or(UrlError::Malformed)
    }

    /// True when what travels is encrypted, and the host proves itself.
    pub fn is_secure(&self) -> bool {
        self.is_secure
    }

    /// The host's name or address, without brackets.
    pub(crate) fn host(&self) -> &str {
        self.host.trim_start_matches('[').trim_end_matches(']')
    }

    /// The port.
    pub(crate) fn port(&self) -> u16 {
        self.port.unwrap_or(if self.is_secure { 443 } else { 80 })
    }

    /// What the header `Host` says.
    pub(crate) fn authority(&self) -> String {
        match self.port {
            Some(port) => format!("{}:{port}", self.host),
            None => self.host.clone(),
        }
    }

    /// The path, which begins with a slash.
    pub fn path(&self) -> &str {
        &self.path
    }

    /// Path and query, as a request has them.
    pub(crate) fn request_target(&self) -> Option<PathAndQuery> {
        let text = match &self.query {
            Some(query) => format!("{}?{query}", self.path),
            None => self.path.clone(),
        };
        text.parse().ok()
    }

    /// The same with another path, and without a query.
    pub(crate) fn with_path(&self, path: String) -> Self {
        Self { path, query: None, ..self.clone() }
    }

    /// The same with something after the path; the query stays.
    pub(crate) fn with_suffix(&self, suffix: &str) -> Self {
        Self { path: format!("{}{suffix}", self.path), ..self.clone() }
    }

    /// The same with the path up to `len` bytes; the query stays.
    pub(crate) fn shortened(&self, len: usize) -> Self {
        let path = self.path.get(..len).unwrap_or("/").to_owned();
        Self { path, ..self.clone() }
    }

    /// A file below the folder that the path is in.
    pub(crate) fn beside(&self, file: &Path) -> Self {
        let folder = self.path.rfind('/').map_or("", |at| self.path.get(..at).unwrap_or_default());
        self.with_path(format!("{folder}/{}", encoded(file)))
    }

    /// Where an answer leads that sends the client elsewhere.
    ///
    /// # Errors
    /// When that is no address.
    pub fn redirected(&self, location: &str) -> Result<Self, UrlError> {
        let location = location.trim();
        let is_whole = location.split_once("://").is_some_and(|(scheme, _)| {
            !scheme.is_empty() && scheme.bytes().all(|c| c.is_ascii_alphanumeric())
        });
        if is_whole {
            return Self::parse(location);
        }
        let (base, scheme) = (self.authority(), if self.is_secure { "https" } else { "http" });
        if location.starts_with("//") {
            return Self::parse(&format!("{scheme}:{location}"));
        }
        let folder = self.path.rfind('/').map_or("", |at| self.path.get(..at).unwrap_or_default());
        match location.starts_with('/') {
            true => Self::parse(&format!("{scheme}://{base}{location}")),
            false => Self::parse(&format!("{scheme}://{base}{folder}/{location}")),
        }
    }
}

impl fmt::Display for SourceUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = if self.is_secure { "https" } else { "http" };
        write!(f, "{scheme}://{}{}", self.authority(), self.path)?;
        self.query.iter().try_for_each(|query| write!(f, "?{query}"))
    }
}

/// A path as it stands in an address: what has a meaning there is written as `%20`.
fn encoded(path: &Path) -> String {
    let mut text = String::new();
    for (number, component) in path.components().enumerate() {
        if number > 0 {
            text.push('/');
        }
        for &byte in component.as_os_str().as_encoded_bytes() {
            match byte {
                b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
                    text.push(char::from(byte));
                }
                _ => text.push_str(&format!("%{byte:02X}")),
            }
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn url(text: &str) -> SourceUrl {
        SourceUrl::parse(text).unwrap()
    }

    #[test]
    fn addresses_are_taken_apart_and_printed_again() {
        let plain = url("http://192.0.2.1:5740/");
        assert_eq!((plain.host(), plain.port(), plain.path()), ("192.0.2.1", 5740, "/"));
        assert_eq!(url("HTTP://Host").to_string(), "http://Host/");
        let v6 = url("http://[2001:db8::1]/a/b.iso?x=1&y#part");
        assert_eq!((v6.host(), v6.port()), ("2001:db8::1", 80));
        assert_eq!(v6.to_string(), "http://[2001:db8::1]/a/b.iso?x=1&y");
        assert!(url("https://host/x").is_secure() && url("https://host/x").port() == 443);
    }

    #[test]
    fn other_words_are_no_addresses() {
        let error = |text| SourceUrl::parse(text).unwrap_err();
        for text in ["", "host/path", "ftp://host/", "file:///etc/passwd", "//host", "/path"] {
            assert_eq!(error(text), UrlError::NoHttp, "{text}");
        }
        for text in [
            "http://",
            "http:///path",
            "http://host/a b",
            "http://host:x/",
            "http://host:99999/",
            "http://ho st/",
            "http://host/\u{e9}\r\nX: y",
            "http://host?x",
        ] {
            let result = SourceUrl::parse(text);
            assert!(
                result == Err(UrlError::Malformed) || result.is_ok_and(|url| url.path() == "/")
            );
        }
        assert_eq!(error("http://user:word@host/"), UrlError::HasUser);
        assert_eq!(error(&format!("http://host/{}", "a".repeat(9_000))), UrlError::Malformed);
    }

    #[test]
    fn names_beside_a_file_are_encoded() {
        let base = url("http://host/images/set?token=1");
        let file = base.beside(Path::new("set/a b/100% \u{e9}.txt"));
        assert_eq!(file.to_string(), "http://host/images/set/a%20b/100%25%20%C3%A9.txt");
        assert_eq!(base.with_suffix(".norm").to_string(), "http://host/images/set.norm?token=1");
    }

    #[test]
    fn redirects_may_be_relative() {
        let base = url("https://host:8443/a/b?c");
        let to = |location| base.redirected(location).unwrap().to_string();
        assert_eq!(to("http://other/x"), "http://other/x");
        assert_eq!(to("/x?y"), "https://host:8443/x?y");
        assert_eq!(to("x"), "https://host:8443/a/x");
        assert_eq!(to("//other/x"), "https://other/x");
        assert!(base.redirected("ftp://other/").is_err());
    }
}
