//! What the fuzz target and the replay of its corpus share.

use core::time::Duration;

use norm_core::Timestamp;

use crate::header::Header;
use crate::schedule::{KeyInfo, RunKey};
use crate::{
    DropReason, GroupSecret, Guard, Keyring, Opened, Role, RunId, SessionAddress, Signer, Suite,
    TAG_LEN, sealed_key_id,
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

/// How a member of a group forges a packet of its sender.
#[derive(Copy, Clone, Debug)]
pub enum Forgery {
    /// Without a signature, this number of packets after the one that it copies.
    Unsigned(u64),
    /// With a signature of its own, this number of packets after the one that it copies.
    Signed(u64),
    /// A HELLO for the same run, by a long-term key of its own.
    Hello,
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
    let (is_signed, ahead) = match forgery {
        Forgery::Unsigned(ahead) => (false, ahead),
        Forgery::Signed(ahead) => (true, ahead),
        Forgery::Hello => {
            let keys = Keyring::new(secret).with_signer(Signer::from_seed([0xbd; 32]));
            let mut guard =
                Guard::new(Role::Sender, keys, suite, address, run).signing(&[0xba; 32]);
            let now = Timestamp::ZERO;
            guard.set_wall_clock(now, 1_900_000_000);
            return guard.poll_hello(now).map(<[u8]>::to_vec);
        }
    };
    let header = Header { is_signed, counter: header.counter.checked_add(ahead)?, ..header };
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
