//! Lists at the end of commands: nodes, objects, congestion control states.
//!
//! A list is the bytes it came in, checked to be whole items. To send one, encode the items into a
//! buffer and take the list from there.

use super::{CcFlags, NodeId, ObjectId, ParseError, QuantizedRate, QuantizedRtt};

macro_rules! wire_list {
    ($(#[$doc:meta])* $name:ident of $item:ident, $len:literal bytes, $decode:ident, $encode:ident,
     $(#[$fn_doc:meta])* $append:ident) => {
        $(#[$doc])*
        #[derive(Copy, Clone, Debug, PartialEq, Eq)]
        pub struct $name<'a>(&'a [u8]);

        impl<'a> $name<'a> {
            /// No items.
            pub const EMPTY: Self = Self(&[]);

            /// A list over encoded items.
            ///
            /// # Errors
            ///
            /// [`ParseError::PayloadLength`] when the last item is not whole.
            pub const fn from_bytes(bytes: &'a [u8]) -> Result<Self, ParseError> {
                if bytes.len() % $len == 0 {
                    Ok(Self(bytes))
                } else {
                    Err(ParseError::PayloadLength)
                }
            }

            /// The encoded items.
            pub const fn as_bytes(self) -> &'a [u8] {
                self.0
            }

            /// The items in wire order.
            pub fn iter(self) -> impl ExactSizeIterator<Item = $item> + Clone + 'a {
                let (chunks, _) = self.0.as_chunks::<$len>();
                chunks.iter().map(|&chunk| $decode(chunk))
            }

            /// How many items.
            pub const fn len(self) -> usize {
                self.0.len() / $len
            }

            /// True when there are none.
            pub const fn is_empty(self) -> bool {
                self.0.is_empty()
            }
        }

        impl Default for $name<'_> {
            fn default() -> Self {
                Self::EMPTY
            }
        }

        $(#[$fn_doc])*
        pub fn $append(items: &[$item], out: &mut Vec<u8>) {
            out.extend(items.iter().flat_map(|&item| $encode(item)));
        }
    };
}

wire_list! {
    /// Node ids, as in the acking list of a flush (RFC 5740 §4.2.3.1).
    NodeList of NodeId, 4 bytes, decode_node, encode_node,
    /// Appends node ids for a [`NodeList`].
    encode_nodes
}

wire_list! {
    /// Object ids, as in a squelch (RFC 5740 §4.2.3.3).
    ObjectList of ObjectId, 2 bytes, decode_object, encode_object,
    /// Appends object ids for an [`ObjectList`].
    encode_objects
}

wire_list! {
    /// Congestion control states, as in NORM_CMD(CC) (RFC 5740 §4.2.3.4).
    CcNodes of CcNode, 8 bytes, decode_cc_node, encode_cc_node,
    /// Appends congestion control states for [`CcNodes`].
    encode_cc_nodes
}

/// What a sender knows of one receiver's congestion control.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub struct CcNode {
    /// The receiver.
    pub id: NodeId,
    /// Its state.
    pub flags: CcFlags,
    /// Its round trip, valid with [`CcFlags::RTT`].
    pub rtt: QuantizedRtt,
    /// The rate it can take.
    pub rate: QuantizedRate,
}

fn decode_node(bytes: [u8; 4]) -> NodeId {
    NodeId(u32::from_be_bytes(bytes))
}

fn encode_node(node: NodeId) -> [u8; 4] {
    node.0.to_be_bytes()
}

fn decode_object(bytes: [u8; 2]) -> ObjectId {
    ObjectId(u16::from_be_bytes(bytes))
}

fn encode_object(object: ObjectId) -> [u8; 2] {
    object.0.to_be_bytes()
}

fn decode_cc_node([a, b, c, d, flags, rtt, high, low]: [u8; 8]) -> CcNode {
    CcNode {
        id: decode_node([a, b, c, d]),
        flags: CcFlags(flags),
        rtt: QuantizedRtt(rtt),
        rate: QuantizedRate(u16::from_be_bytes([high, low])),
    }
}

fn encode_cc_node(node: CcNode) -> [u8; 8] {
    let [a, b, c, d] = encode_node(node.id);
    let [high, low] = node.rate.0.to_be_bytes();
    [a, b, c, d, node.flags.0, node.rtt.0, high, low]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_survive_the_wire() {
        let nodes = [NodeId(1), NodeId::ANY, NodeId::NONE];
        let mut bytes = vec![0xa5];
        encode_nodes(&nodes, &mut bytes);
        let list = NodeList::from_bytes(&bytes[1..]).unwrap();
        assert_eq!((list.len(), list.iter().len(), list.is_empty()), (3, 3, false));
        assert!(list.iter().eq(nodes));
    }

    #[test]
    fn partial_items_are_refused() {
        let bytes = [0; 15];
        assert_eq!(NodeList::from_bytes(&bytes), Err(ParseError::PayloadLength));
        assert_eq!(ObjectList::from_bytes(&bytes), Err(ParseError::PayloadLength));
        assert_eq!(CcNodes::from_bytes(&bytes[..12]), Err(ParseError::PayloadLength));
        assert!(ObjectList::from_bytes(&[]).unwrap().is_empty());
    }
}
