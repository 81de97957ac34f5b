//! An example of each event: a value of its type, serialised as the programs do.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use norm_core::transfer::MemberState;
use norm_net::announce::{Announced, SessionDescription};
use norm_net::event::{
    ContentHash, EntrySum, FileHash, HashedFile, ManifestHash, ResumeData, SenderId, SetId,
    SourceProblem,
};
use norm_net::io::interface::{Because, Interface};
use norm_net::seal::{GroupSecret, Keyring, Verifier};
use norm_net::transfer::schedule::Bound;
use norm_net::{
    Change, FoundEntry, Hint, IgnoredReason, IgnoredReceiver, LeftOut, LeftOutReason, NodeId,
    NotSent, Pace, Preview, PreviewEntry, Problem, ReceiveEvent, ReceiveOutcome, ReceiveProgress,
    ReceiveReport, ReceiveSettings, ReceiverInfo, ReceiverOutcome, ReceiverReport, SendEvent,
    SendOutcome, SendPhase, SendProgress, SendReport, SendSettings, SetFailure, SetReport,
    SlowCause, WithdrawnFile,
};
use serde::Serialize;
use serde_json::Value;

use crate::exit::Code;
use crate::json::{
    CtlEvent, DemoCopy, DemoEvent, DemoSummary, DryRun, FillLine, FillResult, FillSetup,
    FillSource, HeardSession, ProgramEvent, ReceiverEvent, SenderEvent, Settings, Summary,
    WouldReceive, WouldSend,
};
use crate::keys::{KeyOrigin, KnownKey};
use crate::sandbox::Sandbox;

/// Examples for a chapter, with the names of the events.
pub(super) fn of(chapter: &str) -> Vec<(String, Value)> {
    let lines = match chapter {
        "All programs" => all_programs(),
        "norm-send" => [sender(), served()].concat(),
        "norm-send --demo" => demo(),
        "norm-recv --fill" => fill(),
        "normctl list" => ctl(),
        _ => receiver(),
    };
    let name = |line: &Value| line["event"].as_str().unwrap_or_default().to_owned();
    lines.into_iter().map(|line| (name(&line), line)).collect()
}

/// An event as a line has it, after this number of milliseconds.
fn line(event: &impl Serialize, at: u64) -> Value {
    let line = crate::json::encode(event, Duration::from_millis(at));
    serde_json::from_str(&line).expect("it is JSON")
}

const SET: SetId = SetId([0xc4; 16]);
const SENDER: SenderId = SenderId(0);
/// The address of the sender after it has moved.
const MOVED: ([u8; 4], u16) = ([192, 0, 2, 9], 52_044);
/// Bytes of a set that were there before, and all of it.
const RESUMED: u64 = 1_326_528;
const TOTAL: u64 = 5_000_010;

fn all_programs() -> Vec<Value> {
    vec![
        line(&ProgramEvent::Interrupted, 6_031),
        line(
            &ProgramEvent::ReportFailed { message: "--report run.json cannot be written".into() },
            9,
        ),
        line(&ProgramEvent::ReportElsewhere { path: "run-2.json".into() }, 6_040),
        line(
            &ProgramEvent::Error {
                exit_code: 1,
                message: "PATH 'nosuch' cannot be sent: No such file or directory (os error 2)"
                    .into(),
            },
            1,
        ),
    ]
}

/// What comes of fetching files by HTTP.
fn filled() -> FillResult {
    FillResult {
        complete: true,
        unchanged: false,
        content: Some(ContentHash([0x1d; 32])),
        files: 1,
        bytes: TOTAL,
        bytes_kept: RESUMED,
        present: 0,
        elapsed: 0.052,
        sources: vec![FillSource {
            source: "http://192.0.2.1:5740/".to_owned(),
            bytes: TOTAL - RESUMED,
            errors: 0,
            banned: false,
            message: None,
        }],
    }
}

fn fill() -> Vec<Value> {
    let source = || "http://192.0.2.1:5740/".to_owned();
    let content = ContentHash([0x1d; 32]);
    let setup = FillSetup {
        sources: vec![source(), "http://192.0.2.80/image.iso".to_owned()],
        directory: "images".to_owned(),
        expect: Some(content),
    };
    let settings = Settings::with("norm-recv", (Sandbox::Full, None), setup);
    vec![
        line(&FillLine::FillSettings(settings), 2),
        line(
            &FillLine::FillFound {
                source: source(),
                content,
                files: 1,
                bytes: TOTAL,
                proved: true,
            },
            9,
        ),
        line(&FillLine::FillResumed { bytes_done: RESUMED, bytes_total: TOTAL }, 12),
        line(
            &FillLine::FillSourceFailed {
                source: "http://192.0.2.80/image.iso".to_owned(),
                message: "it sends other content than its hash tells of".to_owned(),
                banned: true,
                over: true,
            },
            20,
        ),
        line(
            &FillLine::FillProgress {
                elapsed: 0.031,
                bytes_done: TOTAL,
                bytes_total: TOTAL,
                bytes_fetched: TOTAL - RESUMED,
            },
            44,
        ),
        line(
            &FillLine::FillFileComplete {
                path: "images/image.iso".to_owned(),
                bytes: TOTAL,
                hash: Some(FileHash([0x2e; 32])),
                present: false,
            },
            51,
        ),
        line(&FillLine::FillSummary(Summary::new(filled(), Code::Success)), 54),
    ]
}

fn ctl() -> Vec<Value> {
    let text = "v=0\no=- 5 1 IN IP4 192.0.2.2\ns=lab-7\na=file-set:files=3 bytes=5000010\n\
        a=FEC-declaration:0 encoding-id=6\nm=application 6001 NORM/UDP 0\n\
        c=IN IP4 239.255.77.1/1\nb=AS:20000\na=FEC:0\n";
    let description = SessionDescription::parse(text.as_bytes()).expect("it is a description");
    let session = Announced { description, host: [192, 0, 2, 2].into() };
    let interfaces = vec!["eth0 (192.0.2.2)".to_owned()];
    let group = session.description.group.to_string();
    let (name, from) = (&session.description.name, session.host.to_string());
    vec![
        line(&CtlEvent::Listening { interfaces, seconds: 6.0 }, 2),
        line(&CtlEvent::Session(HeardSession::new(&session)), 1_502),
        line(&CtlEvent::SessionEnded { name, group, from }, 4_730),
    ]
}

fn interface() -> Interface {
    Interface {
        name: "eth0".to_owned(),
        index: 2,
        v4: None,
        v6: None,
        addresses: Vec::new(),
        loopback: false,
        up: true,
        running: true,
        mtu: Some(1500),
    }
}

fn info() -> ReceiverInfo {
    let mut info = ReceiverInfo::new(NodeId(0xb0d2_d651), "lab-1");
    info.address = "192.0.2.7:53111".parse().ok();
    info
}

fn settings() -> SendSettings {
    let group = "239.255.77.1:6001".parse().expect("it is an address");
    let local = "192.0.2.2:51883".parse().expect("it is an address");
    let mut settings = SendSettings::new(group, interface(), local);
    settings.because = Because::DefaultRoute;
    settings.pace = Pace::Fixed(20_000_000);
    settings.segment_size = 1344;
    settings.fec_id = 6;
    settings.block_len = 186;
    settings.set = Some(SET);
    settings.files = 3;
    settings.directories = 2;
    settings.bytes = 5_000_010;
    settings.left_out = vec![left_out()];
    settings
}

fn left_out() -> LeftOut {
    let first = vec!["src/socket".into()];
    LeftOut { reason: LeftOutReason::Socket, count: 1, first }
}

fn would_send() -> FoundEntry {
    FoundEntry { path: "src/main.rs".into(), is_directory: false, size: 2_041, link: None }
}

fn preview() -> Preview {
    let mut preview = Preview::default();
    (preview.files, preview.directories, preview.bytes) = (3, 2, 5_000_010);
    preview.left_out = vec![left_out()];
    preview
}

/// Confined, and with keys.
fn sealed() -> (Sandbox, Option<KnownKey>) {
    let keys = Keyring::new(GroupSecret::new([7; 32])).with_trusted(Verifier([0x5e; 32]));
    (Sandbox::Full, Some(KnownKey::new(KeyOrigin::File, &keys)))
}

fn report() -> SendReport {
    let mut report = SendReport::new(SendOutcome::Partial);
    report.content = Some(ContentHash([0xa9; 32]));
    report.hashes = vec![HashedFile::new("a.bin".into(), FileHash([0x5c; 32]))];
    report.files = 3;
    report.bytes = 5_000_010;
    report.elapsed = Duration::from_millis(2_302);
    report.data_elapsed = Duration::from_millis(2_256);
    report.wire_bytes = 5_399_728;
    report.packets = 3_949;
    report.data_packets = 3_723;
    report.resent_packets = 196;
    report.nacks = 43;
    let mut confirmed = ReceiverReport::new(info(), ReceiverOutcome::Confirmed);
    confirmed.bytes_done = 5_000_306;
    confirmed.elapsed = Some(Duration::from_millis(2_228));
    let reason = "in4/a.bin exists already, and is not overwritten".to_owned();
    let other = ReceiverInfo::new(NodeId(0xbe86_f045), "lab-2");
    report.receivers =
        vec![confirmed, ReceiverReport::new(other, ReceiverOutcome::Failed { reason })];
    report
}

fn withdrawn() -> WithdrawnFile {
    let path = PathBuf::from("src/x.bin");
    let how = "it was modified after the transfer began";
    WithdrawnFile::new(path.clone(), SourceProblem::Changed { path, how })
}

/// What a sender says of files by HTTP.
fn served() -> Vec<Value> {
    vec![
        line(&SenderEvent::Serving { url: "http://192.0.2.1:5740/".to_owned() }, 1),
        line(&SenderEvent::Served { bytes: 1_048_576, requests: 9 }, 9_001),
        line(
            &SenderEvent::HashesWritten {
                path: "image.iso.norm".to_owned(),
                content: ContentHash([0x1d; 32]),
                bytes: TOTAL,
            },
            12,
        ),
    ]
}

fn sender() -> Vec<Value> {
    let mut progress = SendProgress::default();
    progress.elapsed = Duration::from_millis(1_002);
    progress.phase = SendPhase::Sending;
    progress.bytes_sent = 2_263_484;
    progress.bytes_total = 5_000_306;
    progress.file = Some("src/x.bin".into());
    progress.files_sent = Some(1);
    progress.files_total = 3;
    progress.wire_bytes = 2_436_420;
    progress.data_packets = 1_685;
    progress.repair_packets = 81;
    progress.receivers = 2;
    progress.slowest = 1_432_892;
    let until = "08:00".parse().ok();
    let bound = |bound| SendEvent::RateBound { bound, until };
    let evicted = |separate_group| SendEvent::ReceiverEvicted { receiver: info(), separate_group };
    vec![
        line(&SenderEvent::Settings(Settings::with("norm-send", sealed(), &settings())), 1),
        line(&hashing(), 252),
        line(&SendEvent::Hashed { content: ContentHash([0xa9; 32]) }, 1_303),
        line(&SendEvent::ReceiverFound { receiver: info() }, 6),
        line(&ignored(), 6),
        line(&SendEvent::Started { receivers: 2 }, 7),
        line(&SendEvent::Progress(progress), 1_004),
        line(&SendEvent::ReceiverProgress(receiver_progress()), 1_010),
        line(
            &SendEvent::OnRequest { receivers: 2, bytes_done: RESUMED, bytes_total: TOTAL },
            1_012,
        ),
        line(&SendEvent::AllSent, 2_225),
        line(&bound(Bound::Rate(5_000_000)), 4),
        line(&bound(Bound::Paused), 2_009),
        line(&bound(Bound::Open), 4_031),
        line(&SendEvent::ReceiverConfirmed { receiver: info() }, 2_235),
        line(
            &SendEvent::ReceiverFailed {
                receiver: info(),
                reason: "in4/a.bin exists already, and is not overwritten".into(),
            },
            12,
        ),
        line(
            &SendEvent::ReceiverSlow { receiver: info(), cause: SlowCause::Loss, loss: 0.3 },
            5_313,
        ),
        line(&evicted(None), 1_759),
        line(&evicted("239.255.77.2:6001".parse().ok()), 12_775),
        line(&SendEvent::FileWithdrawn(withdrawn()), 1_510),
        line(&SendEvent::ReceiverLost { receiver: info() }, 10_822),
        line(&SendEvent::ContentStopped { receivers: 2, wait: Duration::from_secs(5) }, 3_012),
        line(&SendEvent::Hint(no_receiver()), 5_011),
        line(&packet_size(), 31),
        line(&mtu_too_small(), 1_031),
        line(&SenderEvent::Summary(Summary::new(&report(), Code::Partial)), 2_306),
        line(&SenderEvent::WouldSend(WouldSend::new(&would_send())), 2),
        line(&SenderEvent::DryRun(DryRun::new(&preview())), 3),
    ]
}

fn ignored() -> SendEvent {
    SendEvent::ReceiverIgnored(IgnoredReceiver::new(info(), IgnoredReason::NotInRoster))
}

fn hashing() -> SendEvent {
    let elapsed = Duration::from_millis(250);
    SendEvent::Hashing { elapsed, bytes_done: 1_048_576, bytes_total: 5_000_010 }
}

fn packet_size() -> SendEvent {
    SendEvent::PacketSize { packet: 1_280, segment_size: 1_152, receiver: Some(info()) }
}

fn mtu_too_small() -> SendEvent {
    SendEvent::ReceiverMtuTooSmall { receiver: info(), largest: 1_000, needed: 1_408 }
}

fn receiver_progress() -> norm_net::event::ReceiverProgress {
    let mut progress = norm_net::event::ReceiverProgress::new(info(), MemberState::Receiving);
    progress.bytes_done = 478_652;
    progress.bytes_total = 5_000_306;
    progress.loss = 0.05;
    progress
}

fn no_receiver() -> Hint {
    Hint::NoReceiver {
        group: "239.255.77.1:6001".parse().expect("it is an address"),
        interface: "eth0".to_owned(),
        has_carrier: true,
        others: Vec::new(),
        ttl: 1,
        port: 48_323,
        after: Duration::from_secs(5),
        sends_anyway: true,
    }
}

fn demo() -> Vec<Value> {
    let copy = DemoCopy {
        receiver: "receiver 1".to_owned(),
        loss_injected: 0.05,
        identical: true,
        problem: None,
        elapsed: Some(0.556),
        bits_per_second: Some(43_180_255.0),
    };
    let mut report = report();
    report.receivers.truncate(1);
    report.outcome = SendOutcome::Complete;
    let summary = DemoSummary {
        exit_code: 0,
        identical: 1,
        copies: vec![copy.clone()],
        transfer: Summary::new(&report, Code::Success),
    };
    vec![line(&DemoEvent::DemoCopy(&copy), 636), line(&DemoEvent::DemoSummary(&summary), 636)]
}

fn set_report() -> SetReport {
    let mut report = SetReport::new(SENDER);
    report.node = Some(NodeId(0x1a1e_4399));
    report.address = "192.0.2.2:51883".parse().ok();
    report.set = Some(SET);
    report.content = Some(ContentHash([0xa9; 32]));
    report.files = 3;
    report.directories = 2;
    report.bytes = 5_000_010;
    report.hashes = vec![FileHash([0x5c; 32]), FileHash([0x3b; 32]), FileHash([0x1d; 32])];
    report.paths = ["in1/a.bin", "in1/src/sub/y", "in1/src/x.bin"].map(PathBuf::from).to_vec();
    report.elapsed = Duration::from_millis(2_248);
    report.bits_per_second = 17_795_608.0;
    report.loss = 0.05;
    report.nacks = 43;
    report
}

fn receiver() -> Vec<Value> {
    let (settings, report) = (receive_settings(), receive_report());
    let settings = ReceiverEvent::Settings(Settings::with("norm-recv", sealed(), &settings));
    let summary = ReceiverEvent::Summary(Summary::new(&report, Code::Success));
    let mut lines = vec![line(&settings, 2)];
    lines.extend(arrivals());
    lines.extend(mishaps());
    lines.push(line(&summary, 2_771));
    lines
}

fn receive_settings() -> ReceiveSettings {
    let group = "239.255.77.1:6001".parse().expect("it is an address");
    let local = "192.0.2.7:53111".parse().expect("it is an address");
    let mut settings = ReceiveSettings::new(group, interface(), local, "in1".into());
    settings.name = "lab-1".to_owned();
    settings
}

fn receive_progress() -> ReceiveProgress {
    let mut progress = ReceiveProgress::default();
    progress.elapsed = Duration::from_millis(1_001);
    progress.bytes_done = 2_146_556;
    progress.bytes_total = 5_000_306;
    progress.file = Some("in1/src/x.bin".into());
    progress.files_done = Some(1);
    progress.files_total = 3;
    progress.wire_bytes = 2_331_735;
    progress.loss = 0.05;
    progress.nacks = 17;
    progress
}

fn receive_report() -> ReceiveReport {
    let mut report = ReceiveReport::new(ReceiveOutcome::Complete);
    report.sets = vec![set_report()];
    report.elapsed = Duration::from_millis(2_768);
    report.bytes = 5_000_010;
    report.wire_bytes = 5_129_829;
    report.packets = 3_751;
    report.nacks = 43;
    report
}

/// A set arrives.
fn arrivals() -> Vec<Value> {
    let (sender, set) = (SENDER, SET);
    let path = PathBuf::from("in1/src/x.bin");
    vec![
        line(
            &ReceiveEvent::SenderFound {
                sender,
                node: NodeId(0x1a1e_4399),
                address: "192.0.2.2:51883".parse().expect("it is an address"),
            },
            511,
        ),
        line(
            &ReceiveEvent::SetFound {
                sender,
                set,
                manifest: ManifestHash([0x7e; 32]),
                content: None,
                bytes: 5_000_010,
            },
            517,
        ),
        line(
            &ReceiveEvent::SetResumed { sender, set, bytes_done: RESUMED, bytes_total: TOTAL },
            518,
        ),
        line(
            &ReceiveEvent::FilesKnown {
                sender,
                set,
                files: 3,
                links: 1,
                bytes: 5_000_010,
                unwanted: 0,
                left_out: NotSent { sockets: 1, ..NotSent::default() },
            },
            518,
        ),
        line(&ReceiverEvent::WouldReceive(would_receive()), 520),
        line(&dry_run(sender, set), 520),
        line(&ReceiveEvent::Progress(receive_progress()), 1_516),
        line(&ReceiveEvent::Verifying { sender, set }, 2_757),
        line(
            &ReceiveEvent::FileComplete {
                sender,
                set: Some(set),
                path,
                bytes: 2_000_000,
                hash: Some(FileHash([0x1d; 32])),
                present: false,
            },
            2_763,
        ),
        line(&ReceiveEvent::SetComplete(set_report()), 2_763),
    ]
}

/// What else may happen.
fn mishaps() -> Vec<Value> {
    let (sender, set) = (SENDER, SET);
    let (bytes_done, bytes_total) = (RESUMED, TOTAL);
    let stalled = Problem::Stalled { after: Duration::from_secs(8) };
    let evicted = |separate_group| ReceiveEvent::Evicted { sender, separate_group };
    let path = PathBuf::from("in1/src/x.bin");
    vec![
        line(&ReceiveEvent::FileRemoved { sender, set, path: "in1/old.txt".into() }, 2_760),
        line(&ReceiveEvent::FileFailed { sender, path, problem: stalled.clone() }, 2_176),
        line(&ReceiveEvent::SetFailed(SetFailure::of_set(sender, set, stalled)), 9_492),
        line(&ReceiveEvent::ResumeDataKept { sender, set, bytes_done, bytes_total }, 9_492),
        line(
            &ReceiveEvent::ResumeDataFound {
                sets: vec![ResumeData::new(bytes_done, bytes_total)],
                removed: 0,
            },
            3,
        ),
        line(&ReceiveEvent::SenderMoved { sender, address: MOVED.into() }, 6_114),
        line(&ReceiveEvent::SenderPaused { sender }, 2_323),
        line(&ReceiveEvent::SenderResumed { sender }, 4_345),
        line(&ReceiveEvent::SenderStopped { sender }, 4_961),
        line(&ReceiveEvent::SenderSilent { sender }, 7_433),
        line(&ReceiveEvent::SenderEnded { sender }, 7_447),
        line(&evicted(None), 2_194),
        line(&evicted("239.255.77.2:6001".parse().ok()), 13_305),
        line(&ReceiveEvent::Hint(Hint::KernelDrops { packets: 12 }), 2_770),
    ]
}

fn would_receive() -> WouldReceive<'static> {
    WouldReceive::new(&PreviewEntry {
        path: Path::new("src/main.rs"),
        bytes: 10,
        is_directory: false,
        link: None,
        change: Change::Replace,
    })
}

fn dry_run(sender: SenderId, set: SetId) -> ReceiveEvent {
    let sum = |files, directories, bytes| {
        let mut sum = EntrySum::default();
        (sum.files, sum.directories, sum.bytes) = (files, directories, bytes);
        sum
    };
    ReceiveEvent::DryRun {
        sender,
        set: Some(set),
        create: sum(2, 1, 5_000_000),
        replace: sum(1, 0, 10),
        keep: sum(0, 1, 0),
        compare: EntrySum::default(),
        refuse: EntrySum::default(),
        delete: sum(1, 0, 0),
        unwanted: 0,
        preview: Arc::default(),
    }
}
