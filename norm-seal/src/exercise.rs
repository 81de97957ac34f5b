//! What the fuzz target and the replay of its corpus share.

use core::time::Duration;

use norm_core::Timestamp;

use crate::{
    DropReason, GroupSecret, Guard, Keyring, Opened, Role, RunId, SessionAddress, Signer, Suite,
    sealed_key_id,
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
