//! The link against the real kernel, on the loopback interface.
#![cfg(target_os = "linux")]
#![expect(clippy::unwrap_used, reason = "a helper of a test fails like the test itself")]

use std::net::{SocketAddr, UdpSocket};
use std::sync::atomic::{AtomicU16, Ordering};
use std::time::{Duration, Instant};

use norm_net::io::error::NetError;
use norm_net::io::interface::InterfaceSpec;
use norm_net::io::socket::{Link, LinkConfig, PacketFilter, SendOutcome};

const SEGMENT: usize = 1000;
const PATIENCE: Duration = Duration::from_secs(5);
/// Long enough for a packet on loopback that must not come.
const SILENCE: Duration = Duration::from_millis(150);

/// A port that no other test of this process gets and, by the process id, hardly one of another.
fn port() -> u16 {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    let spread = u16::try_from(std::process::id() % 300).unwrap() * 32;
    20_000 + spread + NEXT.fetch_add(1, Ordering::Relaxed)
}

fn config(group: SocketAddr) -> LinkConfig {
    LinkConfig {
        interface: Some(InterfaceSpec::Name("lo".to_owned())),
        loopback: true,
        recv_buffer: 1 << 20,
        send_buffer: 1 << 20,
        ..LinkConfig::new(group)
    }
}

fn group(last: u8) -> SocketAddr {
    SocketAddr::new([239, 255, 77, last].into(), port())
}

fn open(config: &LinkConfig) -> Link {
    Link::open(config).unwrap()
}

struct Packet {
    source: SocketAddr,
    to_group: bool,
    payload: Vec<u8>,
}

/// Receives until there are `count` packets or `patience` ends.
fn receive(link: &mut Link, count: usize, patience: Duration) -> Vec<Packet> {
    let end = Instant::now() + patience;
    let mut packets = Vec::new();
    loop {
        link.recv(4, &mut |one| {
            let payload = one.payload.to_vec();
            packets.push(Packet { source: one.source, to_group: one.to_group, payload });
        })
        .unwrap();
        let left = end.saturating_duration_since(Instant::now());
        if packets.len() >= count || left.is_zero() {
            return packets;
        }
        link.wait(Some(left)).unwrap();
    }
}

/// 20 segments, each filled with its number, the last one shorter.
fn batch() -> Vec<u8> {
    let mut bytes: Vec<u8> =
        (0..20_u8).flat_map(|number| std::iter::repeat_n(number, SEGMENT)).collect();
    bytes.truncate(19 * SEGMENT + 10);
    bytes
}

fn assert_is_the_batch(packets: &[Packet]) {
    assert_eq!(packets.len(), 20);
    for (number, packet) in packets.iter().enumerate() {
        let len = if number == 19 { 10 } else { SEGMENT };
        assert_eq!(packet.payload, vec![u8::try_from(number).unwrap(); len], "packet {number}");
    }
}

fn batch_reaches_two_receivers(change: impl Fn(&mut LinkConfig)) -> Link {
    let mut config = config(group(1));
    change(&mut config);
    let mut receivers = [open(&config), open(&config)];
    let mut sender = open(&LinkConfig { join: false, ..config });
    let outcome = sender.send(sender.group(), SEGMENT, &batch()).unwrap();
    assert_eq!(outcome, SendOutcome::Sent);
    for receiver in &mut receivers {
        let packets = receive(receiver, 20, PATIENCE);
        assert_is_the_batch(&packets);
        assert!(packets.iter().all(|packet| packet.to_group));
        assert!(packets.iter().all(|packet| packet.source == sender.local_addr()));
        assert_eq!(receiver.stats().datagrams_received, 20);
        assert_eq!(receiver.stats().bytes_received, batch().len() as u64);
        assert_eq!(receiver.kernel_drops(), Some(0));
        assert!(receive(receiver, 1, SILENCE).is_empty(), "nothing comes twice");
    }
    assert_eq!(sender.stats().datagrams_sent, 20);
    sender
}

#[test]
fn batch_to_the_group_reaches_two_receivers_as_single_datagrams() {
    let sender = batch_reaches_two_receivers(|_| {});
    let calls = if sender.max_gso_segments() > 1 { 1 } else { 20 };
    assert_eq!(sender.stats().batches_sent, calls);
}

#[test]
fn without_gso_and_gro_the_same_datagrams_arrive() {
    let sender = batch_reaches_two_receivers(|config| (config.gso, config.gro) = (false, false));
    assert_eq!(sender.max_gso_segments(), 1);
    assert_eq!(sender.stats().batches_sent, 20);
}

#[test]
fn gro_can_be_switched_off_alone() {
    let mut config = config(group(2));
    config.gro = false;
    let mut receiver = open(&config);
    let mut sender = open(&LinkConfig { join: false, ..config });
    sender.send(sender.group(), SEGMENT, &batch()).unwrap();
    assert_is_the_batch(&receive(&mut receiver, 20, PATIENCE));
    assert_eq!(receiver.stats().batches_received, 20, "each in a buffer of its own");
}

#[test]
fn kernel_tells_how_long_a_packet_has_waited() {
    for gro in [true, false] {
        let mut config = config(group(9));
        config.gro = gro;
        let mut receiver = open(&config);
        let mut sender = open(&LinkConfig { join: false, ..config });
        // The kernel begins to stamp packets a moment after it was asked to.
        std::thread::sleep(Duration::from_millis(50));
        for wait in [Duration::from_millis(60), Duration::ZERO] {
            let start = Instant::now();
            sender.send(sender.group(), SEGMENT, &batch()).unwrap();
            std::thread::sleep(wait);
            let (end, mut waits) = (Instant::now() + PATIENCE, Vec::new());
            while waits.len() < 20 && Instant::now() < end {
                receiver.wait(Some(PATIENCE)).unwrap();
                receiver.recv(4, &mut |one| waits.push(one.waited)).unwrap();
            }
            let bounds = wait..=start.elapsed();
            assert_eq!(waits.len(), 20);
            assert!(waits.iter().all(|waited| bounds.contains(waited)), "{waits:?} {bounds:?}");
        }
    }
}

#[test]
fn more_than_a_batch_is_sent_in_several() {
    let config = config(group(3));
    let mut receiver = open(&config);
    let mut sender = open(&LinkConfig { join: false, ..config });
    let bytes = vec![9; 150 * SEGMENT];
    assert_eq!(sender.send(sender.group(), SEGMENT, &bytes).unwrap(), SendOutcome::Sent);
    let packets = receive(&mut receiver, 150, PATIENCE);
    assert_eq!(packets.len(), 150);
    assert!(packets.iter().all(|packet| packet.payload.len() == SEGMENT));
}

#[test]
fn two_groups_on_one_port_do_not_mix() {
    let first = group(4);
    let second = SocketAddr::new([239, 255, 77, 5].into(), first.port());
    let mut one = open(&config(first));
    let mut other = open(&config(second));
    let mut sender = open(&LinkConfig { join: false, ..config(first) });
    sender.send(first, 5, b"first").unwrap();
    sender.send(second, 6, b"second").unwrap();
    let (one, other) = (receive(&mut one, 2, SILENCE), receive(&mut other, 2, SILENCE));
    assert_eq!(one.iter().map(|one| &one.payload[..]).collect::<Vec<_>>(), [b"first"]);
    assert_eq!(other.iter().map(|one| &one.payload[..]).collect::<Vec<_>>(), [b"second"]);
}

#[test]
fn reply_to_the_source_arrives_at_the_sender_as_unicast() {
    let config = config(group(6));
    let mut sender = open(&config);
    let mut receiver = open(&config);
    sender.send(sender.group(), 4, b"data").unwrap();
    let data = receive(&mut receiver, 1, PATIENCE);
    receiver.send(data[0].source, 4, b"nack").unwrap();
    let reply = receive(&mut sender, 1, PATIENCE);
    assert_eq!(reply[0].payload, b"nack");
    assert!(!reply[0].to_group);
    assert_eq!(reply[0].source, receiver.local_addr());
    assert_eq!(sender.stats().echoes, 1, "its own data came back and was passed over");
}

#[test]
fn feedback_to_the_group_reaches_the_sender_and_the_other_receiver() {
    let config = config(group(7));
    let mut sender = open(&config);
    let mut first = open(&config);
    let mut second = open(&config);
    first.send(first.group(), 4, b"nack").unwrap();
    for link in [&mut sender, &mut second] {
        let heard = receive(link, 1, PATIENCE);
        assert_eq!((heard[0].payload.as_slice(), heard[0].to_group), (&b"nack"[..], true));
    }
    assert!(receive(&mut first, 1, SILENCE).is_empty());
}

/// On `lo` itself every packet comes back, whatever is asked for, so this needs another interface.
#[test]
fn without_loopback_this_machine_hears_nothing() {
    let config = LinkConfig { interface: None, ..config(group(8)) };
    let Ok(mut receiver) = Link::open(&config) else {
        return; // this machine has no network
    };
    let heard = |receiver: &mut Link, loopback, patience| {
        let mut sender = open(&LinkConfig { join: false, loopback, ..config.clone() });
        sender.send(sender.group(), 4, b"data").unwrap();
        receive(receiver, 1, patience).len()
    };
    if heard(&mut receiver, true, PATIENCE) == 0 {
        return; // a firewall is in the way, and silence would prove nothing
    }
    assert_eq!(heard(&mut receiver, false, SILENCE), 0);
}

#[test]
fn only_the_wanted_source_is_heard() {
    let address: SocketAddr = group(9);
    let wanted = LinkConfig { source: Some([127, 0, 0, 1].into()), ..config(address) };
    let other = LinkConfig { source: Some([127, 0, 0, 9].into()), ..config(address) };
    let mut hears = open(&wanted);
    let mut deaf = open(&other);
    let mut sender = open(&LinkConfig { join: false, ..config(address) });
    sender.send(address, 4, b"data").unwrap();
    assert_eq!(receive(&mut hears, 1, PATIENCE).len(), 1);
    assert!(receive(&mut deaf, 1, SILENCE).is_empty());
}

#[test]
fn ipv6_source_can_be_joined_on_an_interface_that_has_multicast() {
    let group = SocketAddr::new("ff3e::4d01".parse().unwrap(), port());
    let mut config = LinkConfig::new(group);
    config.source = Some("fd00::99".parse().unwrap());
    match Link::open(&config) {
        Ok(link) => assert!(link.interface().v6.is_some()),
        // A machine without IPv6; the join itself must not be what fails.
        Err(error) => assert!(matches!(error, NetError::Interface(_)), "{error}"),
    }
}

#[test]
fn unicast_session_works_both_ways_over_ipv4_and_ipv6() {
    for peer in ["127.0.0.1", "::1"] {
        if UdpSocket::bind((peer, 0)).is_err() {
            continue; // this machine has no IPv6
        }
        let session = SocketAddr::new(peer.parse().unwrap(), port());
        let sending = LinkConfig { interface: None, ..config(session) };
        let mut receiver = open(&LinkConfig { bind_session_port: true, ..sending.clone() });
        let mut sender = open(&sending);
        assert_eq!(sender.interface().name, "lo");
        sender.send(session, SEGMENT, &batch()).unwrap();
        let data = receive(&mut receiver, 20, PATIENCE);
        assert_is_the_batch(&data);
        assert!(data.iter().all(|packet| !packet.to_group));
        receiver.send(data[0].source, 4, b"nack").unwrap();
        let reply = receive(&mut sender, 1, PATIENCE);
        assert_eq!((reply[0].payload.as_slice(), reply[0].to_group), (&b"nack"[..], false));
    }
}

#[test]
fn second_unicast_receiver_on_the_port_is_refused() {
    let mut config = config(SocketAddr::new([127, 0, 0, 1].into(), port()));
    config.bind_session_port = true;
    let _first = open(&config);
    let error = Link::open(&config).unwrap_err().to_string();
    assert!(error.starts_with(&format!("cannot bind UDP {}: ", config.group)), "{error}");
    assert!(error.ends_with("another program holds this port, choose another one"), "{error}");
}

#[test]
fn wait_ends_by_timeout_by_waker_and_not_before() {
    let mut link = open(&config(group(10)));
    assert!(receive(&mut link, 1, Duration::from_millis(1)).is_empty());

    for timeout in [Duration::from_micros(300), Duration::from_millis(20)] {
        let start = Instant::now();
        link.wait(Some(timeout)).unwrap();
        assert!(start.elapsed() >= timeout, "{:?} of {timeout:?}", start.elapsed());
        assert!(start.elapsed() < PATIENCE);
    }

    let waker = link.waker();
    let start = Instant::now();
    let other = std::thread::spawn(move || {
        std::thread::sleep(Duration::from_millis(30));
        waker.wake().unwrap();
    });
    link.wait(Some(PATIENCE * 4)).unwrap();
    assert!((Duration::from_millis(25)..PATIENCE).contains(&start.elapsed()));
    other.join().unwrap();
}

#[test]
fn waker_also_ends_a_wait_of_less_than_a_millisecond_in_fraction() {
    let mut link = open(&config(group(11)));
    assert!(receive(&mut link, 1, Duration::from_millis(1)).is_empty());
    link.waker().wake().unwrap();
    let start = Instant::now();
    link.wait(Some(Duration::from_micros(40_500))).unwrap();
    assert!(start.elapsed() < Duration::from_millis(30), "{:?}", start.elapsed());
}

#[test]
fn wait_does_not_sleep_on_unread_packets() {
    let config = config(group(12));
    let mut receiver = open(&LinkConfig { gro: false, ..config.clone() });
    let mut sender = open(&LinkConfig { join: false, ..config });
    assert!(receive(&mut receiver, 1, Duration::from_millis(1)).is_empty());
    // More than one call reads, so that the edge of readiness is behind us when some are left.
    sender.send(sender.group(), 10, &[1; 1000]).unwrap();
    receiver.wait(Some(PATIENCE)).unwrap();
    let mut total = receiver.recv(1, &mut |_| ()).unwrap();
    assert!((1..100).contains(&total), "{total} at once");
    let start = Instant::now();
    while total < 100 {
        receiver.wait(Some(PATIENCE * 4)).unwrap();
        total += receiver.recv(1, &mut |_| ()).unwrap();
    }
    assert!(start.elapsed() < PATIENCE);
}

#[test]
fn with_the_smallest_send_buffer_nothing_is_lost() {
    let mut config = config(group(13));
    config.send_buffer = 1;
    let mut receiver = open(&config);
    let mut sender = open(&LinkConfig { join: false, ..config });
    let bytes = vec![3; 200 * SEGMENT];
    let mut sent = 0;
    while sent < bytes.len() {
        match sender.send(sender.group(), SEGMENT, &bytes[sent..]).unwrap() {
            SendOutcome::Sent => break,
            SendOutcome::Blocked { sent: part } => sent += part,
            other => panic!("{other:?}, {:?}", sender.stats()),
        }
        sender.wait(Some(PATIENCE)).unwrap();
    }
    assert_eq!(sender.stats().datagrams_sent, 200);
    assert_eq!(receive(&mut receiver, 200, PATIENCE).len(), 200);
}

#[test]
fn packet_beyond_the_mtu_does_not_leave_and_the_interface_is_named() {
    let mut sender = open(&LinkConfig { join: false, ..config(group(14)) });
    let sent = sender.send(sender.group(), 65_530, &[0; 65_530]).unwrap();
    assert_eq!(sent, SendOutcome::TooLong { bytes: 65_530 });
    assert_eq!(sender.stats().datagrams_sent, 0);
    let packet = sender.too_long(65_530);
    assert_eq!((packet.packet, packet.interface.as_str()), (65_558, "lo"));
    assert!(packet.limit() < packet.packet, "{packet:?}");
}

#[test]
fn segments_of_no_bytes_are_refused() {
    let mut sender = open(&LinkConfig { join: false, ..config(group(15)) });
    assert!(sender.send(sender.group(), 0, b"data").is_err());
    assert_eq!(sender.send(sender.group(), 10, b"").unwrap(), SendOutcome::Sent);
    assert_eq!(sender.stats().batches_sent, 0);
}

#[test]
fn packet_that_the_system_forbids_is_counted_and_not_fatal() {
    // Broadcast is only for sockets that asked for it, which ours do not.
    let mut sender = open(&LinkConfig { join: false, ..config(group(16)) });
    let outcome = sender.send("255.255.255.255:9".parse().unwrap(), 10, &[0; 35]).unwrap();
    assert_eq!(outcome, SendOutcome::Refused { sent: 0 });
    assert_eq!(sender.stats().sends_refused, 1);
    assert!(sender.stats().last_send_error.is_some());
}

#[test]
fn small_buffer_is_granted_as_asked_for() {
    let link = open(&LinkConfig { recv_buffer: 64 << 10, ..config(group(17)) });
    assert_eq!(link.buffers().recv_asked, 64 << 10);
    assert_eq!(link.buffers().recv_granted, 64 << 10, "the kernel's doubling is undone");
}

#[test]
fn drops_of_the_kernel_are_told() {
    let config = LinkConfig { recv_buffer: 4 << 10, ..config(group(18)) };
    let receiver = open(&config);
    let mut sender = open(&LinkConfig { join: false, ..config });
    sender.send(sender.group(), SEGMENT, &vec![0; 200 * SEGMENT]).unwrap();
    let end = Instant::now() + PATIENCE;
    while receiver.kernel_drops() == Some(0) && Instant::now() < end {
        std::thread::sleep(Duration::from_millis(1));
    }
    assert!(receiver.kernel_drops().unwrap() > 0);
}

#[test]
fn filter_keeps_its_packets_and_without_one_nothing_is_dropped() {
    let all: Vec<u8> = (0..=255).collect();
    for (feedback_filter, kept) in [
        (None, all.clone()),
        (
            Some(PacketFilter { offset: 0, mask: 0x0f, min: 14, sample: None }),
            (0..16).flat_map(|n| [n << 4 | 14, n << 4 | 15]).collect(),
        ),
        (
            Some(PacketFilter { offset: 0, mask: 0xff, min: 250, sample: None }),
            (250..=255).collect(),
        ),
    ] {
        let session = SocketAddr::new([127, 0, 0, 1].into(), port());
        let receiver = LinkConfig { bind_session_port: true, feedback_filter, ..config(session) };
        let mut receiver = open(&receiver);
        let mut sender = open(&config(session));
        for &first in &all {
            sender.send(session, 100, &[first; 100]).unwrap();
        }
        let came = receive(&mut receiver, all.len(), SILENCE);
        let came: Vec<u8> = came.iter().map(|packet| packet.payload[0]).collect();
        assert_eq!(came, kept, "{feedback_filter:?}");
    }
}

#[test]
fn options_that_cannot_work_are_refused_with_a_reason() {
    let message = |change: fn(&mut LinkConfig)| {
        let mut config = config("239.255.77.19:20000".parse().unwrap());
        change(&mut config);
        let error = Link::open(&config).unwrap_err();
        assert!(matches!(error, NetError::Config(_)), "{error}");
        error.to_string()
    };
    assert_eq!(message(|c| c.ttl = 0), "a TTL of 0 is not possible: give 1 to 255");
    assert_eq!(message(|c| c.ttl = 256), "a TTL of 256 is not possible: give 1 to 255");
    assert_eq!(
        message(|c| c.group.set_port(0)),
        "the session 239.255.77.19:0 needs a port from 1 to 65535"
    );
    assert!(message(|c| c.source = Some("::1".parse().unwrap())).contains("mix IPv4 and IPv6"));
    assert!(message(|c| c.source = Some("239.1.1.1".parse().unwrap())).contains("one sender"));
    assert!(message(|c| c.group.set_ip([0, 0, 0, 0].into())).contains("no address to send to"));
}

#[test]
fn unknown_interface_is_answered_with_those_that_exist() {
    let mut config = config(group(20));
    config.interface = Some(InterfaceSpec::Name("eth9nine".to_owned()));
    let error = Link::open(&config).unwrap_err().to_string();
    assert!(error.starts_with("no network interface is eth9nine; there are: "), "{error}");
    assert!(error.contains("lo (127.0.0.1"), "{error}");
}
