"""Opens sealed datagrams as docs/wire.md describes them, with other code than norm-seal.

Reads cases as in vectors/sealed.txt and ends with an error at the first that does not open to its
text. Needs the package `cryptography`.
"""

import ipaddress
import struct
import sys

from cryptography.hazmat.primitives import hashes, hmac
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


def open_sealed(secret, group, sender, datagram):
    header, sealed = datagram[:28], datagram[28:]
    version_suite, kind, epoch, key_id, run, counter = struct.unpack(">BBH4s12sQ", header)
    if version_suite >> 4 != 5:
        raise ValueError("another version")
    suite = version_suite & 15
    group_key = extract(b"norm-seal 1", secret)
    if key_id != expand(group_key, b"norm-seal 1 id", 4):
        raise ValueError("another key")
    info = b"norm-seal 1 packet" + struct.pack(">BBH", suite, kind, epoch) + address_of(group)
    info += run + struct.pack(">Q", counter >> 23)
    if kind == 1:
        info += sender
    material = expand(group_key, info, 44)
    key, iv = material[:32], material[32:]
    nonce = bytes(a ^ b for a, b in zip(iv, struct.pack(">IQ", 0, counter)))
    cipher = {1: AESGCM, 2: ChaCha20Poly1305}[suite](key)
    return cipher.decrypt(nonce, sealed, header)


def main():
    cases = sys.stdin.read().split("\n\n")
    opened = 0
    for case in cases:
        lines = [line for line in case.splitlines() if line and not line.startswith("#")]
        fields = dict(line.split(" ", 1) for line in lines)
        if not fields:
            continue
        secret, sender = bytes.fromhex(fields["secret"]), bytes.fromhex(fields.get("sender", ""))
        datagram = bytes.fromhex(fields["datagram"])
        text = open_sealed(secret, fields["group"], sender, datagram)
        if text != bytes.fromhex(fields["text"]):
            sys.exit(f"another text: {case}")
        opened += 1
    print(opened)


main()
