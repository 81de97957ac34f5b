use core::net::IpAddr;
use core::time::Duration;

use super::description;
use crate::announce::{Announcer, LEAST_INTERVAL, SapKind, SapPacket, SessionDescription};
use crate::base::Timestamp;
use crate::endpoint::{Datagram, Endpoint, Proof, TransmitBuf};

const START: Timestamp = Timestamp::from_nanos(7);

fn source() -> IpAddr {
    [192, 0, 2, 7].into()
}

fn announcer(seed: u64) -> Announcer {
    Announcer::new(description(1), source(), seed, START)
}

/// What leaves now.
fn sent(announcer: &mut Announcer, now: Timestamp) -> Vec<Vec<u8>> {
    let (mut out, mut packets) = (TransmitBuf::new(4), Vec::new());
    while announcer.poll_transmit(now, &mut out).is_some() {
        packets.push(out.as_bytes().to_vec());
    }
    packets
}

fn hear(announcer: &mut Announcer, now: Timestamp, id: u64, size: usize) {
    let mut other = description(id);
    other.others.session = vec![format!("a=x:{}", "x".repeat(size))];
    let text = other.emit();
    let mut payload = Vec::new();
    SapPacket::new(SapKind::Announcement, [10, 0, 0, 1].into(), &text, text.as_bytes())
        .emit(&mut payload);
    let source = ([10, 0, 0, 1 + id as u8], 9).into();
    let waited = Duration::ZERO;
    announcer.handle_datagram(
        now,
        Datagram {
            source,
            to_group: true,
            ce: false,
            waited,
            proof: Proof::None,
            payload: &mut payload,
        },
    );
}

#[test]
fn session_is_announced_at_once_and_then_within_a_third_of_the_interval() {
    for seed in 0..20 {
        let mut announcer = announcer(seed);
        let first = sent(&mut announcer, START);
        let packet = SapPacket::parse(&first[0]).unwrap();
        assert_eq!((first.len(), packet.kind, packet.source), (1, SapKind::Announcement, source()));
        assert_eq!(SessionDescription::parse(packet.payload).unwrap(), description(1));
        let mut last = START;
        for _ in 0..20 {
            let due = announcer.poll_timeout().unwrap();
            assert!(sent(&mut announcer, due - Duration::from_nanos(1)).is_empty());
            assert_eq!(sent(&mut announcer, due), first, "the same bytes each time");
            let gap = due.saturating_since(last);
            let third = LEAST_INTERVAL / 3;
            assert!((LEAST_INTERVAL - third..=LEAST_INTERVAL + third).contains(&gap), "{gap:?}");
            last = due;
        }
    }
}

#[test]
fn announcers_that_hear_each_other_slow_down_together() {
    let mut announcer = announcer(1);
    let own = sent(&mut announcer, START)[0].len();
    let due = announcer.poll_timeout().unwrap();
    // 30 kB in all: 60 s, give or take a third, from the last announcement on.
    for id in 2..5 {
        hear(&mut announcer, START, id, 10_000 - own);
    }
    assert!(sent(&mut announcer, due).is_empty(), "it is put off");
    let later = announcer.poll_timeout().unwrap().saturating_since(START);
    assert!((40..=81).contains(&later.as_secs()), "{later:?}");
    assert_eq!(sent(&mut announcer, START + later).len(), 1);
}

#[test]
fn own_announcement_that_comes_back_does_not_count() {
    let mut announcer = announcer(1);
    let mut own = sent(&mut announcer, START).remove(0);
    let source = (source(), 9).into();
    let waited = Duration::ZERO;
    announcer.handle_datagram(
        START,
        Datagram {
            source,
            to_group: true,
            ce: false,
            waited,
            proof: Proof::None,
            payload: &mut own,
        },
    );
    assert_eq!(announcer.others.bytes(), 0);
}

#[test]
fn end_is_told_and_is_the_end() {
    let mut announcer = announcer(1);
    let announced = sent(&mut announcer, START).remove(0);
    announcer.finish();
    assert!(!announcer.is_done());
    let deletions = sent(&mut announcer, START);
    assert_eq!(deletions.len(), 3, "one that is lost is not asked for");
    let deletion = SapPacket::parse(&deletions[0]).unwrap();
    assert_eq!(deletion.kind, SapKind::Deletion);
    assert_eq!(deletion.hash, SapPacket::parse(&announced).unwrap().hash);
    assert_eq!(deletion.payload, b"o=- 1 1 IN IP4 192.0.2.7\r\n");
    assert!(announcer.is_done() && announcer.poll_timeout().is_none());
    announcer.finish();
    assert!(sent(&mut announcer, START + Duration::from_secs(99)).is_empty());

    let mut silent = self::announcer(1);
    silent.finish();
    assert!(silent.is_done(), "nothing to delete");
}

#[test]
fn host_that_moves_deletes_and_announces_anew() {
    let mut announcer = announcer(1);
    sent(&mut announcer, START);
    announcer.move_to(START, source());
    assert!(sent(&mut announcer, START).is_empty(), "the same address");
    announcer.move_to(START, [192, 0, 2, 9].into());
    let packets = sent(&mut announcer, START);
    let parsed: Vec<_> = packets.iter().map(|bytes| SapPacket::parse(bytes).unwrap()).collect();
    assert_eq!((parsed.len(), parsed[0].kind, parsed[0].source), (4, SapKind::Deletion, source()));
    let now = SessionDescription::parse(parsed[3].payload).unwrap();
    assert_eq!((now.origin.address.as_str(), now.origin.version), ("192.0.2.9", 2));
}
