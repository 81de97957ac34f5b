//! An application's command, being repeated (CMD(APPLICATION), RFC 5740 §4.2.3.7).

use core::time::Duration;

use bytes::Bytes;

use crate::base::Timestamp;

/// The command that is being sent, if any.
#[derive(Debug, Default)]
pub(crate) struct CommandSchedule {
    current: Option<Command>,
}

#[derive(Debug)]
struct Command {
    content: Bytes,
    left: u32,
    next: Timestamp,
}

impl CommandSchedule {
    /// Sends a command `times` times; one that is still being sent is replaced.
    pub(super) fn set(&mut self, content: Bytes, times: u32, now: Timestamp) {
        self.current = Some(Command { content, left: times, next: now });
    }

    pub(super) fn next(&self) -> Option<Timestamp> {
        self.current.as_ref().map(|command| command.next)
    }

    /// Takes the command, if it is due.
    pub(crate) fn take(&mut self, now: Timestamp, grtt: Duration) -> Option<Bytes> {
        let command = self.current.as_mut().filter(|command| command.next <= now)?;
        command.left = command.left.saturating_sub(1);
        command.next = now + grtt * 2;
        let content = command.content.clone();
        self.current.take_if(|command| command.left == 0);
        Some(content)
    }
}
