//! Which receivers a session is for, and what of the protocol follows from that.

/// Whether receivers are taken to be of this implementation.
#[derive(Copy, Clone, Debug, Default, PartialEq, Eq)]
pub enum Mode {
    /// Receivers of this implementation: they answer membership queries, report their paths, and
    /// say how much they can take.
    #[default]
    Native,
    /// RFC 5740 only, for other implementations: receivers that are heard are listed, every DATA
    /// message carries EXT_FTI, and probes carry EXT_RATE, which the NRL implementation answers.
    Standard,
}

impl Mode {
    fn is_native(self) -> bool {
        self == Self::Native
    }

    /// Membership queries find the receivers.
    pub(crate) fn sends_queries(self) -> bool {
        self.is_native()
    }

    /// Every receiver that is heard is listed, under its node id: there is no membership report.
    pub(crate) fn lists_all_heard(self) -> bool {
        !self.is_native()
    }

    /// Late joiners begin with the object that is being sent only if a FLUSH lists them.
    pub(crate) fn lists_late_joiners(self) -> bool {
        !self.is_native()
    }

    /// EXT_FTI goes on every DATA message of the session, not only on the first ones.
    pub(crate) fn repeats_fti(self) -> bool {
        !self.is_native()
    }

    /// Receivers report what arrives over their path, and CE marks.
    pub(crate) fn has_path_reports(self) -> bool {
        self.is_native()
    }

    /// Probes carry EXT_RATE instead of our own extension.
    pub(crate) fn sends_rate(self) -> bool {
        !self.is_native()
    }

    /// Probes list receivers that are to answer although others suppress them.
    pub(crate) fn asks_silent_receivers(self) -> bool {
        self.is_native()
    }

    /// Receivers say how much they can take when they are asked.
    pub(crate) fn has_receive_windows(self) -> bool {
        self.is_native()
    }

    /// Receivers understand that they are evicted.
    pub(crate) fn sends_evictions(self) -> bool {
        self.is_native()
    }
}
