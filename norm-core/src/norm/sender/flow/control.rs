//! Flow control: when receivers are asked how much they can take, and when new data wait for them.

use core::time::Duration;

use super::lag::Lag;
use super::window::{Pacing, ReceiveWindows};
use crate::base::Timestamp;
use crate::norm::sender::receivers::MemberTable;
use crate::norm::wire::{NodeId, ReceiveWindow};

/// Receive windows, and the oldest need of lagging receivers.
#[derive(Debug)]
pub(crate) struct FlowControl {
    windows: ReceiveWindows,
    lag: Lag,
    /// Until when new data wait for a receiver, if they did at the last poll.
    waits_until: Option<Timestamp>,
    /// The last receiver without a watched window that was asked.
    asked_last: NodeId,
}

/// How far first transmission is.
#[derive(Copy, Clone, Debug)]
pub(crate) struct FlowPosition {
    /// Content bytes sent for the first time.
    pub(crate) bytes: u64,
    /// Running number of the block that is sent next.
    pub(crate) block: u64,
    /// Blocks by which it may lead a lagging receiver.
    pub(crate) window: u64,
    /// Receive windows count for the content that is sent next.
    pub(crate) has_windows: bool,
}

/// Receivers that are asked how much they can take.
#[derive(Debug)]
pub(crate) struct WindowQuestion {
    pub(crate) ack_id: u8,
    pub(crate) nodes: Vec<NodeId>,
}

impl FlowControl {
    pub(crate) fn new() -> Self {
        Self {
            windows: ReceiveWindows::new(),
            lag: Lag::new(),
            waits_until: None,
            asked_last: NodeId::NONE,
        }
    }

    pub(crate) fn lag_mut(&mut self) -> &mut Lag {
        &mut self.lag
    }

    /// The blocks have other numbers from now on.
    pub(crate) fn forget_lag(&mut self) {
        self.lag = Lag::new();
    }

    /// A new poll: nothing is known to wait.
    pub(crate) fn begin_poll(&mut self) {
        self.waits_until = None;
    }

    /// Until when new data wait for a receiver, if they did at the last poll.
    pub(crate) fn waits_until(&self) -> Option<Timestamp> {
        self.waits_until
    }

    /// True when new data must wait, because a receiver has no room for more or lags too far. Only
    /// receivers that are `heeded` count.
    pub(crate) fn must_wait(
        &mut self,
        now: Timestamp,
        at: FlowPosition,
        grtt: Duration,
        heeded: impl FnMut(NodeId) -> bool,
    ) -> bool {
        self.waits_until = self.wait(now, at, grtt, heeded);
        self.waits_until.is_some()
    }

    fn wait(
        &mut self,
        now: Timestamp,
        at: FlowPosition,
        grtt: Duration,
        heeded: impl FnMut(NodeId) -> bool,
    ) -> Option<Timestamp> {
        if at.has_windows && self.windows.stalls(now, at.bytes) {
            self.windows.retain(heeded);
            if self.windows.stalls(now, at.bytes) {
                return self.windows.wakes(grtt);
            }
        }
        self.lag.stalls(now, at.block, at.window).then(|| self.lag.ends())
    }

    /// While new data wait for a receive window: whose it is.
    pub(crate) fn holder(&self, bytes: u64) -> Option<NodeId> {
        self.waits_until.and_then(|_| self.windows.holder(bytes))
    }

    /// True when it is time to ask receivers how much they can take; `bytes` of content were sent.
    pub(crate) fn must_ask(&self, now: Timestamp, bytes: u64, grtt: Duration) -> bool {
        self.windows.must_ask(now, bytes, grtt)
    }

    /// Asks receivers how much they can take, `limit` at most and only those that are `heeded`.
    pub(crate) fn ask(
        &mut self,
        now: Timestamp,
        bytes: u64,
        members: &MemberTable,
        heeded: impl Fn(NodeId) -> bool,
        limit: usize,
        pacing: Pacing,
    ) -> WindowQuestion {
        self.windows.retain(&heeded);
        let mut besides = members.following(self.asked_last, self.windows.besides());
        self.asked_last = besides.last().copied().unwrap_or(NodeId::NONE);
        besides.retain(|&node| heeded(node));
        let ack_id = self.windows.ask(now, bytes, &besides, pacing);
        let mut nodes: Vec<NodeId> = self.windows.due(bytes).chain(besides).collect();
        nodes.sort_unstable();
        nodes.dedup();
        nodes.truncate(limit);
        WindowQuestion { ack_id, nodes }
    }

    /// A receiver says how much it can take.
    pub(crate) fn answered(
        &mut self,
        now: Timestamp,
        node: NodeId,
        ack_id: u8,
        answer: ReceiveWindow,
        pacing: Pacing,
    ) {
        self.windows.answered(now, node, ack_id, answer, pacing);
    }
}
