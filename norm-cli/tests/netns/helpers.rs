//! Programs that the tests start inside a namespace. They are this test binary itself: each is a
//! test that is never run by itself, and does nothing unless started by [`Scene::helper`].
//!
//! [`Scene::helper`]: crate::scene::Scene::helper

use std::io::{Read, Write};
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::time::{Duration, Instant};

use norm_net::io::interface::InterfaceSpec;
use norm_net::io::socket::{Link, LinkConfig};
use serde_json::{Value, json};
use socket2::SockRef;

use crate::attacker::Attacker;
use crate::forger::Forger;
use crate::process::MARK;
use crate::relay::{self, Delays};

/// Set for helpers only.
pub const SWITCH: &str = "NORM_TEST_HELPER";
/// Datagrams that [`batch_sender`] sends; few enough for the bridge's queue of 1000 packets.
pub const DATAGRAMS: u64 = 640;
/// No helper lives longer, whatever becomes of its test.
const LIFETIME: Duration = Duration::from_secs(600);

/// The group of `norm-send` and `norm-recv` when none is given.
const GROUP: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::new(239, 255, 57, 40)), 5740);
const SEGMENT: usize = 1300;
const SEGMENTS_IN_BATCH: usize = 32;

fn is_wanted() -> bool {
    std::env::var_os(SWITCH).is_some()
}

fn link() -> Link {
    let interface = Some(InterfaceSpec::Name("eth0".to_owned()));
    Link::open(&LinkConfig { interface, ..LinkConfig::new(GROUP) }).expect("eth0 is there")
}

fn tell(event: &Value) {
    let mut out = std::io::stdout();
    // The test that started this may be gone; the helper's lifetime ends it then.
    let _ = writeln!(out, "{MARK}{event}");
    let _ = out.flush();
}

#[test]
#[ignore = "started inside a namespace by other tests"]
fn batch_sender() {
    if !is_wanted() {
        return;
    }
    let mut link = link();
    tell(&json!({ "event": "ready" }));
    let batch = vec![0x57; SEGMENT * SEGMENTS_IN_BATCH];
    while link.stats().datagrams_sent < DATAGRAMS {
        link.send(link.group(), SEGMENT, &batch).expect("the network is up");
        std::thread::sleep(Duration::from_millis(2));
    }
    let stats = link.stats();
    tell(&json!({
        "event": "sent", "batches": stats.batches_sent, "datagrams": stats.datagrams_sent,
    }));
}

#[test]
#[ignore = "started inside a namespace by other tests"]
fn batch_receiver() {
    if !is_wanted() {
        return;
    }
    let mut link = link();
    tell(&json!({ "event": "ready" }));
    let start = Instant::now();
    let mut last = None;
    // Until it has been quiet for a second.
    while start.elapsed() < LIFETIME
        && last.is_none_or(|last: Instant| last.elapsed() < Duration::from_secs(1))
    {
        link.wait(Some(Duration::from_millis(100))).expect("the link works");
        if link.recv(8, &mut |_| ()).expect("the link works") > 0 {
            last = Some(Instant::now());
        }
    }
    let stats = link.stats();
    tell(&json!({
        "event": "received",
        "batches": stats.batches_received, "datagrams": stats.datagrams_received,
    }));
}

#[test]
#[ignore = "started inside a namespace by other tests"]
fn attacker() {
    if !is_wanted() {
        return;
    }
    let mut attacker = Attacker::new(link(), 1);
    tell(&json!({ "event": "ready" }));
    let start = Instant::now();
    let mut seconds = 0;
    while start.elapsed() < LIFETIME {
        attacker.turn();
        if start.elapsed().as_secs() > seconds {
            seconds = start.elapsed().as_secs();
            tell(&json!({
                "event": "bothered", "at": start.elapsed().as_secs_f64(),
                "sent": attacker.sent(), "heard": attacker.heard(),
            }));
        }
    }
}

#[test]
#[ignore = "started inside a namespace by other tests"]
fn forger() {
    if !is_wanted() {
        return;
    }
    let mut forger = Forger::new(link(), 1);
    tell(&json!({ "event": "ready" }));
    let (start, mut told) = (Instant::now(), Duration::ZERO);
    while start.elapsed() < LIFETIME {
        forger.turn();
        if start.elapsed() >= told + Duration::from_millis(250) {
            told = start.elapsed();
            tell(&json!({
                "event": "bothered", "at": told.as_secs_f64(),
                "sent": forger.sent(), "heard": forger.heard(),
            }));
        }
    }
}

/// Where [`tcp_sink`] listens, on the first receiving host.
const TCP: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::new(10, 57, 1, 2)), 5999);

#[test]
#[ignore = "started inside a namespace by other tests"]
fn tcp_sink() {
    if !is_wanted() {
        return;
    }
    let listener = TcpListener::bind(TCP).expect("the address is ours");
    tell(&json!({ "event": "ready" }));
    let (mut stream, _) = listener.accept().expect("the source connects");
    let (start, mut bytes, mut told) = (Instant::now(), 0_u64, Duration::ZERO);
    let mut buffer = vec![0; 1 << 16];
    while start.elapsed() < LIFETIME {
        match stream.read(&mut buffer) {
            Ok(read) if read > 0 => bytes += read as u64,
            Ok(_) | Err(_) => break,
        }
        if start.elapsed() >= told + Duration::from_millis(250) {
            told = start.elapsed();
            tell(&json!({ "event": "got", "bytes": bytes }));
        }
    }
}

#[test]
#[ignore = "started inside a namespace by other tests"]
fn tcp_source() {
    if !is_wanted() {
        return;
    }
    let mut stream = TcpStream::connect(TCP).expect("the sink listens");
    // Some systems have another default, such as BBR.
    let set = SockRef::from(&stream).set_tcp_congestion(b"cubic");
    set.expect("the kernel has CUBIC");
    tell(&json!({ "event": "ready" }));
    let (start, buffer) = (Instant::now(), vec![0x57; 1 << 16]);
    while start.elapsed() < LIFETIME && stream.write_all(&buffer).is_ok() {}
}

#[test]
#[ignore = "started inside a namespace by other tests"]
fn relay() {
    if !is_wanted() {
        return;
    }
    relay::run(Delays::wanted(), LIFETIME, |at, bytes| {
        let event = if at.is_zero() { "ready" } else { "passed" };
        tell(&json!({ "event": event, "at": at.as_secs_f64(), "bytes": bytes }));
    });
}
