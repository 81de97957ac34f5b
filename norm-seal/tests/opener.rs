//! Another implementation opens what is sealed here: with `NORM_TEST_PYTHON=1`, where Python has
//! the package `cryptography`.
#![expect(clippy::unwrap_used, reason = "a helper of a test fails like the test itself")]

use std::fmt::Write as _;
use std::io::Write as _;
use std::net::SocketAddr;
use std::process::{Command, Stdio};

use norm_core::Timestamp;
use norm_seal::{
    GroupSecret, Guard, HEADER_LEN, Keyring, Role, RunId, SessionAddress, Suite, TAG_LEN,
};

const SECRET: [u8; 32] = [0x42; 32];
const GROUP: &str = "239.255.1.1:6003";

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn guard(role: Role, suite: Suite, run: RunId) -> Guard {
    let address = SessionAddress::of(GROUP.parse().unwrap());
    Guard::new(role, Keyring::new(GroupSecret::new(SECRET)), suite, address, run)
}

/// Seals a text of this length, and appends the case to the others.
fn case(
    guard: &mut Guard,
    to: Option<(SocketAddr, RunId)>,
    len: usize,
    cases: &mut String,
) -> Vec<u8> {
    let text: Vec<u8> = (0..len).map(|byte| byte as u8).collect();
    let mut datagram = [&[0; HEADER_LEN], text.as_slice(), &[0; TAG_LEN]].concat();
    assert!(guard.seal(to.map(|(address, _)| address), &mut datagram));
    write!(cases, "\n\nsecret {}\ngroup {GROUP}\n", hex(&SECRET)).unwrap();
    if let Some((_, run)) = to {
        writeln!(cases, "sender {}", hex(&run.0)).unwrap();
    }
    write!(cases, "text {}\ndatagram {}", hex(&text), hex(&datagram)).unwrap();
    datagram
}

/// How many cases the other implementation has opened.
fn opened(cases: &str) -> String {
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/opener.py");
    let mut python = Command::new("python3")
        .arg(script)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("python3 is there");
    python.stdin.take().unwrap().write_all(cases.as_bytes()).unwrap();
    let output = python.wait_with_output().unwrap();
    assert!(output.status.success(), "{}", output.status);
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

#[test]
fn another_implementation_opens_thousand_packets_and_all_that_are_written_down() {
    if std::env::var_os("NORM_TEST_PYTHON").is_none() {
        println!("skipped: NORM_TEST_PYTHON=1 runs it");
        return;
    }
    let written = include_str!("vectors/sealed.txt");
    assert_eq!(opened(written), written.matches("datagram ").count().to_string());
    let hellos = include_str!("vectors/hello.txt");
    assert_eq!(opened(hellos), hellos.matches("hello ").count().to_string());
    let talk = include_str!("vectors/talk.txt");
    assert_eq!(opened(talk), talk.matches("datagram ").count().to_string());
    let keys = include_str!("vectors/keys.txt");
    assert_eq!(opened(keys), keys.matches("identity ").count().to_string());
    let mut cases = String::new();
    let at: SocketAddr = ([192, 0, 2, 1], 5740).into();
    for (suite, byte) in [(Suite::Aes256Gcm, 1), (Suite::ChaCha20Poly1305, 2)] {
        let run = RunId([byte; 12]);
        let mut sender = guard(Role::Sender, suite, run);
        let mut receiver = guard(Role::Receiver, suite, RunId([byte + 100; 12]));
        for len in 0..250 {
            let mut heard = case(&mut sender, None, len * 5, &mut cases);
            receiver.open(Timestamp::ZERO, at, &mut heard).unwrap();
            case(&mut receiver, Some((at, run)), len, &mut cases);
        }
    }
    assert_eq!(opened(&cases), "1000");
}
