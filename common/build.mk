# SPDX-License-Identifier: Apache-2.0
# libbase.a: libc only, goes into the modules.  libzt.a: the rest, for ztd.

BASE_SRC := $(wildcard common/base/*.c)
ZT_SRC   := $(wildcard common/ssh/*.c common/decision/*.c \
	common/identity/*.c common/audit/*.c)

$(B)/libbase.a: $(BASE_SRC:%.c=$(B)/%.o)
$(B)/libzt.a: $(ZT_SRC:%.c=$(B)/%.o)

$(B)/%.a:
	$(call say,AR,$@)
	$(Q)rm -f $@ && $(AR) rcsD $@ $^

ZT_LIBS := $(B)/libzt.a $(B)/libbase.a
ZT_LINK := $(ZT_LIBS) $(CRYPTO_LIBS) $(JSON_LIBS) -lpthread

all: $(B)/libbase.a $(B)/libzt.a
