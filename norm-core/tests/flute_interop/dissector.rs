//! What Wireshark's dissector reads in our packets, with `NORM_TEST_INTEROP=1`. It knows payload
//! ids and object information of ids 0, 1, 6 and 129; those of 2 and 5 it takes for others.

use std::path::{Path, PathBuf};
use std::process::Command;

use norm_core::fec::FecId;
use norm_core::flute::Profile;
use norm_core::flute::sender::Passes;
use norm_core::flute::wire::{Fti, Packet, TimeFields};

use crate::case::{Case, Fec};
use crate::matrix::is_on;
use crate::sender::{OurSender, config};

const PORT: u16 = 5000;
const PACKETS: usize = 1000;
const SIZE: usize = 1_234_567;
const TSI: u64 = 4321;
const TOI: u64 = 1234;
/// What is asked of the dissector, in this order.
const FIELDS: [&str; 16] = [
    "_ws.malformed",
    "rmt-lct.tsi",
    "rmt-lct.toi",
    "rmt-lct.codepoint",
    "rmt-lct.fdt_instance_id",
    "rmt-fec.sbn",
    "rmt-fec.sbl",
    "rmt-fec.esi",
    "rmt-fec.fti.transfer_length",
    "rmt-fec.fti.encoding_symbol_length",
    "rmt-fec.fti.max_source_block_length",
    "rmt-fec.fti.max_number_encoding_symbols",
    "rmt-fec.fti.num_blocks",
    "rmt-fec.fti.num_subblocks",
    "rmt-fec.fti.alignment",
    "_ws.expert.message",
];
/// Its warnings of correct packets: it takes scheme bytes of ids 1, 2 and 5 for an instance id.
const WARNINGS: [&str; 1] = ["FEC Encoding ID < 128, should be zero"];

/// A capture of these datagrams: raw IPv4 packets (link type 101).
fn capture(path: &Path, datagrams: &[Vec<u8>]) {
    let mut file = Vec::new();
    for word in [0xa1b2_c3d4_u32, 0x0002_0004, 0, 0, 65_535, 101] {
        file.extend(word.to_be_bytes());
    }
    for (at, datagram) in datagrams.iter().enumerate() {
        let len = datagram.len() as u32 + 28;
        for word in [1_800_000_000, at as u32, len, len] {
            file.extend(word.to_be_bytes());
        }
        let [l1, l0] = (len as u16).to_be_bytes();
        file.extend([0x45, 0, l1, l0, 0, 0, 0, 0, 1, 17, 0, 0, 10, 0, 0, 1, 239, 0, 0, 1]);
        // UDP, without a checksum.
        for half in [PORT, PORT, datagram.len() as u16 + 8, 0] {
            file.extend(half.to_be_bytes());
        }
        file.extend(datagram);
    }
    std::fs::write(path, file).unwrap();
}

/// The values of [`FIELDS`] in each packet.
fn dissect(path: &Path) -> Vec<Vec<String>> {
    let mut command = Command::new("tshark");
    command.args(["-n", "-d", &format!("udp.port=={PORT},alc"), "-T", "fields", "-r"]).arg(path);
    FIELDS.iter().for_each(|field| {
        command.args(["-e", field]);
    });
    let output = command.output().expect("apt-get install tshark");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout).unwrap();
    text.lines().map(|line| line.split('\t').map(decimal).collect()).collect()
}

/// A value without the hexadecimal digits that some fields have.
fn decimal(value: &str) -> String {
    let hex = value.strip_prefix("0x").and_then(|hex| u64::from_str_radix(hex, 16).ok());
    hex.map_or_else(|| value.to_owned(), |number| number.to_string())
}

/// What they are by our own reading; empty where a packet has no such field.
fn expected(datagram: &[u8], case: &Case) -> Vec<String> {
    let packet = Packet::parse(datagram, TimeFields::Reserved).unwrap();
    let header = packet.header;
    let fti = packet.extensions.fti(FecId(header.codepoint)).unwrap();
    let layout = fti.layout().unwrap();
    let (id, _) = packet.symbols(layout.scheme().payload_format()).unwrap();
    let instance = packet.extensions.fdt().map(|fdt| u64::from(fdt.instance.get()));
    let is_table = instance.is_some();
    assert_eq!(header.tsi.get(), TSI);
    assert_eq!(header.toi.unwrap().get(), if is_table { 0 } else { TOI.into() });
    assert!(is_table || fti.size() == SIZE as u64, "{fti:?}");
    assert!(is_table || fti.symbol_size() == case.symbol_size, "{fti:?}");
    let (mut block, mut raptor) = ([None; 2], [None; 3]);
    match fti {
        Fti::NoCode { max_block_len, .. } => block[0] = Some(max_block_len.into()),
        Fti::SmallBlock { max_block_len, max_symbols, .. } => {
            block = [Some(max_block_len.into()), Some(max_symbols.into())];
        }
        Fti::Raptor { blocks, sub_blocks, alignment, .. } => {
            raptor = [Some(blocks.into()), Some(sub_blocks.into()), Some(alignment.into())];
        }
        Fti::RaptorQ { blocks, sub_blocks, alignment, .. } => {
            raptor = [Some(blocks.into()), Some(sub_blocks.into()), Some(alignment.into())];
        }
        Fti::ReedSolomon { .. } | Fti::ReedSolomon8 { .. } => {}
    }
    let sbl = (header.codepoint == 129).then_some(id.block_len.into());
    let toi = header.toi.unwrap().get() as u64;
    let first = [None, Some(TSI), Some(toi), Some(header.codepoint.into()), instance];
    let symbol = [Some(id.block.into()), sbl, Some(id.symbol.into())];
    let common = [Some(fti.size()), Some(fti.symbol_size().into())];
    let all: Vec<Option<u64>> = [&first[..], &symbol, &common, &block, &raptor].concat();
    all.into_iter().map(|value| value.map_or(String::new(), |value| value.to_string())).collect()
}

/// A thousand packets, half of them of the first pass.
fn packets(case: &Case) -> Vec<Vec<u8>> {
    let mut config = config(case, Profile::FluteCrate, Passes::Forever);
    (config.tsi, config.first_toi) = (TSI, Some(TOI));
    let mut sender = OurSender::new(&config, &case.content());
    core::iter::from_fn(|| sender.next()).take(PACKETS).collect()
}

#[test]
fn dissector_reads_what_was_written() {
    if !is_on() {
        return;
    }
    for fec in Fec::ALL {
        let case = Case { block_len: 100, parity: 30, ..Case::new(fec, SIZE) };
        let packets = packets(&case);
        let path = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("{fec:?}.pcap"));
        // The dissector would notice.
        capture(&path, &[packets[0][..18].to_vec()]);
        assert!(dissect(&path)[0][0].contains("Malformed"), "{:?}", dissect(&path));
        capture(&path, &packets);
        let dissected = dissect(&path);
        assert_eq!(dissected.len(), PACKETS, "{fec:?}");
        let mut tables = 0;
        for (packet, fields) in packets.iter().zip(&dissected) {
            let expected = expected(packet, &case);
            tables += usize::from(!expected[4].is_empty());
            // What it does not know of ids 2 and 5 comes after the header.
            let known = if matches!(fec.id(), 2 | 5) { 5 } else { expected.len() };
            assert_eq!(fields[..known], expected[..known], "{fec:?}");
            let warning = &fields[FIELDS.len() - 1];
            let is_known = matches!(fec.id(), 1 | 2 | 5) && WARNINGS.contains(&&**warning);
            assert!(warning.is_empty() || is_known, "{fec:?}: {warning}");
        }
        assert!(tables > 0 && tables < PACKETS / 10);
    }
}
