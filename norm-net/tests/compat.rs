//! Files without a set, as other implementations send them, over the loopback interface.
#![cfg(target_os = "linux")]
#![expect(clippy::unwrap_used, reason = "a helper of a test fails like the test itself")]

use std::fs;
use std::net::{SocketAddr, UdpSocket};
use std::ops::ControlFlow;
use std::path::Path;
use std::sync::atomic::{AtomicU16, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use bytes::Bytes;
use crossbeam_channel::{Sender as ChannelEnd, unbounded};
use norm_core::endpoint::{Job, JobDone};
use norm_core::fec::{Points, RsCode, RsForm, Scheme};
use norm_core::norm::sender::{Mode, ObjectSpec, StartLimits};
use norm_core::norm::wire::{
    Cmd, Command, Eot, Extensions, FecId, Flush, Header, InstanceId, Message, NodeId, NodeList,
    ObjectId, PayloadFormat, PayloadId, QuantizedGroupSize, QuantizedRtt, SenderFields, Sequence,
};
use norm_core::norm::{Sender, SenderConfig, SenderEvent};
use norm_core::{Rng, Timestamp};
use norm_net::event::Obstacle;
use norm_net::io::driver::{self, Application, Clock};
use norm_net::io::interface::InterfaceSpec;
use norm_net::io::socket::{Link, LinkConfig};
use norm_net::{
    Hint, Problem, ReceiveEvent, ReceiveOptions, ReceiveOutcome, ReceiveReport, SendOptions,
    SendOutcome, Standard, StandardFec, receive, send,
};

/// A group and port that no other test of this process gets.
fn group() -> SocketAddr {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    let spread = u16::try_from(std::process::id() % 300).unwrap() * 32;
    let port = 40_000 + spread + NEXT.fetch_add(1, Ordering::Relaxed);
    SocketAddr::new([239, 255, 79, 1].into(), port)
}

fn lo() -> Option<InterfaceSpec> {
    Some(InterfaceSpec::Name("lo".to_owned()))
}

fn content(len: usize, seed: u64) -> Vec<u8> {
    let mut rng = Rng::new(seed);
    (0..len).map(|_| rng.next_u32() as u8).collect()
}

fn send_options(group: SocketAddr, standard: Standard) -> SendOptions {
    SendOptions::new(group).in_standard_mode(standard).with(|o| {
        o.interface = lo();
        o.min_receivers = 1;
        o.start.timeout = Some(Duration::from_secs(20));
    })
}

fn receive_options(group: SocketAddr, directory: &Path) -> ReceiveOptions {
    ReceiveOptions::new(group, directory).with(|o| {
        o.interface = lo();
        o.timeout = Some(Duration::from_secs(15));
        o.seed = Some(9);
    })
}

/// Receives until the end; what happened, and what came of it.
fn follow(options: &ReceiveOptions) -> JoinHandle<(Vec<ReceiveEvent>, ReceiveReport)> {
    let receiving = receive(options).unwrap();
    std::thread::spawn(move || {
        let events = receiving.events().collect();
        (events, receiving.wait().unwrap())
    })
}

/// Every file and directory below, by its relative path.
fn tree(directory: &Path) -> Vec<String> {
    let mut found = Vec::new();
    let mut left = vec![directory.to_owned()];
    while let Some(next) = left.pop() {
        for entry in fs::read_dir(next).unwrap() {
            let path = entry.unwrap().path();
            found.push(path.strip_prefix(directory).unwrap().to_str().unwrap().to_owned());
            if path.is_dir() {
                left.push(path);
            }
        }
    }
    found.sort();
    found
}

fn failures(events: &[ReceiveEvent]) -> Vec<&Problem> {
    fn problem(event: &ReceiveEvent) -> Option<&Problem> {
        match event {
            ReceiveEvent::FileFailed { problem, .. } => Some(problem),
            _ => None,
        }
    }
    events.iter().filter_map(problem).collect()
}

fn a_tree_arrives(fec: StandardFec, drop_percent: f64) {
    let temp = tempfile::tempdir().unwrap();
    let source = temp.path().join("set");
    fs::create_dir_all(source.join("sub/deep")).unwrap();
    fs::create_dir_all(source.join("empty")).unwrap();
    let files = [("big", 2_000_003), ("sub/one", 1), ("sub/deep/some", 150_000), ("sub/none", 0)];
    for (name, len) in files {
        fs::write(source.join(name), content(len, len as u64)).unwrap();
    }
    let out = temp.path().join("out");
    let group = group();
    let receiver =
        follow(&receive_options(group, &out).with(|o| o.demo.drop_percent = drop_percent));
    let sending =
        send(std::slice::from_ref(&source), &send_options(group, Standard::new(fec))).unwrap();
    let settings = sending.settings().clone();
    assert_eq!((settings.segment_size, settings.set), (1400, None));
    assert_eq!(settings.left_out.len(), 1, "the empty directory: {:?}", settings.left_out);
    let sent = sending.wait().unwrap();
    assert_eq!(sent.outcome, SendOutcome::Complete, "{sent:?}");
    assert_eq!((sent.content, sent.files), (None, 4));

    let (events, report) = receiver.join().unwrap();
    assert_eq!(report.outcome, ReceiveOutcome::Complete, "{events:?}");
    for (name, len) in files {
        let got = fs::read(out.join("set").join(name)).unwrap();
        assert!(got == content(len, len as u64), "{name} differs");
    }
    let expected = ["", "/big", "/sub", "/sub/deep", "/sub/deep/some", "/sub/none", "/sub/one"];
    assert_eq!(tree(&out), expected.map(|name| format!("set{name}")), "and nothing else");
    let [set] = &report.sets[..] else { panic!("{report:?}") };
    assert!(set.set.is_none() && !set.is_verified(), "{set:?}");
    assert_eq!((set.files, set.bytes, report.bytes), (4, 2_150_004, 2_150_004));
    let hint = |e: &&ReceiveEvent| matches!(e, ReceiveEvent::Hint(Hint::NotVerified { .. }));
    assert_eq!(events.iter().filter(hint).count(), 1, "{events:?}");
}

#[test]
fn tree_arrives_by_fec_id_5() {
    a_tree_arrives(StandardFec::Id5, 0.0);
}

#[test]
fn tree_arrives_through_loss_by_fec_id_5() {
    a_tree_arrives(StandardFec::Id5, 8.0);
}

#[test]
fn tree_arrives_through_loss_by_fec_id_2() {
    a_tree_arrives(StandardFec::Id2, 8.0);
}

#[test]
fn tree_arrives_through_loss_by_fec_id_129() {
    a_tree_arrives(StandardFec::Id129, 8.0);
}

#[test]
fn existing_file_is_refused_and_the_others_arrive() {
    let temp = tempfile::tempdir().unwrap();
    let source = temp.path().join("set");
    fs::create_dir(&source).unwrap();
    fs::write(source.join("a"), content(300_000, 1)).unwrap();
    fs::write(source.join("b"), content(300_000, 2)).unwrap();
    let out = temp.path().join("out");
    fs::create_dir_all(out.join("set")).unwrap();
    fs::write(out.join("set/a"), b"mine").unwrap();
    let group = group();
    let receiver = follow(&receive_options(group, &out));
    let options = send_options(group, Standard::new(StandardFec::Id5));
    let sent = send(std::slice::from_ref(&source), &options).unwrap().wait().unwrap();
    assert_eq!(sent.outcome, SendOutcome::AllFailed, "{sent:?}");
    let (events, report) = receiver.join().unwrap();
    let obstructed = Problem::Obstructed { path: out.join("set/a"), obstacle: Obstacle::File };
    assert_eq!(report.outcome, ReceiveOutcome::LocalError { problem: obstructed });
    assert_eq!(failures(&events).len(), 1, "{events:?}");
    assert_eq!(report.sets[0].files, 1, "the other one is here: {report:?}");
    assert_eq!(fs::read(out.join("set/a")).unwrap(), b"mine");
    assert!(fs::read(out.join("set/b")).unwrap() == content(300_000, 2));

    let receiver = follow(&receive_options(group, &out).with(|o| o.overwrite = true));
    let sent = send(&[source], &options).unwrap().wait().unwrap();
    assert_eq!(sent.outcome, SendOutcome::Complete, "{sent:?}");
    assert_eq!(receiver.join().unwrap().1.outcome, ReceiveOutcome::Complete);
    assert!(fs::read(out.join("set/a")).unwrap() == content(300_000, 1));
    assert_eq!(tree(&out), ["set", "set/a", "set/b"]);
}

/// A sender's engine with objects in memory, of any INFO.
struct Forger {
    objects: Vec<(Option<Bytes>, Bytes)>,
    results: ChannelEnd<JobDone>,
    until: Timestamp,
    /// Content packets after which it is gone without a word.
    dies_after: u64,
    confirmed: usize,
}

fn forge(
    group: SocketAddr,
    objects: Vec<(Option<Bytes>, Bytes)>,
    dies_after: u64,
) -> JoinHandle<usize> {
    std::thread::spawn(move || {
        let config = LinkConfig { interface: lo(), loopback: true, ..LinkConfig::new(group) };
        let mut link = Link::open(&config).unwrap();
        let clock = Clock::start();
        let code = RsCode::new(RsForm::Id5, Points::Rizzo, 20, 10).unwrap();
        let config = SenderConfig {
            scheme: Scheme::ReedSolomon(code),
            mode: Mode::Standard,
            segment_size: 1400,
            min_receivers: 1,
            start: StartLimits { timeout: Some(Duration::from_secs(20)), ..StartLimits::default() },
            ..SenderConfig::new(NodeId(77))
        };
        let mut engine = Sender::new(config, 5, clock.now()).unwrap();
        for (info, content) in &objects {
            let (size, info) = (content.len() as u64, info.clone());
            engine.enqueue(ObjectSpec { size, info, file: true }).unwrap();
        }
        engine.finish();
        let (results, done) = unbounded();
        let until = clock.now() + Duration::from_secs(40);
        let mut app = Forger { objects, results, until, dies_after, confirmed: 0 };
        driver::run(&mut link, clock, &mut engine, &mut app, &done).unwrap();
        app.confirmed
    })
}

impl Application<Sender> for Forger {
    fn event(&mut self, _engine: &mut Sender, _now: Timestamp, event: SenderEvent) {
        self.confirmed += usize::from(matches!(event, SenderEvent::ReceiverConfirmed { .. }));
    }

    fn job(&mut self, _engine: &mut Sender, _now: Timestamp, job: Job) {
        if let Job::Read(job) = job {
            let (start, len) = (job.offset as usize, job.len as usize);
            let bytes = self.objects[job.object as usize].1.slice(start..start + len);
            self.results.send(JobDone::Read { block: job.block, result: Ok(bytes) }).unwrap();
        }
    }

    fn turn(&mut self, engine: &mut Sender, now: Timestamp) -> ControlFlow<()> {
        let dead = engine.stats().data_packets >= self.dies_after;
        if dead || engine.is_finished() || now >= self.until {
            return ControlFlow::Break(());
        }
        ControlFlow::Continue(())
    }
}

#[test]
fn names_from_the_network_stay_below_the_output_directory() {
    let temp = tempfile::tempdir().unwrap();
    let out = temp.path().join("a/out");
    fs::create_dir_all(&out).unwrap();
    let elsewhere = temp.path().join("elsewhere");
    fs::create_dir(&elsewhere).unwrap();
    std::os::unix::fs::symlink(&elsewhere, out.join("link")).unwrap();
    let names: [&[u8]; 7] =
        [b"../../x", b"/etc/y", b".norm-z", b"..", b"bad\nname", b"\xff", b"link/w"];
    let mut objects: Vec<(Option<Bytes>, Bytes)> = names
        .iter()
        .map(|name| (Some(Bytes::from_static(name)), Bytes::from_static(b"something")))
        .collect();
    objects.push((None, Bytes::from_static(b"without a name")));
    let group = group();
    let receiver = follow(&receive_options(group, &out));
    let sender = forge(group, objects, u64::MAX);
    let (events, report) = receiver.join().unwrap();
    assert_eq!(
        tree(&out),
        [
            "_.norm-z",
            "etc",
            "etc/y",
            "link",
            "object-0000004d-3",
            "object-0000004d-4",
            "object-0000004d-5",
            "object-0000004d-7",
            "x"
        ]
    );
    assert_eq!(tree(temp.path()).iter().filter(|path| path.starts_with('e')).count(), 1);
    assert_eq!(failures(&events).len(), 1, "{events:?}");
    assert!(failures(&events)[0].to_string().contains("links are not followed"), "{events:?}");
    assert!(matches!(report.outcome, ReceiveOutcome::LocalError { .. }), "{report:?}");
    assert_eq!(report.sets[0].files, 7);
    drop(sender);
}

#[test]
fn sender_that_dies_leaves_complete_files_and_nothing_of_the_others() {
    let temp = tempfile::tempdir().unwrap();
    let out = temp.path().join("out");
    let object = |name: &'static str, len: usize| {
        (Some(Bytes::from_static(name.as_bytes())), Bytes::from(content(len, 3)))
    };
    let objects = vec![object("whole", 10_000), object("part", 5_000_000)];
    let group = group();
    let timeout = Some(Duration::from_secs(2));
    let receiver = follow(&receive_options(group, &out).with(|o| o.timeout = timeout));
    assert_eq!(forge(group, objects, 500).join().unwrap(), 0);
    let (events, report) = receiver.join().unwrap();
    assert_eq!(report.outcome, ReceiveOutcome::Partial, "{events:?}");
    assert_eq!(tree(&out), ["whole"]);
    assert_eq!(failures(&events), [&Problem::Stalled { after: Duration::from_secs(2) }]);
    assert_eq!((report.sets.len(), report.failed.len()), (1, 1));
}

/// A sender of one empty file that says only where its end is, for as long as it is asked for more.
fn flush_nothing(group: SocketAddr) -> JoinHandle<()> {
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    let format = PayloadFormat::Block24Symbol8;
    let payload_id = PayloadId { block: u32::MAX, block_len: 0, symbol: u32::MAX }.encode(format);
    let (fec_id, object) = (FecId::REED_SOLOMON_8, ObjectId(0));
    let flush = Command::Flush(Flush { fec_id, object, payload_id, acking: NodeList::EMPTY });
    let mut sequence = 0;
    let mut say = move |command: Command<'_>| {
        let sender = SenderFields {
            instance: InstanceId(7),
            grtt: QuantizedRtt::from_duration(Duration::from_millis(1)),
            backoff: 0,
            group_size: QuantizedGroupSize::from_count(10),
        };
        let message = Message::Cmd(Cmd { sender, extensions: Extensions::EMPTY, command });
        let mut bytes = Vec::new();
        message.emit(Header { sequence: Sequence(sequence), source: NodeId(1) }, &mut bytes);
        sequence += 1;
        socket.send_to(&bytes, group).unwrap();
    };
    std::thread::spawn(move || {
        // Twenty requests, half a second between the later ones.
        for _ in 0..120 {
            say(flush);
            std::thread::sleep(Duration::from_millis(100));
        }
        say(Command::Eot(Eot { reserved: [0; 3] }));
    })
}

#[test]
fn empty_file_whose_name_never_comes_is_told_as_failed_and_not_waited_for() {
    let temp = tempfile::tempdir().unwrap();
    let out = temp.path().join("out");
    let group = group();
    let options = receive_options(group, &out).with(|o| o.timeout = None);
    let receiver = follow(&options);
    flush_nothing(group).join().unwrap();
    let (events, report) = receiver.join().unwrap();
    assert_eq!(failures(&events), [&Problem::NameMissing]);
    assert_ne!(report.outcome, ReceiveOutcome::Complete, "{report:?}");
    assert_eq!((report.sets.len(), report.failed.len()), (0, 1));
}
