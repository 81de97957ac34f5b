use core::net::IpAddr;
use core::time::Duration;

use super::description;
use crate::announce::{
    Change, Directory, MAX_BYTES, MAX_BYTES_OF_HOST, MAX_SESSIONS, SapError, SapKind, SapPacket,
    SessionDescription, Times,
};
use crate::base::Timestamp;

const START: Timestamp = Timestamp::from_nanos(1);
const HOUR: Duration = Duration::from_secs(3_600);

fn host(n: u16) -> IpAddr {
    let [high, low] = n.to_be_bytes();
    [10, 0, high, low].into()
}

fn packet(kind: SapKind, source: IpAddr, of: &SessionDescription) -> Vec<u8> {
    let text = of.emit();
    let mut bytes = Vec::new();
    SapPacket::new(kind, source, &text, text.as_bytes()).emit(&mut bytes);
    bytes
}

fn announcement(source: IpAddr, of: &SessionDescription) -> Vec<u8> {
    packet(SapKind::Announcement, source, of)
}

fn names(directory: &Directory) -> Vec<String> {
    let mut names: Vec<_> = directory.sessions().map(|it| it.description.name).collect();
    names.sort();
    names
}

#[test]
fn session_is_new_once_and_deleted_by_its_host() {
    let (mut directory, session) = (Directory::default(), description(1));
    let bytes = announcement(host(1), &session);
    let heard = directory.hear(START, host(1), &bytes);
    assert!(matches!(heard, Some(Change::New(it)) if it.description == session));
    assert_eq!(directory.hear(START, host(1), &bytes), None);
    let deletion = packet(SapKind::Deletion, host(1), &session);
    assert_eq!(directory.hear(START, host(2), &deletion), None, "another host says so");
    assert_eq!(names(&directory), ["session 1"]);
    let heard = directory.hear(START, host(1), &deletion);
    assert!(matches!(heard, Some(Change::Deleted(it)) if it.description == session));
    assert_eq!((names(&directory).len(), directory.bytes()), (0, 0));
}

#[test]
fn modified_session_replaces_what_its_announcer_said() {
    let mut directory = Directory::default();
    let mut session = description(1);
    directory.hear(START, host(1), &announcement(host(1), &session));
    session.origin.version += 1;
    session.name = "renamed".to_owned();
    let changed = announcement(host(1), &session);
    let heard = directory.hear(START, host(1), &changed);
    assert!(matches!(heard, Some(Change::Modified(it)) if it.description.name == "renamed"));
    assert_eq!(names(&directory), ["renamed"]);
    assert_eq!(directory.bytes(), changed.len() as u64);
    // The same from elsewhere is another session (RFC 2974 §5).
    session.name = "forged".to_owned();
    let heard = directory.hear(START, host(2), &announcement(host(1), &session));
    assert!(matches!(heard, Some(Change::New(_))));
    assert_eq!(names(&directory), ["forged", "renamed"]);
}

#[test]
fn equal_hashes_prove_nothing() {
    let mut directory = Directory::default();
    let text = description(1).emit();
    directory.hear(START, host(1), &announcement(host(1), &description(1)));
    let other = text.replace("session 1", "session 9");
    let mut bytes = Vec::new();
    SapPacket::new(SapKind::Announcement, host(1), &text, other.as_bytes()).emit(&mut bytes);
    assert!(matches!(directory.hear(START, host(1), &bytes), Some(Change::Modified(_))));
    assert_eq!(names(&directory), ["session 9"]);
}

#[test]
fn sessions_of_one_host_may_have_the_same_hash() {
    let mut directory = Directory::default();
    let with_hash_of_first = |kind, id| {
        let text = description(id).emit();
        let mut bytes = Vec::new();
        SapPacket::new(kind, host(1), "", text.as_bytes()).emit(&mut bytes);
        bytes
    };
    for id in [1, 2, 1, 2] {
        directory.hear(START, host(1), &with_hash_of_first(SapKind::Announcement, id));
    }
    assert_eq!(names(&directory), ["session 1", "session 2"]);
    directory.hear(START, host(1), &with_hash_of_first(SapKind::Deletion, 2));
    assert_eq!(names(&directory), ["session 1"]);
}

#[test]
fn session_is_forgotten_after_an_hour_or_ten_intervals_or_at_its_end() {
    let mut directory = Directory::default();
    directory.hear(START, host(1), &announcement(host(1), &description(1)));
    assert_eq!(directory.poll_timeout(), Some(START + HOUR));
    assert!(directory.expire(START + HOUR - Duration::from_nanos(1), None).is_empty());
    assert_eq!(directory.expire(START + HOUR, None).len(), 1);
    let mut over = description(2);
    over.times = Times { start: 0, stop: 2_208_988_800 + 100 };
    directory.hear(START, host(1), &announcement(host(1), &over));
    assert!(directory.expire(START, Some(Duration::from_secs(99))).is_empty());
    assert_eq!(directory.expire(START, Some(Duration::from_secs(100))).len(), 1);
    // Many announcements: an interval of more than 360 s.
    let mut long = description(3);
    long.others.session = vec![format!("a=x:{}", "x".repeat(60_000))];
    for n in 1..=4 {
        long.origin.id = u64::from(n);
        directory.hear(START, host(n), &announcement(host(n), &long));
    }
    let due = directory.poll_timeout().unwrap();
    let tenfold = 10.0 * 8.0 * directory.bytes() as f64 / 4_000.0;
    assert!((due.saturating_since(START).as_secs_f64() - tenfold).abs() < 1.0 && tenfold > 4_000.0);
}

#[test]
fn what_a_network_can_add_is_bounded() {
    let mut directory = Directory::default();
    for id in 0..2 * MAX_SESSIONS {
        let host = host((id % 100) as u16);
        directory.hear(START, host, &announcement(host, &description(id as u64)));
    }
    assert_eq!(names(&directory).len(), MAX_SESSIONS);
    assert_eq!(directory.counts().dropped, MAX_SESSIONS as u64);

    let mut directory = Directory::default();
    let mut long = description(0);
    long.others.session = vec![format!("a=x:{}", "x".repeat(20_000))];
    for id in 0..200 {
        long.origin.id = u64::from(id);
        let host = host(id / 10);
        directory.hear(START, host, &announcement(host, &long));
    }
    assert!(directory.bytes() <= MAX_BYTES as u64 && directory.bytes() > MAX_BYTES as u64 - 60_000);
    let of_one = directory.sessions().filter(|session| session.host == host(0)).count();
    assert_eq!(of_one, MAX_BYTES_OF_HOST / 20_200);
}

#[test]
fn what_cannot_be_used_is_counted() {
    let mut directory = Directory::default();
    let good = announcement(host(1), &description(1));
    let mut with_flags = |flags: u8| {
        let mut bytes = good.clone();
        bytes[0] = flags;
        assert_eq!(directory.hear(START, host(1), &bytes), None);
    };
    for flags in [0x22, 0x21, 0x00] {
        with_flags(flags);
    }
    let text = "v=0\r\nno description";
    let mut bytes = Vec::new();
    SapPacket::new(SapKind::Announcement, host(1), text, text.as_bytes()).emit(&mut bytes);
    assert_eq!(directory.hear(START, host(1), &bytes), None);
    // A session of another protocol takes its share of the rate, and is not listed.
    let audio = "v=0\r\no=- 1 1 IN IP4 h\r\nc=IN IP4 239.1.2.3/1\r\nm=audio 2 RTP/AVP 0\r\n";
    let mut bytes = Vec::new();
    SapPacket::new(SapKind::Announcement, host(1), audio, audio.as_bytes()).emit(&mut bytes);
    assert_eq!(directory.hear(START, host(1), &bytes), None);
    assert_eq!((names(&directory).len(), directory.bytes()), (0, bytes.len() as u64));
    let counts = directory.counts();
    let refused = [SapError::Encrypted, SapError::Compressed, SapError::Version];
    assert_eq!(refused.map(|error| counts.refused(error)), [1, 1, 1]);
    assert_eq!((counts.malformed, counts.packets, counts.dropped), (1, 2, 0));
}
