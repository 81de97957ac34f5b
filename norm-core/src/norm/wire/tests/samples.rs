//! Packets of libnorm 1.5.9, in hex. Node 1 sends, its instance is 0x1234.
//!
//! Not all are whole captures: of `DATA_PARITY` and `DATA_STREAM_END` the record leaves out what
//! is as in the packet before (filled in here, sequence number and FTI of the latter included);
//! the payload of `DATA_STREAM` is cut short, that of `DATA_SMALL_BLOCK` is missing.

pub(super) const INFO: &str = "11070001 00000001 1234 74 20 14 05 0000
    4003 000000000005 03e8 14 04  74696e79";
pub(super) const DATA: &str = "12080002 00000001 1234742014050000 00000000
    4003000000000005 03e81404  68656c6c6f";
pub(super) const DATA_PARITY: &str = "12080003 00000001 1234742014050000 00000001
    4003000000000005 03e81404  74f4929256";
pub(super) const DATA_STREAM: &str = "12080004 00000001 1234742024050000 00000002
    400300000000078000280402  0028 000b 00000050  75767778797a2023320a61";
pub(super) const DATA_STREAM_END: &str = "12080005 00000001 1234742024050000 00000003
    400300000000078000280402  0000 0000 00000078";
pub(super) const DATA_GF16: &str = "12090001 00000001 1234744210020000 0000 0000
    4004 000000000258 10 01 0002 012c 0014  0100";
pub(super) const DATA_SMALL_BLOCK: &str = "120a0001 00000001 1234742010810000
    00000000 0011 0000  4004 0000000186a3 0000 03e8 0014 0004";
pub(super) const FLUSH: &str = "13050005 00000001 1234 74 20 01 05 0000 00000000";
pub(super) const FLUSH_ACKING: &str = "130504c9 00000001 1234 4c 40 01 05 0000 0000093b  00000002";
pub(super) const CC: &str = "13070007 00000001 12347e40 0400 0002 6b0263d3 0005dd42
    8000bc54  00000002 0d 39 bc54";
pub(super) const APPLICATION: &str = "13040001 00000001 12347f40 07000000 68656c6c6f2d636d64";
pub(super) const NACK: &str = "14090000 00000002 00000001 1234 0000 6b02628d 0009e922
    0303 0000 00 94 0000 3d65 1237  01 01 0008 05 00 0000 00000013";
pub(super) const ACK_CC: &str = "15090000 00000002 00000001 1234 01 00 6b02628d 0009541a
    0303 0000 00 94 0019 3d25 1237";
/// Two receivers in steady state, the limiting one first.
pub(super) const CC_STEADY: &str = "130719ed 00000005 1234 76 42 0400 052d 6b04be11 0008ce41
    80005cf7  0000004e 05 45 3b27  0000004d 04 44 fa89";
/// In slow start; the round trip is the sender's own.
pub(super) const ACK_CC_START: &str = "15090000 0000004d 00000005 1234 01 00 6b04bdfe 0005512f
    0303 0053 0d 28 0000 2726 0000";
/// At a loss event: sent before the probe whose number it carries.
pub(super) const ACK_CC_STEADY: &str = "15090000 0000004d 00000005 1234 01 00 6b04be02 000ced63
    0303 3925 05 3f 014c 97f7 f3f5";
pub(super) const ACK_FLUSH: &str = "15090000 00000002 00000001 1234 02 00 6b0263d3 000eb0b6
    0303025f 252e0aa1 9ac653b7  05 00 0000 0000093b";
pub(super) const REPAIR_ADV: &str = "13070028 00000001 12347f40 05000000
    0303026b 00330000 25e50000  02010010 05000000 00000011 05000000 00000014";

pub(super) const ALL: [&str; 18] = [
    INFO,
    DATA,
    DATA_PARITY,
    DATA_STREAM,
    DATA_STREAM_END,
    DATA_GF16,
    DATA_SMALL_BLOCK,
    FLUSH,
    FLUSH_ACKING,
    CC,
    CC_STEADY,
    APPLICATION,
    NACK,
    ACK_CC,
    ACK_CC_START,
    ACK_CC_STEADY,
    ACK_FLUSH,
    REPAIR_ADV,
];

/// Bytes from hex digits; blanks are for the eye.
pub(super) fn bytes(hex: &str) -> Vec<u8> {
    let digits: Vec<u8> = hex.chars().filter_map(|c| c.to_digit(16)).map(|d| d as u8).collect();
    assert!(digits.len().is_multiple_of(2), "half a byte in {hex}");
    digits.chunks_exact(2).map(|pair| pair[0] << 4 | pair[1]).collect()
}
