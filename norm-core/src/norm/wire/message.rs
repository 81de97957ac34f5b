//! Any NORM message.

use super::header::{Emit, Frame};
use super::{Ack, Cmd, Data, Header, Info, Nack, ParseError, Report};

/// A NORM message without its common header.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub enum Message<'a> {
    /// Out-of-band information about an object.
    Info(Info<'a>),
    /// A symbol.
    Data(Data<'a>),
    /// A command of a sender.
    Cmd(Cmd<'a>),
    /// Repair requests of a receiver.
    Nack(Nack<'a>),
    /// A positive answer of a receiver.
    Ack(Ack<'a>),
    /// A report, in a format that the RFC leaves open.
    Report(Report<'a>),
}

impl<'a> Message<'a> {
    /// Reads a datagram.
    ///
    /// # Errors
    ///
    /// Whatever keeps it from being a message of RFC 5740 §4; see [`ParseError`].
    pub fn parse(bytes: &'a [u8]) -> Result<(Header, Self), ParseError> {
        let frame = Frame::parse(bytes)?;
        let (fields, payload) = (frame.fields, frame.payload);
        let message = match frame.kind {
            Info::KIND => Self::Info(Info::parse(fields, payload)?),
            Data::KIND => Self::Data(Data::parse(fields, payload)?),
            Cmd::KIND => Self::Cmd(Cmd::parse(fields, payload)?),
            Nack::KIND => Self::Nack(Nack::parse(fields, payload)?),
            Ack::KIND => Self::Ack(Ack::parse(fields, payload)?),
            Report::KIND => Self::Report(Report::parse(&fields, payload)?),
            _ => return Err(ParseError::Type),
        };
        Ok((frame.header, message))
    }

    /// Bytes that [`Self::emit`] appends.
    pub fn encoded_len(&self) -> usize {
        match self {
            Self::Info(message) => message.encoded_len(),
            Self::Data(message) => message.encoded_len(),
            Self::Cmd(message) => message.encoded_len(),
            Self::Nack(message) => message.encoded_len(),
            Self::Ack(message) => message.encoded_len(),
            Self::Report(message) => message.encoded_len(),
        }
    }

    /// Appends the message. Does not allocate when `out` has [`Self::encoded_len`] bytes to spare.
    ///
    /// Payload ids must be in the layout of the message's `fec_id`; otherwise no receiver can read
    /// it.
    pub fn emit(&self, header: Header, out: &mut Vec<u8>) {
        match self {
            Self::Info(message) => message.emit(header, out),
            Self::Data(message) => message.emit(header, out),
            Self::Cmd(message) => message.emit(header, out),
            Self::Nack(message) => message.emit(header, out),
            Self::Ack(message) => message.emit(header, out),
            Self::Report(message) => message.emit(header, out),
        }
    }
}
