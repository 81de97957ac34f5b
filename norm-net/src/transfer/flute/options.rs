//! What the user decides about a session of FLUTE.

use norm_core::flute::sender::{FecChoice, Passes, Profile, SenderConfig};

/// How to send by FLUTE: one way, at a fixed rate, without any feedback.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct FluteSend {
    /// Which receivers it is for. [`Profile::Own`] sends a file set with hashes, the others each
    /// file as an object of its own.
    pub profile: Profile,
    /// Transport session id, which names the session with our address: two at a time need two.
    pub tsi: u64,
    /// How often everything is sent.
    pub passes: Passes,
    /// Bytes that are sent in turns; `None`: all of them with several passes, 16 MiB with one.
    pub interleave: Option<u64>,
}

/// How to receive by FLUTE.
#[derive(Copy, Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct FluteReceive {
    /// The session that is received; `None` for all that are heard.
    pub tsi: Option<u64>,
}

impl FluteReceive {
    /// Only this session.
    pub const fn of(tsi: u64) -> Self {
        Self { tsi: Some(tsi) }
    }
}

impl FluteSend {
    /// Percent of coded symbols beyond what is needed, where everything is sent once.
    pub const OVERHEAD: u32 = 15;

    /// Everything once with [`OVERHEAD`](Self::OVERHEAD), as session 1.
    pub const fn new(profile: Profile) -> Self {
        let passes = Passes::Once { overhead: Self::OVERHEAD };
        Self { profile, tsi: 1, passes, interleave: None }
    }

    /// The same with changes, such as `.with(|flute| flute.tsi = 2)`.
    #[must_use]
    pub fn with(mut self, change: impl FnOnce(&mut Self)) -> Self {
        change(&mut self);
        self
    }

    /// True when a file set is sent.
    pub(crate) fn sends_set(&self) -> bool {
        self.profile == Profile::Own
    }

    /// The code, as far as the receivers know it.
    pub(super) fn fec(&self) -> FecChoice {
        match self.profile {
            Profile::Mbms | Profile::Mabr => FecChoice::NoCode,
            Profile::Own | Profile::Rfc6726 | Profile::FluteCrate => FecChoice::RaptorQ,
        }
    }

    /// An engine's settings, without what depends on the network.
    pub(super) fn config(&self, rate: u64) -> SenderConfig {
        let mut config = SenderConfig::new(self.tsi, rate);
        config.profile = self.profile;
        config.fec = self.fec();
        config.passes = self.passes;
        config.interleave = self.interleave;
        config
    }
}
