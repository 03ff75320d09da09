# SPDX-License-Identifier: Apache-2.0
# End-to-end tests and the demo; each runs in namespaces of its own, as root.
E2E_TESTS := $(filter-out tests/e2e/lib.sh,$(wildcard tests/e2e/*.sh))
E2E_LABEL ?= end to end
E2E_ENV   := E2E_STAGED=1 B=$(B)
CHECK_E2E = -t 600 -l '$(E2E_LABEL)' $(E2E_TESTS)

JOBS      := $(shell nproc)

# Without root nothing can be installed: setup says what is missing, and what
# can be done without it is done.
setup = $(Q)scripts/setup-deps $(1) || [ $$(id -u) -ne 0 ]

# What tests/interop/scim.sh needs; see below.
SCIMMY := $(B)/npm-scim/node_modules/.package-lock.json

.PHONY: e2e-stage check check-run check-e2e check-debian13 demo demo-run

# As a package would install them; the tests copy this into their namespace.
e2e-stage: all $(LIB_BIN)
	$(Q)rm -rf $(B)/stage
	$(Q)$(MAKE) -s --no-print-directory DESTDIR=$(abspath $(B))/stage \
	    install

# The compiler may only come with setup, and the flags are probed when make
# starts: so make starts again.
check:
	$(call setup,build check deb cerbos scim debian13)
	$(Q)$(MAKE) --no-print-directory -j$(JOBS) check-run

check-run: check-unit-programs e2e-stage $(B)/npm/cerbos $(SCIMMY)
	$(Q)$(RUN_ENV) $(E2E_ENV) tests/run $(CHECK_UNIT) $(CHECK_E2E)

check-e2e: e2e-stage
	$(Q)$(E2E_ENV) tests/run $(CHECK_E2E)

check-debian13:
	$(call setup,debian13)
	$(Q)tests/debian13.sh $(B)/debian13

demo:
	$(call setup,build check $(if $(PDP),cerbos))
	$(Q)$(MAKE) --no-print-directory -j$(JOBS) demo-run

demo-run: e2e-stage $(if $(PDP),$(B)/npm/cerbos)
	$(Q)$(E2E_ENV) PDP=$(PDP) tests/demo.sh

# The real Cerbos server.  Where npm has no network the tests that need it are
# skipped, and say so.
CERBOS_VERSION := 0.55.0
CERBOS_NPM = @cerbos/cerbos-linux-$(if $(filter aarch64,$(shell uname -m)),arm64,x64)

$(B)/npm/cerbos:
	$(call say,NPM,$(CERBOS_NPM))
	$(Q)mkdir -p $(@D)
	-$(Q)npm install --silent --no-save --no-audit --no-fund \
	    --prefix $(@D) $(CERBOS_NPM)@$(CERBOS_VERSION) && \
	    ln -sf node_modules/$(CERBOS_NPM)/$(notdir $(CERBOS_NPM)) $@

# The SCIM service likewise; its versions stand in the lock file.
$(SCIMMY): tests/interop/scim/package.json tests/interop/scim/package-lock.json
	$(call say,NPM,scimmy)
	$(Q)mkdir -p $(B)/npm-scim && cp $^ $(B)/npm-scim
	-$(Q)npm ci --silent --no-audit --no-fund --ignore-scripts \
	    --prefix $(B)/npm-scim && touch $@
