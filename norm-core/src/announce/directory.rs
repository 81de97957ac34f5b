//! The sessions that were heard.

use core::net::IpAddr;
use core::time::Duration;
use std::collections::BTreeMap;

use super::interval::interval;
use super::sap::{SapError, SapKind, SapPacket};
use super::sdp::SdpProblem;
use super::{SdpError, SessionDescription, sdp};
use crate::base::Timestamp;

/// Sessions that are kept at most, those of other protocols included.
pub const MAX_SESSIONS: usize = 1_000;
/// Bytes of all announcements that are kept, together.
pub const MAX_BYTES: usize = 1 << 20;
/// Bytes of those that one host sends, by the address that they come from.
pub const MAX_BYTES_OF_HOST: usize = 64 << 10;

/// The shortest time after which a session that is not announced any more is forgotten (RFC 2974
/// §4).
const LEAST_TIMEOUT: Duration = Duration::from_secs(3_600);
/// Intervals after which it is.
const TIMEOUT_INTERVALS: u32 = 10;

/// A session that is announced.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Announced {
    /// What is said of it.
    pub description: SessionDescription,
    /// The address that the announcement came from.
    pub host: IpAddr,
}

/// What has changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// A session was heard of for the first time.
    New(Announced),
    /// What is said of a session is different now.
    Modified(Announced),
    /// Its announcer says that it is no longer there.
    Deleted(Announced),
}

/// What was heard, in numbers.
#[derive(Copy, Clone, Debug, Default, PartialEq, Eq)]
pub struct DirectoryCounts {
    /// Packets that could be used.
    pub packets: u64,
    /// Datagrams that are no packet, by the reason.
    refused: [u64; SapError::ALL.len()],
    /// Descriptions that make no sense.
    pub malformed: u64,
    /// Announcements for which there was no room.
    pub dropped: u64,
}

impl DirectoryCounts {
    /// Datagrams that were refused for this reason.
    pub fn refused(&self, error: SapError) -> u64 {
        self.refused.get(error as usize).copied().unwrap_or(0)
    }
}

/// The host that announces, and which packet.
#[derive(Copy, Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Key {
    /// Where the packet came from: no other host can change or delete the entry, unless it forges
    /// addresses.
    host: IpAddr,
    source: IpAddr,
    hash: u16,
    /// Of the packet: two announcers on one host may have the same hash in their headers.
    digest: [u8; 32],
}

#[derive(Debug)]
struct Entry {
    heard: Timestamp,
    /// Bytes of the packet.
    len: usize,
    /// `None` for a session of another protocol.
    description: Option<SessionDescription>,
}

/// The sessions that were heard in a group, or in several. At most [`MAX_SESSIONS`], with
/// [`MAX_BYTES`] in all and [`MAX_BYTES_OF_HOST`] from one host; what does not fit is dropped, and
/// counted.
#[derive(Debug, Default)]
pub struct Directory {
    entries: BTreeMap<Key, Entry>,
    bytes: usize,
    counts: DirectoryCounts,
}

impl Directory {
    /// Takes a datagram that came from a host; returns what it has changed.
    pub fn hear(&mut self, now: Timestamp, host: IpAddr, datagram: &[u8]) -> Option<Change> {
        let packet = match SapPacket::parse(datagram) {
            Ok(packet) => packet,
            Err(error) => {
                if let Some(count) = self.counts.refused.get_mut(error as usize) {
                    *count += 1;
                }
                return None;
            }
        };
        self.counts.packets += 1;
        match packet.kind {
            SapKind::Deletion => {
                let description = self.remove(self.deleted(host, &packet)?)?.description?;
                Some(Change::Deleted(Announced { description, host }))
            }
            SapKind::Announcement => self.announcement(now, host, &packet, datagram),
        }
    }

    /// The entry that a deletion means: of those with its hash the one of its `o=` line.
    fn deleted(&self, host: IpAddr, packet: &SapPacket<'_>) -> Option<Key> {
        let of_packet = |key: &Key| (key.source, key.hash) == (packet.source, packet.hash);
        let candidates = || self.of_host(host).filter(|(key, _)| of_packet(key));
        let origin = sdp::parse_origin(packet.payload);
        let named = candidates().find(|(_, entry)| {
            let both = entry.description.as_ref().zip(origin.as_ref());
            both.is_some_and(|(description, origin)| description.origin.is_same_session(origin))
        });
        named.or_else(|| candidates().next()).map(|(key, _)| *key)
    }

    fn announcement(
        &mut self,
        now: Timestamp,
        host: IpAddr,
        packet: &SapPacket<'_>,
        datagram: &[u8],
    ) -> Option<Change> {
        let digest = blake3::hash(datagram).into();
        let key = Key { host, source: packet.source, hash: packet.hash, digest };
        if let Some(entry) = self.entries.get_mut(&key) {
            entry.heard = now;
            return None;
        }
        let Ok(description) = description(packet) else {
            self.counts.malformed += 1;
            return None;
        };
        let old = self.version_of(key, description.as_ref());
        let old = old.and_then(|old| self.remove(old)).and_then(|entry| entry.description);
        if !self.has_room(host, datagram.len()) {
            self.counts.dropped += 1;
            return Some(Change::Deleted(Announced { description: old?, host }));
        }
        self.bytes += datagram.len();
        let entry = Entry { heard: now, len: datagram.len(), description };
        let description = entry.description.clone();
        self.entries.insert(key, entry);
        let announced = Announced { description: description?, host };
        let change = if old.is_some() { Change::Modified } else { Change::New };
        Some(change(announced))
    }

    /// The entry that this announcement replaces: another version of the same session by the same
    /// announcer (RFC 2974 §5).
    fn version_of(&self, key: Key, new: Option<&SessionDescription>) -> Option<Key> {
        let of_announcer = self.of_host(key.host).filter(|(other, _)| other.source == key.source);
        let mut same = of_announcer.filter(|(other, entry)| match (&entry.description, new) {
            (Some(old), Some(new)) => old.origin.is_same_session(&new.origin),
            (None, None) => other.hash == key.hash,
            _ => false,
        });
        same.next().map(|(key, _)| *key)
    }

    fn of_host(&self, host: IpAddr) -> impl Iterator<Item = (&Key, &Entry)> {
        // IPv4 sorts before IPv6.
        let first = Key { host, source: IpAddr::from([0; 4]), hash: 0, digest: [0; 32] };
        self.entries.range(first..).take_while(move |(key, _)| key.host == host)
    }

    fn has_room(&self, host: IpAddr, len: usize) -> bool {
        let of_host: usize = self.of_host(host).map(|(_, entry)| entry.len).sum();
        self.entries.len() < MAX_SESSIONS
            && self.bytes + len <= MAX_BYTES
            && of_host + len <= MAX_BYTES_OF_HOST
    }

    fn remove(&mut self, key: Key) -> Option<Entry> {
        let entry = self.entries.remove(&key)?;
        self.bytes -= entry.len;
        Some(entry)
    }

    /// Forgets sessions that were not announced for ten intervals, at least an hour, and those that
    /// are over at `date`, the time since 1970, if that is known. Returns them.
    pub fn expire(&mut self, now: Timestamp, date: Option<Duration>) -> Vec<Announced> {
        let timeout = self.timeout();
        let is_over = |entry: &Entry| {
            let is_over = |it: &SessionDescription| date.is_some_and(|date| it.is_over(date));
            entry.heard + timeout <= now || entry.description.as_ref().is_some_and(is_over)
        };
        let ended = self.entries.iter().filter(|(_, entry)| is_over(entry));
        let keys: Vec<Key> = ended.map(|(key, _)| *key).collect();
        let removed = keys.into_iter().filter_map(|key| {
            let description = self.remove(key)?.description?;
            Some(Announced { description, host: key.host })
        });
        removed.collect()
    }

    /// When the next session is to be forgotten, unless it is announced again.
    pub fn poll_timeout(&self) -> Option<Timestamp> {
        let timeout = self.timeout();
        self.entries.values().map(|entry| entry.heard + timeout).min()
    }

    fn timeout(&self) -> Duration {
        LEAST_TIMEOUT.max(interval(self.bytes as u64).saturating_mul(TIMEOUT_INTERVALS))
    }

    /// The sessions of NORM and FLUTE, in no particular order.
    pub fn sessions(&self) -> impl Iterator<Item = Announced> {
        self.entries.iter().filter_map(|(key, entry)| {
            let description = entry.description.clone()?;
            Some(Announced { description, host: key.host })
        })
    }

    /// Bytes that one announcement of each session takes, those of other protocols included.
    pub fn bytes(&self) -> u64 {
        self.bytes as u64
    }

    /// What was heard, in numbers.
    pub fn counts(&self) -> DirectoryCounts {
        self.counts
    }
}

/// What a packet describes; `None` if that is no session of ours.
fn description(packet: &SapPacket<'_>) -> Result<Option<SessionDescription>, SdpError> {
    if !packet.is_sdp() {
        return Ok(None);
    }
    match SessionDescription::parse(packet.payload) {
        Ok(description) => Ok(Some(description)),
        Err(SdpError { problem: SdpProblem::NoSession, .. }) => Ok(None),
        Err(error) => Err(error),
    }
}
