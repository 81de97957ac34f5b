use proptest::prelude::*;

use super::*;
use crate::flute::wire::{
    Cenc, ExtFdt, ExtTime, ExtensionBuf, FdtInstanceId, Fti, IdWidths, NtpTime, Toi, Tsi,
};

fn headers() -> impl Strategy<Value = Header> {
    let widths = (0_u8..2, 0_u8..4, any::<bool>());
    let ids = (any::<u64>(), any::<u128>(), any::<u128>());
    let rest = (0_u8..4, 1_u8..5, any::<bool>(), any::<bool>(), any::<u8>());
    (widths, ids, rest).prop_map(|(widths, ids, rest)| {
        let ((s, o, half), (tsi, toi, cci)) = (widths, ids);
        let (psi, cci_words, close_session, close_object, codepoint) = rest;
        let widths = IdWidths::new(s, o, half).unwrap();
        let low = |number: u128, bytes: usize| {
            if bytes == 0 { 0 } else { number & (u128::MAX >> (128 - bytes * 8)) }
        };
        Header {
            psi,
            cci_words,
            cci: low(cci, usize::from(cci_words) * 4),
            widths,
            tsi: Tsi::new(low(tsi.into(), widths.tsi_len()) as u64).unwrap(),
            toi: Toi::new(low(toi, widths.toi_len())).filter(|_| widths.toi_len() > 0),
            close_session,
            close_object,
            codepoint,
        }
    })
}

fn extensions() -> impl Strategy<Value = ExtensionBuf> {
    let times = (any::<Option<(u32, u32)>>(), any::<Option<u32>>(), any::<Option<u32>>());
    let fdt = (0_u8..16, 0_u32..1 << 20, any::<u8>());
    (times, fdt, 0_u64..1 << 48, any::<u16>()).prop_map(|(times, fdt, size, symbol_size)| {
        let mut buf = ExtensionBuf::new();
        let sent = times.0.map(|(seconds, fraction)| NtpTime { seconds, fraction });
        let instance = FdtInstanceId::new(fdt.1).unwrap();
        assert!(buf.push_fdt(ExtFdt { version: fdt.0, instance }));
        assert!(buf.push_cenc(Cenc(fdt.2)));
        assert!(buf.push_time(ExtTime { sent, residual: times.1, changed: times.2 }));
        assert!(buf.push_fti(&Fti::NoCode { size, symbol_size, max_block_len: 64 }));
        buf
    })
}

proptest! {
    #[test]
    fn packets_survive_the_wire(
        header in headers(),
        buf in extensions(),
        content in proptest::collection::vec(any::<u8>(), 0..64),
    ) {
        let extensions = buf.as_extensions();
        let packet = Packet { header, extensions, content: &content };
        let mut bytes = Vec::new();
        packet.emit(&mut bytes);
        prop_assert_eq!(Packet::parse(&bytes, TimeFields::Reserved), Ok(packet));
        prop_assert_eq!(bytes.len(), header.len() + extensions.as_bytes().len() + content.len());
    }

    #[test]
    fn arbitrary_bytes_are_refused_or_kept_as_they_are(
        mut bytes in proptest::collection::vec(any::<u8>(), 0..200),
        words in 0_u8..20,
    ) {
        if let Some(first) = bytes.first_mut() {
            *first = 0x10 | *first & 0x0f;
        }
        if let Some(len) = bytes.get_mut(2) {
            *len = words;
        }
        for times in [TimeFields::Reserved, TimeFields::InHeader] {
            let Ok(packet) = Packet::parse(&bytes, times) else { continue };
            let _ = packet.extensions.iter().count();
            let extensions = packet.extensions;
            let _ = (extensions.time(), extensions.fdt(), extensions.cenc());
            if times == TimeFields::Reserved {
                let mut again = Vec::new();
                packet.emit(&mut again);
                // The two reserved bits are not kept.
                bytes[1] &= !0x0c;
                prop_assert_eq!(&again, &bytes);
            }
        }
    }
}

#[test]
fn payload_ids_are_read_by_the_format_and_what_is_too_short_is_none() {
    let header = Header::new(Tsi::new(1).unwrap(), Toi::new(2).unwrap(), 5);
    let packet = |content| Packet { header, extensions: Extensions::EMPTY, content };
    let id = |block, symbol| PayloadId { block, block_len: 0, symbol };
    let read = |format| packet(&[1, 2, 3, 4, 5]).symbols(format);
    assert_eq!(read(PayloadFormat::Block24Symbol8), Some((id(0x01_0203, 4), &[5][..])));
    assert_eq!(read(PayloadFormat::Block16Symbol16), Some((id(0x0102, 0x0304), &[5][..])));
    assert_eq!(read(PayloadFormat::Block32Len16Symbol16), None);
    assert_eq!(packet(&[1, 2, 3]).symbols(PayloadFormat::Block24Symbol8), None);
}

/// Packets that are compared; `NORM_TEST_HOSTILE` says how many.
fn cases() -> u32 {
    std::env::var("NORM_TEST_HOSTILE").ok().and_then(|text| text.parse().ok()).unwrap_or(2_000)
}

/// The same packet as another implementation reads it, and its bytes.
fn other_codec(bytes: &[u8]) -> Option<(rmt_flute::AlcPacket<'_>, Vec<u8>)> {
    let packet = rmt_flute::AlcPacket::parse(bytes, 4).ok()?;
    let mut again = vec![0; packet.serialized_len()];
    packet.serialize_into(&mut again).ok()?;
    Some((packet, again))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(cases()))]

    #[test]
    fn another_codec_reads_the_same_and_writes_the_same_bytes(
        header in headers(),
        buf in extensions(),
        content in proptest::collection::vec(any::<u8>(), 4..64),
    ) {
        let packet = Packet { header, extensions: buf.as_extensions(), content: &content };
        let mut bytes = Vec::new();
        packet.emit(&mut bytes);
        let Some((other, again)) = other_codec(&bytes) else { panic!("{packet:?}") };
        prop_assert_eq!(&again, &bytes);
        let number = |bytes: &[u8]| bytes.iter().fold(0, |n, &b| n << 8 | u128::from(b));
        prop_assert_eq!(number(other.lct.tsi), u128::from(header.tsi.get()));
        prop_assert_eq!(number(other.lct.toi), header.toi.unwrap_or_default().get());
        prop_assert_eq!(number(other.lct.cci), header.cci);
        prop_assert_eq!(other.lct.codepoint, header.codepoint);
        prop_assert_eq!(other.lct.close_session, header.close_session);
        prop_assert_eq!(other.lct.close_object, header.close_object);
        prop_assert_eq!(other.payload, &content[4..]);
        let find = |het| other.lct.extensions.iter().find(|e| e.het == het).map(|e| e.content);
        let fdt = rmt_flute::ExtFdt::parse(find(192).unwrap()).unwrap();
        let ours = packet.extensions.fdt().unwrap();
        prop_assert_eq!((fdt.version, fdt.instance_id), (ours.version, ours.instance.get()));
        let time = rmt_flute::ExtTime::parse(find(2).unwrap()).unwrap();
        let ours = packet.extensions.time().unwrap();
        prop_assert_eq!(time.sct_high, ours.sent.map(|sent| sent.seconds));
        prop_assert_eq!(time.sct_low, ours.sent.map(|sent| sent.fraction));
        prop_assert_eq!((time.ert, time.slc), (ours.residual, ours.changed));
    }
}
