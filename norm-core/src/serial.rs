//! How ids and states are serialised: ids as hex digits, states by name (feature `serde`), and the
//! JSON Schema of that (feature `schema`).

use serde::{Serialize, Serializer};

use crate::endpoint::SenderId;
use crate::fileset::{ContentHash, FileHash, ManifestHash, SetId};
use crate::transfer::{MemberState, NodeId};

/// Implements both traits for types that become text.
macro_rules! as_text {
    ($($type:ident, $schema:tt, |$value:ident| $text:expr;)*) => {$(
        impl Serialize for $type {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                let $value = self;
                serializer.collect_str(&$text)
            }
        }

        #[cfg(feature = "schema")]
        impl schemars::JsonSchema for $type {
            fn inline_schema() -> bool {
                true
            }

            fn schema_name() -> std::borrow::Cow<'static, str> {
                stringify!($type).into()
            }

            fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
                schemars::json_schema!($schema)
            }
        }
    )*};
}

as_text! {
    NodeId, { "type": "string", "pattern": "^[0-9a-f]{8}$" }, |id| format_args!("{:08x}", id.0);
    SetId, { "type": "string", "pattern": "^[0-9a-f]{32}$" }, |id| id;
    ManifestHash, { "type": "string", "pattern": "^[0-9a-f]{64}$" }, |hash| hash;
    ContentHash, { "type": "string", "pattern": "^[0-9a-f]{64}$" }, |hash| hash;
    FileHash, { "type": "string", "pattern": "^[0-9a-f]{64}$" }, |hash| hash;
    MemberState, {
        "type": "string",
        "enum": [
            "joined", "receiving", "verifying", "complete", "failed", "leaving", "writing",
            "comparing"
        ]
    }, |state| name_of(*state);
}

fn name_of(state: MemberState) -> &'static str {
    match state {
        MemberState::Joined => "joined",
        MemberState::Receiving => "receiving",
        MemberState::Verifying => "verifying",
        MemberState::Complete => "complete",
        MemberState::Failed => "failed",
        MemberState::Leaving => "leaving",
        MemberState::Writing => "writing",
        MemberState::Comparing => "comparing",
    }
}

impl Serialize for SenderId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_u32(self.0)
    }
}

#[cfg(feature = "schema")]
impl schemars::JsonSchema for SenderId {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> std::borrow::Cow<'static, str> {
        "SenderId".into()
    }

    fn json_schema(generator: &mut schemars::SchemaGenerator) -> schemars::Schema {
        u32::json_schema(generator)
    }
}
