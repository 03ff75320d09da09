# SPDX-License-Identifier: Apache-2.0
#
# make check-unit   everything that needs no root and no network
# make asan         unit programs and fuzz corpora under ASan and UBSan
# make fuzz         FUZZ_SECONDS on each target (clang, libFuzzer)
# make lint         tests/lint.sh

# Unit tests: tests/unit/test_<noun>.c, one program each, cmocka.  Other
# sources there are helpers, linked into each.
UNIT_SRC := $(wildcard tests/unit/test_*.c)
UNIT_BIN := $(UNIT_SRC:%.c=$(B)/%)
UNIT_HELP_SRC := $(filter-out $(UNIT_SRC),$(wildcard tests/unit/*.c))

$(B)/libunit.a: $(UNIT_HELP_SRC:%.c=$(B)/%.o)

$(UNIT_BIN): $(B)/%: $(B)/%.o $(B)/libunit.a $(B)/libztctl.a $(B)/libztd.a \
    $(ZT_LIBS)
	$(call say,LD,$@)
	$(Q)$(CC) -pie $(LDFLAGS_ALL) -o $@ $< $(B)/libunit.a $(B)/libztctl.a \
	    $(ZTD_LINK) -lcmocka

# runs the programs themselves
$(B)/tests/unit/test_tools: | $(B)/tools/ztctl $(B)/tools/zt-principals
$(B)/tests/unit/test_ztctl_identity: | $(B)/tools/ztctl
$(B)/tests/unit/test_ztctl_doctor: | $(B)/tools/ztctl $(B)/libnss_zt.so.2

# Tests of the built modules, through their real entry points.
MODULE_TEST_SRC := $(wildcard tests/pam/test_*.c tests/nss/test_*.c)
MODULE_TEST_BIN := $(MODULE_TEST_SRC:%.c=$(B)/%)

$(MODULE_TEST_BIN): $(B)/%: $(B)/%.o $(B)/libbase.a
	$(call say,LD,$@)
	$(Q)$(CC) -pie $(LDFLAGS_ALL) -o $@ $(filter %.o,$^) $(filter %.a,$^) \
	    -lcmocka -lpam -ldl -lpthread

PAM_HELP_SRC := $(filter-out $(MODULE_TEST_SRC),$(wildcard tests/pam/*.c))
$(filter $(B)/tests/pam/%,$(MODULE_TEST_BIN)): $(PAM_HELP_SRC:%.c=$(B)/%.o)

# The module's objects beside a path of the test's own, in place of path.o.
NSS_PATH_SRC := tests/nss/path.c
NSS_HELP_SRC := $(filter-out $(MODULE_TEST_SRC) $(NSS_PATH_SRC),\
	$(wildcard tests/nss/*.c))
NSS_TEST_BIN := $(filter $(B)/tests/nss/%,$(MODULE_TEST_BIN))
SNAPSHOT_WRITER := $(patsubst %.c,$(B)/%.o,\
	$(wildcard common/identity/snapshot_*.c))
$(NSS_TEST_BIN): $(NSS_HELP_SRC:%.c=$(B)/%.o) $(SNAPSHOT_WRITER)
NSS_INSIDE := $(patsubst %.c,$(B)/%.o,\
	$(filter-out nss_zt/path.c,$(NSS_SRC)) $(NSS_PATH_SRC))
$(B)/tests/nss/test_nss_map: $(NSS_INSIDE)
$(B)/tests/nss/test_nss_pack: $(B)/nss_zt/pack.o

# Programs that tests use: tests/lib/<name>.c
LIB_SRC := $(wildcard tests/lib/*.c)
LIB_BIN := $(LIB_SRC:%.c=$(B)/%)

$(filter-out %/zt-scim-sync %/zt-userdb,$(LIB_BIN)): $(B)/%: $(B)/%.o $(ZT_LIBS)
	$(call say,LD,$@)
	$(Q)$(CC) -pie $(LDFLAGS_ALL) -o $@ $(filter %.o,$^) $(ZT_LINK) \
	    -lmicrohttpd -lgnutls -lpam

# These are parts of the broker.
$(filter %/zt-scim-sync %/zt-userdb,$(LIB_BIN)): $(B)/%: $(B)/%.o \
    $(B)/libztd.a $(ZT_LIBS)
	$(call say,LD,$@)
	$(Q)$(CC) -pie $(LDFLAGS_ALL) -o $@ $< $(ZTD_LINK)

# The decision endpoint of tests and demo is more than one file.
$(B)/tests/lib/zt-pdp: $(patsubst %.c,$(B)/%.o,$(wildcard tests/lib/pdp/*.c))

# test_pdp and its like run it.
$(B)/tests/unit/test_pdp $(B)/tests/unit/test_pdp_failover: | $(B)/tests/lib/zt-pdp
$(B)/tests/unit/test_fetch $(B)/tests/unit/test_fetch_post \
    $(B)/tests/unit/test_source_bundle: | $(B)/tests/lib/zt-web

# Fuzz targets: tests/fuzz/fuzz_<parser>.c with corpus/<parser>/.  They replay
# their corpus, or with FUZZ_ENGINE=1 (clang) search for new inputs.
FUZZ_SRC := $(wildcard tests/fuzz/fuzz_*.c)
FUZZ_BIN := $(FUZZ_SRC:%.c=$(B)/%)
ifdef FUZZ_ENGINE
FUZZ_MAIN := -fsanitize=fuzzer
else
FUZZ_MAIN := $(B)/tests/fuzz/replay.o
endif

$(FUZZ_BIN): $(B)/%: $(B)/%.o $(B)/tests/fuzz/replay.o $(B)/libztd.a $(ZT_LIBS)
	$(call say,LD,$@)
	$(Q)$(CC) -pie $(LDFLAGS_ALL) -o $@ $< $(FUZZ_WITH) \
	    $(FUZZ_MAIN) $(ZTD_LINK)

$(B)/tests/fuzz/fuzz_nss_snapshot: $(NSS_INSIDE)
$(B)/tests/fuzz/fuzz_nss_snapshot: FUZZ_WITH := $(NSS_INSIDE)

.PHONY: test-programs fuzz-programs
test-programs: $(UNIT_BIN) $(MODULE_TEST_BIN) $(LIB_BIN)
fuzz-programs: $(FUZZ_BIN)

# What tests/run is called with, so that make check can run more beside it.
# ZT_BUILD tells tests where the built programs and modules are.
INTEROP_TESTS := $(wildcard tests/interop/*.sh)
ASAN_B := $(B)-asan
# $(call replays,dir): a command with arguments is one word to tests/run
replays = $(foreach t,$(patsubst tests/fuzz/fuzz_%.c,%,$(FUZZ_SRC)),\
	"$(1)/tests/fuzz/fuzz_$(t) tests/fuzz/corpus/$(t)")
CHECK_UNIT = -l unit $(UNIT_BIN) -l modules $(MODULE_TEST_BIN) \
	-l interop $(INTEROP_TESTS) \
	-l 'fuzz corpora, ASan and UBSan' $(call replays,$(ASAN_B)) \
	-l boundaries "tests/check_boundaries.sh $(B)"
RUN_ENV := ZT_BUILD=$(B) ASAN_OPTIONS=detect_leaks=1 \
	UBSAN_OPTIONS=print_stacktrace=1

# The name service module is in every process: its tests again with all that
# finds errors of memory and of threads, and under valgrind if it is there.
TSAN_B := $(B)-tsan
NSS_STRESS := tests/nss/test_nss_stress
# $(call nss_tests,dir,command before each,tests)
nss_tests = $(foreach t,$(3),"env ZT_BUILD=$(1) $(2) $(t:$(B)/%=$(1)/%)")
VALGRIND := $(shell command -v valgrind 2>/dev/null)
VALGRIND_RUN := ZT_TEST_BRIEF=1 ZT_TEST_VALGRIND=1 ZT_STRESS_LOOKUPS=3000 ZT_STRESS_SNAPSHOTS=50 \
	$(VALGRIND) -q --vgdb=no --leak-check=full --errors-for-leak-kinds=definite \
	--show-leak-kinds=definite --error-exitcode=99 --fair-sched=try
CHECK_UNIT += -l 'NSS, ASan and UBSan' \
	$(call nss_tests,$(ASAN_B),ZT_TEST_BRIEF=1,$(NSS_TEST_BIN)) \
	-l 'NSS, TSan' $(call nss_tests,$(TSAN_B),ZT_STRESS_LOOKUPS=20000 \
	TSAN_OPTIONS=halt_on_error=1,$(B)/$(NSS_STRESS) $(B)/tests/nss/test_nss_map \
	$(B)/tests/nss/test_nss_first)
ifneq ($(VALGRIND),)
CHECK_UNIT += -l 'NSS, valgrind' \
	$(call nss_tests,$(B),$(VALGRIND_RUN),$(NSS_TEST_BIN))
endif

.PHONY: nss-programs
nss-programs: $(B)/libnss_zt.so.2 $(NSS_TEST_BIN)

# The whole of it: 80 million lookups, 1,000 snapshots.
STRESS_LOOKUPS ?= 10000000
STRESS_SNAPSHOTS ?= 1000
STRESS_THREADS ?= 8
STRESS_PAUSE_US ?= 15000
.PHONY: stress-nss
stress-nss: nss-programs
	$(Q)$(RUN_ENV) ZT_STRESS_LOOKUPS=$(STRESS_LOOKUPS) \
	    ZT_STRESS_SNAPSHOTS=$(STRESS_SNAPSHOTS) \
	    ZT_STRESS_THREADS=$(STRESS_THREADS) \
	    ZT_STRESS_PAUSE_US=$(STRESS_PAUSE_US) \
	    tests/run -v -t 1800 -l stress $(B)/$(NSS_STRESS)

.PHONY: check-unit check-unit-programs
check-unit-programs: all test-programs
	$(Q)$(MAKE) --no-print-directory SAN=1 B=$(ASAN_B) fuzz-programs \
	    nss-programs
	$(Q)$(MAKE) --no-print-directory TSAN=1 B=$(TSAN_B) nss-programs

check-unit: check-unit-programs
	$(Q)$(RUN_ENV) tests/run $(CHECK_UNIT)

.PHONY: asan asan-run
asan:
	$(Q)$(MAKE) --no-print-directory SAN=1 B=$(ASAN_B) asan-run

asan-run: all $(UNIT_BIN) $(FUZZ_BIN)
	$(Q)$(RUN_ENV) tests/run -t 300 -l 'unit, ASan and UBSan' $(UNIT_BIN) \
	    -l 'fuzz corpora, ASan and UBSan' $(call replays,$(B))

FUZZ_SECONDS ?= 60
FUZZ_RUN := $(patsubst tests/fuzz/fuzz_%.c,fuzz-run-%,$(FUZZ_SRC))

.PHONY: fuzz fuzz-run $(FUZZ_RUN)
fuzz:
	$(Q)$(MAKE) --no-print-directory SAN=1 CLANG=1 FUZZ_ENGINE=1 WERROR= \
	    B=$(B)-fuzz CFLAGS='$(CFLAGS) -fsanitize=fuzzer-no-link' fuzz-run

fuzz-run: $(FUZZ_RUN)

# New inputs go to a scratch corpus; the one in the tree is only read.
$(FUZZ_RUN): fuzz-run-%: $(B)/tests/fuzz/fuzz_%
	@mkdir -p $(B)/corpus/$*
	@echo '== fuzz $* for $(FUZZ_SECONDS) s'
	$(Q)$(RUN_ENV) $< -max_total_time=$(FUZZ_SECONDS) -timeout=10 \
	    -rss_limit_mb=1024 -verbosity=0 -print_final_stats=1 \
	    -artifact_prefix=$(B)/$*- $(B)/corpus/$* tests/fuzz/corpus/$* \
	    >$(B)/$*.log 2>&1 || { tail -n 40 $(B)/$*.log; exit 1; }
	@sed -n 's/^stat::number_of_executed_units: */   executions: /p' \
	    $(B)/$*.log

.PHONY: lint
lint: all
	$(Q)tests/lint.sh $(B)

.SECONDARY:
