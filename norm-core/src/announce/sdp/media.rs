//! What lines of a session or of its medium say.

use core::net::IpAddr;

use super::line::{Line, address};
use super::{SdpError, SdpProblem};
use crate::announce::description::{ContentSize, FecDeclaration, SessionProtocol};
use crate::fec::FecId;
use crate::flute::wire::Tsi;

/// An `m=` line of ours.
#[derive(Copy, Clone, Debug)]
pub(super) struct Medium {
    pub(super) protocol: SessionProtocol,
    pub(super) port: u16,
}

impl Medium {
    /// `application PORT PROTOCOL 0`; `None` for the medium of another protocol, and for one with
    /// port 0, which is not there.
    pub(super) fn parse(line: &Line<'_>) -> Result<Option<Self>, SdpError> {
        let wrong = || line.wrong(SdpProblem::Media);
        let mut words = line.value.split_whitespace();
        let mut word = || words.next().ok_or_else(wrong);
        let (_media, port, protocol) = (word()?, word()?, word()?);
        let Some(protocol) = SessionProtocol::from_token(protocol) else { return Ok(None) };
        let port = port.split_once('/').map_or(port, |(port, _)| port);
        let port = port.parse().map_err(|_| wrong())?;
        Ok((port != 0).then_some(Self { protocol, port }))
    }
}

/// The address of a group, with its TTL by IPv4.
#[derive(Copy, Clone, Debug)]
pub(super) struct Connection {
    pub(super) address: IpAddr,
    pub(super) ttl: Option<u8>,
}

impl Connection {
    /// `IN IP4 ADDRESS/TTL/COUNT` or `IN IP6 ADDRESS/COUNT`.
    pub(super) fn parse(value: &str) -> Option<Self> {
        let mut words = value.split_whitespace();
        let (_net, _family) = (words.next()?, words.next()?);
        let mut parts = words.next()?.split('/');
        let address = address(parts.next()?)?;
        if address.is_ipv6() {
            return Some(Self { address, ttl: None });
        }
        let ttl: Option<u8> = match parts.next() {
            Some(ttl) => Some(ttl.parse().ok()?),
            None => None,
        };
        Some(Self { address, ttl: ttl.filter(|&ttl| ttl > 0) })
    }
}

/// What may be said of the session as a whole, and of its medium. What is said first counts.
#[derive(Debug, Default)]
pub(super) struct Facts {
    pub(super) connection: Option<Connection>,
    /// In bits per second.
    pub(super) rate: Option<u64>,
    pub(super) hops: Option<u8>,
    pub(super) tsi: Option<Tsi>,
    pub(super) channels: Option<u16>,
    pub(super) content: Option<ContentSize>,
    pub(super) key_id: Option<u32>,
    pub(super) sources: Vec<IpAddr>,
    pub(super) fec: Vec<FecDeclaration>,
    /// The codes that are used, each with its line.
    pub(super) used: Vec<(u32, String)>,
}

impl Facts {
    /// Takes what a line says; false if that means nothing here.
    pub(super) fn take(&mut self, line: &Line<'_>) -> Result<bool, SdpError> {
        match line.kind {
            // Of a session with several groups the first is joined.
            'c' if self.connection.is_some() => Ok(false),
            'c' => {
                let connection = Connection::parse(line.value);
                self.connection = Some(connection.ok_or(line.wrong(SdpProblem::Connection))?);
                Ok(true)
            }
            'b' => self.bandwidth(line),
            'a' => self.attribute(line),
            _ => Ok(false),
        }
    }

    /// `AS:KBITS`, `TIAS:BITS`, or `KBITS`, as some write it.
    fn bandwidth(&mut self, line: &Line<'_>) -> Result<bool, SdpError> {
        let (kind, number) = line.value.split_once(':').unwrap_or(("AS", line.value));
        let factor = match kind.trim() {
            kind if kind.eq_ignore_ascii_case("AS") => 1_000,
            kind if kind.eq_ignore_ascii_case("TIAS") => 1,
            _ => return Ok(false),
        };
        first(&mut self.rate, || {
            let number: Option<u64> = number.trim().parse().ok();
            let rate = number.and_then(|number| number.checked_mul(factor));
            rate.ok_or(line.wrong(SdpProblem::Bandwidth))
        })
    }

    fn attribute(&mut self, line: &Line<'_>) -> Result<bool, SdpError> {
        let Some((name, value)) = line.attribute() else { return Ok(false) };
        let wrong = || line.wrong(SdpProblem::Attribute);
        match name.to_ascii_lowercase().as_str() {
            "flute-tsi" => first(&mut self.tsi, || {
                let tsi = value.parse().ok().and_then(Tsi::new);
                tsi.ok_or(line.wrong(SdpProblem::Tsi))
            }),
            "flute-ch" => first(&mut self.channels, || value.parse().map_err(|_| wrong())),
            "hop-limit" => first(&mut self.hops, || {
                value.parse().ok().filter(|&hops| hops > 0).ok_or_else(wrong)
            }),
            "file-set" => first(&mut self.content, || content(value).ok_or_else(wrong)),
            "norm-key-id" => first(&mut self.key_id, || key_id(value).ok_or_else(wrong)),
            "source-filter" => {
                let sources = sources(value).ok_or_else(wrong)?;
                let is_known = !sources.is_empty();
                self.sources.extend(sources);
                Ok(is_known)
            }
            "fec-declaration" => {
                self.fec.push(declaration(value).ok_or_else(wrong)?);
                Ok(true)
            }
            "fec" => {
                let reference = value.parse().map_err(|_| wrong())?;
                self.used.push((reference, line.text.to_owned()));
                Ok(true)
            }
            _ => Ok(false),
        }
    }
}

/// Sets what is said for the first time, and leaves out what is said again.
fn first<T>(
    place: &mut Option<T>,
    value: impl FnOnce() -> Result<T, SdpError>,
) -> Result<bool, SdpError> {
    if place.is_none() {
        *place = Some(value()?);
    }
    Ok(true)
}

/// The addresses of `incl IN IP4 * ADDRESS …` (RFC 4570 §3); none if it keeps sources out, or
/// names them. `None` if it is something else.
fn sources(value: &str) -> Option<Vec<IpAddr>> {
    let mut words = value.split_whitespace();
    let mode = words.next()?;
    let (_net, _family, _destination) = (words.next()?, words.next()?, words.next()?);
    let list: Vec<&str> = words.collect();
    if list.is_empty() || !["incl", "excl"].iter().any(|known| known.eq_ignore_ascii_case(mode)) {
        return None;
    }
    let addresses: Option<Vec<IpAddr>> = list.into_iter().map(address).collect();
    Some(addresses.filter(|_| mode.eq_ignore_ascii_case("incl")).unwrap_or_default())
}

/// `REF encoding-id=N`, perhaps with `; instance-id=N`.
fn declaration(value: &str) -> Option<FecDeclaration> {
    let mut words = value.split([' ', '\t', ';']).filter(|word| !word.is_empty());
    let reference = words.next()?.parse().ok()?;
    let (mut id, mut instance) = (None, None);
    for word in words {
        match word.split_once('=') {
            Some(("encoding-id", number)) => id = Some(FecId(number.parse().ok()?)),
            Some(("instance-id", number)) => instance = Some(number.parse().ok()?),
            _ => {}
        }
    }
    Some(FecDeclaration { reference, id: id?, instance, used: false })
}

/// Eight hexadecimal digits.
fn key_id(value: &str) -> Option<u32> {
    let is_id = value.len() == 8 && value.bytes().all(|digit| digit.is_ascii_hexdigit());
    u32::from_str_radix(value, 16).ok().filter(|_| is_id)
}

/// `files=N bytes=N`.
fn content(value: &str) -> Option<ContentSize> {
    let (mut files, mut bytes) = (None, None);
    for word in value.split_whitespace() {
        match word.split_once('=') {
            Some(("files", number)) => files = Some(number.parse().ok()?),
            Some(("bytes", number)) => bytes = Some(number.parse().ok()?),
            _ => {}
        }
    }
    Some(ContentSize { files: files?, bytes: bytes? })
}
