//! The whole matrix, with `NORM_TEST_INTEROP=1`.

use norm_core::flute::Profile;
use norm_core::flute::sender::Passes;

use crate::case::{Case, Fec, Table};
use crate::{from_peer, to_peer};

const SWITCH: &str = "NORM_TEST_INTEROP";
const MIB: usize = 1 << 20;
/// Nothing, one byte, three symbols, blocks of two lengths with a short last symbol.
const SIZES: [usize; 4] = [0, 1, 3 * 1400, 500_001];
const LOSSES: [u32; 2] = [0, 10];

pub fn is_on() -> bool {
    let is_on = std::env::var(SWITCH).as_deref() == Ok("1");
    if !is_on {
        println!("skipped; {SWITCH}=1 runs it, best with --release");
    }
    is_on
}

/// The peer's Raptor has four symbols at least, of a multiple of four bytes.
fn peer_can_send(case: &Case) -> bool {
    case.fec != Fec::Raptor || case.size == 0 || case.size >= 16
}

/// The peer takes an empty object for received when a packet of it comes before the table: see
/// `peer_loses_empty_objects_that_come_before_the_table`.
fn peer_can_receive(case: &Case) -> bool {
    case.size > 0 || case.loss == 0 || !case.in_band
}

fn small(fec: Fec) -> impl Iterator<Item = Case> {
    let bands = [true, false].into_iter();
    let cases = bands.flat_map(move |in_band| {
        SIZES.into_iter().map(move |size| Case { in_band, ..Case::new(fec, size) })
    });
    cases.flat_map(|case| LOSSES.map(|loss| Case { loss, ..case }))
}

/// 64 MiB in blocks that fit each scheme's numbers, and the peer's.
fn large(fec: Fec, loss: u32) -> Case {
    let (block_len, parity) = match fec {
        Fec::NoCode => (64, 0),
        Fec::Raptor | Fec::RaptorQ => (1000, 200),
        Fec::Rs2m8 | Fec::Rs5 | Fec::Rs129 => (200, 50),
        Fec::Rs2m16 => (500, 120),
    };
    Case { loss, block_len, parity, ..Case::new(fec, 64 * MIB) }
}

#[test]
fn small_objects_of_the_peer() {
    if !is_on() {
        return;
    }
    let mut cells = 0;
    for case in Fec::ALL.into_iter().flat_map(small).filter(peer_can_send) {
        for table in [Table::Plain, Table::Gzip, Table::Zlib, Table::Deflate] {
            from_peer::receive(&Case { table, ..case });
            cells += 1;
        }
    }
    println!("{cells} transfers of the peer's are complete");
}

#[test]
fn small_objects_to_the_peer() {
    if !is_on() {
        return;
    }
    let mut cells = 0;
    for case in Fec::ALL.into_iter().flat_map(small).filter(peer_can_receive) {
        for profile in [Profile::FluteCrate, Profile::Rfc6726] {
            for table in [Table::Plain, Table::Gzip] {
                let case = Case { table, ..case };
                to_peer::send(&case, profile, to_peer::passes(&case), 10 * MIB);
                cells += 1;
            }
        }
    }
    println!("{cells} transfers to the peer are complete");
}

#[test]
fn large_objects() {
    if !is_on() {
        return;
    }
    println!("64 MiB, 47,935 symbols: packets until complete");
    for fec in Fec::ALL {
        for loss in LOSSES {
            let case = large(fec, loss);
            // Without a code nothing but another pass helps, and then all blocks are incomplete.
            // With one the peer's own 10 MiB suffice.
            let (passes, room) = match fec {
                Fec::NoCode => (to_peer::passes(&case), 64 * MIB + 65_536),
                _ => (Passes::Once { overhead: 25 }, 10 * MIB),
            };
            let to = to_peer::send(&case, Profile::FluteCrate, passes, room).packets;
            let from = from_peer::receive(&case).packets;
            println!("{fec:?}, {loss} % lost: to the peer {to}, from it {from}");
        }
    }
}
