//! What the RFCs say, of whichever backend there is.

use super::*;

fn hex(text: &str) -> Vec<u8> {
    let digit = |at: usize| u8::from_str_radix(&text[at..at + 2], 16).unwrap();
    (0..text.len()).step_by(2).map(digit).collect()
}

#[test]
fn hkdf_gives_what_rfc_5869_says() {
    let secret = Prk::extract(&hex("000102030405060708090a0b0c"), &[0x0b; 22]);
    let mut out = [0; 42];
    secret.expand(&[&hex("f0f1f2f3f4"), &hex("f5f6f7f8f9")], &mut out);
    let expected = "3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf\
        34007208d5b887185865";
    assert_eq!(out[..], hex(expected)[..]);
}

#[test]
fn hmac_gives_what_rfc_4231_says() {
    // Case 2 of RFC 4231 §4.3: zeros after a key that is shorter than a block change nothing.
    let mut key = [0; 32];
    key[..4].copy_from_slice(b"Jefe");
    let expected = "5bdcc146bf60754e6a042426089575c7";
    assert_eq!(mac(&key, b"what do ya want for nothing?")[..], hex(expected)[..]);
}

#[test]
fn ed25519_gives_what_rfc_8032_says() {
    let seed = hex("9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60");
    let key = SigningKey::from_seed(&seed.try_into().unwrap()).unwrap();
    let public = hex("d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a");
    assert_eq!(key.public()[..], public[..]);
    let signature = "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e06522490155\
        5fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b";
    assert_eq!(key.sign(b"")[..], hex(signature)[..]);
    assert!(verify(&key.public(), b"", &key.sign(b"")));
    assert!(!verify(&key.public(), b"a", &key.sign(b"")));
}
