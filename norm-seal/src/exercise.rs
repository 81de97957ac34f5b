//! What the fuzz target and the replay of its corpus share.

use core::time::Duration;

use norm_core::Timestamp;
use norm_core::endpoint::{Destination, Proof};

use crate::header::{Header, Kind};
use crate::schedule::{KeyInfo, RunKey};
use crate::statement::Statement;
use crate::{
    Book, DropReason, Epoch, GroupSecret, Guard, Identity, KeyFile, Keyring, Opened, PublicKeys,
    Role, RunId, SessionAddress, Signer, Suite, TAG_LEN, Verifier, sealed_key_id,
};

fn guard(role: Role, run: u8) -> Guard {
    let keys = Keyring::new(GroupSecret::new([7; 32]));
    let address = SessionAddress::of(([239, 1, 2, 3], 6003).into());
    Guard::new(role, keys, Suite::default(), address, RunId([run; 12]))
}

/// Hands a datagram to both ends of a session whose sender has the run 5e5e…; true if it opens at
/// one of them. No input makes either panic, and nothing opens twice.
pub fn open(bytes: &[u8]) -> bool {
    let (now, source) =
        (Timestamp::since_epoch(Duration::from_secs(9)), ([192, 0, 2, 1], 5740).into());
    let mut opens = false;
    for role in [Role::Sender, Role::Receiver] {
        let mut guard = guard(role, 0x5e);
        if !matches!(guard.open(now, source, &mut bytes.to_vec()), Ok(Opened::Text(..))) {
            continue;
        }
        opens = true;
        assert!(sealed_key_id(bytes).is_some(), "what is not sealed has opened");
        let again = guard.open(now, source, &mut bytes.to_vec()).map(|_| ());
        assert_eq!(again, Err(DropReason::Replayed));
    }
    opens
}

/// Hands a datagram as a HELLO to receivers, one that trusts a key and one that believes every
/// member; true if one of them takes it. No input makes either panic, and none is taken
/// twice.
pub fn hello(bytes: &[u8]) -> bool {
    let now = Timestamp::since_epoch(Duration::from_secs(9));
    let source = ([192, 0, 2, 1], 5740).into();
    let trusted = Signer::from_seed([9; 32]).verifier();
    let member = guard(Role::Receiver, 0x5e).requiring_hello();
    let keys = Keyring::new(GroupSecret::new([7; 32])).with_trusted(trusted);
    let address = SessionAddress::of(([239, 1, 2, 3], 6003).into());
    let strict = Guard::new(Role::Receiver, keys, Suite::default(), address, RunId([1; 12]));
    let mut taken = false;
    for mut guard in [member, strict.requiring_hello()] {
        guard.set_wall_clock(now, 1_800_000_000);
        if matches!(guard.open(now, source, &mut bytes.to_vec()), Ok(Opened::Hello)) {
            taken = true;
            assert_eq!(guard.counters().hellos, 1, "it was not looked at");
            assert!(guard.open(now, source, &mut bytes.to_vec()).is_ok(), "the same again");
            assert_eq!(guard.counters().hellos, 1, "it was taken twice");
        }
    }
    taken
}

/// A statement that is signed by the trusted key: true if it is one. Every one that is is written
/// again to the same bytes.
pub fn statement(bytes: &[u8]) -> bool {
    let Some(read) = Statement::parse(bytes) else { return false };
    let signer = Signer::from_seed([9; 32]);
    let is_signed = read.is_signed();
    // Signatures of Ed25519 are the same each time.
    let again = read.statement.encode(Some(&signer).filter(|_| is_signed));
    let holds = read.verify(signer.verifier()).is_ok();
    assert_eq!(again == bytes, holds || !is_signed, "it is not written as it was read");
    holds
}

/// Hands a text to both ends of a session, as one that the other end has sealed: as a statement or
/// an answer of the sender, which has signed it, and as a challenge of the receiver. True if one
/// of them takes it. No text makes either panic.
pub fn talk(text: &[u8]) -> bool {
    let now = Timestamp::since_epoch(Duration::from_secs(9));
    let (here, there) = (([192, 0, 2, 1], 5740).into(), ([192, 0, 2, 2], 5740).into());
    let mut sender = guard(Role::Sender, 0x5e).signing(&[6; 32]);
    let mut receiver = guard(Role::Receiver, 1).requiring_hello();
    receiver.ask_if_live(true, &[1; 32]);
    let hello = sender.poll_hello(now).map(<[u8]>::to_vec).unwrap_or_default();
    let introduced = matches!(receiver.open(now, here, &mut hello.clone()), Ok(Opened::Hello));
    assert!(introduced, "a HELLO is refused");
    let own = |guard: &mut Guard, source, mut datagram: Vec<u8>| {
        matches!(guard.open(now, source, &mut datagram), Ok(Opened::Own))
    };
    let mut taken = false;
    for kind in [Kind::Statement, Kind::Proof] {
        let sealed = sender.seal_own((kind, None), true, text);
        taken |= sealed.is_some_and(|sealed| own(&mut receiver, here, sealed));
    }
    while receiver.poll_statement().is_some() {}
    let sealed = receiver.seal_own((Kind::Proof, Some(RunId([0x5e; 12]))), false, text);
    taken | sealed.is_some_and(|sealed| own(&mut sender, there, sealed))
}

/// The keys of the first epoch of a session, for recipients with the keys 0101…, 0202… and so on.
fn book_of(recipients: &[u8], session: Verifier) -> Option<Book> {
    let identities = recipients.iter().filter_map(|byte| Identity::new([*byte; 32]));
    let listed: Vec<_> = identities.map(|identity| identity.public()).collect();
    let address = SessionAddress::of(([239, 1, 2, 3], 6003).into());
    Book::make(&listed, (address, session, Epoch(0)), &[8; 32]).ok()
}

fn member_of(recipients: &[u8], role: Role) -> Option<Guard> {
    let identity = |byte: &u8| Identity::new([*byte; 32]);
    let address = SessionAddress::of(([239, 1, 2, 3], 6003).into());
    let signer = Signer::from_seed([9; 32]);
    let now = Timestamp::since_epoch(Duration::from_secs(9));
    let mut guard = match role {
        Role::Sender => {
            let keys = Keyring::without_group().with_signer(signer);
            let guard = Guard::new(role, keys, Suite::default(), address, RunId([0x5e; 12]));
            let guard = guard.signing(&[6; 32]);
            let book = book_of(recipients, guard.session()?)?;
            guard.with_book(book)
        }
        Role::Receiver => {
            let keys = Keyring::of_recipient(recipients.iter().filter_map(identity).collect());
            let keys = keys.with_trusted(signer.verifier());
            let guard = Guard::new(role, keys, Suite::default(), address, RunId([1; 12]));
            guard.requiring_hello().with_identities(false)
        }
    };
    guard.set_wall_clock(now, 1_800_000_000);
    Some(guard)
}

/// Hands a datagram as a page of KEYS, or as an answer with one, to a recipient that knows the
/// session of the sender with the run 5e5e…, whose recipients have the keys 0101…, 0202… and so on;
/// true if it has the key then. No input makes it panic.
pub fn keys(bytes: &[u8]) -> bool {
    let now = Timestamp::since_epoch(Duration::from_secs(9));
    let source = ([192, 0, 2, 1], 5740).into();
    let (Some(mut sender), Some(mut receiver)) =
        (member_of(&[1, 2, 3], Role::Sender), member_of(&[2], Role::Receiver))
    else {
        return false;
    };
    let Some(hello) = sender.poll_hello(now).map(<[u8]>::to_vec) else { return false };
    assert!(receiver.open(now, source, &mut hello.clone()).is_ok(), "its HELLO is good");
    let _ = receiver.open(now, source, &mut bytes.to_vec());
    let has_key = receiver.key_id().is_some();
    assert!(!has_key || receiver.key_id() == sender.key_id(), "another key was found");
    has_key
}

/// Hands a datagram as a request for keys to a sender; true if it answers. No answer is more than
/// three times as long.
pub fn key_request(bytes: &[u8]) -> bool {
    let now = Timestamp::since_epoch(Duration::from_secs(9));
    let Some(mut sender) = member_of(&[1, 2, 3], Role::Sender) else { return false };
    let source = ([192, 0, 2, 7], 6003).into();
    let _ = sender.open(now, source, &mut bytes.to_vec());
    let mut answers = 0;
    while let Some((to, datagram)) = sender.poll_keys(now) {
        if to == Destination::Unicast(source) {
            answers += datagram.len();
        }
    }
    assert!(answers <= 3 * bytes.len(), "{answers} bytes answer {}", bytes.len());
    answers > 0
}

/// Hands a text, which a member without a key of its own has sealed as feedback that it attests, to
/// a sender with recipients; true if it is taken for that of one of them. No text makes it panic.
pub fn attested(text: &[u8]) -> bool {
    let now = Timestamp::since_epoch(Duration::from_secs(9));
    let Some(mut sender) = member_of(&[1, 2, 3], Role::Sender) else { return false };
    let Some(book) = sender.session().and_then(|session| book_of(&[1, 2, 3], session)) else {
        return false;
    };
    let (secret, suite) = (book.secret(), Suite::default());
    let (kind, epoch, key_id, run) = (Kind::Feedback, Epoch(0), secret.key_id(), RunId([0x61; 12]));
    let header = Header { suite, kind, is_signed: true, epoch, key_id, run, counter: 0 };
    let address = SessionAddress::of(([239, 1, 2, 3], 6003).into());
    let info = KeyInfo::of(&header, address, Some(RunId([0x5e; 12])));
    let (head, mut text) = (header.emit(), text.to_vec());
    let tag = RunKey::derive(&secret.epoch_secret(), info)
        .and_then(|key| key.seal(header.counter, &head, &mut text));
    let Some(tag) = tag else { return false };
    let mut datagram = [head.as_slice(), &text, &tag].concat();
    let source = ([192, 0, 2, 7], 6003).into();
    match sender.open(now, source, &mut datagram) {
        Ok(Opened::Text(_, proof)) => {
            assert!(matches!(proof, Proof::Receiver(_)), "nothing is attested, and it was taken");
            true
        }
        Ok(Opened::Own) => true,
        Ok(Opened::Hello) => panic!("it is feedback"),
        Err(reason) => {
            assert_eq!(reason, DropReason::BadSignature);
            false
        }
    }
}

/// Reads bytes as a key file; true if it is one. What it has is written as it is read.
pub fn key_file(bytes: &[u8]) -> bool {
    let Ok(file) = KeyFile::parse(&String::from_utf8_lossy(bytes)) else { return false };
    let again = KeyFile::parse(&file.line());
    assert!(again.is_ok_and(|again| again.line() == file.line()), "another file is written");
    true
}

/// Reads bytes as a list of public keys; true if it has some. What it has is written as it is read.
pub fn recipients(bytes: &[u8]) -> bool {
    let Ok(keys) = PublicKeys::parse(&String::from_utf8_lossy(bytes)) else { return false };
    for key in &keys.recipients {
        let again = PublicKeys::parse(&key.to_string()).map(|keys| keys.recipients);
        assert_eq!(again.as_deref(), Ok([*key].as_slice()));
    }
    !keys.recipients.is_empty()
}

/// Reads bytes as a file of identities, and as a key that signs; true if one of them is there.
pub fn identities(bytes: &[u8]) -> bool {
    let text = String::from_utf8_lossy(bytes);
    let (found, signer) = (Identity::parse(&text), Signer::parse_ssh(&text));
    if let (Ok(found), Ok(signer)) = (&found, &signer) {
        assert_eq!(found[0].ed25519(), Some(signer.verifier().0));
    }
    assert!(signer.is_err() || found.is_ok(), "what signs opens, too");
    found.is_ok()
}

/// How a member of a group forges a packet of its sender.
#[derive(Copy, Clone, Debug)]
pub enum Forgery {
    /// Without a signature, this number of packets after the one that it copies.
    Unsigned(u64),
    /// With a signature of its own, this number of packets after the one that it copies.
    Signed(u64),
    /// A HELLO for the same run, by a long-term key of its own.
    Hello,
    /// What it states of a set, signed by its own keys, this number of packets after the one that
    /// it copies.
    Statement(u64),
    /// Answers to challenges, signed by a key of its own, this number of packets after the one that
    /// it copies.
    Proof(u64),
}

/// Seals a text as a member can that has the secret of the group but no key of the sender, with the
/// `header` of one of its packets; `None` when that is none.
pub fn forge(
    secret: GroupSecret,
    address: SessionAddress,
    header: &[u8],
    text: &[u8],
    forgery: Forgery,
) -> Option<Vec<u8>> {
    let header = Header::parse(&[header, &[0; TAG_LEN]].concat())?;
    let Header { suite, run, .. } = header;
    let (kind, is_signed, ahead) = match forgery {
        Forgery::Unsigned(ahead) => (Kind::Forward, false, ahead),
        Forgery::Signed(ahead) => (Kind::Forward, true, ahead),
        Forgery::Statement(ahead) => (Kind::Statement, true, ahead),
        Forgery::Proof(ahead) => (Kind::Proof, true, ahead),
        Forgery::Hello => {
            let keys = Keyring::new(secret).with_signer(Signer::from_seed([0xbd; 32]));
            let mut guard =
                Guard::new(Role::Sender, keys, suite, address, run).signing(&[0xba; 32]);
            let now = Timestamp::ZERO;
            guard.set_wall_clock(now, 1_900_000_000);
            return guard.poll_hello(now).map(<[u8]>::to_vec);
        }
    };
    let counter = header.counter.checked_add(ahead)?;
    let header = Header { kind, is_signed, counter, ..header };
    let head = header.emit();
    let mut text = text.to_vec();
    if is_signed {
        let signed = [head.as_slice(), &text].concat();
        text.extend_from_slice(&Signer::from_seed([0xba; 32]).sign(&signed));
    }
    let key = RunKey::derive(&secret.epoch_secret(), KeyInfo::of(&header, address, None))?;
    let tag = key.seal(header.counter, &head, &mut text)?;
    Some([head.as_slice(), &text, &tag].concat())
}
