//! What applications call.

use core::ops::Range;
use core::time::Duration;

use bytes::Bytes;

use super::Sender;
use crate::base::Timestamp;
use crate::norm::sender::config::ConfigError;
use crate::norm::sender::objects::{ObjectSpec, Retention, StreamSpec};
use crate::norm::sender::schedule::stream_retention;
use crate::norm::wire::ACK_WINDOW;

/// Lowest type of an acknowledgment that applications may ask for.
const MIN_APPLICATION_ACK: u8 = 16;

impl Sender {
    /// Adds an object; returns its key, which Read jobs name.
    ///
    /// # Errors
    /// [`ConfigError`] when the object does not fit the session.
    pub fn enqueue(&mut self, spec: ObjectSpec) -> Result<u64, ConfigError> {
        let key = self.content.enqueue(spec, &self.config)?;
        self.reopen();
        Ok(key)
    }

    /// The key of the object that is added next.
    pub fn next_key(&self) -> u64 {
        self.content.objects().end_key()
    }

    /// No more objects will come: the session ends when all receivers have confirmed.
    pub fn finish(&mut self) {
        self.lifecycle.finish();
        self.idle = false;
    }

    /// Sends bytes of the application's own to all receivers (CMD(APPLICATION), RFC 5740 §4.2.3.7),
    /// `times` times, two round trips apart. A command that is still being sent is replaced.
    ///
    /// # Errors
    /// [`ConfigError::CommandTooLong`] when they exceed one segment.
    pub fn send_command(
        &mut self,
        content: Bytes,
        times: u32,
        now: Timestamp,
    ) -> Result<(), ConfigError> {
        if content.len() > self.config.command_room() {
            return Err(ConfigError::CommandTooLong);
        }
        self.lifecycle.send_command(content, times, now);
        self.idle = false;
        Ok(())
    }

    /// Sends these commands to all receivers until the session ends, again and again, instead of
    /// those of the last call: soon three times, each second after that, and soon again when
    /// everything was sent.
    ///
    /// # Errors
    /// [`ConfigError::CommandTooLong`] when one exceeds a segment.
    pub fn announce(&mut self, notices: Vec<Bytes>, now: Timestamp) -> Result<(), ConfigError> {
        if notices.iter().any(|notice| notice.len() > self.config.command_room()) {
            return Err(ConfigError::CommandTooLong);
        }
        self.lifecycle.announce(notices, now);
        self.idle = false;
        Ok(())
    }

    /// Says that some bytes of an object, which has this key in Read jobs, are not what they were:
    /// they are read again, and what was made of them is no longer sent, except
    /// what is read already for passes. Outside of passes, blocks that are not sent to their end
    /// yet stay as they were read.
    pub fn content_changed(&mut self, key: u64, bytes: Range<u64>) {
        let blocks = self.content.blocks_over(key, bytes);
        self.content.drop_changed(blocks.clone());
        self.repair.drop_encoded(blocks);
        self.idle = false;
    }

    /// Asks all known receivers for an application acknowledgment of type 16..=254 (RFC 5740
    /// §4.2.3.6); [`SenderEvent::Acknowledged`] follows with the id returned here. A request
    /// that is still being sent is replaced. `None` for the reserved types 0..=15 and for
    /// [`ACK_WINDOW`].
    ///
    /// [`SenderEvent::Acknowledged`]: crate::norm::SenderEvent::Acknowledged
    pub fn request_ack(&mut self, ack_type: u8, now: Timestamp) -> Option<u8> {
        if ack_type < MIN_APPLICATION_ACK || ack_type == ACK_WINDOW {
            return None;
        }
        self.idle = false;
        Some(self.lifecycle.request_ack(ack_type, &self.receivers, now))
    }

    /// Ends the session now: tells the receivers and stops.
    pub fn abort(&mut self, now: Timestamp) {
        self.lifecycle.close(now);
        self.idle = false;
    }

    /// Sets the name by which receivers may tell this sender from others. Queries carry it, as far
    /// as a segment has room, and at most 64 bytes of it.
    pub fn set_name(&mut self, name: &str) {
        self.lifecycle.set_sender_name(name);
    }

    /// Sends no more content, and has receivers stay for another sender of the same content: says
    /// so until [`abort`](Self::abort) ends the session, or the driver leaves.
    pub fn leave(&mut self, now: Timestamp) {
        self.lifecycle.stop(now);
        self.receivers.members_mut().note_query(None);
        self.idle = false;
    }

    /// While `open`, the session does not end by itself when it has served all receivers: more may
    /// come.
    pub fn keep_open(&mut self, open: bool) {
        self.lifecycle.keep_open(open);
    }

    /// Bounds the rate from now on, in bits per second; `None` takes the bound away, and 0 pauses:
    /// only some packets that keep receivers waiting are sent, until another bound is set.
    ///
    /// A controller also heeds the rate of its settings; a fixed rate is replaced.
    pub fn set_rate_limit(&mut self, limit: Option<u64>, now: Timestamp) {
        self.idle = false;
        if limit == Some(0) {
            if self.lifecycle.pause(now) {
                self.receivers.members_mut().note_query(None);
            }
            return;
        }
        let resumes = self.lifecycle.resume(now);
        if resumes {
            self.receivers.members_mut().note_query(Some(Duration::ZERO));
        }
        self.rate.set_limit(limit, resumes, now);
    }

    /// True while nothing is sent because the application wants it so.
    pub fn is_paused(&self) -> bool {
        self.lifecycle.is_paused()
    }

    /// Begins a stream after the objects that were enqueued before; returns its key. It ends with
    /// [`Sender::close_stream`]; objects enqueued after it wait for that.
    ///
    /// # Errors
    /// [`ConfigError::StreamCode`] without a Reed-Solomon code, which streams need, and the errors
    /// of [`Sender::enqueue`].
    pub fn open_stream(&mut self, spec: &StreamSpec) -> Result<u64, ConfigError> {
        let key = self.content.open_stream(spec, &self.config)?;
        self.reopen();
        Ok(key)
    }

    /// Takes bytes of a stream as far as its buffer has room; returns how many. They leave when a
    /// segment is full or flushed. What was sent long enough ago for receivers to have asked for
    /// repair makes room.
    pub fn write_stream(&mut self, key: u64, bytes: &[u8], now: Timestamp) -> usize {
        let keep = stream_retention(now, self.group(), &self.receivers, &self.lifecycle);
        let retention = Retention { keep, is_in_repair: &|block| self.repair.is_busy(block) };
        self.idle = false;
        self.content.write_stream(key, bytes, now, &retention)
    }

    /// The next byte written begins a message, which receivers can find.
    pub fn end_message(&mut self, key: u64) {
        self.content.end_message(key);
    }

    /// Lets what was written leave now, though its segment is not full.
    pub fn flush_stream(&mut self, key: u64) {
        self.content.flush_stream(key);
        self.idle = false;
    }

    /// Ends a stream after what was written.
    pub fn close_stream(&mut self, key: u64, now: Timestamp) {
        let keep = stream_retention(now, self.group(), &self.receivers, &self.lifecycle);
        let retention = Retention { keep, is_in_repair: &|block| self.repair.is_busy(block) };
        self.content.close_stream(key, now, &retention);
        self.idle = false;
    }

    /// True when everything written of a stream was sent once.
    pub fn is_stream_sent(&self, key: u64) -> bool {
        self.content.is_stream_sent(key)
    }

    /// There are new objects.
    fn reopen(&mut self) {
        self.receivers.members_mut().reopen();
        self.lifecycle.reopen();
        self.idle = false;
    }
}
