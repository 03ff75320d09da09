# SPDX-License-Identifier: Apache-2.0
# make bench   ratios against floors and peers, as root; see docs/BENCH.md
#   BENCH="acct login burst idle memory"   only these parts

# Programs: tests/bench/zt-bench-*.c.  Other sources there are helpers.
BENCH_SRC := $(wildcard tests/bench/zt-bench-*.c)
BENCH_BIN := $(BENCH_SRC:%.c=$(B)/%)
BENCH_HELP_SRC := $(filter-out $(BENCH_SRC),$(wildcard tests/bench/*.c))

$(BENCH_BIN): $(B)/%: $(B)/%.o $(BENCH_HELP_SRC:%.c=$(B)/%.o) $(B)/libbase.a
	$(call say,LD,$@)
	$(Q)$(CC) -pie $(LDFLAGS_ALL) -o $@ $(filter %.o,$^) \
	    $(if $(filter %/libzt.a,$^),$(ZT_LINK),$(filter %.a,$^)) \
	    $(CURL_LIBS) -lpam

$(B)/tests/bench/zt-bench-merge: $(B)/libzt.a

# The compiler may only come with setup-deps: see check.
.PHONY: bench bench-run
bench:
	$(Q)scripts/setup-deps build check
	$(Q)$(MAKE) --no-print-directory bench-run

bench-run: e2e-stage $(BENCH_BIN)
	$(Q)E2E_STAGED=1 B=$(B) tests/bench/bench.sh $(BENCH)

# make bench-nss   users of libnss_zt against those of others; see docs/BENCH.md
#   BENCH_NSS_SIZES="100 10000"      only with so many users
#   BENCH_NSS_PEERS="sssd nscd"      only these beside zt and the floors
NSS_BENCH_FRESH := $(B)/tests/bench/nss/zt-bench-fresh
NSS_BENCH_BIN := $(filter-out $(NSS_BENCH_FRESH),\
	$(patsubst %.c,$(B)/%,$(wildcard tests/bench/nss/zt-*.c)))
NSS_BENCH_OBJ := $(addprefix $(B)/tests/bench/,sample.o nss/people.o \
	nss/lookup.o nss/worker.o)
NSS_BENCH_LIB := $(B)/tests/bench/nss/libnss_null.so.2 \
	$(B)/tests/bench/nss/libnss_bare.so.2

$(NSS_BENCH_BIN): $(B)/%: $(B)/%.o $(NSS_BENCH_OBJ)
	$(call say,LD,$@)
	$(Q)$(CC) -pie $(LDFLAGS_ALL) -o $@ $(filter %.o,$^) \
	    $(if $(filter %.a,$^),$(ZT_LINK)) -lpthread -lm

$(B)/tests/bench/nss/zt-bench-snapshot: $(ZT_LIBS)
$(B)/tests/bench/nss/zt-bench-reader: $(ZT_LIBS)

# nothing but a libc call
$(NSS_BENCH_FRESH): %: %.o
	$(call say,LD,$@)
	$(Q)$(CC) -pie $(LDFLAGS_ALL) -o $@ $<

$(NSS_BENCH_LIB): $(B)/tests/bench/nss/libnss_%.so.2: $(B)/tests/bench/nss/%.o
	$(call say,LD,$@)
	$(Q)$(CC) -shared -Wl,-z,defs $(LDFLAGS_ALL) -Wl,-z,nodelete \
	    -Wl,-soname,$(@F) -o $@ $<

.PHONY: bench-nss bench-nss-run
bench-nss:
	$(Q)scripts/setup-deps build debian13
	$(Q)$(MAKE) --no-print-directory bench-nss-run

bench-nss-run: $(B)/libnss_zt.so.2 $(NSS_BENCH_BIN) $(NSS_BENCH_FRESH) \
    $(NSS_BENCH_LIB)
	$(Q)B=$(B) tests/bench/nss.sh

# make bench-change   from a replaced record to whom a process sees
#   BENCH_CHANGE_USERS=100000
.PHONY: bench-change
bench-change: e2e-stage $(NSS_BENCH_BIN)
	$(Q)E2E_STAGED=1 B=$(B) tests/bench/change.sh
