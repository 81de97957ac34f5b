//! How soon ten thousand recipients have a key that is sent one way, at 100 Mbit/s and with 5 % of
//! the packets lost. Each of them loses others; what each of them hears does not depend on others.
#![expect(clippy::unwrap_used, reason = "a helper of a test fails like the test itself")]

use std::time::Duration;

use norm_core::{Rng, Timestamp};
use norm_seal::{
    Book, Epoch, Guard, HEADER_LEN, Identity, Keyring, RecipientKey, Role, RunId, SessionAddress,
    Signer, Suite, TAG_LEN,
};

const RECIPIENTS: u32 = 10_000;
const WALL: u64 = 1_800_000_000;
/// Between two packets of content of 1,344 bytes at 100 Mbit/s.
const INTERVAL: Duration = Duration::from_micros(107);

fn identity(number: u32) -> Identity {
    let mut secret = [0x1d; 32];
    secret[..4].copy_from_slice(&number.to_be_bytes());
    Identity::new(secret).unwrap()
}

fn group() -> SessionAddress {
    SessionAddress::of(([239, 1, 2, 3], 6003).into())
}

fn sender() -> Guard {
    let keys = Keyring::without_group().with_signer(Signer::from_seed([9; 32]));
    let guard = Guard::new(Role::Sender, keys, Suite::default(), group(), RunId([1; 12]));
    let mut guard = guard.signing(&[2; 32]);
    guard.set_wall_clock(Timestamp::ZERO, WALL);
    let listed: Vec<RecipientKey> =
        (0..RECIPIENTS).map(|number| identity(number).public()).collect();
    let subject = (group(), guard.session().unwrap(), Epoch(0));
    guard.with_book(Book::make(&listed, subject, &[3; 32]).unwrap())
}

/// What a sender says beside its content in this time, and how many bytes that are in all.
fn said(guard: &mut Guard, time: Duration) -> (Vec<(Timestamp, Vec<u8>)>, usize) {
    let (mut all, mut now) = (Vec::new(), Timestamp::since_epoch(Duration::from_secs(1)));
    let end = now + time;
    let mut content = vec![0; HEADER_LEN + 1_300 + TAG_LEN];
    let mut bytes = 0;
    while now < end {
        while let Some(hello) = guard.poll_hello(now) {
            all.push((now, hello.to_vec()));
        }
        while let Some((_, page)) = guard.poll_keys(now) {
            bytes += page.len();
            all.push((now, page.to_vec()));
        }
        assert!(guard.seal(None, &mut content));
        now += INTERVAL;
    }
    (all, bytes)
}

/// How long a recipient takes that hears 95 % of this.
fn time_to_key(number: u32, said: &[(Timestamp, Vec<u8>)]) -> Option<Duration> {
    let trusted = Signer::from_seed([9; 32]).verifier();
    let keys = Keyring::of_recipient(vec![identity(number)]).with_trusted(trusted);
    let guard = Guard::new(Role::Receiver, keys, Suite::default(), group(), RunId([7; 12]));
    let mut guard = guard.requiring_hello().with_identities(true);
    let (start, source) = (said[0].0, ([192, 0, 2, 1], 5740).into());
    guard.set_wall_clock(start, WALL);
    let mut rng = Rng::new(number.into());
    for (at, datagram) in said {
        if rng.chance(0.05) {
            continue;
        }
        let _ = guard.open(*at, source, &mut datagram.clone());
        if guard.key_id().is_some() {
            return Some(at.saturating_since(start));
        }
    }
    None
}

#[test]
fn ten_thousand_recipients_have_the_key_in_time() {
    let mut sender = sender();
    let (said, bytes) = said(&mut sender, Duration::from_secs(40));
    let mut times: Vec<Duration> =
        (0..RECIPIENTS).map(|number| time_to_key(number, &said).expect("all in 40 s")).collect();
    times.sort_unstable();
    let (most, last) = (times[times.len() * 99 / 100], times[times.len() - 1]);
    println!("half {:?}, 99 % {most:?}, all {last:?}; {bytes} bytes", times[times.len() / 2]);
    assert!(most <= Duration::from_secs(10), "99 % in {most:?}");
    // Two rounds ahead, and then one percent of the rate.
    let rounds = 2 * 770 * 1_184;
    assert!(bytes <= rounds + 40 * 125_000 * 11 / 10, "{bytes} bytes");
}
