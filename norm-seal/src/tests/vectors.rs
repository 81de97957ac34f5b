//! Sealed datagrams that are written down: `NORM_BLESS=1` writes them anew.

use std::fmt::Write;

use super::limits::Numbered;
use super::*;
use crate::header::Kind;

const COMMITTED: &str = include_str!("../../tests/vectors/sealed.txt");

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// One case after the other, each as lines of a name and a value.
fn all() -> String {
    let mut text = String::from(
        "# Sealed datagrams: docs/wire.md says how they are made. Written by the tests.\n",
    );
    let addresses = ["239.1.2.3:6003", "[ff15::1]:6003", "192.0.2.1:6003"];
    let counters = [0, 1, (1 << 23) - 1, 1 << 23, (1 << 48) - 1];
    for suite in [Suite::Aes256Gcm, Suite::ChaCha20Poly1305] {
        for (kind, address) in [Kind::Forward, Kind::Feedback]
            .into_iter()
            .flat_map(|kind| addresses.map(|address| (kind, address)))
        {
            for counter in counters {
                let sender = (kind == Kind::Feedback).then_some(RunId([0x5e; 12]));
                let mut numbered = Numbered::new();
                (numbered.suite, numbered.kind, numbered.sender) = (suite, kind, sender);
                numbered.address = SessionAddress::of(address.parse().unwrap());
                let datagram = numbered.seal(counter).unwrap();
                writeln!(text, "\nsecret {}", hex(&[7; 32])).unwrap();
                writeln!(text, "group {address}").unwrap();
                if let Some(sender) = sender {
                    writeln!(text, "sender {}", hex(&sender.0)).unwrap();
                }
                writeln!(text, "text {}", hex(b"text")).unwrap();
                writeln!(text, "datagram {}", hex(&datagram)).unwrap();
            }
        }
    }
    text
}

#[test]
fn datagrams_are_those_that_are_written_down() {
    let text = all();
    if std::env::var_os("NORM_BLESS").is_some() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/vectors/sealed.txt");
        std::fs::write(path, &text).unwrap();
        return;
    }
    assert_eq!(COMMITTED, text, "run with NORM_BLESS=1 if the format has changed");
}
