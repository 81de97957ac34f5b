//! Lines, and the values that several kinds of them have.

use core::net::IpAddr;

use super::{SdpError, SdpProblem};

/// Bytes of a description at most.
pub const MAX_DESCRIPTION: usize = 64 << 10;
/// Lines of a description at most.
const MAX_LINES: usize = 2_000;

/// A line that is not empty.
#[derive(Copy, Clone, Debug)]
pub(super) struct Line<'a> {
    /// Its number, from 1 on.
    pub(super) number: usize,
    /// Its letter.
    pub(super) kind: char,
    /// What follows the `=`, without spaces around it.
    pub(super) value: &'a str,
    /// All of it.
    pub(super) text: &'a str,
}

impl<'a> Line<'a> {
    /// The name of an attribute, and its value; of a line that is none, nothing.
    pub(super) fn attribute(&self) -> Option<(&'a str, &'a str)> {
        let whole = (self.kind == 'a').then_some(self.value)?;
        let (name, value) = whole.split_once(':').unwrap_or((whole, ""));
        Some((name.trim(), value.trim()))
    }

    /// Says that something is wrong here.
    pub(super) fn wrong(&self, problem: SdpProblem) -> SdpError {
        SdpError { line: self.number, problem }
    }
}

/// The lines of a text that are not empty.
pub(super) fn lines(text: &str) -> impl Iterator<Item = Result<Line<'_>, SdpError>> {
    let text = text.trim_end_matches('\0');
    let numbered = text.split('\n').enumerate().map(|(at, line)| (at + 1, line));
    let filled = numbered.map(|(number, line)| (number, line.strip_suffix('\r').unwrap_or(line)));
    filled.filter(|(_, line)| !line.trim().is_empty()).map(|(number, text)| {
        let wrong = |problem| SdpError { line: number, problem };
        if number > MAX_LINES {
            return Err(wrong(SdpProblem::TooLarge));
        }
        let (kind, value) = text.split_once('=').ok_or(wrong(SdpProblem::Line))?;
        let mut letters = kind.chars();
        let kind = letters.next().filter(char::is_ascii_alphabetic);
        let Some(kind) = kind.filter(|_| letters.next().is_none()) else {
            return Err(wrong(SdpProblem::Line));
        };
        if text.contains(['\r', '\0']) {
            return Err(wrong(SdpProblem::Line));
        }
        Ok(Line { number, kind, value: value.trim(), text: text.trim_end() })
    })
}

/// The number of the last line of a text.
pub(super) fn last_number(text: &str) -> usize {
    text.trim_end_matches(['\0', '\n', '\r']).split('\n').count()
}

/// Where among the lines of a session, or of a medium, one of this kind stands (RFC 8866 §5).
pub(super) fn rank(kind: char) -> usize {
    match kind {
        't' | 'r' => 10,
        kind => "vosmiuepcb..zk".find(kind).unwrap_or(20),
    }
}

/// Puts lines in their order; those of one kind stay as they are.
pub(super) fn sort(lines: &mut [String]) {
    lines.sort_by_key(|line| line.chars().next().map_or(0, rank));
}

/// An address, perhaps with the name of an interface, which means nothing elsewhere.
pub(super) fn address(text: &str) -> Option<IpAddr> {
    let text = text.split_once('%').map_or(text, |(address, _)| address);
    text.parse().ok()
}
