//! Answers, the end of a session, and the timers.

use super::*;
use crate::norm::receiver::timeout::TimeoutReason;
use crate::norm::wire::{ACK_CC, Eot};

/// Sends everything that is due by `now`, and returns the number of answers to probes.
fn answers(receiver: &mut Receiver<NoStore>, now: Timestamp) -> usize {
    receiver.handle_timeout(now);
    let mut out = TransmitBuf::new(4);
    let mut answers = 0;
    while receiver.poll_transmit(now, &mut out).is_some() {
        let (_, message) = Message::parse(out.as_bytes()).unwrap();
        let Message::Ack(ack) = message else { panic!("{message:?}") };
        assert_eq!(ack.ack_type, ACK_CC);
        assert!(!ack.grtt_response.is_zero());
        answers += 1;
    }
    answers
}

#[test]
fn sender_without_queries_gets_answers_to_some_probes() {
    let mut engine = receiver();
    hear(&mut engine, START, probe(), true);
    let soon = START + SECOND;
    assert_eq!(answers(&mut engine, soon), 1);
    hear(&mut engine, soon, probe(), true);
    assert_eq!(answers(&mut engine, soon + SECOND), 0, "the last answer was not long ago");
    hear(&mut engine, soon + SECOND * 2, probe(), true);
    assert_eq!(answers(&mut engine, soon + SECOND * 3), 1);
}

#[test]
fn sender_has_ended_while_eot_is_the_last_heard() {
    let mut engine = receiver();
    hear(&mut engine, START, probe(), true);
    assert!(!engine.has_ended(SENDER_ID) && !engine.has_all(SENDER_ID), "no object was heard of");
    hear(&mut engine, START, Command::Eot(Eot { reserved: [0; 3] }), false);
    assert!(engine.has_ended(SENDER_ID));
    hear(&mut engine, START, probe(), true);
    assert!(!engine.has_ended(SENDER_ID), "it goes on sending");
    assert!(!engine.has_all(SenderId(5)), "an unknown sender has nothing");
}

#[test]
fn timeout_reason_names_the_timer_that_ends_first() {
    let mut engine = receiver();
    assert_eq!(engine.timeout_reason(), None);
    hear(&mut engine, START, flush(FecId::RAPTORQ, 0, 0, 2), false);
    let mut seen = Vec::new();
    while let Some((at, reason)) =
        engine.timeout_reason().filter(|(at, _)| *at < START + SECOND * 2)
    {
        assert_eq!(engine.poll_timeout(), Some(at));
        seen.push(reason);
        spoken(&mut engine, at);
    }
    for reason in [
        TimeoutReason::MembershipReport,
        TimeoutReason::NackBackoff,
        TimeoutReason::NackHoldoff,
        TimeoutReason::SilenceCheck,
    ] {
        assert!(seen.contains(&reason), "{reason}: {seen:?}");
    }
}
