//! The peer's sender, our receiver.

use crate::case::{Case, Fec, Loss, Table};
use crate::peer::PeerSender;
use crate::receiver::OurReceiver;

/// What a transfer took.
pub struct Took {
    /// Packets that were sent until the object was complete.
    pub packets: usize,
}

/// Sends an object of the peer's until it is complete; checks every byte.
pub fn receive(case: &Case) -> Took {
    let content = case.content();
    let mut sender = PeerSender::new(case, &content, case.loss > 0);
    let mut receiver = OurReceiver::new();
    let mut loss = Loss::new(case.loss);
    let (mut packets, most) = (0, case.most());
    while receiver.complete().is_empty() {
        let packet = sender.next().filter(|_| packets < most);
        let packet = packet.unwrap_or_else(|| panic!("{case:?}: {:?}", receiver.stats()));
        packets += 1;
        if !loss.hits() {
            receiver.hear(&packet);
        }
    }
    assert!(receiver.complete() == [("a/b.bin".to_owned(), content)], "{case:?}");
    let stats = receiver.stats();
    assert_eq!((stats.malformed, stats.invalid, stats.bad_tables), (0, 0, 0), "{case:?}");
    assert_eq!((stats.no_room, stats.early_dropped), (0, 0), "{case:?}");
    assert!(receiver.events.len() == 1, "{:?}", receiver.events);
    Took { packets }
}

#[test]
fn object_of_each_scheme_is_received() {
    for fec in Fec::ALL {
        for loss in [0, 10] {
            let took = receive(&Case { loss, ..Case::new(fec, 1_000_003) });
            let needed = 1_000_003_usize.div_ceil(1400);
            assert!(took.packets > needed, "{fec:?}");
            let one_pass = fec != Fec::NoCode || loss == 0;
            assert!(!one_pass || took.packets < needed * 2, "{fec:?}: {}", took.packets);
        }
    }
}

#[test]
fn tables_may_be_encoded_and_alone_say_how_objects_are_cut() {
    for fec in Fec::ALL {
        for table in [Table::Plain, Table::Gzip, Table::Zlib, Table::Deflate] {
            receive(&Case { table, in_band: false, ..Case::new(fec, 30_000) });
        }
    }
}

#[test]
fn session_that_begins_with_its_end_is_received() {
    let case = Case::new(Fec::Rs5, 30_000);
    let content = case.content();
    let mut sender = PeerSender::new(&case, &content, false);
    let mut receiver = OurReceiver::new();
    receiver.hear(&sender.close());
    while let Some(packet) = sender.next() {
        receiver.hear(&packet);
    }
    assert!(receiver.complete() == [("a/b.bin".to_owned(), content)]);
}

#[test]
fn tables_may_be_coded_as_objects_are() {
    for fec in Fec::ALL {
        for (table, loss) in [(Table::Plain, 0), (Table::Gzip, 10)] {
            let coded_table = true;
            let case =
                Case { coded_table, table, loss, symbol_size: 100, ..Case::new(fec, 30_000) };
            receive(&case);
        }
    }
}
