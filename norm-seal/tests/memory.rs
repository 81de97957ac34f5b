//! What is not authentic costs no memory, and never reaches an engine.
#![expect(unsafe_code, reason = "an allocator needs it")]

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::net::SocketAddr;
use std::time::Duration;

use norm_core::endpoint::{Datagram, Endpoint, Job, JobDone, Proof, Transmit, TransmitBuf};
use norm_core::{Rng, Timestamp};
use norm_seal::{
    Book, Epoch, Gate, GroupSecret, Guard, Guarded, Identity, Keyring, NoRandomness, Role, RunId,
    RunSource, SessionAddress, Signer, Suite,
};

/// The system's allocator, with a count of each thread's calls.
struct Counting;

thread_local! {
    static CALLS: Cell<u64> = const { Cell::new(0) };
}

fn calls() -> u64 {
    CALLS.with(Cell::get)
}

// SAFETY: every call is passed on as it came, and so is its result.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        // Not there while a thread ends.
        let _ = CALLS.try_with(|calls| calls.set(calls.get() + 1));
        // SAFETY: the caller's promises hold for the system's allocator.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, memory: *mut u8, layout: Layout) {
        // SAFETY: as above; the memory came from there.
        unsafe { System.dealloc(memory, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// Counts what reaches it.
#[derive(Default)]
struct Engine {
    datagrams: u64,
}

impl Endpoint for Engine {
    type Event = ();

    fn handle_datagram(&mut self, _: Timestamp, _: Datagram<'_>) {
        self.datagrams += 1;
    }

    fn handle_timeout(&mut self, _: Timestamp) {}

    fn handle_job(&mut self, _: Timestamp, _: JobDone) {}

    fn poll_transmit(&mut self, _: Timestamp, _: &mut TransmitBuf) -> Option<Transmit> {
        None
    }

    fn poll_job(&mut self) -> Option<Job> {
        None
    }

    fn poll_event(&mut self) -> Option<()> {
        None
    }

    fn poll_timeout(&self) -> Option<Timestamp> {
        None
    }
}

struct NoRuns;

impl RunSource for NoRuns {
    fn draw(&mut self) -> Result<RunId, NoRandomness> {
        Err(NoRandomness)
    }
}

fn guard(role: Role, run: u8) -> Guard {
    let keys = Keyring::new(GroupSecret::new([7; 32]));
    let address = SessionAddress::of(([239, 1, 2, 3], 6003).into());
    Guard::new(role, keys, Suite::Aes256Gcm, address, RunId([run; 12]))
}

/// Changes an authentic packet so that it is not: all bytes, the key id, the run, the counter, or
/// what is sealed.
fn damage(rng: &mut Rng, packet: &mut [u8]) {
    let range = match rng.below(5) {
        0 => 0..packet.len(),
        1 => 4..8,
        2 => 8..20,
        3 => 20..28,
        _ => 28..packet.len(),
    };
    packet[range].iter_mut().for_each(|byte| *byte = rng.next_u64() as u8);
}

#[test]
fn million_packets_that_are_not_authentic_take_no_memory_and_reach_no_engine() {
    const PACKETS: u64 = if cfg!(debug_assertions) { 100_000 } else { 1_000_000 };
    let at = |host: u8| SocketAddr::from(([192, 0, 2, host], 5740));
    let mut sender = guard(Role::Sender, 1);
    let mut real = [0x5a; 1388];
    assert!(sender.seal(None, &mut real));
    let (waited, ce, to_group) = (Duration::ZERO, false, true);
    let mut now = Timestamp::since_epoch(Duration::from_secs(1));
    for (role, source) in [(Role::Receiver, at(1)), (Role::Sender, at(2))] {
        let gate = Gate::new(Some(guard(role, 101)), NoRuns);
        let mut guarded = Guarded::new(Engine::default(), gate);
        // The run of the sender is known to the receiver.
        let mut first = real;
        guarded.handle_datagram(
            now,
            Datagram { source, to_group, ce, waited, proof: Proof::None, payload: &mut first },
        );
        let heard = guarded.inner().datagrams;
        let mut rng = Rng::new(7);
        let before = calls();
        for n in 0..PACKETS {
            now += Duration::from_micros(1);
            let mut forged = real;
            forged[1] = (n % 2) as u8;
            damage(&mut rng, &mut forged);
            let source = at((n % 250) as u8);
            let payload = &mut forged;
            guarded.handle_datagram(
                now,
                Datagram { source, to_group, ce, waited, proof: Proof::None, payload },
            );
        }
        assert_eq!(calls(), before, "allocations at a {role:?}");
        assert_eq!(guarded.inner().datagrams, heard, "packets that reached a {role:?}");
        let counters = guarded.gate().guard().unwrap().counters();
        assert!(counters.all_dropped() >= PACKETS, "{counters:?}");
    }
}

#[test]
fn hellos_that_are_not_authentic_take_no_memory() {
    const HELLOS: u64 = if cfg!(debug_assertions) { 20_000 } else { 100_000 };
    let at = |host: u8| SocketAddr::from(([192, 0, 2, host], 5740));
    let start = Timestamp::since_epoch(Duration::from_secs(1));
    let mut sender = guard(Role::Sender, 1).signing(&[6; 32]);
    let hello = sender.poll_hello(start).map(<[u8]>::to_vec).unwrap_or_default();
    let gate = Gate::new(Some(guard(Role::Receiver, 101).requiring_hello()), NoRuns);
    let mut guarded = Guarded::new(Engine::default(), gate);
    let mut rng = Rng::new(7);
    let mut forged = hello.clone();
    let before = calls();
    for n in 0..HELLOS {
        forged.copy_from_slice(&hello);
        let byte = 8 + rng.below(hello.len() as u64 - 8) as usize;
        forged[byte] ^= 1 << rng.below(8);
        let (now, source) = (start + Duration::from_micros(n * 50), at((n % 250) as u8));
        let (waited, ce, to_group) = (Duration::ZERO, false, true);
        let (proof, payload) = (Proof::None, forged.as_mut_slice());
        let datagram = Datagram { source, to_group, ce, waited, proof, payload };
        guarded.handle_datagram(now, datagram);
    }
    assert_eq!(calls(), before, "allocations");
    let counters = *guarded.gate().guard().unwrap().counters();
    assert_eq!((counters.all_dropped(), counters.hellos), (HELLOS, 0), "{counters:?}");
    let (waited, ce, to_group) = (Duration::ZERO, false, true);
    let (now, source, proof) = (start + Duration::from_secs(60), at(1), Proof::None);
    forged.copy_from_slice(&hello);
    let payload = forged.as_mut_slice();
    guarded.handle_datagram(now, Datagram { source, to_group, ce, waited, proof, payload });
    assert_eq!(guarded.gate().guard().unwrap().counters().hellos, 1);
}

/// As many as a link of 500 Mbit/s carries, to a recipient that has no key yet.
#[test]
fn pages_and_hellos_that_are_not_authentic_take_no_memory_of_a_recipient() {
    const PACKETS: u64 = if cfg!(debug_assertions) { 20_000 } else { 100_000 };
    let at = |host: u8| SocketAddr::from(([192, 0, 2, host], 5740));
    let start = Timestamp::since_epoch(Duration::from_secs(1));
    let signer = Signer::from_seed([9; 32]);
    let group = SessionAddress::of(([239, 1, 2, 3], 6003).into());
    let new = |role, keys, run| Guard::new(role, keys, Suite::default(), group, RunId([run; 12]));
    let keys = Keyring::without_group().with_signer(signer.clone());
    let sender = new(Role::Sender, keys, 1).signing(&[6; 32]);
    let identity = Identity::new([7; 32]).unwrap();
    let subject = (group, sender.session().unwrap(), Epoch(0));
    let book = Book::make(&[identity.public()], subject, &[8; 32]).unwrap();
    let mut sender = sender.with_book(book);
    let hello = sender.poll_hello(start).unwrap().to_vec();
    let page = sender.poll_keys(start).unwrap().1.to_vec();
    let keys = Keyring::of_recipient(vec![identity]).with_trusted(signer.verifier());
    let guard = new(Role::Receiver, keys, 101).requiring_hello().with_identities(false);
    let mut guarded = Guarded::new(Engine::default(), Gate::new(Some(guard), NoRuns));
    let mut hand = |now, source, payload: &mut [u8]| {
        let (waited, ce, to_group, proof) = (Duration::ZERO, false, true, Proof::None);
        let datagram = Datagram { source, to_group, ce, waited, proof, payload };
        guarded.handle_datagram(now, datagram);
        *guarded.gate().guard().unwrap().counters()
    };
    hand(start, at(1), &mut hello.clone());
    let mut rng = Rng::new(7);
    let mut forged = [hello, page.clone()];
    let before = calls();
    for n in 0..PACKETS {
        let real = &mut forged[n as usize % 2];
        let (byte, bit) = (28 + rng.below(real.len() as u64 - 28) as usize, 1 << rng.below(8));
        real[byte] ^= bit;
        hand(start + Duration::from_micros(n * 20), at(1), real);
        real[byte] ^= bit;
    }
    // The other backends take memory while they verify a signature, and free it.
    if cfg!(not(any(feature = "aws-lc", feature = "pure"))) {
        assert_eq!(calls(), before, "allocations");
    }
    let late = start + Duration::from_secs(60);
    assert_eq!(hand(late, at(1), &mut page.clone()).epochs, 1, "the real one is taken");
}
