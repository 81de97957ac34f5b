//! Datagrams of a run as a capture file for Wireshark and tshark.
//!
//! `tshark -r FILE -d udp.port==5740,norm` shows them as far as its dissector knows the messages.

use core::time::Duration;
use std::borrow::Cow;
use std::io::{self, Write};

use etherparse::PacketBuilder;
use pcap_file::pcap::{PcapHeader, PcapPacket, PcapWriter};
use pcap_file::{DataLink, PcapError, TsResolution};

use crate::clock::START;
use crate::outcome::Captured;
use crate::packet::{HostId, To};

/// Port of all datagrams in a capture.
const PORT: u16 = 5740;
/// Address of the group in a capture.
const GROUP: [u8; 4] = [239, 255, 57, 40];

/// Writes datagrams, in the order of their times, as a capture of IPv4 packets.
///
/// A run begins one second after the epoch, and times are in nanoseconds. The group is
/// 239.255.57.40, host n has the address 10.0.0.0 + (n + 1), and every port is 5740.
///
/// # Errors
/// Those of `out`, and `InvalidInput` when a payload is too long for a UDP datagram.
pub fn write_pcap(out: &mut impl Write, packets: impl Iterator<Item = Captured>) -> io::Result<()> {
    let header = PcapHeader {
        datalink: DataLink::RAW,
        ts_resolution: TsResolution::NanoSecond,
        ..PcapHeader::default()
    };
    let mut capture = PcapWriter::with_header(&mut *out, header).map_err(io_error)?;
    for packet in packets {
        let data = ip_packet(&packet)?;
        let at = Duration::from_nanos((START + packet.at).as_nanos());
        let entry =
            PcapPacket { timestamp: at, orig_len: data.len() as u32, data: Cow::Owned(data) };
        capture.write_packet(&entry).map_err(io_error)?;
    }
    out.flush()
}

fn ip_packet(packet: &Captured) -> io::Result<Vec<u8>> {
    let to = match packet.to {
        To::Group => GROUP,
        To::Host(host) | To::Address(host, _) => address(host),
    };
    let builder = PacketBuilder::ipv4(address(packet.from), to, 64).udp(PORT, PORT);
    let mut data = Vec::with_capacity(builder.size(packet.payload.len()));
    builder
        .write(&mut data, &packet.payload)
        .map_err(|error| io::Error::new(io::ErrorKind::InvalidInput, error.to_string()))?;
    Ok(data)
}

fn address(host: HostId) -> [u8; 4] {
    let [_, a, b, c] = host.wrapping_add(1).to_be_bytes();
    [10, a, b, c]
}

fn io_error(error: PcapError) -> io::Error {
    match error {
        PcapError::IoError(error) => error,
        other => io::Error::other(other),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use etherparse::{NetSlice, SlicedPacket, TransportSlice};
    use norm_core::norm::wire::{
        Data, Extensions, FecId, Header, InstanceId, Message, NodeId, ObjectFlags, ObjectId,
        PayloadFormat, PayloadId, QuantizedGroupSize, QuantizedRtt, SenderFields, Sequence,
    };
    use pcap_file::pcap::PcapReader;

    use super::*;

    fn data(fec_id: FecId) -> Arc<[u8]> {
        let format = PayloadFormat::for_fec(fec_id).unwrap();
        let message = Message::Data(Data {
            sender: SenderFields {
                instance: InstanceId(7),
                grtt: QuantizedRtt(100),
                backoff: 4,
                group_size: QuantizedGroupSize(3),
            },
            flags: ObjectFlags(0),
            fec_id,
            object: ObjectId(1),
            payload_id: PayloadId { block: 2, block_len: 64, symbol: 3 }.encode(format),
            extensions: Extensions::from_bytes(&[]).unwrap(),
            payload: b"symbol",
        });
        let mut bytes = Vec::new();
        message.emit(Header { sequence: Sequence(1), source: NodeId(1) }, &mut bytes);
        Arc::from(bytes)
    }

    fn captured() -> Vec<Captured> {
        let ids = [FecId::NO_CODE, FecId::REED_SOLOMON_8, FecId::RAPTORQ, FecId::SMALL_BLOCK];
        let mut packets: Vec<_> = (0..)
            .zip(ids)
            .map(|(i, fec_id)| Captured {
                at: Duration::from_nanos(1 + i * 1_000_000_000),
                from: 0,
                to: To::Group,
                payload: data(fec_id),
            })
            .collect();
        let at = Duration::from_secs(4);
        packets.push(Captured { at, from: 70_000, to: To::Host(255), payload: Arc::from([1, 2]) });
        packets
    }

    #[test]
    fn written_capture_can_be_read() {
        let mut file = Vec::new();
        write_pcap(&mut file, captured().into_iter()).unwrap();
        let mut reader = PcapReader::new(&file[..]).unwrap();
        for expected in captured() {
            let packet = reader.next_packet().unwrap().unwrap();
            assert_eq!(packet.timestamp, Duration::from_secs(1) + expected.at);
            let sliced = SlicedPacket::from_ip(&packet.data).unwrap();
            let Some(NetSlice::Ipv4(ip)) = &sliced.net else { panic!("{sliced:?}") };
            let Some(TransportSlice::Udp(udp)) = &sliced.transport else { panic!("{sliced:?}") };
            let header = ip.header().to_header();
            assert_eq!(header.header_checksum, header.calc_header_checksum());
            let sum = udp.to_header().calc_checksum_ipv4(&header, udp.payload()).unwrap();
            assert_eq!(udp.checksum(), sum);
            assert_eq!((udp.source_port(), udp.destination_port()), (5740, 5740));
            assert_eq!(udp.payload(), &*expected.payload);
            let (from, to) = match expected.to {
                To::Group => ([10, 0, 0, 1], [239, 255, 57, 40]),
                To::Host(_) | To::Address(..) => ([10, 1, 17, 113], [10, 0, 1, 0]),
            };
            assert_eq!((header.source, header.destination), (from, to));
        }
        assert!(reader.next_packet().is_none());
    }

    #[test]
    fn payload_too_long_for_udp_is_an_error() {
        let [first, ..] = &captured()[..] else { panic!("there are packets") };
        let long = Captured { payload: Arc::from(vec![0; 65_508]), ..first.clone() };
        let error = write_pcap(&mut Vec::new(), [long].into_iter()).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::InvalidInput);
    }
}
