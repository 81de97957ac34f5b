//! The keys of an epoch, made for a list of recipients.

use norm_core::endpoint::ReceiverKey;

use crate::address::SessionAddress;
use crate::attestation::{self, ATTESTATION_LEN, FeedbackSecret};
use crate::backend::{Prk, Wrapped, wrap};
use crate::header::Epoch;
use crate::identity::RecipientKey;
use crate::keys::{Page, STANZAS, Stanza, Subject, Tag};
use crate::secret::GroupSecret;
use crate::signature::Verifier;

/// The secret of an epoch and the pages of KEYS that hand it out. To make one takes 0.1 ms for each
/// recipient, and should not be done on the thread of a session.
pub struct Book {
    subject: Subject,
    secret: GroupSecret,
    pages: Vec<Page>,
    /// In the order of their tags.
    recipients: Vec<Listed>,
    unusable: Vec<RecipientKey>,
}

/// A recipient, and what it attests its feedback with.
struct Listed {
    tag: Tag,
    key: ReceiverKey,
    secret: FeedbackSecret,
}

/// Fourteen recipients have one tag: their keys were made for that, or one chance in 2^300 came
/// true.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub struct SameTags;

impl core::fmt::Display for SameTags {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("more recipients have one tag than a page has room for")
    }
}

impl core::error::Error for SameTags {}

impl Book {
    /// Makes the keys of an epoch of a session in a group. `random` is of this call alone: the
    /// secret follows from it. Keys that are none get nothing: see [`unusable`](Self::unusable).
    ///
    /// # Errors
    /// When the tags of too many recipients are equal.
    pub fn make(
        recipients: &[RecipientKey],
        (address, session, epoch): (SessionAddress, Verifier, Epoch),
        random: &[u8; 32],
    ) -> Result<Self, SameTags> {
        let (subject, random) =
            (Subject { address, session, epoch }, Prk::extract(b"norm-keys 1", random));
        let mut secret = zeroize::Zeroizing::new([0; 32]);
        random.expand(&[b"secret"], secret.as_mut_slice());
        let mut stanzas = Vec::with_capacity(recipients.len());
        let (mut listed, mut unusable) = (Vec::with_capacity(recipients.len()), Vec::new());
        for recipient in recipients {
            let mut ephemeral = zeroize::Zeroizing::new([0; 32]);
            random.expand(&[b"ephemeral", &recipient.0], ephemeral.as_mut_slice());
            let info = subject.info(*recipient);
            match wrap(&recipient.0, &info, &secret, &ephemeral) {
                Some(Wrapped { enc, secret: wrapped, exported }) => {
                    let (tag, secret) = (subject.tag(*recipient), FeedbackSecret(exported));
                    stanzas.push(Stanza { tag, enc, wrapped });
                    listed.push(Listed { tag, key: recipient.receiver_key(), secret });
                }
                None => unusable.push(*recipient),
            }
        }
        stanzas.sort_unstable_by_key(|stanza| (stanza.tag, stanza.enc));
        stanzas.dedup();
        listed.sort_unstable_by_key(|listed| (listed.tag, listed.key));
        listed.dedup_by_key(|listed| (listed.tag, listed.key));
        let secret = GroupSecret::new(*secret);
        Ok(Self { subject, secret, pages: paged(&stanzas)?, recipients: listed, unusable })
    }

    pub(crate) fn subject(&self) -> Subject {
        self.subject
    }

    pub(crate) fn secret(&self) -> &GroupSecret {
        &self.secret
    }

    pub(crate) fn pages(&self) -> &[Page] {
        &self.pages
    }

    /// How many recipients it is for.
    pub fn recipients(&self) -> usize {
        self.recipients.len()
    }

    /// Which recipient has attested a datagram that begins with `text`.
    pub(crate) fn attested_by(
        &self,
        text: &[u8],
        attestation: &[u8; ATTESTATION_LEN],
    ) -> Option<ReceiverKey> {
        let tag = attestation::tag_of(attestation);
        let first = self.recipients.partition_point(|listed| listed.tag < tag);
        let same = self.recipients[first..].iter().take_while(|listed| listed.tag == tag);
        let mut own = same.filter(|listed| listed.secret.has_attested(text, attestation));
        own.next().map(|listed| listed.key)
    }

    /// Keys for which nothing can be wrapped (of small order: RFC 7748 §6.1).
    pub fn unusable(&self) -> &[RecipientKey] {
        &self.unusable
    }

    /// The page that has the stanza of a recipient, or shows that there is none.
    pub(crate) fn page_of(&self, recipient: RecipientKey) -> usize {
        let tag = self.subject.tag(recipient);
        self.pages.partition_point(|page| page.to < tag)
    }
}

/// Cuts stanzas into pages that cover all tags; equal tags stay together.
fn paged(stanzas: &[Stanza]) -> Result<Vec<Page>, SameTags> {
    let (mut pages, mut rest, mut from) = (Vec::new(), stanzas, 0);
    while rest.len() > STANZAS {
        let next = rest[STANZAS].tag;
        let here = rest[..STANZAS].partition_point(|stanza| stanza.tag < next);
        if here == 0 {
            return Err(SameTags);
        }
        let (stanzas, later) = rest.split_at(here);
        let to = later[0].tag.0 - 1;
        pages.push(Page { from: Tag(from), to: Tag(to), stanzas: stanzas.to_vec() });
        (from, rest) = (to + 1, later);
    }
    pages.push(Page { from: Tag(from), to: Tag(u32::MAX), stanzas: rest.to_vec() });
    Ok(pages)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::identity::Identity;

    fn subject() -> (SessionAddress, Verifier, Epoch) {
        let address = SessionAddress::of(([239, 1, 2, 3], 6003).into());
        (address, Verifier([4; 32]), Epoch(1))
    }

    fn recipients(count: u8) -> Vec<RecipientKey> {
        (1..=count).map(|byte| Identity::new([byte; 32]).unwrap().public()).collect()
    }

    #[test]
    fn each_recipient_has_one_stanza_in_the_page_that_covers_it() {
        for count in [0, 1, 13, 14, 100] {
            let book = Book::make(&recipients(count), subject(), &[9; 32]).unwrap();
            assert_eq!(book.recipients(), usize::from(count));
            assert_eq!(book.pages().len(), usize::from(count).div_ceil(STANZAS).max(1));
            for recipient in recipients(count) {
                let tag = book.subject().tag(recipient);
                let page = &book.pages()[book.page_of(recipient)];
                assert!((page.from..=page.to).contains(&tag));
                let stanzas = page.stanzas.iter().filter(|stanza| stanza.tag == tag);
                assert_eq!(stanzas.count(), 1);
            }
        }
    }

    #[test]
    fn secrets_and_tags_are_of_one_epoch_and_session() {
        let (address, session, epoch) = subject();
        let all = recipients(2);
        let make = |session, epoch, random: u8| {
            Book::make(&all, (address, session, epoch), &[random; 32]).unwrap()
        };
        let book = make(session, epoch, 9);
        assert_eq!(book.secret().bytes(), make(session, epoch, 9).secret().bytes());
        assert_ne!(book.secret().bytes(), make(session, epoch, 8).secret().bytes());
        let others = [make(session, Epoch(2), 9), make(Verifier([5; 32]), epoch, 9)];
        for other in others {
            assert_ne!(book.subject().tag(all[0]), other.subject().tag(all[0]));
        }
        let twice = [all.clone(), all.clone()].concat();
        assert_eq!(Book::make(&twice, subject(), &[9; 32]).unwrap().recipients(), 2);
    }

    #[test]
    fn key_that_is_none_gets_nothing_and_is_told() {
        let none = RecipientKey([0; 32]);
        let listed = [recipients(2), vec![none]].concat();
        let book = Book::make(&listed, subject(), &[9; 32]).unwrap();
        assert_eq!((book.recipients(), book.unusable()), (2, [none].as_slice()));
    }

    fn stanza(tag: u32) -> Stanza {
        Stanza { tag: Tag(tag), enc: [1; 32], wrapped: [2; 48] }
    }

    #[test]
    fn equal_tags_stay_together() {
        let tags = |equal: usize| {
            let mut stanzas: Vec<Stanza> = (0..10).map(stanza).collect();
            stanzas.extend((0..equal).map(|_| stanza(10)));
            stanzas
        };
        let pages = paged(&tags(5)).unwrap();
        assert_eq!(pages.iter().map(|page| page.stanzas.len()).collect::<Vec<_>>(), [10, 5]);
        assert_eq!((pages[0].to, pages[1].from), (Tag(9), Tag(10)));
        assert!(paged(&tags(13)).is_ok());
        assert_eq!(paged(&tags(14)), Err(SameTags));
    }

    proptest! {
        #[test]
        fn pages_cover_all_tags_once(mut tags in prop::collection::vec(any::<u32>(), 0..200)) {
            tags.sort_unstable();
            let stanzas: Vec<Stanza> = tags.iter().map(|tag| stanza(*tag)).collect();
            let pages = paged(&stanzas).unwrap();
            prop_assert_eq!(pages[0].from, Tag(0));
            prop_assert_eq!(pages[pages.len() - 1].to, Tag(u32::MAX));
            for pair in pages.windows(2) {
                prop_assert_eq!(pair[0].to.0 + 1, pair[1].from.0);
            }
            let all: usize = pages.iter().map(|page| page.stanzas.len()).sum();
            prop_assert_eq!(all, tags.len());
            for page in &pages {
                prop_assert!(page.stanzas.len() <= STANZAS);
                let range = page.from..=page.to;
                prop_assert!(page.stanzas.iter().all(|stanza| range.contains(&stanza.tag)));
            }
        }
    }
}
