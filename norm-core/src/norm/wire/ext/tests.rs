//! Areas that end where they should not, and the three extensions we know.

use super::*;
use crate::norm::wire::ObjectSize;

const CC: [u8; 12] = [3, 3, 0x02, 0x5f, 0x25, 0x2e, 0x0a, 0xa1, 0x9a, 0xc6, 0x53, 0xb7];
const FTI_5: [u8; 12] = [64, 3, 0, 0, 0, 0, 0, 5, 0x03, 0xe8, 20, 4];

#[test]
fn extension_of_length_zero_is_an_error_anywhere() {
    assert_eq!(Extensions::from_bytes(&[3, 0, 0, 0]), Err(ParseError::Extension));
    let mut second = CC.to_vec();
    second.extend([64, 0, 0, 0]);
    assert_eq!(Extensions::from_bytes(&second), Err(ParseError::Extension));
}

#[test]
fn extension_that_leaves_the_area_is_an_error() {
    assert_eq!(Extensions::from_bytes(&[3, 2, 0, 0]), Err(ParseError::Extension));
    assert_eq!(Extensions::from_bytes(&[3, 255, 0, 0]), Err(ParseError::Extension));
    for tail in 1..4 {
        assert_eq!(Extensions::from_bytes(&[128; 7][..tail]), Err(ParseError::Extension));
        assert_eq!(Extensions::from_bytes(&[128; 8][..4 + tail]), Err(ParseError::Extension));
    }
}

#[test]
fn unknown_extensions_of_both_kinds_are_skipped() {
    let bytes = [&[7, 2, 1, 2, 3, 4, 5, 6][..], &[200, 9, 9, 9], &[128, 0, 0xbc, 0x54]].concat();
    let extensions = Extensions::from_bytes(&bytes).unwrap();
    assert_eq!(extensions.rate(), Some(QuantizedRate(0xbc54)));
    assert_eq!(extensions.cc_feedback(), None);
    let found: Vec<_> = extensions.iter().map(|ext| (ext.het, ext.body.to_vec())).collect();
    let expected = [(7, vec![1, 2, 3, 4, 5, 6]), (200, vec![9, 9, 9]), (128, vec![0, 0xbc, 0x54])];
    assert_eq!(found, expected);
}

#[test]
fn fixed_extension_has_no_length_field() {
    let extensions = Extensions::from_bytes(&[128, 0, 0, 1]).unwrap();
    assert_eq!(extensions.iter().count(), 1);
}

#[test]
fn extension_of_odd_length_does_not_hide_a_good_one() {
    let bytes = [&[3, 1, 0, 0][..], &[64, 2, 0, 0, 0, 0, 0, 5], &CC, &FTI_5].concat();
    let extensions = Extensions::from_bytes(&bytes).unwrap();
    assert_eq!(extensions.cc_feedback().unwrap().cc_sequence, 0x025f);
    assert_eq!(extensions.fti(FecId::REED_SOLOMON_8).unwrap().size().get(), 5);
    assert_eq!(extensions.fti(FecId::SMALL_BLOCK), None);
}

#[test]
fn feedback_has_its_loss_in_two_places() {
    let feedback = Extensions::from_bytes(&CC).unwrap().cc_feedback().unwrap();
    let expected = CcFeedback {
        cc_sequence: 0x025f,
        flags: CcFlags::CLR.with(CcFlags::RTT).with(CcFlags::LIMIT),
        rtt: QuantizedRtt(0x2e),
        loss: QuantizedLoss { high: 0x0aa1, low: 0x53b7 },
        rate: QuantizedRate(0x9ac6),
    };
    assert_eq!(feedback, expected);
    let mut buf = ExtensionBuf::new();
    assert!(buf.push_cc(&feedback));
    assert_eq!(buf.as_extensions().as_bytes(), CC);
}

#[test]
fn buffer_keeps_order_and_refuses_what_does_not_fit() {
    let fti = Extensions::from_bytes(&FTI_5).unwrap().fti(FecId::REED_SOLOMON_8).unwrap();
    let mut buf = ExtensionBuf::default();
    assert!(buf.as_extensions().is_empty());
    assert!(buf.push_fti(&fti) && buf.push_rate(QuantizedRate(0x1234)));
    let expected = [&FTI_5[..], &[128, 0, 0x12, 0x34]].concat();
    assert_eq!(buf.as_extensions().as_bytes(), expected);

    let raptorq = Fti::RaptorQ {
        size: ObjectSize::MAX,
        symbol_size: 1344,
        blocks: 255,
        sub_blocks: 1,
        alignment: 8,
    };
    assert!(buf.push_fti(&raptorq) && buf.push_fti(&raptorq) && buf.push_fti(&raptorq));
    assert!(!buf.push_rate(QuantizedRate(1)), "64 bytes are full");
    let extensions = buf.as_extensions();
    assert_eq!(Extensions::from_bytes(extensions.as_bytes()), Ok(extensions));
    assert_eq!(extensions.fti(FecId::RAPTORQ), Some(raptorq));
}

#[test]
fn extension_area_longer_than_a_header_is_refused() {
    let long = [128; Extensions::MAX_LEN + 4];
    assert_eq!(Extensions::from_bytes(&long), Err(ParseError::HeaderLength));
    assert!(Extensions::from_bytes(&long[4..]).is_ok());
}
