//! The sending side of a NORM session (RFC 5740 §5.1, §5.4, §5.5).
//!
//! [`Sender`] composes parts, each of which owns its state and knows nothing of the sender:
//! `objects` is what is sent, `repair` what of it is sent again, `receivers` what is known of the
//! group, `flow` and `rate` how much and how fast is sent, and `lifecycle` the phases of a session
//! and what is sent by the clock. `path_mtu` finds how long packets may be. `feedback` takes what
//! receivers say into the parts; `schedule` chooses the most useful packet from them, and `emit`
//! writes it.

mod config;
mod emit;
mod engine;
mod event;
mod feedback;
mod flow;
mod lifecycle;
mod mode;
mod objects;
mod outbound;
mod path_mtu;
mod rate;
mod receivers;
mod repair;
mod schedule;
mod slowest;
mod timeout;

pub use crate::carousel::Passes;
pub use config::{
    CacheOptions, ConfigError, FeedbackFrom, GrttOptions, PacketOptions, PacketSize, Payload,
    RateControl, SenderConfig, SlowPolicy, StartLimits,
};
pub use emit::DATA_OVERHEAD;
pub use engine::Sender;
pub use event::{SenderEvent, SenderStats};
pub use mode::Mode;
pub use objects::{ObjectSpec, StreamSpec};
pub use rate::{Judgement, RateEvent, RateRecord, RateState, ReportRecord};
pub use receivers::{Member, MemberStatus};
pub use timeout::TimeoutReason;
