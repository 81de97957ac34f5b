//! Sends and receives DATA objects and streams (RFC 5740 §4.2.1), for applications that are not
//! about files.
//!
//! Objects are coded with Reed-Solomon codes as the NRL implementation has them, and by default
//! nothing is said that RFC 5740 does not know, so that either side may be of another
//! implementation. What is received is what was sent only as far as UDP checksums go; applications
//! that need more add checksums or signatures of their own.
//!
//! A sender of two objects and a stream of messages:
//!
//! ```no_run
//! use bytes::Bytes;
//! use norm_net::objects::{MessageMarks, ObjectSendOptions, ObjectSender};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let sender = ObjectSender::open(&ObjectSendOptions::new("239.255.1.1:6003".parse()?))?;
//! sender.send_data(Bytes::from_static(b"a whole object"), None)?;
//! sender.send_data(Bytes::from_static(b"another"), Some(Bytes::from_static(b"its name")))?;
//! let mut stream = sender.open_stream(None, 4 << 20, MessageMarks::Every)?;
//! for n in 0..1000 {
//!     stream.write(format!("message {n}").as_bytes())?;
//!     stream.end_message()?;
//! }
//! stream.close();
//! println!("{:?}", sender.finish()?.outcome);
//! # Ok(())
//! # }
//! ```
//!
//! And a receiver:
//!
//! ```no_run
//! use norm_net::objects::{ObjectEvent, ObjectReceiveOptions, ObjectReceiver};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let receiver = ObjectReceiver::open(&ObjectReceiveOptions::new("239.255.1.1:6003".parse()?))?;
//! while let Some(event) = receiver.events().recv() {
//!     match event {
//!         ObjectEvent::Data { bytes, .. } => println!("{} bytes", bytes.len()),
//!         // Each stream is best read by a thread of its own.
//!         ObjectEvent::Stream { mut reader, .. } => {
//!             std::thread::spawn(move || {
//!                 while let Some(message) = reader.read_message() {
//!                     println!("a message of {} bytes", message.len());
//!                 }
//!             });
//!         }
//!         ObjectEvent::SenderEnded { .. } => break,
//!         _ => {}
//!     }
//! }
//! receiver.close()?;
//! # Ok(())
//! # }
//! ```

mod error;
mod options;
mod receiver;
mod sender;
mod signal;

pub use error::ObjectError;
pub use norm_core::fec::RsForm;
pub use norm_core::norm::receiver::{Feedback, JoinPolicy, ReceiverStats};
pub use norm_core::norm::sender::{MemberStatus, Mode, RateControl, SenderStats};
pub use norm_core::norm::stream::MessageMarks;
pub use options::{ObjectReceiveOptions, ObjectSendOptions};
pub use receiver::{ObjectEvent, ObjectReceiver, SenderInfo, StreamItem, StreamReader};
pub use sender::{
    ObjectNumber, ObjectSendEvent, ObjectSendOutcome, ObjectSendReport, ObjectSender, StreamWriter,
};
