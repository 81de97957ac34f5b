//! What the fuzz target and the replay of its corpus share.

use core::time::Duration;

use norm_core::Timestamp;

use crate::{
    DropReason, GroupSecret, Guard, Keyring, Role, RunId, SessionAddress, Suite, sealed_key_id,
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
        if guard.open(now, source, &mut bytes.to_vec()).is_err() {
            continue;
        }
        opens = true;
        assert!(sealed_key_id(bytes).is_some(), "what is not sealed has opened");
        let again = guard.open(now, source, &mut bytes.to_vec()).map(|_| ());
        assert_eq!(again, Err(DropReason::Replayed));
    }
    opens
}
