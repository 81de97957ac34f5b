//! Asks receivers how much they can take, and has new data wait for them; `window` keeps the answers.

use crate::base::Timestamp;
use crate::endpoint::{Transmit, TransmitBuf};
use crate::norm::sender::Sender;
use crate::norm::wire::{ACK_WINDOW, AckReq, Command, NodeId, NodeList, encode_nodes};

impl Sender {
    /// The rate has a limit.
    pub(crate) fn is_paced(&self) -> bool {
        self.limit.is_some() || self.steering.is_some()
    }

    /// Until when new data wait because a receiver has no room for more, or is too far behind.
    pub(crate) fn must_wait(&mut self, now: Timestamp, cursor: u64) -> Option<Timestamp> {
        let sent = self.cursor.bytes;
        if self.heeds_credit() && self.window.stalls(now, sent) {
            self.watch_only_heeded();
            if self.window.stalls(now, sent) {
                return self.window.wakes(self.grtt.get());
            }
        }
        let lags = self.lag.stalls(now, cursor, self.blocks_in_cache());
        lags.then(|| self.lag.ends())
    }

    fn watch_only_heeded(&mut self) {
        let (members, slow) = (&self.members, self.slow.as_ref());
        let left_out = |node| slow.is_some_and(|slow| slow.leaves_out(node));
        self.window.retain(|node| members.is_active(node) && !left_out(node));
    }

    /// True when new data are of an object that receivers keep as a whole. Readers of a stream may miss
    /// something rather than hold the writer up.
    pub(crate) fn heeds_credit(&self) -> bool {
        let current = self.objects.get(self.cursor.key);
        self.config.mode.asks_for_credit() && current.is_some_and(|object| object.stream.is_none())
    }

    /// Asks receivers how much they can take, when that is due.
    pub(crate) fn ask_for_credit(
        &mut self,
        now: Timestamp,
        out: &mut TransmitBuf,
    ) -> Option<Transmit> {
        let sent = self.cursor.bytes;
        let useful = self.session.is_sending()
            && self.heeds_credit()
            && self.window.must_ask(now, sent, self.grtt.get());
        if !useful || self.members.all_settled() {
            return None;
        }
        self.watch_only_heeded();
        let mut beside = self.members.following(self.window.after, self.window.beside());
        self.window.after = beside.last().copied().unwrap_or(NodeId::NONE);
        beside.retain(|&node| self.heeds(node));
        let ack_id = self.window.ask(now, sent, &beside);
        let mut nodes: Vec<NodeId> = self.window.due(sent).chain(beside).collect();
        nodes.sort_unstable();
        nodes.dedup();
        nodes.truncate(self.acking_limit());
        let mut list = Vec::new();
        encode_nodes(&nodes, &mut list);
        let acking = NodeList::from_bytes(&list).unwrap_or(NodeList::EMPTY);
        let request = AckReq { reserved: 0, ack_type: ACK_WINDOW, ack_id, acking };
        Some(self.emit_command(Command::AckReq(request), out))
    }
}
