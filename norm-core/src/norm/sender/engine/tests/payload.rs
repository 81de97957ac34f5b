//! Whether content is sent unasked.

use super::*;
use crate::norm::sender::Payload;

const TOTAL: u64 = 64 * 100;

/// A sender that decides by the reports, with a list and a file; receivers 2.. have announced
/// themselves.
fn deciding(receivers: u32) -> Sender {
    let config = SenderConfig { payload: Payload::Auto, ..config() };
    let mut sender = Sender::new(config, 5, START).unwrap();
    sender.enqueue(ObjectSpec { size: 64, info: None, file: false }).unwrap();
    sender.enqueue(ObjectSpec { size: TOTAL - 64, info: None, file: true }).unwrap();
    sender.finish();
    (0..receivers).for_each(|n| announce(&mut sender, START, 2 + n));
    sender
}

/// A receiver knows the content, and has this much of it.
fn report_bytes(sender: &mut Sender, now: Timestamp, node: u32, bytes_done: u64) {
    let mut content = Vec::new();
    let report = MemberReport {
        sender: NodeId(1),
        instance: sender.instance(),
        round: 2,
        grtt_response: WireTime::ZERO,
        identity: Identity([node as u8; 16]),
        state: MemberState::Receiving,
        bytes_done,
        bytes_total: TOTAL,
        loss: 0,
        drops: 0,
        ce_marked: 0,
        largest_heard: 0,
        name: "receiver",
        reason: "",
    };
    report.emit(&mut content);
    let message = Message::Report(Report { extensions: Extensions::EMPTY, content: &content });
    feed(sender, now, node, &message);
}

/// Packets of the list, and of the file.
fn counts(packets: &[Vec<u8>]) -> (usize, usize) {
    let objects = data(packets);
    let of = |wanted| objects.iter().filter(|(object, ..)| *object == wanted).count();
    (of(0), of(1))
}

/// Runs the sender until the file begins, or a second has passed; how long that took.
fn wait_for_content(sender: &mut Sender) -> Option<Duration> {
    let mut now = START;
    while now <= START + Duration::from_secs(5) {
        if sender.poll_timeout().is_some_and(|at| at <= now) {
            sender.handle_timeout(now);
        }
        if counts(&drain(sender, now)).1 > 0 {
            return Some(now.saturating_since(START));
        }
        now = sender.poll_timeout()?.max(now + MS / 10);
    }
    None
}

#[test]
fn content_waits_for_the_reports_of_one_round() {
    let mut sender = deciding(1);
    let packets = drain(&mut sender, START);
    assert_eq!(counts(&packets), (1, 0), "the list is sent, the content not yet");
    let queries = commands(&packets, |c| matches!(c, Command::Application(_)).then_some(()));
    assert_eq!(queries.len(), 2, "one to find receivers, one for their reports");
    report_bytes(&mut sender, START + MS * 3, 2, 0);
    assert_eq!(counts(&drain(&mut sender, START + MS * 3)), (0, 99), "it has nothing");
    assert!(!sender.is_on_request());
}

#[test]
fn only_what_is_asked_for_is_sent_when_all_receivers_have_a_part() {
    let mut sender = deciding(2);
    drain(&mut sender, START);
    report_bytes(&mut sender, START + MS, 2, TOTAL / 2);
    report_bytes(&mut sender, START + MS * 2, 3, TOTAL / 3);
    assert_eq!(counts(&drain(&mut sender, START + MS * 2)), (0, 0), "there may be others");
    assert_eq!(wait_for_content(&mut sender), None);
    assert!(sender.is_on_request());
    let events: Vec<_> = core::iter::from_fn(|| sender.poll_event()).collect();
    let chosen = SenderEvent::OnRequest { receivers: 2, bytes_done: TOTAL / 3 };
    assert!(events.contains(&chosen) && events.contains(&SenderEvent::AllSent), "{events:?}");
}

#[test]
fn one_receiver_without_a_part_has_all_sent() {
    let mut sender = deciding(2);
    drain(&mut sender, START);
    report_bytes(&mut sender, START + MS, 2, TOTAL / 2);
    report_bytes(&mut sender, START + MS * 2, 3, 64);
    assert_eq!(counts(&drain(&mut sender, START + MS * 2)), (0, 99));
}

#[test]
fn receivers_that_say_nothing_are_not_waited_for_long() {
    let round = Duration::from_millis(1100);
    let took = |receivers| wait_for_content(&mut deciding(receivers)).unwrap();
    assert!((round..round + MS * 200).contains(&took(0)), "{:?}", took(0));
    let listed = took(1);
    assert!(listed > round * 2 && listed < round * 4, "its report may be lost: {listed:?}");
}
