//! Announces a session, again and again.

use core::net::IpAddr;

use super::Directory;
use super::description::SessionDescription;
use super::interval::{Jitter, interval};
use super::sap::{SapKind, SapPacket};
use crate::base::{Rng, Timestamp};
use crate::endpoint::{Datagram, Destination, Endpoint, Job, JobDone, Transmit, TransmitBuf};

/// How often a deletion is sent: nothing asks for one that is lost.
const DELETIONS: u32 = 3;

/// Announces one session, at once and then after each interval, listens to other announcers so that
/// all of them keep to the limit together, and deletes the announcement at the end.
#[derive(Debug)]
pub struct Announcer {
    description: SessionDescription,
    source: IpAddr,
    rng: Rng,
    pub(super) others: Directory,
    /// The announcement.
    packet: Vec<u8>,
    /// Packets that are to leave at once, each with how often.
    deletions: Vec<(Vec<u8>, u32)>,
    sent: Option<Timestamp>,
    jitter: Jitter,
    due: Timestamp,
    is_finished: bool,
}

impl Announcer {
    /// Announces the session from the host `source`, beginning at `now`.
    pub fn new(description: SessionDescription, source: IpAddr, seed: u64, now: Timestamp) -> Self {
        let mut rng = Rng::new(seed);
        Self {
            packet: packet(&description, source, SapKind::Announcement),
            description,
            source,
            jitter: Jitter::draw(&mut rng),
            rng,
            others: Directory::default(),
            deletions: Vec::new(),
            sent: None,
            due: now,
            is_finished: false,
        }
    }

    /// What is announced.
    pub fn description(&self) -> &SessionDescription {
        &self.description
    }

    /// The host has another address now: the announcement is deleted, and made anew from there.
    pub fn move_to(&mut self, now: Timestamp, source: IpAddr) {
        if source == self.source || self.is_finished {
            return;
        }
        let old = packet(&self.description, self.source, SapKind::Deletion);
        // Only the latest is of use, if none has left yet.
        self.deletions = vec![(old, DELETIONS)];
        for only in &mut self.description.sources {
            if *only == self.source {
                *only = source;
            }
        }
        self.source = source;
        self.description.origin.address = source.to_string();
        self.description.origin.version += 1;
        self.packet = packet(&self.description, source, SapKind::Announcement);
        self.sent = None;
        self.due = now;
    }

    /// Deletes the announcement, and announces no more.
    pub fn finish(&mut self) {
        if !core::mem::replace(&mut self.is_finished, true) && self.sent.is_some() {
            let packet = packet(&self.description, self.source, SapKind::Deletion);
            self.deletions.push((packet, DELETIONS));
        }
    }

    /// True when it is finished, and nothing is left to send.
    pub fn is_done(&self) -> bool {
        self.is_finished && self.deletions.is_empty()
    }

    /// The next packet that may leave now.
    fn next_packet(&mut self, now: Timestamp) -> Option<Vec<u8>> {
        if let Some((packet, left)) = self.deletions.first_mut() {
            let packet = packet.clone();
            *left -= 1;
            if *left == 0 {
                self.deletions.remove(0);
            }
            return Some(packet);
        }
        if self.is_finished || now < self.due {
            return None;
        }
        // What was heard meanwhile may have made the interval longer (RFC 2974 §3.1).
        self.others.expire(now, None);
        let own = self.packet.len() as u64;
        let interval = interval(self.others.bytes().saturating_add(own));
        if let Some(sent) = self.sent {
            self.due = sent + self.jitter.of(interval);
            if self.due > now {
                return None;
            }
        }
        self.sent = Some(now);
        self.jitter = Jitter::draw(&mut self.rng);
        self.due = now + self.jitter.of(interval);
        Some(self.packet.clone())
    }
}

impl Endpoint for Announcer {
    type Event = ();

    fn handle_datagram(&mut self, now: Timestamp, datagram: Datagram<'_>) {
        // Our own may come back.
        if datagram.payload != self.packet.as_slice() {
            self.others.hear(now, datagram.source.ip(), datagram.payload);
        }
    }

    fn handle_timeout(&mut self, _: Timestamp) {}

    fn handle_job(&mut self, _: Timestamp, _: JobDone) {}

    fn poll_transmit(&mut self, now: Timestamp, out: &mut TransmitBuf) -> Option<Transmit> {
        let packet = self.next_packet(now)?;
        out.clear();
        out.append(|bytes| bytes.extend(packet));
        out.transmit(Destination::Group)
    }

    fn poll_job(&mut self) -> Option<Job> {
        None
    }

    fn poll_event(&mut self) -> Option<()> {
        None
    }

    fn poll_timeout(&self) -> Option<Timestamp> {
        (!self.is_finished).then_some(self.due)
    }
}

/// A packet about a session; a deletion has its `o=` line only.
fn packet(description: &SessionDescription, source: IpAddr, kind: SapKind) -> Vec<u8> {
    let text = description.emit();
    let origin = text.lines().find(|line| line.starts_with("o=")).unwrap_or_default();
    let payload = match kind {
        SapKind::Announcement => text.clone(),
        SapKind::Deletion => format!("{origin}\r\n"),
    };
    let mut bytes = Vec::new();
    SapPacket::new(kind, source, &text, payload.as_bytes()).emit(&mut bytes);
    bytes
}
