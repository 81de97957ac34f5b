//! The RFC's examples, byte limits, and payloads that are not repair requests.

use super::*;
use crate::norm::wire::{PayloadFormat, PayloadId};

/// An item as in the RFC's examples: blocks of 32 symbols, FEC id 129.
fn small_block(object: u16, block: u32, symbol: u32) -> RepairItem {
    let id = PayloadId { block, block_len: 32, symbol };
    RepairItem {
        fec_id: FecId::SMALL_BLOCK,
        object: ObjectId(object),
        payload_id: id.encode(PayloadFormat::Block32Len16Symbol16),
    }
}

fn raptorq(object: u16, block: u32, count: u32) -> RepairItem {
    let id = PayloadId { block, block_len: 0, symbol: count };
    RepairItem {
        fec_id: FecId::RAPTORQ,
        object: ObjectId(object),
        payload_id: id.encode(PayloadFormat::Block8Symbol24),
    }
}

fn reparsed(writer: &RepairWriter) -> RepairRequests<'_> {
    let requests = writer.as_requests();
    assert_eq!(RepairRequests::from_bytes(requests.as_bytes()), Ok(requests));
    requests
}

#[test]
fn neighbours_share_a_request_as_in_rfc_example_1() {
    let mut writer = RepairWriter::new(1000);
    for symbol in [2, 5, 8] {
        let item = small_block(12, 3, symbol);
        assert!(writer.push_item(RepairForm::Items, RepairFlags::SEGMENT, item));
    }
    let item = |symbol| [129, 0, 0, 12, 0, 0, 0, 3, 0, 32, 0, symbol];
    let expected = [&[1, 1, 0, 36][..], &item(2), &item(5), &item(8)].concat();
    assert_eq!(reparsed(&writer).as_bytes(), expected);
    assert_eq!((writer.len(), writer.remaining()), (40, 960));
}

#[test]
fn ranges_and_items_mix_as_in_rfc_example_2() {
    let mut writer = RepairWriter::new(1000);
    let (first, last) = (small_block(18, 6, 5), small_block(18, 6, 10));
    assert!(writer.push_range(RepairFlags::SEGMENT, first, last));
    let flags = RepairFlags::SEGMENT.union(RepairFlags::INFO);
    let single = small_block(19, 1, 3);
    assert!(writer.push_item(RepairForm::Items, flags, single));
    let expected = [
        &[2, 1, 0, 24][..],
        &[129, 0, 0, 18, 0, 0, 0, 6, 0, 32, 0, 5],
        &[129, 0, 0, 18, 0, 0, 0, 6, 0, 32, 0, 10],
        &[1, 5, 0, 12],
        &[129, 0, 0, 19, 0, 0, 0, 1, 0, 32, 0, 3],
    ]
    .concat();
    assert_eq!(reparsed(&writer).as_bytes(), expected);

    let requests: Vec<_> = writer.as_requests().iter().collect();
    assert_eq!(requests.len(), 2);
    assert_eq!(requests[0].form, RepairForm::Ranges);
    assert!(requests[0].ranges().eq([(first, last)]));
    assert_eq!(requests[1].flags, flags);
    assert!(requests[1].items.iter().eq([single]));
    assert_eq!(requests[1].ranges().count(), 0, "items are not ranges");
}

#[test]
fn new_flags_begin_a_new_request() {
    let mut writer = RepairWriter::new(100);
    assert!(writer.push_item(RepairForm::Items, RepairFlags::SEGMENT, raptorq(7, 3, 1)));
    assert!(writer.push_item(RepairForm::Items, RepairFlags::BLOCK, raptorq(7, 4, 0)));
    let flags = reparsed(&writer).iter().map(|request| request.flags);
    assert!(flags.eq([RepairFlags::SEGMENT, RepairFlags::BLOCK]));
}

#[test]
fn items_that_do_not_fit_are_refused() {
    let mut writer = RepairWriter::new(27);
    let push = |writer: &mut RepairWriter, form, block| {
        writer.push_item(form, RepairFlags::SEGMENT, raptorq(1, block, 9))
    };
    assert!(push(&mut writer, RepairForm::Erasures, 0));
    assert!(push(&mut writer, RepairForm::Erasures, 1));
    assert_eq!(writer.remaining(), 7);
    let before = writer.as_requests().as_bytes().to_vec();
    assert!(!push(&mut writer, RepairForm::Erasures, 2), "an item takes 8 bytes");
    assert_eq!(reparsed(&writer).as_bytes(), before);

    let mut writer = RepairWriter::new(23);
    assert!(push(&mut writer, RepairForm::Erasures, 0));
    assert!(!push(&mut writer, RepairForm::Items, 1), "a new request takes 12 bytes");
    assert!(!writer.push_range(RepairFlags::BLOCK, raptorq(1, 1, 0), raptorq(1, 3, 0)));
    assert_eq!(writer.len(), 12);
    assert!(!push(&mut RepairWriter::new(0), RepairForm::Items, 0));
}

#[test]
fn range_fits_entirely_or_not_at_all() {
    let ends = (raptorq(1, 1, 0), raptorq(1, 3, 0));
    assert!(!RepairWriter::new(19).push_range(RepairFlags::BLOCK, ends.0, ends.1));
    assert!(RepairWriter::new(20).push_range(RepairFlags::BLOCK, ends.0, ends.1));
}

#[test]
fn limit_beyond_the_length_field_is_cut() {
    let mut writer = RepairWriter::new(1 << 20);
    let item = raptorq(7, 3, 1);
    while writer.push_item(RepairForm::Items, RepairFlags::SEGMENT, item) {}
    assert_eq!(writer.len(), 4 + 65_528);
    let requests: Vec<_> = reparsed(&writer).iter().collect();
    assert_eq!(requests.len(), 1);
    assert_eq!(requests[0].items.iter().count(), 65_528 / 8);
}

#[test]
fn cleared_writer_starts_with_a_new_request() {
    let mut writer = RepairWriter::new(100);
    let item = raptorq(7, 3, 1);
    assert!(writer.push_item(RepairForm::Items, RepairFlags::SEGMENT, item));
    let once = writer.as_requests().as_bytes().to_vec();
    writer.clear();
    assert!(writer.is_empty() && writer.as_requests().is_empty());
    assert_eq!(writer.remaining(), 100);
    assert!(writer.push_item(RepairForm::Items, RepairFlags::SEGMENT, item));
    assert_eq!(reparsed(&writer).as_bytes(), once);
}

#[test]
fn single_item_as_a_range_is_a_range_of_one() {
    let mut writer = RepairWriter::new(100);
    let item = raptorq(7, 3, 1);
    assert!(writer.push_item(RepairForm::Ranges, RepairFlags::SEGMENT, item));
    let request = reparsed(&writer).iter().next().unwrap();
    assert!(request.ranges().eq([(item, item)]));
}

#[test]
fn payload_id_of_another_scheme_is_not_written() {
    let mixed = RepairItem { fec_id: FecId::SMALL_BLOCK, ..raptorq(1, 1, 1) };
    let unknown = RepairItem { fec_id: FecId(3), ..raptorq(1, 1, 1) };
    let mut writer = RepairWriter::new(100);
    assert!(!writer.push_item(RepairForm::Items, RepairFlags::SEGMENT, mixed));
    assert!(!writer.push_range(RepairFlags::SEGMENT, raptorq(1, 1, 1), unknown));
    assert!(writer.is_empty());
}

#[test]
fn payloads_that_are_not_repair_requests_are_refused() {
    let item = [5, 0, 0, 0, 0, 0, 0, 0x13];
    let request = |form, len, items: &[u8]| [&[form, 1, 0, len][..], items].concat();
    let check = |bytes: &[u8]| RepairRequests::from_bytes(bytes).map(RepairRequests::is_empty);
    assert_eq!(check(&request(1, 8, &item)), Ok(false));
    assert_eq!(check(&[]), Ok(true));
    for bytes in [
        request(0, 8, &item),
        request(4, 8, &item),
        request(1, 9, &item),
        request(1, 7, &item),
        request(1, 4, &item),
        request(2, 8, &item),
        [request(1, 8, &item), vec![1, 1, 0]].concat(),
        [request(1, 8, &item), vec![1, 1, 0, 1]].concat(),
    ] {
        assert_eq!(check(&bytes), Err(ParseError::RepairRequest), "{bytes:?}");
    }
    assert_eq!(check(&request(1, 8, &[3; 8])), Err(ParseError::FecId));
}

#[test]
fn empty_requests_are_walked_over() {
    let bytes = [1, 1, 0, 0, 2, 2, 0, 0];
    let requests = RepairRequests::from_bytes(&bytes).unwrap();
    assert_eq!(requests.iter().count(), 2);
    assert!(requests.iter().all(|request| request.items.is_empty()));
}
