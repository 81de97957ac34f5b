//! A toy protocol carries a file set through the same sessions and the same driver as NORM.

mod engine;

use std::fs;
use std::net::UdpSocket;
use std::path::{Path, PathBuf};

use norm_core::announce::SessionProtocol;
use norm_core::fileset::{PartKind, SetDescriptor, SetId, SetSummary, digest_list_len};
use norm_core::transfer::{ObjectMeta, ObjectSpec, Outbound};
use norm_core::{Rng, Timestamp};
use norm_files::source::{Extents, FileSet, Reader};

use super::receive::{ReceiveOptions, receive_with};
use super::send::{
    Carrier, HeldObjects, Prepared, Protocol, Segment, SendError, SendOptions, send_with,
};
use crate::event::{ReceiveEvent, ReceiveOutcome, SendOutcome};
use crate::io::interface::InterfaceSpec;
use crate::io::layer::Bare;
use crate::io::socket::PacketFilter;
use engine::{HEADER, ToyReceiver, ToySender};

const EXTENT: u64 = 1 << 20;

impl Bare for ToySender {}

impl<S: norm_core::endpoint::SymbolStore> Bare for ToyReceiver<S> {}

struct Toy;

impl Protocol for Toy {
    type Engine = ToySender;

    fn carrier(&self) -> Carrier {
        Carrier { protocol: SessionProtocol::Norm, tsi: None }
    }

    fn feedback_filter(&self) -> Option<PacketFilter> {
        None
    }

    fn data_overhead(&self, _: &SendOptions) -> u32 {
        HEADER as u32
    }

    fn prepare(
        self,
        _: &SendOptions,
        found: FileSet,
        _: &Segment,
        _: Option<SetId>,
        _: &mut Rng,
        now: Timestamp,
    ) -> Result<Prepared<ToySender>, SendError> {
        Ok(prepare(found, now))
    }
}

/// A toy sender with the parts of what was found.
fn prepare(found: FileSet, now: Timestamp) -> Prepared<ToySender> {
    let set = SetId(*b"a set of the toy");
    let extents = Extents::cut(found.payload_size, EXTENT).expect("some extents");
    let mut engine = ToySender::new(now);
    let set = SetSummary {
        set,
        parts: extents.count + 2,
        list_first: false,
        payload_size: found.payload_size,
        manifest_size: found.manifest.len() as u64,
        list_size: digest_list_len(found.map.chunks()),
        manifest: found.manifest_hash,
        content: None,
    };
    let cut = (0..extents.count).filter_map(|index| extents.get(index));
    let parts = std::iter::once((PartKind::Manifest, 0, found.manifest.len() as u64))
        .chain(cut.map(|(offset, size)| (PartKind::Payload, offset, size)))
        .chain(std::iter::once((PartKind::DigestList, 0, set.list_size)));
    for (index, (kind, offset, size)) in (0..).zip(parts) {
        let part = SetDescriptor { kind, offset, set };
        let meta = ObjectMeta::SetPart { index, part };
        engine.enqueue(ObjectSpec { size, meta }).expect("any object");
    }
    engine.finish();
    Prepared {
        engine,
        held: HeldObjects::default(),
        source: Reader::new(extents, found),
        first_key: 0,
        set: Some(set.set),
        fec_id: 0,
        block_len: 0,
        left_out: Vec::new(),
    }
}

/// A port that is free now.
fn free_group() -> std::net::SocketAddr {
    UdpSocket::bind("127.0.0.1:0").and_then(|socket| socket.local_addr()).expect("a free port")
}

fn tree(root: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let large: Vec<u8> =
        (0..3 << 20).map(|n: u32| (n.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
    let files = vec![
        (PathBuf::from("tree/large"), large),
        (PathBuf::from("tree/empty"), Vec::new()),
        (PathBuf::from("tree/below/small"), b"some bytes".to_vec()),
    ];
    for (path, content) in &files {
        let path = root.join(path);
        fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
        fs::write(path, content).expect("a file");
    }
    files
}

#[test]
fn toy_protocol_carries_a_file_set_from_disk_to_disk() {
    let (from, to) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let files = tree(from.path());
    let group = free_group();
    let loopback = Some(InterfaceSpec::Address("127.0.0.1".parse().unwrap()));
    let receive = ReceiveOptions::new(group, to.path()).with(|o| o.interface = loopback.clone());
    let receiving = receive_with(&receive, |_, store, _, _, _| ToyReceiver::new(store)).unwrap();
    let send = SendOptions::new(group).with(|o| o.interface = loopback);
    let sending = send_with(&[from.path().join("tree")], &send, Toy).unwrap();

    let placed = receiving
        .events()
        .filter(|event| matches!(event, ReceiveEvent::FileComplete { .. }))
        .count();
    let report = receiving.wait().unwrap();
    assert_eq!(report.outcome, ReceiveOutcome::Complete, "{report:?}");
    assert_eq!((placed, report.sets.len()), (files.len(), 1));
    assert!(report.sets[0].is_verified());
    for (path, content) in files {
        assert!(fs::read(to.path().join(&path)).unwrap() == content, "{}", path.display());
    }
    let sent = sending.wait().unwrap();
    assert_eq!((sent.outcome, sent.resent_packets), (SendOutcome::NoReceivers, 0));
    assert_eq!(sent.nacks, 1, "no filter of another protocol drops what the receiver sends");
    assert_eq!(report.sets[0].content, sent.content);
}
