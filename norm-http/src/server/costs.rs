//! What each address costs: bytes that were hashed for it, beside bytes that it took.
//!
//! A single byte of a chunk has all of the chunk hashed. An address that asks for many such is
//! refused until the minute is over.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Costs are counted for this long, then forgotten.
const WINDOW: Duration = Duration::from_secs(60);
/// Bytes that may be hashed for each byte that is sent.
const MAX_TIMES: u64 = 64;
/// Bytes that may be hashed before anything is sent.
const FREE: u64 = 64 << 20;
/// Addresses that are told apart; others share one account.
const MAX_ADDRESSES: usize = 4_096;

/// The accounts of a window of time.
#[derive(Debug)]
pub(super) struct Costs(Mutex<Window>);

#[derive(Debug)]
struct Window {
    began: Instant,
    accounts: BTreeMap<IpAddr, Account>,
    others: Account,
}

#[derive(Copy, Clone, Debug, Default)]
struct Account {
    hashed: u64,
    sent: u64,
}

impl Costs {
    pub(super) fn new(now: Instant) -> Self {
        Self(Mutex::new(Window::new(now)))
    }

    /// True when `bytes` may be hashed for an address: then they count.
    pub(super) fn may_hash(&self, address: IpAddr, bytes: u64, now: Instant) -> bool {
        self.account(address, now, |account| {
            let limit = account.sent.saturating_mul(MAX_TIMES).saturating_add(FREE);
            let may = account.hashed.saturating_add(bytes) <= limit;
            account.hashed += if may { bytes } else { 0 };
            may
        })
    }

    /// These bytes were sent to an address.
    pub(super) fn sent(&self, address: IpAddr, bytes: u64, now: Instant) {
        self.account(address, now, |account| account.sent = account.sent.saturating_add(bytes));
    }

    fn account<T>(&self, address: IpAddr, now: Instant, act: impl FnOnce(&mut Account) -> T) -> T {
        // Nothing in here panics halfway.
        let mut window = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if now.saturating_duration_since(window.began) >= WINDOW {
            *window = Window::new(now);
        }
        let has_room = window.accounts.len() < MAX_ADDRESSES;
        if has_room || window.accounts.contains_key(&address) {
            act(window.accounts.entry(address).or_default())
        } else {
            act(&mut window.others)
        }
    }
}

impl Window {
    fn new(began: Instant) -> Self {
        Self { began, accounts: BTreeMap::new(), others: Account::default() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MIB: u64 = 1 << 20;

    #[test]
    fn hashing_for_next_to_nothing_is_refused_until_the_minute_is_over() {
        let began = Instant::now();
        let costs = Costs::new(began);
        let (dear, cheap) = (IpAddr::from([192, 0, 2, 1]), IpAddr::from([192, 0, 2, 2]));
        for _ in 0..64 {
            assert!(costs.may_hash(dear, MIB, began));
            costs.sent(dear, 1, began);
        }
        assert!(!costs.may_hash(dear, MIB, began));
        for _ in 0..1_000 {
            assert!(costs.may_hash(cheap, MIB, began));
            costs.sent(cheap, MIB, began);
        }
        assert!(costs.may_hash(dear, MIB, began + WINDOW));
    }

    #[test]
    fn addresses_beyond_those_that_are_told_apart_share_an_account() {
        let began = Instant::now();
        let costs = Costs::new(began);
        let address = |n: u32| IpAddr::from(n.to_be_bytes());
        (0..MAX_ADDRESSES as u32).for_each(|n| assert!(costs.may_hash(address(n), 1, began)));
        assert!(costs.may_hash(address(1 << 20), FREE, began));
        assert!(!costs.may_hash(address(1 << 21), 1, began));
        assert!(costs.may_hash(address(0), FREE - 1, began));
    }
}
