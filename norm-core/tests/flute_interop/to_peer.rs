//! Our sender, the peer's receiver.

use norm_core::flute::Profile;
use norm_core::flute::sender::Passes;

use crate::case::{Case, Fec, Loss, Table};
use crate::peer::PeerReceiver;
use crate::sender::{OurSender, config, without_fti};

/// What a transfer took.
pub struct Took {
    /// Packets that were sent until the object was complete.
    pub packets: usize,
}

/// Sends an object of ours until it is complete at the peer; checks every byte.
pub fn send(case: &Case, profile: Profile, passes: Passes, room: usize) -> Took {
    let content = case.content();
    let mut sender = OurSender::new(&config(case, profile, passes), &content);
    let mut receiver = PeerReceiver::new(room);
    let mut loss = Loss::new(case.loss);
    let (mut packets, most) = (0, case.most());
    while receiver.complete().is_empty() {
        let packet = sender.next().filter(|_| packets < most).unwrap_or_else(|| {
            panic!("{case:?} {profile}, packet {packets}: {:?}", receiver.refused)
        });
        packets += 1;
        let packet = if case.in_band { packet } else { without_fti(&packet) };
        if !loss.hits() {
            receiver.hear(&packet);
        }
    }
    let [(location, bytes)] = &receiver.complete()[..] else { panic!("{case:?}: several") };
    assert!(location.ends_with("a/b.bin") && *bytes == content, "{case:?}: {location}");
    assert!(receiver.refused.is_empty(), "{case:?} {profile}: {:?}", receiver.refused);
    assert_eq!(receiver.failed(), 0, "{case:?} {profile}");
    Took { packets }
}

/// Once, or as often as it takes where packets are lost.
pub fn passes(case: &Case) -> Passes {
    if case.loss == 0 { Passes::Once { overhead: 10 } } else { Passes::Forever }
}

#[test]
fn object_of_each_scheme_is_received_by_the_peer() {
    for fec in Fec::ALL {
        for (profile, room) in [(Profile::FluteCrate, 10 << 20), (Profile::Rfc6726, 10 << 20)] {
            for loss in [0, 10] {
                let case = Case { loss, ..Case::new(fec, 1_000_003) };
                let took = send(&case, profile, passes(&case), room);
                let needed = 1_000_003_usize.div_ceil(1400);
                assert!(took.packets > needed, "{fec:?}");
                let two_passes = fec != Fec::NoCode || loss == 0;
                assert!(!two_passes || took.packets < needed * 3, "{fec:?}: {}", took.packets);
            }
        }
    }
}

#[test]
fn tables_alone_say_to_the_peer_how_objects_are_cut() {
    for fec in Fec::ALL {
        let case = Case { in_band: false, ..Case::new(fec, 30_000) };
        send(&case, Profile::FluteCrate, passes(&case), 10 << 20);
    }
}

#[test]
fn tables_in_gzip_are_read_by_the_peer() {
    for fec in Fec::ALL {
        for in_band in [true, false] {
            let case = Case { in_band, table: Table::Gzip, ..Case::new(fec, 30_000) };
            send(&case, Profile::FluteCrate, passes(&case), 10 << 20);
        }
    }
}

#[test]
fn peer_checks_the_hash_in_our_table() {
    let case = Case::new(Fec::NoCode, 30_000);
    let content = case.content();
    let config = config(&case, Profile::FluteCrate, passes(&case));
    let mut sender = OurSender::new(&config, &content);
    let mut receiver = PeerReceiver::new(10 << 20);
    while let Some(mut packet) = sender.next() {
        // The last byte of the first symbol.
        if packet.ends_with(&content[1390..1400]) {
            *packet.last_mut().unwrap() ^= 1;
        }
        receiver.hear(&packet);
    }
    assert!(receiver.complete().is_empty(), "it takes what is not what was sent");
    assert_eq!(receiver.failed(), 1);
}

#[test]
fn peer_receives_more_blocks_than_it_sends() {
    for fec in [Fec::Rs5, Fec::Rs2m8, Fec::Rs129, Fec::Raptor, Fec::NoCode] {
        let mut case = Case::new(fec, 300 * 8 * 64 - 5);
        (case.symbol_size, case.block_len, case.parity) = (64, 8, 4);
        send(&case, Profile::Rfc6726, passes(&case), 10 << 20);
    }
}
