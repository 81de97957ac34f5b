"""Opens sealed datagrams and checks HELLOs as docs/wire.md describes them, with other code than norm-seal.

Gets secrets from KEYS, too. Reads cases as in vectors/sealed.txt, hello.txt and keys.txt and ends with an error at the
first that does not open to its text. Needs the package `cryptography`.
"""

import ipaddress
import struct
import sys

from cryptography.hazmat.primitives import hashes, hmac
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM, ChaCha20Poly1305
from cryptography.hazmat.primitives.kdf.hkdf import HKDFExpand


def extract(salt, secret):
    mac = hmac.HMAC(salt, hashes.SHA256())
    mac.update(secret)
    return mac.finalize()


def expand(key, info, length):
    return HKDFExpand(hashes.SHA256(), length, info).derive(key)


def address_of(group):
    host, port = group.rsplit(":", 1)
    ip = ipaddress.ip_address(host.strip("[]"))
    if not ip.is_multicast:
        return bytes(18)
    packed = ip.packed if ip.version == 6 else bytes(10) + b"\xff\xff" + ip.packed
    return packed + struct.pack(">H", int(port))


def check_hello(secret, group, signer, hello):
    """Returns run and session key of a HELLO that is by a member and this signer, or raises."""
    group_key, address = extract(b"norm-seal 1", secret), address_of(group)
    text, code = hello[:-16], hello[-16:]
    mac = hmac.HMAC(expand(group_key, b"norm-seal 1 hello" + address, 32), hashes.SHA256())
    mac.update(text)
    if mac.finalize()[:16] != code:
        raise ValueError("not of the group")
    version_suite, kind, _, key_id, run, created, expires, flags, session = struct.unpack(
        ">BBH4s12sQQI32s", text[:72]
    )
    if version_suite >> 4 != 5 or kind != 2 or key_id != expand(group_key, b"norm-seal 1 id", 4):
        raise ValueError("no HELLO of this group")
    if expires - created != 24 * 3600 or flags != (0x01000000 if signer else 0) + 50:
        raise ValueError("another life, or other flags")
    if signer:
        if text[72:104] != signer:
            raise ValueError("another signer")
        message = b"norm-hello 1" + address + text[:104]
        Ed25519PublicKey.from_public_bytes(signer).verify(text[104:], message)
    return run, session


def labeled_extract(suite_id, salt, label, ikm):
    return extract(salt, b"HPKE-v1" + suite_id + label + ikm)


def labeled_expand(suite_id, prk, label, info, length):
    return expand(prk, struct.pack(">H", length) + b"HPKE-v1" + suite_id + label + info, length)


def unwrap(identity, enc, wrapped, info):
    """Opens what HPKE has sealed in base mode (RFC 9180: KEM 0x20, KDF 1, AEAD 3), and exports a secret."""
    private = X25519PrivateKey.from_private_bytes(identity)
    public = private.public_key().public_bytes_raw()
    kem, suite_id = b"KEM\x00\x20", b"HPKE\x00\x20\x00\x01\x00\x03"
    shared = private.exchange(X25519PublicKey.from_public_bytes(enc))
    prk = labeled_extract(kem, b"", b"eae_prk", shared)
    shared = labeled_expand(kem, prk, b"shared_secret", enc + public, 32)
    context = b"\0" + labeled_extract(suite_id, b"", b"psk_id_hash", b"")
    context += labeled_extract(suite_id, b"", b"info_hash", info)
    secret = labeled_extract(suite_id, shared, b"secret", b"")
    key = labeled_expand(suite_id, secret, b"key", context, 32)
    nonce = labeled_expand(suite_id, secret, b"base_nonce", context, 12)
    exporter = labeled_expand(suite_id, secret, b"exp", context, 32)
    exported = labeled_expand(suite_id, exporter, b"sec", b"norm-keys 1 feedback", 32)
    return ChaCha20Poly1305(key).decrypt(nonce, wrapped, b""), exported


def secret_of(group, signer, hello, pages, identity):
    """The secret of an epoch, from pages that the session of a HELLO by this signer has signed.

    Also the recipient's tag in it, and what it attests its feedback with.
    """
    address = address_of(group)
    run, flags, session = hello[8:20], hello[36:40], hello[40:72]
    if flags[:2] != b"\x03\0" or hello[72:104] != signer:
        raise ValueError("another signer, or no KEYS")
    message = b"norm-hello 1" + address + hello[:104]
    Ed25519PublicKey.from_public_bytes(signer).verify(hello[104:168], message)
    public = X25519PrivateKey.from_private_bytes(identity).public_key().public_bytes_raw()
    below = 0
    found = None
    for page in pages:
        text, signature = page[:-64], page[-64:]
        Ed25519PublicKey.from_public_bytes(session).verify(signature, b"norm-keys 1" + address + text)
        version_suite, kind, epoch, key_id, of, start, end = struct.unpack(">BBH4s12sII", text[:28])
        if kind != 3 or of != run or start != below or len(page) > 1232:
            raise ValueError("no page, or not the next one")
        below = end + 1
        epoch = struct.pack(">H", epoch)
        tag = expand(extract(b"norm-keys 1", public), b"tag" + address + session + epoch, 4)
        for at in range(28, len(text), 84):
            stanza = text[at : at + 84]
            if not start <= int.from_bytes(stanza[:4]) <= end:
                raise ValueError("a stanza of another page")
            if stanza[:4] == tag:
                info = b"norm-keys 1" + address + session + epoch + public
                secret, exported = unwrap(identity, stanza[4:36], stanza[36:], info)
                found = secret, tag, exported
                if expand(extract(b"norm-seal 1", secret), b"norm-seal 1 id", 4) != key_id:
                    raise ValueError("another secret")
    if below != 1 << 32 or found is None:
        raise ValueError("pages are missing, or none has the stanza")
    return found


def open_sealed(secret, group, sender, datagram, introduced=None):
    header, sealed = datagram[:28], datagram[28:]
    version_suite, kind, epoch, key_id, run, counter = struct.unpack(">BBH4s12sQ", header)
    if version_suite >> 4 != 5:
        raise ValueError("another version")
    suite = version_suite & 15
    group_key = extract(b"norm-seal 1", secret)
    if key_id != expand(group_key, b"norm-seal 1 id", 4):
        raise ValueError("another key")
    is_signed, kind = kind >> 7, kind & 0x7F
    info = b"norm-seal 1 packet" + struct.pack(">BBH", suite, kind, epoch) + address_of(group)
    info += run + struct.pack(">Q", counter >> 23)
    is_of_receiver = kind == 1 or (kind == 5 and not is_signed)
    if is_of_receiver:
        info += sender
    material = expand(group_key, info, 44)
    key, iv = material[:32], material[32:]
    nonce = bytes(a ^ b for a, b in zip(iv, struct.pack(">IQ", 0, counter)))
    cipher = {1: AESGCM, 2: ChaCha20Poly1305}[suite](key)
    text = cipher.decrypt(nonce, sealed, header)
    if is_of_receiver and kind == 5 and len(text) != 8:
        raise ValueError("no challenge")
    if not is_signed:
        return text
    if kind == 1:
        tag, exported = introduced
        mac = hmac.HMAC(exported, hashes.SHA256())
        mac.update(header + text[:-20])
        if text[-20:] != tag + mac.finalize()[:16]:
            raise ValueError("another receiver")
        return text[:-20]
    introduced_run, session = introduced
    if run != introduced_run:
        raise ValueError("another run")
    Ed25519PublicKey.from_public_bytes(session).verify(text[-64:], header + text[:-64])
    return text[:-64]


def check_statement(signer, text):
    """Raises unless this is a statement that this signer has signed."""
    magic, version, flags, zero, name_len = struct.unpack(">4sBBBB", text[:8])
    serial, created, expires = struct.unpack(">QQQ", text[88:112])
    if (magic, version, zero) != (b"NSST", 1, 0) or name_len > 64:
        raise ValueError("no statement")
    if not serial <= created < expires:
        raise ValueError("other times")
    signed, signature = text[: 112 + name_len], text[112 + name_len :]
    signed[112:].decode()
    if flags != (1 if signer else 0) or len(signature) != 64 * flags:
        raise ValueError("another signer")
    if signer:
        Ed25519PublicKey.from_public_bytes(signer).verify(signature, b"norm-set 1" + signed)


def main():
    cases = sys.stdin.read().split("\n\n")
    opened = 0
    for case in cases:
        lines = [line for line in case.splitlines() if line and not line.startswith("#")]
        fields = dict(line.split(" ", 1) for line in lines)
        if not fields:
            continue
        sender = bytes.fromhex(fields.get("sender", ""))
        signer = bytes.fromhex(fields.get("signer", ""))
        group, datagram = fields["group"], bytes.fromhex(fields["datagram"])
        if "pages" in fields:
            pages = [bytes.fromhex(page) for page in fields["pages"].split(",")]
            hello, identity = bytes.fromhex(fields["hello"]), bytes.fromhex(fields["identity"])
            secret, tag, exported = secret_of(group, signer, hello, pages, identity)
            nack = bytes.fromhex(fields["nack"])
            if open_sealed(secret, group, hello[8:20], nack, (tag, exported)) != b"nack":
                sys.exit(f"another nack: {case}")
        else:
            secret = bytes.fromhex(fields["secret"])
        introduced = None
        if "hello" in fields and "pages" not in fields:
            introduced = check_hello(secret, group, signer, bytes.fromhex(fields["hello"]))
        text = open_sealed(secret, group, sender, datagram, introduced)
        if datagram[1] & 0x7F == 6:
            check_statement(bytes.fromhex(fields.get("signer", "")), text)
        if text != bytes.fromhex(fields["text"]):
            sys.exit(f"another text: {case}")
        opened += 1
    print(opened)


main()
