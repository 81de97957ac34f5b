//! What a sender does whose address has changed.

use super::*;
use crate::norm::sender::Mode;
use crate::norm::wire::{Extensions, MembershipQuery, MoveProof};

/// A sender of 100,000 bytes at 80 kbit/s.
fn slow() -> Sender {
    let config = SenderConfig { rate: Some(80_000), ..config() };
    let mut sender = Sender::new(config, 5, START).unwrap();
    let info = Some(Bytes::from_static(b"info"));
    sender.enqueue(ObjectSpec { size: 100_000, info, file: true }).unwrap();
    sender.finish();
    sender
}

/// The proofs in packets, and whether each packet is a notice of a move; `None` for DATA.
fn proofs(packets: &[Vec<u8>]) -> Vec<Option<(Option<MoveProof>, bool)>> {
    let read = |extensions: Extensions<'_>, notice| Some((extensions.move_proof(), notice));
    packets
        .iter()
        .map(|packet| match Message::parse(packet).unwrap().1 {
            Message::Info(info) => read(info.extensions, false),
            Message::Cmd(Cmd {
                command: Command::Application(application), extensions, ..
            }) => {
                let query = MembershipQuery::parse(application.content)?;
                read(extensions, query == MembershipQuery::Moved)
            }
            _ => None,
        })
        .collect()
}

#[test]
fn sender_that_moves_tells_it_before_it_goes_on() {
    let mut sender = slow();
    sender.prove_moves([7; 16]);
    let packets = run(&mut sender, START, SECOND);
    let told: Vec<_> = proofs(&packets).into_iter().flatten().collect();
    let first = told[0].0.unwrap();
    assert!(told.len() > 3, "INFO and queries");
    assert!(told.iter().all(|&one| one == (Some(first), false)));
    assert_eq!(first.moves, 0);

    let mut now = START + SECOND;
    sender.address_changed(now);
    let before = sender.progress().0;
    // Two seconds of silence, and the GRTT, which nothing has measured.
    assert_eq!(run(&mut sender, now, SECOND * 2).len(), 0);
    now += SECOND * 2;
    let packets = run(&mut sender, now, SECOND * 2);
    let proofs = proofs(&packets);
    let notices = proofs.iter().take_while(|one| one.is_some_and(|(_, notice)| notice)).count();
    assert!((5..=6).contains(&notices), "{notices}");
    assert!(proofs.len() > notices, "then content goes on");
    assert!(sender.progress().0 > before);
    let second = proofs[0].unwrap().0.unwrap();
    assert_eq!(second.moves, 1);
    assert!(proofs.iter().flatten().all(|&(proof, _)| proof == Some(second)));
}

#[test]
fn without_a_secret_or_in_standard_mode_content_goes_on_at_once() {
    for standard in [false, true] {
        let mut sender = slow();
        if standard {
            let config = SenderConfig { mode: Mode::Standard, rate: Some(80_000), ..config() };
            sender = Sender::new(config, 5, START).unwrap();
            sender.enqueue(ObjectSpec { size: 100_000, info: None, file: true }).unwrap();
            sender.prove_moves([7; 16]);
        }
        let packets = run(&mut sender, START, SECOND);
        assert!(proofs(&packets).iter().flatten().all(|(proof, _)| proof.is_none()));
        sender.address_changed(START + SECOND);
        let packets = run(&mut sender, START + SECOND, SECOND);
        assert!(!data(&packets).is_empty());
    }
}
