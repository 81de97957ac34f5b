//! Sealed datagrams that are written down: `NORM_BLESS=1` writes them anew.

use std::fmt::Write;

use norm_core::fileset::{ManifestHash, SetId};

use super::limits::Numbered;
use super::*;
use crate::header::Kind;
use crate::{Book, Epoch, Identity, RecipientKey, SIGNATURE_LEN, Signer, StatedSet, Verifier};

const COMMITTED: &str = include_str!("../../tests/vectors/sealed.txt");
const KEYS: &str = include_str!("../../tests/vectors/keys.txt");
const HELLOS: &str = include_str!("../../tests/vectors/hello.txt");
const TALK: &str = include_str!("../../tests/vectors/talk.txt");

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

/// HELLOs with a long-term key and without, and a signed packet of each run.
fn hellos() -> String {
    let mut text = String::from(
        "# HELLOs, and signed packets of their runs: docs/wire.md. Written by the tests.\n",
    );
    for address in ["239.1.2.3:6003", "[ff15::1]:6003", "192.0.2.1:6003"] {
        for keys in [keys(), keys().with_signer(Signer::from_seed([9; 32]))] {
            let group = SessionAddress::of(address.parse().unwrap());
            let signer = keys.signer().cloned();
            let guard = Guard::new(Role::Sender, keys, Suite::default(), group, RunId([1; 12]));
            let mut guard = guard.signing(&[6; 32]);
            guard.set_wall_clock(NOW, 1_800_000_000);
            let hello = guard.poll_hello(NOW).unwrap().to_vec();
            let mut signed = room_for(&[b"text".as_slice(), &[0; SIGNATURE_LEN]].concat());
            assert!(guard.seal_signed(&mut signed));
            writeln!(text, "\nsecret {}\ngroup {address}", hex(&[7; 32])).unwrap();
            if let Some(signer) = signer {
                writeln!(text, "signer {}", hex(&signer.verifier().0)).unwrap();
            }
            writeln!(text, "hello {}\ntext {}", hex(&hello), hex(b"text")).unwrap();
            writeln!(text, "datagram {}", hex(&signed)).unwrap();
        }
    }
    text
}

/// A statement, a challenge and its answer, with a long-term key and without.
fn talk() -> String {
    let mut text =
        String::from("# Statements, challenges and answers: docs/wire.md. Written by the tests.\n");
    for keys in [keys(), keys().with_signer(Signer::from_seed([9; 32]))] {
        let group = SessionAddress::of("239.1.2.3:6003".parse().unwrap());
        let signer = keys.signer().map(|signer| hex(&signer.verifier().0));
        let trusted =
            keys.trusted().iter().fold(super::keys(), |keys, &signer| keys.with_trusted(signer));
        let run = RunId([1; 12]);
        let sender = Guard::new(Role::Sender, keys, Suite::default(), group, run);
        let mut sender = sender.signing(&[6; 32]);
        sender.set_wall_clock(NOW, 1_800_000_000);
        let own_run = RunId([2; 12]);
        let receiver = Guard::new(Role::Receiver, trusted, Suite::default(), group, own_run);
        let mut receiver = receiver.requiring_hello();
        receiver.ask_if_live(false, &[8; 32]);
        let (list, name) = (Some([0x44; 32]), "image.iso".to_owned());
        let (set, manifest) = (SetId([0x22; 16]), ManifestHash([0x33; 32]));
        sender.state(StatedSet { set, manifest, list, name, life: None });
        let [hello, statement] = [0, 1].map(|_| sender.poll_own(NOW).unwrap().bytes);
        assert!(receiver.open(NOW, sender_at(), &mut hello.clone()).is_ok());
        let due = receiver.next_own().unwrap();
        let challenge = receiver.poll_own(due).unwrap().bytes;
        assert!(sender.open(due, receiver_at(9), &mut challenge.clone()).is_ok());
        let last = NOW + Duration::from_secs(9);
        let mut said = core::iter::from_fn(|| sender.poll_own(last)).map(|own| own.bytes);
        let answer = said.find(|bytes| bytes[1] == 0x85).unwrap();
        for (datagram, signature) in [(statement, 64), (challenge, 0), (answer, 64)] {
            let mut opened = datagram.clone();
            let header = crate::header::Header::parse(&opened).unwrap();
            let of = (signature == 0).then_some(run);
            let info = crate::schedule::KeyInfo::of(&header, group, of);
            let secret = GroupSecret::new([7; 32]).epoch_secret();
            let key = crate::schedule::RunKey::derive(&secret, info).unwrap();
            let (head, sealed) = opened.split_at_mut(HEADER_LEN);
            let plain = key.open(header.counter, head, sealed).unwrap();
            let plain = &plain[..plain.len() - signature];
            writeln!(text, "\nsecret {}\ngroup 239.1.2.3:6003", hex(&[7; 32])).unwrap();
            if let Some(signer) = &signer {
                writeln!(text, "signer {signer}").unwrap();
            }
            match of {
                Some(run) => writeln!(text, "sender {}", hex(&run.0)).unwrap(),
                None => writeln!(text, "hello {}", hex(&hello)).unwrap(),
            }
            writeln!(text, "text {}\ndatagram {}", hex(plain), hex(&datagram)).unwrap();
        }
    }
    text
}

/// A session that hands out keys: its HELLO, all pages, and a packet, for each recipient.
fn keys_pages() -> String {
    let mut text = String::from(
        "# KEYS, and packets sealed with their secret: docs/wire.md. Written by the tests.\n",
    );
    for (address, count) in [("239.1.2.3:6003", 3), ("[ff15::1]:6003", 20), ("192.0.2.1:6003", 1)] {
        let group = SessionAddress::of(address.parse().unwrap());
        let keys = Keyring::without_group().with_signer(Signer::from_seed([9; 32]));
        let signer = keys.signer().unwrap().verifier();
        let guard = Guard::new(Role::Sender, keys, Suite::default(), group, RunId([1; 12]));
        let mut guard = guard.signing(&[6; 32]);
        guard.set_wall_clock(NOW, 1_800_000_000);
        let identities: Vec<Identity> =
            (1..=count).map(|byte| Identity::new([byte; 32]).unwrap()).collect();
        let listed: Vec<RecipientKey> = identities.iter().map(Identity::public).collect();
        let subject = (group, guard.session().unwrap(), Epoch(0));
        let mut guard = guard.with_book(Book::make(&listed, subject, &[5; 32]).unwrap());
        let hello = guard.poll_hello(NOW).unwrap().to_vec();
        let mut pages = Vec::new();
        let mut now = NOW;
        while pages.len() < usize::from(count).div_ceil(13) {
            pages.extend(guard.poll_keys(now).map(|(_, page)| page.to_vec()));
            now += Duration::from_millis(20);
        }
        let mut packet = room_for(b"text");
        assert!(guard.seal(None, &mut packet));
        for (byte, identity) in (1..=count).zip(identities) {
            writeln!(text, "\ngroup {address}\nsigner {signer}\nhello {}", hex(&hello)).unwrap();
            let all: Vec<String> = pages.iter().map(|page| hex(page)).collect();
            writeln!(text, "pages {}\nidentity {}", all.join(","), hex(&[byte; 32])).unwrap();
            let said = [&hello].into_iter().chain(&pages).chain([&packet]);
            let nack = attested((group, signer), identity, said);
            writeln!(text, "nack {}", hex(&nack)).unwrap();
            writeln!(text, "text {}\ndatagram {}", hex(b"text"), hex(&packet)).unwrap();
        }
    }
    text
}

/// A NACK of a recipient that has heard this.
fn attested<'a>(
    (group, trusted): (SessionAddress, Verifier),
    identity: Identity,
    said: impl Iterator<Item = &'a Vec<u8>>,
) -> Vec<u8> {
    let keys = Keyring::of_recipient(vec![identity]).with_trusted(trusted);
    let run = RunId([0x65; 12]);
    let guard = Guard::new(Role::Receiver, keys, Suite::default(), group, run);
    let mut guard = guard.requiring_hello().with_identities(false);
    for datagram in said {
        assert!(guard.open(NOW, sender_at(), &mut datagram.clone()).is_ok());
    }
    feedback(&mut guard, b"nack")
}

#[test]
fn what_guards_say_is_what_is_written_down() {
    check("talk.txt", TALK, &talk());
}

#[test]
fn pages_of_keys_are_those_that_are_written_down() {
    check("keys.txt", KEYS, &keys_pages());
}

#[test]
fn hellos_are_those_that_are_written_down() {
    check("hello.txt", HELLOS, &hellos());
}

/// Compares a text with the committed one, or writes it.
fn check(name: &str, committed: &str, text: &str) {
    if std::env::var_os("NORM_BLESS").is_some() {
        let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/vectors");
        std::fs::write(folder.join(name), text).unwrap();
        return;
    }
    assert_eq!(committed, text, "run with NORM_BLESS=1 if the format has changed");
}

#[test]
fn datagrams_are_those_that_are_written_down() {
    check("sealed.txt", COMMITTED, &all());
}
