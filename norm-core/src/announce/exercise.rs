//! What must hold for any bytes at all: the bodies of the fuzz targets, shared with the test that
//! replays their corpus. Not part of the interface.

use core::net::IpAddr;
use core::time::Duration;

use super::{
    Directory, MAX_BYTES, MAX_BYTES_OF_HOST, MAX_DESCRIPTION, MAX_SESSIONS, SapPacket,
    SessionDescription,
};
use crate::base::Timestamp;

/// A description that is good says the same when it is written and read again.
pub fn sdp(bytes: &[u8]) -> bool {
    let description = match SessionDescription::parse(bytes) {
        Ok(description) => description,
        Err(error) => {
            let lines = 1 + bytes.iter().filter(|&&byte| byte == b'\n').count();
            assert!((1..=lines).contains(&error.line), "{error}");
            return false;
        }
    };
    let _ = (description.fec_ids().count(), description.is_over(Duration::from_secs(1 << 31)));
    let text = description.emit();
    if text.len() <= MAX_DESCRIPTION {
        match SessionDescription::parse(text.as_bytes()) {
            Ok(again) => assert_eq!(again, description, "{text}"),
            // What is written has all that is missing, and may have too many lines then.
            Err(error) => assert!(text.lines().count() > 2_000, "{error} in {text}"),
        }
    }
    true
}

/// A packet that is good is written again to the same bytes, but for what is skipped.
pub fn sap(bytes: &[u8]) -> bool {
    let Ok(packet) = SapPacket::parse(bytes) else { return false };
    let mut again = Vec::new();
    packet.emit(&mut again);
    match SapPacket::parse(&again) {
        Ok(same) => assert_eq!(same, packet),
        Err(error) => panic!("what was read can be written: {error}"),
    }
    true
}

/// A directory stays within its bounds: `seconds, host, length (2 bytes), datagram`, over and over.
pub fn directory(mut input: &[u8]) -> bool {
    let (mut directory, mut now) = (Directory::default(), Timestamp::ZERO);
    let mut has_sessions = false;
    while let Some((&[pause, host, high, low], rest)) = input.split_first_chunk() {
        let len = usize::from(u16::from_be_bytes([high, low])).min(rest.len());
        let (datagram, rest) = rest.split_at(len);
        input = rest;
        now += Duration::from_secs(u64::from(pause) * 30);
        let host = IpAddr::from([10, 0, 0, host]);
        directory.hear(now, host, datagram);
        directory.expire(now, Some(Duration::from_secs(1 << 30)));
        let sessions: Vec<_> = directory.sessions().collect();
        has_sessions |= !sessions.is_empty();
        assert!(sessions.len() <= MAX_SESSIONS && directory.bytes() <= MAX_BYTES as u64);
        let hosts = sessions.iter().filter(|session| session.host == host).count();
        assert!(hosts <= MAX_BYTES_OF_HOST / 8);
        assert!(directory.poll_timeout().is_none_or(|due| due > now), "a timer lies in the past");
    }
    has_sessions
}
