//! KEYS, requests for it, and answers: the datagrams by which recipients get the secret of an epoch
//! (`docs/wire.md` §11). They are in the clear; what is secret in them is wrapped.

use crate::address::SessionAddress;
use crate::backend::{ENC_LEN, Prk, SigningKey, WRAPPED_LEN};
use crate::header::{Epoch, HEADER_LEN, Header, Kind, RunId, Suite};
use crate::hello::SIGNATURE_LEN;
use crate::identity::RecipientKey;
use crate::secret::KeyId;
use crate::signature::{BadSignature, Verifier};

/// Stanzas of a page at most.
pub(crate) const STANZAS: usize = 13;
/// Bytes of a stanza: its tag, the encapsulated key, the wrapped secret.
const STANZA_LEN: usize = 4 + ENC_LEN + WRAPPED_LEN;
/// Bytes of a page at most.
pub(crate) const PAGE_LEN: usize = HEADER_LEN + STANZAS * STANZA_LEN + SIGNATURE_LEN;
/// Bytes that the session's key signs at most: label, address, and all before the signature.
const SIGNED_LEN: usize = LABEL.len() + 18 + PAGE_LEN;
/// Bytes of a request: an answer is at most three times as long.
pub(crate) const REQUEST_LEN: usize = 512;
/// What the session's key signs begins with this, so that it is nothing else that it signs.
const LABEL: &[u8] = b"norm-keys 1";

/// Which of a page's stanzas may be for a recipient: from its key, and of this session and epoch
/// alone.
#[derive(Copy, Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Tag(pub(crate) u32);

/// The secret of an epoch, wrapped for one recipient.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub(crate) struct Stanza {
    pub(crate) tag: Tag,
    pub(crate) enc: [u8; ENC_LEN],
    pub(crate) wrapped: [u8; WRAPPED_LEN],
}

/// What pages of an epoch are for: what tags and wrapped secrets follow from.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub(crate) struct Subject {
    pub(crate) address: SessionAddress,
    pub(crate) session: Verifier,
    pub(crate) epoch: Epoch,
}

impl Subject {
    /// The tag of a recipient.
    pub(crate) fn tag(&self, recipient: RecipientKey) -> Tag {
        let mut tag = [0; 4];
        let Self { address, session, epoch } = self;
        Prk::extract(LABEL, &recipient.0)
            .expand(&[b"tag", address.bytes(), &session.0, &epoch.0.to_be_bytes()], &mut tag);
        Tag(u32::from_be_bytes(tag))
    }

    /// The `info` of HPKE for a recipient.
    pub(crate) fn info(&self, recipient: RecipientKey) -> Vec<u8> {
        let Self { address, session, epoch } = self;
        let epoch = epoch.0.to_be_bytes();
        [LABEL, address.bytes(), &session.0, &epoch, &recipient.0].concat()
    }
}

/// A page of KEYS: the stanzas whose tags are in a range. The pages of an epoch cover all tags, so
/// that one without a recipient's stanza shows that it has none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Page {
    /// The first tag of the range.
    pub(crate) from: Tag,
    /// The last one.
    pub(crate) to: Tag,
    /// In the order of their tags.
    pub(crate) stanzas: Vec<Stanza>,
}

/// What a page's header says of its epoch.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub(crate) struct PageHead {
    pub(crate) suite: Suite,
    pub(crate) epoch: Epoch,
    pub(crate) key_id: KeyId,
    pub(crate) run: RunId,
}

impl Page {
    /// The page as the key of a session signs it.
    pub(crate) fn emit(
        &self,
        head: PageHead,
        address: SessionAddress,
        session: &SigningKey,
        out: &mut Vec<u8>,
    ) {
        let PageHead { suite, epoch, key_id, run } = head;
        let counter = u64::from(self.from.0) << 32 | u64::from(self.to.0);
        let kind = Kind::Keys;
        let header = Header { suite, kind, is_signed: false, epoch, key_id, run, counter };
        let start = out.len();
        out.extend_from_slice(&header.emit());
        for Stanza { tag, enc, wrapped } in &self.stanzas {
            out.extend_from_slice(&tag.0.to_be_bytes());
            out.extend_from_slice(enc);
            out.extend_from_slice(wrapped);
        }
        let (message, len) = signed(address, &out[start..]);
        let signature = session.sign(&message[..len]);
        out.extend_from_slice(&signature);
    }
}

/// A page that has come, where it is.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub(crate) struct PageView<'a> {
    from: Tag,
    to: Tag,
    stanzas: &'a [[u8; STANZA_LEN]],
}

impl<'a> PageView<'a> {
    /// Reads a page, and checks nothing of it; `None` for all else.
    pub(crate) fn parse(datagram: &'a [u8]) -> Option<(PageHead, Self)> {
        let header = Header::parse(datagram).filter(|header| header.kind == Kind::Keys)?;
        let text = datagram.get(HEADER_LEN..datagram.len().checked_sub(SIGNATURE_LEN)?)?;
        let (stanzas, rest) = text.as_chunks::<STANZA_LEN>();
        if !rest.is_empty() || stanzas.len() > STANZAS {
            return None;
        }
        let (from, to) = (Tag((header.counter >> 32) as u32), Tag(header.counter as u32));
        let page = Self { from, to, stanzas };
        let is_in_order = stanzas.is_sorted_by_key(tag_of)
            && stanzas.iter().all(|stanza| page.covers(tag_of(stanza)));
        let Header { suite, epoch, key_id, run, .. } = header;
        let head = PageHead { suite, epoch, key_id, run };
        (from <= to && is_in_order).then_some((head, page))
    }

    /// True when the stanza with this tag is here, or nowhere.
    pub(crate) fn covers(&self, tag: Tag) -> bool {
        (self.from..=self.to).contains(&tag)
    }

    /// The stanzas with a tag; more than one only by chance.
    pub(crate) fn with_tag(&self, tag: Tag) -> impl Iterator<Item = Stanza> {
        let all = self.stanzas.iter().filter(move |stanza| tag_of(stanza) == tag);
        all.filter_map(Stanza::parse)
    }
}

fn tag_of(stanza: &[u8; STANZA_LEN]) -> Tag {
    Tag(u32::from_be_bytes([stanza[0], stanza[1], stanza[2], stanza[3]]))
}

impl Stanza {
    fn parse(bytes: &[u8; STANZA_LEN]) -> Option<Self> {
        let (tag, rest) = bytes.split_first_chunk()?;
        let (enc, wrapped) = rest.split_first_chunk()?;
        let tag = Tag(u32::from_be_bytes(*tag));
        Some(Self { tag, enc: *enc, wrapped: *wrapped.first_chunk()? })
    }
}

/// Checks the signature of a page. `datagram` was parsed.
pub(crate) fn verify(
    session: Verifier,
    address: SessionAddress,
    datagram: &[u8],
) -> Result<(), BadSignature> {
    let (text, signature) = datagram.split_last_chunk().ok_or(BadSignature)?;
    let (message, len) = signed(address, text);
    session.verify(&message[..len], signature)
}

/// What the session's key signs of a page in this group, and how long that is.
fn signed(address: SessionAddress, text: &[u8]) -> ([u8; SIGNED_LEN], usize) {
    let mut message = [0; SIGNED_LEN];
    let parts = [LABEL, address.bytes(), text];
    let len = parts.iter().map(|part| part.len()).sum();
    message.iter_mut().zip(parts.into_iter().flatten()).for_each(|(to, from)| *to = *from);
    (message, len)
}

/// What a receiver asks for that has no key: the page for its own.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub(crate) struct KeyRequest {
    pub(crate) suite: Suite,
    /// What it has heard of the session; a sender does not look at it.
    pub(crate) epoch: Epoch,
    pub(crate) key_id: KeyId,
    pub(crate) run: RunId,
    /// Random; the answer has it again.
    pub(crate) nonce: u64,
    pub(crate) recipient: RecipientKey,
}

impl KeyRequest {
    /// Reads a request; `None` for all else.
    pub(crate) fn parse(datagram: &[u8]) -> Option<Self> {
        let header = Header::parse(datagram).filter(|header| header.kind == Kind::KeyRequest)?;
        let (recipient, padding) = datagram[HEADER_LEN..].split_first_chunk()?;
        if datagram.len() != REQUEST_LEN || padding.iter().any(|byte| *byte != 0) {
            return None;
        }
        let Header { suite, epoch, key_id, run, counter: nonce, .. } = header;
        Some(Self { suite, epoch, key_id, run, nonce, recipient: RecipientKey(*recipient) })
    }

    pub(crate) fn emit(&self, out: &mut Vec<u8>) {
        let Self { suite, epoch, key_id, run, nonce: counter, recipient } = *self;
        let kind = Kind::KeyRequest;
        let header = Header { suite, kind, is_signed: false, epoch, key_id, run, counter };
        out.extend_from_slice(&header.emit());
        out.extend_from_slice(&recipient.0);
        out.resize(REQUEST_LEN, 0);
    }
}

/// An answer: the nonce of a request before a HELLO or a page, as it is. The nonce is not signed:
/// it shows only that what answers has heard the request.
pub(crate) fn emit_answer(head: PageHead, nonce: u64, inner: &[u8], out: &mut Vec<u8>) {
    let PageHead { suite, epoch, key_id, run } = head;
    let kind = Kind::Answer;
    let header = Header { suite, kind, is_signed: false, epoch, key_id, run, counter: nonce };
    out.extend_from_slice(&header.emit());
    out.extend_from_slice(inner);
}

/// The nonce of an answer, and what follows it.
pub(crate) fn parse_answer(datagram: &[u8]) -> Option<(u64, &[u8])> {
    let header = Header::parse(datagram).filter(|header| header.kind == Kind::Answer)?;
    let inner = &datagram[HEADER_LEN..];
    let kind = Header::parse(inner)?.kind;
    matches!(kind, Kind::Hello | Kind::Keys).then_some((header.counter, inner))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn address() -> SessionAddress {
        SessionAddress::of(([239, 1, 2, 3], 6003).into())
    }

    fn head() -> PageHead {
        let (epoch, key_id) = (Epoch(3), KeyId([1, 2, 3, 4]));
        PageHead { suite: Suite::default(), epoch, key_id, run: RunId([5; 12]) }
    }

    fn page(tags: &[u32]) -> Page {
        let stanza = |tag: &u32| Stanza { tag: Tag(*tag), enc: [6; ENC_LEN], wrapped: [7; 48] };
        Page { from: Tag(5), to: Tag(900), stanzas: tags.iter().map(stanza).collect() }
    }

    fn session() -> SigningKey {
        SigningKey::from_seed(&[9; 32]).unwrap()
    }

    fn emit(page: &Page) -> Vec<u8> {
        let mut bytes = Vec::new();
        page.emit(head(), address(), &session(), &mut bytes);
        bytes
    }

    fn parse(datagram: &[u8]) -> Option<(PageHead, Page)> {
        let (head, PageView { from, to, stanzas }) = PageView::parse(datagram)?;
        let stanzas = stanzas.iter().filter_map(Stanza::parse).collect();
        Some((head, Page { from, to, stanzas }))
    }

    fn holds(datagram: &[u8]) -> bool {
        let session = Verifier(session().public());
        PageView::parse(datagram).is_some() && verify(session, address(), datagram).is_ok()
    }

    #[test]
    fn page_reads_as_it_was_written_and_fits() {
        let full: Vec<u32> = (10..23).collect();
        for tags in [&[][..], &[7], &[5, 5, 900], &full] {
            let bytes = emit(&page(tags));
            assert_eq!(parse(&bytes), Some((head(), page(tags))));
            assert!(holds(&bytes) && bytes.len() <= PAGE_LEN);
        }
        assert_eq!(emit(&page(&full)).len(), 1184);
        const { assert!(HEADER_LEN + PAGE_LEN <= 1232, "an answer fits into any packet") };
        const { assert!(2 * HEADER_LEN + 184 + PAGE_LEN <= 3 * REQUEST_LEN) };
    }

    #[test]
    fn pages_that_cannot_be_are_refused() {
        for tags in [&[4][..], &[901], &[9, 8]] {
            assert_eq!(parse(&emit(&page(tags))), None, "{tags:?}");
        }
        let mut many = emit(&page(&(10..23).collect::<Vec<u32>>()));
        let last = many.len() - SIGNATURE_LEN - STANZA_LEN;
        let again = many[last..last + STANZA_LEN].to_vec();
        assert!(parse(&many).is_some());
        many.splice(last..last, again);
        assert_eq!(parse(&many), None, "14 stanzas");
        let turned = Page { from: Tag(9), to: Tag(8), stanzas: Vec::new() };
        assert_eq!(parse(&emit(&turned)), None);
    }

    #[test]
    fn every_flipped_bit_of_a_page_is_found() {
        let mut bytes = emit(&page(&[7, 9]));
        for bit in 0..bytes.len() * 8 {
            bytes[bit / 8] ^= 1 << (bit % 8);
            assert!(!holds(&bytes), "bit {bit}");
            bytes[bit / 8] ^= 1 << (bit % 8);
        }
        assert!(holds(&bytes));
        let other = SessionAddress::of(([239, 1, 2, 3], 6004).into());
        assert!(verify(Verifier(session().public()), other, &bytes).is_err());
    }

    #[test]
    fn request_is_padded_and_nothing_else_is_one() {
        let PageHead { suite, epoch, key_id, run } = head();
        let recipient = RecipientKey([8; 32]);
        let request = KeyRequest { suite, epoch, key_id, run, nonce: 77, recipient };
        let mut bytes = Vec::new();
        request.emit(&mut bytes);
        assert_eq!((bytes.len(), KeyRequest::parse(&bytes)), (REQUEST_LEN, Some(request)));
        assert_eq!(KeyRequest::parse(&bytes[..REQUEST_LEN - 1]), None);
        bytes[REQUEST_LEN - 1] = 1;
        assert_eq!(KeyRequest::parse(&bytes), None);
    }

    #[test]
    fn answer_has_the_nonce_and_what_answers() {
        let inner = emit(&page(&[7]));
        let mut bytes = Vec::new();
        emit_answer(head(), 77, &inner, &mut bytes);
        assert_eq!(parse_answer(&bytes), Some((77, inner.as_slice())));
        let mut nested = Vec::new();
        emit_answer(head(), 77, &bytes, &mut nested);
        assert_eq!(parse_answer(&nested), None, "an answer in an answer");
    }

    proptest! {
        #[test]
        fn any_bytes_parse_or_not_and_never_panic(
            kind in 3_u8..8, mut bytes in prop::collection::vec(any::<u8>(), 0..1300),
        ) {
            if bytes.len() > 2 {
                bytes[..2].copy_from_slice(&[0x51, kind]);
            }
            prop_assert!(!holds(&bytes));
            let _ = (KeyRequest::parse(&bytes), parse_answer(&bytes));
        }
    }
}
