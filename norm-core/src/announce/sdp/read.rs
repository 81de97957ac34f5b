//! Reads a description.

use core::net::SocketAddr;

use super::line::{Line, MAX_DESCRIPTION, last_number, lines, sort};
use super::media::{Facts, Medium};
use super::{SdpError, SdpProblem};
use crate::announce::description::{Origin, OtherLines, SessionDescription, Times};

/// Reads a description.
pub(in crate::announce) fn parse(text: &[u8]) -> Result<SessionDescription, SdpError> {
    if text.len() > MAX_DESCRIPTION {
        return Err(SdpError { line: 1, problem: SdpProblem::TooLarge });
    }
    let text = String::from_utf8_lossy(text);
    let text = text.strip_prefix('\u{feff}').unwrap_or(&text);
    let mut reader = Reader::default();
    for (position, line) in lines(text).enumerate() {
        let line = line?;
        if position == 0 && (line.kind, line.value) != ('v', "0") {
            return Err(line.wrong(SdpProblem::Version));
        }
        match (position, line.kind, reader.section) {
            (0, ..) => {}
            (_, 'm', _) => reader.begin_medium(&line)?,
            (_, _, Section::Session) => reader.session_line(&line)?,
            (_, _, Section::Ours) => reader.media_line(&line)?,
            (_, _, Section::Other) => reader.others.more.push(line.text.to_owned()),
        }
    }
    reader.finish().map_err(|problem| SdpError { line: last_number(text), problem })
}

/// Reads the `o=` line that a deletion consists of.
pub(in crate::announce) fn parse_origin(text: &[u8]) -> Option<Origin> {
    let text = core::str::from_utf8(text.get(..MAX_DESCRIPTION).unwrap_or(text)).ok()?;
    lines(text).flatten().find(|line| line.kind == 'o').and_then(|line| origin(line.value))
}

/// Where in the text the reader is.
#[derive(Copy, Clone, Debug, Default, PartialEq, Eq)]
enum Section {
    /// Before the first medium.
    #[default]
    Session,
    /// In the medium that is described.
    Ours,
    /// In another one.
    Other,
}

#[derive(Default)]
struct Reader {
    section: Section,
    origin: Option<Origin>,
    name: Option<String>,
    times: Option<Times>,
    medium: Option<Medium>,
    /// What the lines before the first medium say.
    session: Facts,
    /// What those of the medium say.
    media: Facts,
    others: OtherLines,
}

impl Reader {
    fn begin_medium(&mut self, line: &Line<'_>) -> Result<(), SdpError> {
        let medium = Medium::parse(line)?;
        if self.medium.is_none() && medium.is_some() {
            self.medium = medium;
            self.section = Section::Ours;
        } else {
            self.others.more.push(line.text.to_owned());
            self.section = Section::Other;
        }
        Ok(())
    }

    fn session_line(&mut self, line: &Line<'_>) -> Result<(), SdpError> {
        match line.kind {
            'v' => Err(line.wrong(SdpProblem::Repeated)),
            'o' => once(&mut self.origin, origin(line.value), line, SdpProblem::Origin),
            's' => {
                let name = if line.value == "-" { "" } else { line.value };
                once(&mut self.name, Some(name.to_owned()), line, SdpProblem::Line)
            }
            't' if self.times.is_none() => {
                once(&mut self.times, times(line.value), line, SdpProblem::Time)
            }
            kind => {
                // Other media may refer to these.
                if !self.session.take(line)? || matches!(kind, 'b' | 'c') {
                    self.others.session.push(line.text.to_owned());
                }
                Ok(())
            }
        }
    }

    fn media_line(&mut self, line: &Line<'_>) -> Result<(), SdpError> {
        if !self.media.take(line)? {
            self.others.media.push(line.text.to_owned());
        }
        Ok(())
    }

    /// Puts it all together.
    fn finish(self) -> Result<SessionDescription, SdpProblem> {
        let Self { mut session, media, mut others, .. } = self;
        let medium = self.medium.ok_or(SdpProblem::NoSession)?;
        let connection = media.connection.or(session.connection).ok_or(SdpProblem::NoAddress)?;
        let group = SocketAddr::new(connection.address, medium.port);
        let origin = self.origin.ok_or(SdpProblem::Origin)?;
        let mut description = SessionDescription::new(medium.protocol, group, origin);
        description.name = self.name.unwrap_or_default();
        description.times = self.times.unwrap_or_default();
        let hops = media.hops.or(session.hops);
        description.ttl = if group.is_ipv4() { connection.ttl } else { hops };
        description.tsi = media.tsi.or(session.tsi);
        description.channels = media.channels.or(session.channels);
        description.rate = media.rate.or(session.rate);
        description.content = media.content.or(session.content);
        description.key_id = media.key_id.or(session.key_id);
        description.sources =
            if media.sources.is_empty() { session.sources } else { media.sources };
        session.fec.extend(media.fec);
        session.used.extend(media.used);
        for code in session.fec {
            if description.fec.iter().all(|known| known.reference != code.reference) {
                description.fec.push(code);
            }
        }
        for (reference, text) in session.used {
            match description.fec.iter_mut().find(|code| code.reference == reference) {
                Some(code) => code.used = true,
                None => others.media.push(text),
            }
        }
        if others.more.is_empty() {
            others.session.retain(|line| !line.starts_with("c=") && !is_rate(line));
        }
        sort(&mut others.session);
        sort(&mut others.media);
        description.others = others;
        Ok(description)
    }
}

/// True of a line that tells the rate, not of `b=` lines that tell something else.
fn is_rate(line: &str) -> bool {
    let Some(value) = line.strip_prefix("b=") else { return false };
    let (kind, _) = value.split_once(':').unwrap_or(("AS", value));
    ["AS", "TIAS"].iter().any(|known| known.eq_ignore_ascii_case(kind.trim()))
}

/// Sets what may be said once.
fn once<T>(
    place: &mut Option<T>,
    value: Option<T>,
    line: &Line<'_>,
    problem: SdpProblem,
) -> Result<(), SdpError> {
    if place.is_some() {
        return Err(line.wrong(SdpProblem::Repeated));
    }
    *place = Some(value.ok_or(line.wrong(problem))?);
    Ok(())
}

/// `USER ID VERSION IN IP4 ADDRESS`.
fn origin(value: &str) -> Option<Origin> {
    let mut words = value.split_whitespace();
    let username = words.next()?.to_owned();
    let (id, version) = (words.next()?.parse().ok()?, words.next()?.parse().ok()?);
    let (_net, _family) = (words.next()?, words.next()?);
    Some(Origin { username, id, version, address: words.next()?.to_owned() })
}

/// `START STOP`.
fn times(value: &str) -> Option<Times> {
    let mut words = value.split_whitespace();
    let (start, stop) = (words.next()?.parse().ok()?, words.next()?.parse().ok()?);
    words.next().is_none().then_some(Times { start, stop })
}
