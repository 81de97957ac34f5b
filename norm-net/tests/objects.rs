//! DATA objects, streams and commands between two sessions over the loopback interface.
#![cfg(target_os = "linux")]
#![expect(clippy::unwrap_used, reason = "a helper of a test fails like the test itself")]

use std::io::{Read, Write};
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU16, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use bytes::Bytes;
use norm_net::io::interface::InterfaceSpec;
use norm_net::objects::{
    MessageMarks, Mode, ObjectError, ObjectEvent, ObjectReceiveOptions, ObjectReceiver,
    ObjectSendOptions, ObjectSendOutcome, ObjectSender, StreamItem, StreamReader,
};

const LONG: Duration = Duration::from_secs(20);

/// A group that no other test of this process gets and, by the process id, hardly one of another.
fn group() -> SocketAddr {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    let spread = u16::try_from(std::process::id() % 300).unwrap() * 32;
    let port = 40_000 + spread + NEXT.fetch_add(1, Ordering::Relaxed);
    SocketAddr::new([239, 255, 78, 2].into(), port)
}

fn loopback() -> Option<InterfaceSpec> {
    Some(InterfaceSpec::Name("lo".to_owned()))
}

fn sending(group: SocketAddr) -> ObjectSendOptions {
    ObjectSendOptions::new(group).with(|o| {
        o.interface = loopback();
        // Receivers of our own make announce themselves only where they are called.
        o.mode = Mode::Native;
        o.patience = Duration::from_secs(1);
    })
}

fn receiving(group: SocketAddr) -> ObjectReceiveOptions {
    ObjectReceiveOptions::new(group).with(|o| o.interface = loopback())
}

fn content(len: usize) -> Bytes {
    (0..len).map(|i| (i * 31 + i / 251) as u8).collect::<Vec<u8>>().into()
}

/// The next event that is not only about senders.
fn next(receiver: &ObjectReceiver) -> ObjectEvent {
    loop {
        let event = receiver.events().recv_timeout(LONG).expect("something arrives in time");
        if !matches!(event, ObjectEvent::SenderFound { .. }) {
            return event;
        }
    }
}

fn next_stream(receiver: &ObjectReceiver) -> StreamReader {
    match next(receiver) {
        ObjectEvent::Stream { reader, .. } => reader,
        other => panic!("no stream: {other:?}"),
    }
}

#[test]
fn objects_of_every_size_arrive_with_their_info_in_both_modes() {
    for mode in [Mode::Standard, Mode::Native] {
        let group = group();
        let receiver = ObjectReceiver::open(&receiving(group)).unwrap();
        let sender = ObjectSender::open(&sending(group).with(|o| o.mode = mode)).unwrap();
        let sizes = [0, 1, 100_000, 3_000_000];
        for (n, size) in sizes.into_iter().enumerate() {
            let info = (n != 2).then(|| Bytes::from(format!("object {n}")));
            assert_eq!(sender.send_data(content(size), info).unwrap().0, n as u64);
        }
        let mut found = Vec::new();
        while found.len() < sizes.len() {
            let ObjectEvent::Data { info, file, bytes, .. } = next(&receiver) else { panic!() };
            assert!(!file && bytes == content(bytes.len()));
            found.push((bytes.len(), info));
        }
        found.sort();
        let named = |n| Some(Bytes::from(format!("object {n}")));
        assert_eq!(found, [(0, named(0)), (1, named(1)), (100_000, None), (3_000_000, named(3))]);
        let report = sender.finish().unwrap();
        // Who loses nothing has nothing to say to a sender that makes no roll calls.
        let heard = report.outcome == ObjectSendOutcome::Complete;
        let unheard = mode == Mode::Standard && report.outcome == ObjectSendOutcome::NoReceivers;
        assert!(heard || unheard, "{mode:?} {report:?}");
        receiver.close().unwrap();
    }
}

#[test]
fn stream_of_messages_arrives_whole_through_a_buffer_smaller_than_it() {
    let group = group();
    let receiver = ObjectReceiver::open(&receiving(group)).unwrap();
    let sender = ObjectSender::open(&sending(group)).unwrap();
    let info = Some(Bytes::from_static(b"numbers"));
    let mut writer = sender.open_stream(info.clone(), 600_000, MessageMarks::Every).unwrap();
    let message = |n: usize| content(1 + n * 37 % 3000);
    let count = 700; // about a megabyte
    let writing = thread::spawn(move || {
        for n in 0..count {
            writer.write(&message(n)).unwrap();
            writer.end_message().unwrap();
        }
        writer.close();
    });
    let mut reader = match next(&receiver) {
        ObjectEvent::Stream { reader, info: told, .. } => {
            assert_eq!(told, info);
            reader
        }
        other => panic!("no stream: {other:?}"),
    };
    for n in 0..count {
        assert_eq!(reader.read_message(), Some(message(n)), "message {n}");
    }
    assert_eq!(reader.read_message(), None);
    assert_eq!(reader.left_out(), 0);
    writing.join().unwrap();
    let mut sender = sender;
    let mut receiver = receiver;
    let sent = sender.wait_timeout(LONG).expect("all is confirmed").unwrap();
    assert_eq!(sent.outcome, ObjectSendOutcome::Complete);
    receiver.wait_timeout(LONG).expect("its sender has ended").unwrap();
    assert!(receiver.wait_timeout(LONG).unwrap().is_err(), "handed out once");
}

#[test]
fn stream_can_be_written_and_read_as_plain_bytes() {
    let group = group();
    let receiver = ObjectReceiver::open(&receiving(group)).unwrap();
    let sender = ObjectSender::open(&sending(group)).unwrap();
    let mut writer = sender.open_stream(None, 1 << 20, MessageMarks::FirstOfSegment).unwrap();
    let sent = content(300_001);
    Write::write_all(&mut writer, &sent).unwrap();
    Write::flush(&mut writer).unwrap();
    let mut reader = next_stream(&receiver);
    let mut first = vec![0; 300_001];
    reader.read_exact(&mut first).unwrap();
    assert!(first == sent, "a flush lets everything leave");
    // Finishing closes what is still open.
    let finishing = thread::spawn(move || sender.finish().unwrap());
    let mut rest = Vec::new();
    reader.read_to_end(&mut rest).unwrap();
    assert!(rest.is_empty());
    assert_eq!(finishing.join().unwrap().outcome, ObjectSendOutcome::Complete);
    assert!(matches!(writer.end_message(), Err(ObjectError::Over)));
}

#[test]
fn commands_arrive_one_after_the_other_and_nothing_else_need_be_sent() {
    let group = group();
    let receiver = ObjectReceiver::open(&receiving(group)).unwrap();
    let sender = ObjectSender::open(&sending(group)).unwrap();
    sender.send_command(Bytes::from_static(b"first"), 1).unwrap();
    sender.send_command(Bytes::from_static(b"second"), 1).unwrap();
    let finishing = thread::spawn(move || sender.finish().unwrap());
    for expected in ["first", "second"] {
        let ObjectEvent::Command { content, .. } = next(&receiver) else { panic!() };
        assert_eq!(content, expected);
    }
    finishing.join().unwrap();
}

#[test]
fn what_does_not_fit_is_refused_on_either_side() {
    let group = group();
    let receiver = ObjectReceiver::open(&receiving(group).with(|o| o.max_data = 1000)).unwrap();
    let sender = ObjectSender::open(&sending(group).with(|o| o.max_held = 5000));
    let sender = sender.unwrap();
    let long = Some(content(1401));
    assert!(matches!(sender.send_data(content(1), long), Err(ObjectError::Config(_))));
    assert!(matches!(sender.send_data(content(5001), None), Err(ObjectError::Full { .. })));
    assert!(matches!(sender.send_command(content(1401), 1), Err(ObjectError::Config(_))));
    sender.send_data(content(1001), None).unwrap();
    assert!(matches!(next(&receiver), ObjectEvent::Refused { size: 1001, .. }));
    sender.send_data(content(1000), None).unwrap();
    assert!(matches!(next(&receiver), ObjectEvent::Data { bytes, .. } if bytes.len() == 1000));
    let node = sending(group).with(|o| o.node = Some(0));
    assert!(ObjectSender::open(&node).is_err());
    let code = sending(group).with(|o| o.parity = 200);
    assert!(ObjectSender::open(&code).is_err());
    let node = receiving(group).with(|o| o.node = Some(0));
    assert!(ObjectReceiver::open(&node).is_err());
}

#[test]
fn objects_wait_for_memory_until_the_application_fetches_them() {
    let group = group();
    let options = receiving(group).with(|o| o.memory = 150_000);
    let receiver = ObjectReceiver::open(&options).unwrap();
    let sender = ObjectSender::open(&sending(group)).unwrap();
    for _ in 0..10 {
        sender.send_data(content(100_000), None).unwrap();
    }
    thread::sleep(Duration::from_millis(500));
    for _ in 0..10 {
        assert!(
            matches!(next(&receiver), ObjectEvent::Data { bytes, .. } if bytes.len() == 100_000)
        );
    }
    assert_eq!(sender.finish().unwrap().outcome, ObjectSendOutcome::Complete);
}

#[test]
fn stopping_ends_everything_that_waits() {
    let group = group();
    let receiver = ObjectReceiver::open(&receiving(group)).unwrap();
    let slow = sending(group).with(|o| o.rate = Some(1_000_000));
    let sender = ObjectSender::open(&slow).unwrap();
    let mut writer = sender.open_stream(None, 100_000, MessageMarks::Every).unwrap();
    let writing = thread::spawn(move || {
        while writer.write(&content(10_000)).and_then(|()| writer.end_message()).is_ok() {}
    });
    let mut reader = next_stream(&receiver);
    assert!(reader.next().is_some());
    let begin = Instant::now();
    let stopper = sender.stopper();
    let finishing = thread::spawn(move || sender.finish().unwrap());
    stopper.stop();
    assert_eq!(finishing.join().unwrap().outcome, ObjectSendOutcome::Stopped);
    writing.join().unwrap();
    let events = receiver.events();
    drop(receiver);
    assert_eq!(Iterator::by_ref(&mut reader).last(), Some(StreamItem::Cut));
    assert_eq!(reader.next(), None);
    while events.recv().is_some() {}
    assert!(begin.elapsed() < Duration::from_secs(5), "{:?}", begin.elapsed());
}

#[test]
fn sessions_without_anything_end_at_once() {
    let group = group();
    let begin = Instant::now();
    let report = ObjectSender::open(&sending(group)).unwrap().finish().unwrap();
    assert_eq!(report.outcome, ObjectSendOutcome::NoReceivers);
    ObjectReceiver::open(&receiving(group)).unwrap().close().unwrap();
    drop(ObjectSender::open(&sending(group)).unwrap());
    assert!(begin.elapsed() < Duration::from_secs(4), "{:?}", begin.elapsed());
}
