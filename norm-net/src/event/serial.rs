//! How values are serialised that have a form of their own in JSON (feature `serde`).

use std::fmt::Display;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use norm_core::transfer::Passes;
use serde::{Serialize, Serializer};

use crate::io::dscp::Dscp;
use crate::io::interface::{Interface, Zoned};
use crate::transfer::flute::{FluteReceive, FluteSend};
use crate::transfer::schedule::Bound;
use crate::transfer::send::pace::Pace;

/// Seconds, to the millisecond.
pub(crate) fn seconds<S: Serializer>(time: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_f64(rounded_seconds(*time))
}

/// The same for a time that may not be there.
pub(crate) fn maybe_seconds<S: Serializer>(
    time: &Option<Duration>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    time.map(rounded_seconds).serialize(serializer)
}

fn rounded_seconds(time: Duration) -> f64 {
    (time.as_secs_f64() * 1e3).round() / 1e3
}

/// A number without its fraction.
pub(crate) fn rounded<S: Serializer>(number: &f64, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_f64(number.round())
}

/// A number with two digits after the point, which may not be there.
#[expect(clippy::ref_option, reason = "serde hands fields over like this")]
pub(crate) fn maybe_hundredths<S: Serializer>(
    number: &Option<f64>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    number.map(|number| (number * 100.0).round() / 100.0).serialize(serializer)
}

/// What a value is shown as.
pub(crate) fn text<S: Serializer>(value: &impl Display, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(value)
}

/// The same for a value that may not be there.
pub(crate) fn maybe_text<S: Serializer>(
    value: &Option<impl Display>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    value.as_ref().map(ToString::to_string).serialize(serializer)
}

/// An address, with the name of its interface if it has one in it.
pub(crate) fn address<S: Serializer>(
    address: &SocketAddr,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    serializer.collect_str(&Zoned(*address))
}

/// The same for an address that may not be there.
pub(crate) fn maybe_address<S: Serializer>(
    address: &Option<SocketAddr>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    address.map(|address| Zoned(address).to_string()).serialize(serializer)
}

/// A path, with U+FFFD in place of what is no text.
pub(crate) fn path<S: Serializer>(path: &Path, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(&path.display())
}

/// The same for a path that may not be there.
#[expect(clippy::ref_option, reason = "serde hands fields over like this")]
pub(crate) fn maybe_path<S: Serializer>(
    path: &Option<PathBuf>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    path.as_ref().map(|path| path.display().to_string()).serialize(serializer)
}

/// A list of paths.
pub(crate) fn paths<S: Serializer>(paths: &[PathBuf], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_seq(paths.iter().map(|path| path.to_string_lossy()))
}

/// The name of an interface.
pub(crate) fn interface<S: Serializer>(
    interface: &Interface,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&interface.name)
}

/// A code point as a number.
pub(crate) fn dscp<S: Serializer>(dscp: &Dscp, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_u8(dscp.value())
}

/// The TSI of a session of FLUTE.
#[expect(clippy::ref_option, reason = "serde hands fields over like this")]
pub(crate) fn tsi<S: Serializer>(
    flute: &Option<FluteSend>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    flute.map(|flute| flute.tsi).serialize(serializer)
}

/// How is received in JSON.
#[derive(Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub(crate) struct ProtocolFields {
    /// `NORM` or `FLUTE`.
    protocol: &'static str,
    /// The session of FLUTE (TSI) that is received; null for all, and with NORM.
    tsi: Option<u64>,
}

/// The protocol that is received, and which session of it.
#[expect(clippy::ref_option, reason = "serde hands fields over like this")]
pub(crate) fn protocol<S: Serializer>(
    flute: &Option<FluteReceive>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    let protocol = if flute.is_some() { "FLUTE" } else { "NORM" };
    let tsi = flute.and_then(|flute| flute.tsi);
    ProtocolFields { protocol, tsi }.serialize(serializer)
}

/// How often everything is sent.
#[expect(clippy::ref_option, reason = "serde hands fields over like this")]
pub(crate) fn passes<S: Serializer>(
    passes: &Option<Passes>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    PassesFields::from(*passes).serialize(serializer)
}

/// A bound of the rate in bits per second.
pub(crate) fn bound<S: Serializer>(bound: &Bound, serializer: S) -> Result<S::Ok, S::Error> {
    bound.bits().serialize(serializer)
}

/// The fields of a value, and in `message` what it is shown as.
pub(crate) fn described<T: Serialize + Display, S: Serializer>(
    value: &T,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    #[derive(Serialize)]
    struct Described<'a, T> {
        #[serde(flatten)]
        value: &'a T,
        message: String,
    }
    Described { value, message: value.to_string() }.serialize(serializer)
}

/// Adds the `message` of [`described`] values to each variant in a schema.
#[cfg(feature = "schema")]
pub(crate) fn with_message(schema: &mut schemars::Schema) {
    use serde_json::{Value, json};
    let Some(Value::Array(variants)) = schema.get_mut("oneOf") else { return };
    for variant in variants {
        let message = json!({ "type": "string", "description": "The same in words for people." });
        if let Some(Value::Object(properties)) = variant.get_mut("properties") {
            properties.insert("message".to_owned(), message);
        }
        if let Some(Value::Array(required)) = variant.get_mut("required") {
            required.push("message".into());
        }
    }
}

/// Passes in JSON.
#[derive(Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub(crate) struct PassesFields {
    /// How often everything is sent in a carousel; 0 is without end, null is no carousel.
    passes: Option<u32>,
    /// Percent of coded symbols that are sent beyond what is needed, where everything is sent once
    /// to receivers that may not answer; null otherwise.
    overhead: Option<u32>,
}

impl From<Option<Passes>> for PassesFields {
    fn from(passes: Option<Passes>) -> Self {
        let (passes, overhead) = match passes {
            Some(Passes::Once { overhead }) => (None, Some(overhead)),
            Some(Passes::Times(times)) => (Some(times), None),
            Some(Passes::Forever) => (Some(0), None),
            None => (None, None),
        };
        Self { passes, overhead }
    }
}

/// A pace in JSON.
#[derive(Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub(crate) struct PaceFields {
    /// How fast is sent: `auto`, `polite`, `fixed` or `unlimited`.
    pace: &'static str,
    /// Bits per second that are never exceeded; null is no limit.
    rate: Option<u64>,
}

impl From<Pace> for PaceFields {
    fn from(pace: Pace) -> Self {
        let name = match pace {
            Pace::Auto { .. } => "auto",
            Pace::Polite { .. } => "polite",
            Pace::Fixed(_) => "fixed",
            Pace::Unlimited => "unlimited",
        };
        Self { pace: name, rate: pace.limit() }
    }
}
