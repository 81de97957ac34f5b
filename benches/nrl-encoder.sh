#!/usr/bin/env bash
# Speed of the NRL library's encoder: processor time of its sender with parity, less that without.
#
# Sends equal numbers of packets both times, in a network namespace of its own and without receivers:
# SIZE bytes with 16 parity symbols after each 64 source symbols, and a quarter more bytes without
# parity. Needs root, libnorm-dev and g++.
set -euo pipefail
cd "$(dirname "$0")/.."
SIZE=${SIZE:-268435456}
folder=$(mktemp -d -p /dev/shm)
trap 'rm -rf "$folder"' EXIT
g++ -std=c++17 -O2 -o "$folder/nrl_send" norm-cli/tests/nrl/nrl_send.cpp -lnorm
head -c "$SIZE" /dev/urandom > "$folder/source"
cp "$folder/source" "$folder/more"
head -c $((SIZE / 4)) /dev/urandom >> "$folder/more"

# Seconds of user time for a file with a number of parity symbols.
seconds() {
    TIMEFORMAT=%U
    { time unshare -n sh -c 'ip link set lo up multicast on; ip route add 239.0.0.0/8 dev lo; exec "$@"' sh \
        "$folder/nrl_send" addr=239.255.57.41 port=6003 iface=lo ttl=1 kind=file path="$folder/$1" \
        segment=1400 nd=64 np="$2" auto="$2" rate=8e9 grtt=0.001 gsize=10 backoff=0 robust=1 secs=120 \
        > "$folder/log"; } 2>&1
}

for run in 1 2 3; do
    with=$(seconds source 16)
    without=$(seconds more 0)
    awk -v run=$run -v a="$with" -v b="$without" -v size="$SIZE" \
        'BEGIN { printf "run %d: %.2f s with parity, %.2f s without: %.2f Gbit/s\n", run, a, b, size * 8 / (a - b) / 1e9 }'
done
