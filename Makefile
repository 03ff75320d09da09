# SPDX-License-Identifier: Apache-2.0
#
# make            build everything into build/
# make check      install what the tests need, then run all of them
# make demo       five minutes that convince (PDP=cerbos: the real Cerbos)
# make help       every target
#
# V=1 shows the commands.  B=dir builds elsewhere.  SAN=1 builds with ASan and
# UBSan, TSAN=1 with TSan.  CLANG=1 builds with clang.

VERSION := 0.1.0

B ?= build
ifdef CLANG
CC := clang
else
CC ?= cc
endif
PREFIX ?= /usr
SYSCONFDIR := /etc
MULTIARCH := $(shell $(CC) -print-multiarch 2>/dev/null)
LIBDIR ?= $(PREFIX)/lib$(if $(MULTIARCH),/$(MULTIARCH))
LIBEXECDIR ?= $(PREFIX)/libexec/zt
UNITDIR ?= $(PREFIX)/lib/systemd/system

include flags.mk

Q := $(if $(V),,@)
say = $(if $(V),,@printf '  %-6s %s\n' '$(1)' '$(2)')

.PHONY: all
all:

# One short file per directory: it names its outputs and what they link.
include common/build.mk
include pam_zt/build.mk
include nss_zt/build.mk
include ztd/build.mk
include tools/build.mk
include tests/build.mk
include tests/e2e/build.mk
include tests/bench/build.mk
include packaging/build.mk

$(B)/%.o: %.c $(B)/.flags
	$(call say,CC,$<)
	@mkdir -p $(@D)
	$(Q)$(CC) $(CFLAGS_ALL) -MMD -MP -c -o $@ $<

# Rebuild when the flags change.
$(B)/.flags: FORCE
	@mkdir -p $(B)
	@printf '%s\n' '$(CC) $(CFLAGS_ALL)' | cmp -s - $@ || \
	    printf '%s\n' '$(CC) $(CFLAGS_ALL)' >$@

.PHONY: FORCE
FORCE:

-include $(patsubst %.c,$(B)/%.d,$(wildcard */*.c */*/*.c */*/*/*.c))

.PHONY: help
help:
	@echo 'make              build into $(B)/'
	@echo 'make check        all tests (root: sets the machine up first)'
	@echo 'make check-unit   unit, PAM and NSS tests and the fuzz corpora only'
	@echo 'make check-e2e    end-to-end tests only (root)'
	@echo 'make check-debian13  the end-to-end tests in a Debian 13 root'
	@echo 'make demo         the show (root); PDP=cerbos for the real Cerbos'
	@echo 'make bench        ratios against floors and peers (root)'
	@echo 'make bench-nss    users of libnss_zt, and of others (root)'
	@echo 'make bench-change how soon a changed user is seen (root)'
	@echo 'make fuzz         fuzz each target for FUZZ_SECONDS=60 (clang)'
	@echo 'make asan         unit tests under ASan and UBSan'
	@echo 'make stress-nss   8 threads look up while snapshots are replaced (root)'
	@echo 'make lint         format, cppcheck, shellcheck, boundaries, man pages'
	@echo 'make install      DESTDIR= PREFIX=/usr LIBDIR='
	@echo 'make uninstall    take zt out of every stack, then remove its files'
	@echo 'make deb          a Debian package in $(B)/deb/'
	@echo 'make clean        remove $(B)'

.PHONY: clean
clean:
	rm -rf $(B) $(B)-asan $(B)-tsan $(B)-fuzz
