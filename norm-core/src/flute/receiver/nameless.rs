//! What packets make the receiver keep of objects that no table has told of. Any machine can send
//! such packets, of any number of objects of any size: it is bounded for each source and in all.

use core::net::IpAddr;
use std::collections::BTreeMap;

use super::config::ReceiverConfig;

/// What is taken.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// Symbols, which the store keeps.
    Symbols,
    /// Packets of which it is not known how their objects are cut into blocks, in memory.
    Packets,
    /// What objects, blocks and long TOIs take besides, in memory.
    Claims,
}

/// Bytes of each kind.
#[derive(Copy, Clone, Debug, Default, PartialEq, Eq)]
struct Usage([usize; 3]);

/// What is taken of the limits.
#[derive(Debug)]
pub(super) struct Nameless {
    /// The most in all.
    limits: Usage,
    /// The most of a source.
    source_limits: Usage,
    all: Usage,
    /// Sources that have taken something: those of sessions that are followed.
    sources: BTreeMap<IpAddr, Usage>,
}

impl Usage {
    const fn of(&self, kind: Kind) -> usize {
        self.0[kind as usize]
    }

    fn fits(&self, limits: &Self, kind: Kind, bytes: usize) -> bool {
        bytes <= limits.of(kind).saturating_sub(self.of(kind))
    }
}

impl Nameless {
    pub(super) fn new(config: &ReceiverConfig) -> Self {
        let limits = [config.max_nameless, config.max_early, config.max_claims];
        let of_source = [
            config.max_nameless_of_source,
            config.max_early_of_source,
            config.max_claims_of_source,
        ];
        Self {
            limits: Usage(limits),
            source_limits: Usage(of_source),
            all: Usage::default(),
            sources: BTreeMap::new(),
        }
    }

    /// Takes some for a source; false, and nothing taken, when there is not as much left.
    pub(super) fn take(&mut self, source: IpAddr, kind: Kind, bytes: usize) -> bool {
        let own = self.sources.get(&source).copied().unwrap_or_default();
        let fits =
            self.all.fits(&self.limits, kind, bytes) && own.fits(&self.source_limits, kind, bytes);
        if fits && bytes > 0 {
            self.all.0[kind as usize] += bytes;
            self.sources.entry(source).or_default().0[kind as usize] += bytes;
        }
        fits
    }

    /// Gives some back.
    pub(super) fn give(&mut self, source: IpAddr, kind: Kind, bytes: usize) {
        let less = |usage: &mut Usage| {
            let used = &mut usage.0[kind as usize];
            *used = used.saturating_sub(bytes);
        };
        less(&mut self.all);
        if let Some(own) = self.sources.get_mut(&source) {
            less(own);
            if *own == Usage::default() {
                self.sources.remove(&source);
            }
        }
    }

    /// What is taken in all.
    pub(super) const fn used(&self, kind: Kind) -> usize {
        self.all.of(kind)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_source_has_a_share_and_all_have_a_limit() {
        let source = |n: u8| IpAddr::from([10, 0, 0, n]);
        let config = ReceiverConfig {
            max_nameless: 25,
            max_nameless_of_source: 10,
            ..ReceiverConfig::new()
        };
        let mut nameless = Nameless::new(&config);
        let mut take = |n, bytes| nameless.take(source(n), Kind::Symbols, bytes);
        assert_eq!([take(1, 8), take(1, 3), take(1, 2)], [true, false, true]);
        assert_eq!([take(2, 10), take(3, 6), take(3, 5)], [true, false, true]);
        nameless.give(source(2), Kind::Symbols, 10);
        assert_eq!((nameless.used(Kind::Symbols), nameless.sources.len()), (15, 2));
        assert!(nameless.take(source(4), Kind::Packets, 1), "kinds are apart");
    }
}
