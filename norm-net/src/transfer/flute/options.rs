//! What the user decides about a session of FLUTE.

use norm_core::flute::sender::{FecChoice, Passes, Profile, SenderConfig};
use norm_core::flute::wire::Tsi;

use crate::transfer::config_problem::{ConfigProblem, OneWayOption};
use crate::transfer::receive::ReceiveOptions;
use crate::transfer::send::{Pace, Payload, SendOptions, Slow};

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

    /// What of the options cannot go together with this, if anything.
    pub(crate) fn problem(self, options: &ReceiveOptions) -> Option<ConfigProblem> {
        if let Some(tsi) = self.tsi.filter(|&tsi| Tsi::new(tsi).is_none()) {
            return Some(ConfigProblem::Tsi { tsi });
        }
        let option = options.sender_name.as_ref().map(|_| OneWayOption::SenderName);
        option.map(|option| ConfigProblem::OneWay { option })
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

    /// What of the options cannot go together with this, if anything.
    pub(crate) fn problem(&self, options: &SendOptions) -> Option<ConfigProblem> {
        let Pace::Fixed(rate) = options.pace else { return Some(ConfigProblem::OneWayRate) };
        if rate == 0 {
            return None; // that is told of any session
        }
        let wrong = [
            (options.standard.is_some(), OneWayOption::Standard),
            (options.slow != Slow::Wait, OneWayOption::Slow),
            (options.min_receivers > 0, OneWayOption::MinReceivers),
            (options.content.payload == Payload::Missing, OneWayOption::OnRequest),
        ];
        let wrong = wrong.into_iter().find(|(is_set, _)| *is_set);
        wrong.map(|(_, option)| ConfigProblem::OneWay { option })
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

#[cfg(test)]
mod tests {
    use super::*;

    fn options() -> SendOptions {
        let group = "239.1.2.3:6000".parse().unwrap();
        SendOptions::new(group).with(|options| {
            options.pace = Pace::Fixed(1_000_000);
            options.flute = Some(FluteSend::new(Profile::Own));
        })
    }

    fn problem(change: impl FnOnce(&mut SendOptions)) -> Option<String> {
        let options = options().with(change);
        options.flute.and_then(|flute| flute.problem(&options)).map(|problem| problem.to_string())
    }

    #[test]
    fn a_fixed_rate_is_needed() {
        assert_eq!(problem(|_| {}), None);
        for pace in [Pace::AUTO, Pace::Unlimited] {
            let told = problem(|options| options.pace = pace).unwrap();
            assert!(told.contains("fixed rate"), "{told}");
        }
    }

    #[test]
    fn what_needs_to_hear_of_receivers_is_refused() {
        let told = problem(|options| options.min_receivers = 1).unwrap();
        assert!(told.contains("wait for receivers"), "{told}");
        let told = problem(|options| options.content.payload = Payload::Missing).unwrap();
        assert!(told.contains("ask for"), "{told}");
    }
}
