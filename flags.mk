# SPDX-License-Identifier: Apache-2.0
# Compiler and linker flags; every flag that some compiler lacks is probed.

# $(call try,flag): the flag if the compiler takes it, else nothing
try = $(shell printf 'int main(void){return 0;}' | \
	$(CC) -Werror $(1) -O2 -xc - -o /dev/null 2>/dev/null && echo '$(1)')

STD  := -std=gnu17 -D_GNU_SOURCE -DZT_VERSION='"$(VERSION)"'
WARN := -Wall -Wextra -Wshadow -Wformat=2 -Wstrict-prototypes \
	-Wmissing-prototypes -Wold-style-definition -Wundef -Wvla -Walloca \
	-Wpointer-arith -Wcast-qual -Wcast-align -Wwrite-strings -Wconversion \
	-Wsign-conversion -Wswitch-enum -Wimplicit-fallthrough \
	-Wnull-dereference -Wdate-time -Wno-missing-field-initializers
WARN += $(call try,-Wformat-signedness) $(call try,-Wlogical-op) \
	$(call try,-Wduplicated-cond) $(call try,-Wenum-conversion)
WERROR ?= -Werror

HARD := -O2 -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=3 -fstack-protector-strong \
	-fno-common -fno-strict-aliasing -fno-strict-overflow \
	-fno-delete-null-pointer-checks
HARD += $(call try,-fstack-clash-protection) \
	$(call try,-fcf-protection=full) \
	$(call try,-mbranch-protection=standard) \
	$(call try,-ftrivial-auto-var-init=zero) \
	$(call try,-fzero-call-used-regs=used) \
	$(call try,-fstrict-flex-arrays=3)
# What runs for a moment in somebody else's process finds little of itself in
# the processor's caches: no bytes for where a loop or a jump begins.
HARD += $(call try,-fno-align-functions) $(call try,-fno-align-loops) \
	$(call try,-fno-align-jumps) $(call try,-fno-align-labels)
LDHARD := -Wl,-z,relro -Wl,-z,now -Wl,-z,noexecstack -Wl,--as-needed \
	-Wl,--fatal-warnings

SANFLAGS := -O1 -g -fsanitize=address,undefined -fno-sanitize-recover=all \
	-fno-omit-frame-pointer -fno-strict-aliasing

TSANFLAGS := -O1 -g -fsanitize=thread -fno-omit-frame-pointer \
	-fno-strict-aliasing

ifdef SAN
OPT := $(SANFLAGS)
LDFLAGS_ALL := -fsanitize=address,undefined $(LDFLAGS)
else ifdef TSAN
OPT := $(TSANFLAGS)
LDFLAGS_ALL := -fsanitize=thread $(LDFLAGS)
else
OPT := $(HARD) -g
LDFLAGS_ALL := $(LDHARD) $(LDFLAGS)
endif

# -fPIC everywhere: the same objects serve modules and programs.
CFLAGS_ALL := $(STD) $(WARN) $(WERROR) $(OPT) -fPIC -fvisibility=hidden \
	-Iinclude $(CFLAGS)

# How a module is linked: nothing undefined, nothing exported but its script.
SOLD = -shared -Wl,-z,defs -Wl,--no-undefined-version -Wl,--exclude-libs,ALL \
	-Wl,--version-script=$(1)

CURL_LIBS    := -lcurl
CRYPTO_LIBS  := -lcrypto
JSON_LIBS    := -ljansson
SYSTEMD_LIBS := -lsystemd
INI_LIBS     := -linih
