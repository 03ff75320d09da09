# SPDX-License-Identifier: Apache-2.0
# Unit tests: tests/unit/test_<noun>.c, one program each, cmocka.
UNIT_SRC := $(wildcard tests/unit/test_*.c)
UNIT_BIN := $(UNIT_SRC:%.c=$(B)/%)

$(UNIT_BIN): $(B)/%: $(B)/%.o $(B)/libztd.a $(ZT_LIBS)
	$(call say,LD,$@)
	$(Q)$(CC) -pie $(LDFLAGS_ALL) -o $@ $< $(ZTD_LINK) -lcmocka

# Tests of the built modules, through their real entry points.
MODULE_TEST_SRC := $(wildcard tests/pam/test_*.c tests/nss/test_*.c)
MODULE_TEST_BIN := $(MODULE_TEST_SRC:%.c=$(B)/%)

$(MODULE_TEST_BIN): $(B)/%: $(B)/%.o $(B)/libbase.a
	$(call say,LD,$@)
	$(Q)$(CC) -pie $(LDFLAGS_ALL) -o $@ $^ -lcmocka -lpam -ldl -lpthread

# Programs that tests use: tests/lib/<name>.c
LIB_SRC := $(wildcard tests/lib/*.c)
LIB_BIN := $(LIB_SRC:%.c=$(B)/%)

$(LIB_BIN): $(B)/%: $(B)/%.o $(ZT_LIBS)
	$(call say,LD,$@)
	$(Q)$(CC) -pie $(LDFLAGS_ALL) -o $@ $< $(ZT_LINK) -lmicrohttpd -lpam

# Fuzz targets replay their corpus: tests/fuzz/fuzz_<parser>.c, corpus/<parser>/
FUZZ_SRC := $(wildcard tests/fuzz/fuzz_*.c)
FUZZ_BIN := $(FUZZ_SRC:%.c=$(B)/%)

$(FUZZ_BIN): $(B)/%: $(B)/%.o $(B)/tests/fuzz/replay.o $(B)/libztd.a $(ZT_LIBS)
	$(call say,LD,$@)
	$(Q)$(CC) -pie $(LDFLAGS_ALL) -o $@ $< $(B)/tests/fuzz/replay.o $(ZTD_LINK)

.PHONY: test-programs
test-programs: $(UNIT_BIN) $(MODULE_TEST_BIN) $(LIB_BIN)

.SECONDARY:
