//! What must hold for any bytes at all: the bodies of the fuzz targets, shared with the test that
//! replays their corpus.
//!
//! Each function walks everything that can be walked and panics when a promise is broken, which is
//! its purpose. Not part of the interface.

use super::{
    ACK_FLUSH, AckFlush, CcFlags, Command, ExtensionBuf, Extensions, FecId, Fti, MemberReport,
    MembershipQuery, Message, ParseError, PayloadFormat, RawPayloadId, RepairForm, RepairRequests,
    SetInfo, SizeProbe,
};

const SCHEMES: [FecId; 5] = [
    FecId::NO_CODE,
    FecId::REED_SOLOMON,
    FecId::REED_SOLOMON_8,
    FecId::RAPTORQ,
    FecId::SMALL_BLOCK,
];

/// A datagram that parses is emitted as it came, with the announced length.
///
/// # Errors
///
/// Why it did not parse.
pub fn message(bytes: &[u8]) -> Result<(), ParseError> {
    let (header, message) = Message::parse(bytes)?;
    walk(&message);
    assert_eq!(message.encoded_len(), bytes.len(), "announced length of {message:?}");
    let mut out = vec![0xa5; 3];
    message.emit(header, &mut out);
    assert_eq!(out.get(..3), Some(&[0xa5; 3][..]), "emit touched what was there before");
    assert_eq!(out.get(3..), Some(bytes), "{message:?}");
    Ok(())
}

/// INFO of a file set that parses is emitted as it came, up to what later versions may add.
pub fn set_info(bytes: &[u8]) -> bool {
    let Ok(info) = SetInfo::parse(bytes) else { return false };
    assert!(SetInfo::has_magic(bytes) && info.part.is_consistent());
    let mut out = Vec::new();
    info.emit(&mut out);
    assert_eq!(bytes.get(..SetInfo::LEN), Some(&out[..]));
    true
}

/// Any area of extensions is walked to its end, and what was understood can be written again.
///
/// # Errors
///
/// Why the area is not one of extensions.
pub fn extensions(bytes: &[u8]) -> Result<(), ParseError> {
    let extensions = Extensions::from_bytes(bytes)?;
    assert_eq!(extensions.as_bytes(), bytes);
    let covered: usize = extensions
        .iter()
        .map(|extension| extension.body.len() + if extension.het >= 128 { 1 } else { 2 })
        .sum();
    assert_eq!(covered, bytes.len(), "extensions cover the area");
    walk_extensions(extensions);
    Ok(())
}

/// Membership queries, member reports and size probes are emitted as they came. True when one of
/// them parsed.
pub fn membership_query(bytes: &[u8]) -> bool {
    let mut out = Vec::new();
    if let Some(query) = MembershipQuery::parse(bytes) {
        query.emit(&mut out);
        out.extend_from_slice(MembershipQuery::sender_name(bytes).unwrap_or_default().as_bytes());
    } else if let Some(report) = MemberReport::parse(bytes) {
        assert_eq!(report.encoded_len(), bytes.len(), "announced length of {report:?}");
        report.emit(&mut out);
    } else if let Some(probe) = SizeProbe::parse(bytes) {
        probe.emit(&mut out);
    } else {
        return false;
    }
    assert_eq!(out, bytes);
    true
}

fn walk(message: &Message<'_>) {
    match message {
        Message::Info(info) => walk_extensions(info.extensions),
        Message::Data(data) => {
            walk_extensions(data.extensions);
            walk_payload_id(data.payload_id);
        }
        Message::Cmd(cmd) => {
            walk_extensions(cmd.extensions);
            walk_command(&cmd.command);
        }
        Message::Nack(nack) => {
            walk_extensions(nack.extensions);
            walk_requests(nack.requests);
        }
        Message::Ack(ack) => {
            walk_extensions(ack.extensions);
            if ack.ack_type == ACK_FLUSH
                && let Ok(flush) = AckFlush::parse(ack.payload)
            {
                let mut out = Vec::new();
                flush.emit(&mut out);
                assert_eq!(out, ack.payload);
            }
        }
        Message::Report(report) => {
            walk_extensions(report.extensions);
            membership_query(report.content);
        }
    }
}

fn walk_command(command: &Command<'_>) {
    match command {
        Command::Flush(flush) => {
            walk_payload_id(flush.payload_id);
            assert_eq!(flush.acking.iter().count(), flush.acking.len());
        }
        Command::Squelch(squelch) => {
            walk_payload_id(squelch.payload_id);
            assert_eq!(squelch.invalid.iter().count(), squelch.invalid.len());
        }
        Command::Cc(cc) => {
            assert_eq!(cc.nodes.iter().count(), cc.nodes.len());
            for node in cc.nodes.iter().filter(|node| node.flags.contains(CcFlags::RTT)) {
                assert!(node.rate.to_bytes_per_second().is_finite());
                assert!(!node.rtt.to_duration().is_zero());
            }
        }
        Command::RepairAdv(advertised) => walk_requests(advertised.requests),
        Command::AckReq(request) => {
            assert_eq!(request.acking.iter().count(), request.acking.len());
        }
        Command::Application(application) => {
            membership_query(application.content);
        }
        Command::Eot(_) => {}
    }
}

fn walk_extensions(extensions: Extensions<'_>) {
    for fti in SCHEMES.iter().filter_map(|&fec| extensions.fti(fec)) {
        let mut out = Vec::new();
        fti.emit(&mut out);
        assert_eq!(Fti::parse(fti.fec_id(), out.get(2..).unwrap_or_default()), Some(fti));
    }
    if let Some(feedback) = extensions.cc_feedback() {
        assert!((0.0..=1.0).contains(&feedback.loss.to_fraction()));
    }
    if let Some(proof) = extensions.move_proof() {
        let mut out = ExtensionBuf::new();
        assert!(out.push_move(proof));
        assert_eq!(out.as_extensions().move_proof(), Some(proof));
    }
    if let Some(rate) = extensions.rate() {
        assert!(rate.to_bytes_per_second() >= 0.0);
    }
}

fn walk_requests(requests: RepairRequests<'_>) {
    let mut walked = 0;
    for request in requests.iter() {
        walked += 4;
        for item in request.items.iter() {
            walked += 4 + item.payload_id.as_bytes().len();
            walk_payload_id(item.payload_id);
        }
        let items = request.items.iter().count();
        let ranges = request.ranges().count();
        let expected = if request.form == RepairForm::Ranges { items / 2 } else { 0 };
        assert_eq!(ranges, expected);
    }
    assert_eq!(walked, requests.as_bytes().len(), "requests cover the payload");
}

fn walk_payload_id(raw: RawPayloadId) {
    for format in SCHEMES.iter().filter_map(|&fec| PayloadFormat::for_fec(fec)) {
        if let Some(id) = raw.decode(format) {
            assert_eq!(id.encode(format), raw);
        }
    }
}
