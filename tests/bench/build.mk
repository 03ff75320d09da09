# SPDX-License-Identifier: Apache-2.0
# make bench   ratios against floors and peers, as root; see docs/BENCH.md
#   BENCH="acct login burst idle memory"   only these parts

# Programs: tests/bench/zt-bench-*.c.  Other sources there are helpers.
BENCH_SRC := $(wildcard tests/bench/zt-bench-*.c)
BENCH_BIN := $(BENCH_SRC:%.c=$(B)/%)
BENCH_HELP_SRC := $(filter-out $(BENCH_SRC),$(wildcard tests/bench/*.c))

$(BENCH_BIN): $(B)/%: $(B)/%.o $(BENCH_HELP_SRC:%.c=$(B)/%.o) $(B)/libbase.a
	$(call say,LD,$@)
	$(Q)$(CC) -pie $(LDFLAGS_ALL) -o $@ $^ $(CURL_LIBS) -lpam

# The compiler may only come with setup-deps: see check.
.PHONY: bench bench-run
bench:
	$(Q)scripts/setup-deps build check
	$(Q)$(MAKE) --no-print-directory bench-run

bench-run: e2e-stage $(BENCH_BIN)
	$(Q)E2E_STAGED=1 B=$(B) tests/bench/bench.sh $(BENCH)
