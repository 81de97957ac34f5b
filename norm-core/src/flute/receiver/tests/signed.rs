//! Senders that sign what speaks for them.

use super::*;

#[test]
fn tables_ends_and_layouts_have_to_be_signed_and_symbols_need_not() {
    let sent = Sent::new(7, no_code(250), &content(1, 250));
    let config = ReceiverConfig { is_signed: true, auto_accept: true, ..ReceiverConfig::new() };
    let mut bench = Bench::with(config);
    bench.proof = Proof::Group;
    let table = Table::new(0, vec![sent.file("a")]).packets();
    bench.hear_all(&table);
    bench.hear_all(&sent.source());
    bench.hear(&close());
    let expected = (table.len() + sent.source().len() + 1) as u64;
    assert_eq!((bench.engine.stats().unsigned, bench.engine.stats().heard), (expected, 0));
    assert!(bench.others.is_empty(), "no session has begun");
    bench.proof = Proof::Signed;
    bench.hear_all(&table);
    bench.proof = Proof::Group;
    // Another table, an end of the object and of the session, and another layout.
    bench.hear_all(&Table::new(1, vec![sent.file("b")]).packets());
    bench.hear(&close());
    let mut last = sent.source().remove(0);
    last.header.close_object = true;
    bench.hear(&last);
    let mut other = Sent::new(7, no_code(1_950), &content(2, 1_950));
    other.in_band = true;
    assert_eq!(bench.engine.stats().symbols, 0);
    bench.hear(&other.packet(2, 2, 1));
    assert_eq!((bench.engine.stats().symbols, bench.opened.len()), (0, 1));
    bench.hear_all(&sent.source());
    assert_eq!(bench.bytes(FIRST, 7), Some(&sent.bytes[..]));
    bench.wait(SECOND);
    assert_eq!(bench.others.len(), 1, "the session has not ended");
    bench.proof = Proof::Signed;
    bench.hear(&close());
    bench.wait(SECOND);
    assert_eq!(bench.others[1..], [ReceiverEvent::SenderEnded { sender: FIRST }]);
}
