//! The layout of version 3, and text that is not as it should be.

use super::*;

fn report<'a>() -> MemberReport<'a> {
    MemberReport {
        sender: NodeId(0x0102_0304),
        instance: InstanceId(0x0506),
        round: 0x0708,
        grtt_response: WireTime { sec: 0x090a_0b0c, usec: 0x0d0e_0f10 },
        identity: Identity([0x11; 16]),
        state: MemberState::Failed,
        bytes_done: 0x2122_2324_2526_2728,
        bytes_total: 0x3132_3334_3536_3738,
        loss: 0x4142,
        drops: 0x5152_5354,
        ce_marked: 0x6162_6364,
        largest_heard: 0x7172,
        name: "röm-7",
        reason: "disk full",
    }
}

fn encoded(report: &MemberReport<'_>) -> Vec<u8> {
    let mut bytes = vec![0xa5];
    report.emit(&mut bytes);
    assert_eq!(bytes[0], 0xa5);
    bytes.remove(0);
    assert_eq!(bytes.len(), report.encoded_len());
    bytes
}

#[test]
fn layout_of_version_3_is_fixed() {
    let bytes = encoded(&report());
    let expected = [
        &b"NM\x03\xf0"[..],
        &[1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16],
        &[0x11; 16],
        &[0x21, 0x22, 0x23, 0x24, 0x25, 0x26, 0x27, 0x28],
        &[0x31, 0x32, 0x33, 0x34, 0x35, 0x36, 0x37, 0x38],
        &[0x51, 0x52, 0x53, 0x54, 0x61, 0x62, 0x63, 0x64],
        &[0x41, 0x42, 0x71, 0x72, 6, 9],
        "röm-7disk full".as_bytes(),
    ]
    .concat();
    assert_eq!(bytes, expected);
    assert_eq!(MemberReport::parse(&bytes), Some(report()));
}

#[test]
fn all_states_and_no_others_are_understood() {
    let mut bytes = encoded(&report());
    for state in 0..=255 {
        bytes[3] = state;
        let parsed = MemberReport::parse(&bytes).map(|report| report.state as u8);
        let known = matches!(state, 0..=5 | 0xf0 | 0xff);
        assert_eq!(parsed, known.then_some(state));
    }
}

#[test]
fn no_damaged_bit_turns_a_receiver_into_one_that_ends() {
    let mut bytes = encoded(&report());
    for state in 0..=5_u8 {
        for bit in 0..8 {
            bytes[3] = state ^ 1 << bit;
            let parsed = MemberReport::parse(&bytes).map(|report| report.state);
            assert!(!matches!(parsed, Some(MemberState::Failed | MemberState::Leaving)));
        }
    }
}

#[test]
fn content_of_another_format_is_ignored() {
    let bytes = encoded(&report());
    for at in 0..3 {
        let mut other = bytes.clone();
        other[at] ^= 0x40;
        assert_eq!(MemberReport::parse(&other), None, "byte {at}");
    }
    for len in 0..bytes.len() {
        assert_eq!(MemberReport::parse(&bytes[..len]), None, "{len} bytes");
    }
    assert_eq!(MemberReport::parse(&[bytes, vec![0]].concat()), None);
}

#[test]
fn text_that_is_not_utf_8_is_refused() {
    let mut bytes = encoded(&report());
    bytes[67] = 0xff;
    assert_eq!(MemberReport::parse(&bytes), None);
    // The same bytes, but the border lies inside a character.
    let mut bytes = encoded(&report());
    (bytes[64], bytes[65]) = (2, 13);
    assert_eq!(MemberReport::parse(&bytes), None);
}

#[test]
fn long_text_is_cut_between_characters() {
    let name = "n".repeat(63) + "é";
    let reason = "€".repeat(100);
    let bytes = encoded(&MemberReport { name: &name, reason: &reason, ..report() });
    let parsed = MemberReport::parse(&bytes).unwrap();
    assert_eq!(parsed.name, "n".repeat(63));
    assert_eq!(parsed.reason, "€".repeat(85));
    assert_eq!(parsed.drops, report().drops);
}

#[test]
fn name_longer_than_the_limit_is_refused() {
    let name = "n".repeat(64);
    let mut bytes = encoded(&MemberReport { name: &name, reason: "why", ..report() });
    assert_eq!(MemberReport::parse(&bytes).unwrap().name, name);
    (bytes[64], bytes[65]) = (65, 2);
    assert_eq!(MemberReport::parse(&bytes), None);
}
