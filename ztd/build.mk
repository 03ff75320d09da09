# SPDX-License-Identifier: Apache-2.0
# libztd.a holds all but main(), so that tests can link the broker's parts.
ZTD_SRC := $(filter-out ztd/main.c,$(wildcard ztd/*.c))

$(B)/libztd.a: $(ZTD_SRC:%.c=$(B)/%.o)

ZTD_LINK := $(B)/libztd.a $(ZT_LINK) $(CURL_LIBS) $(SYSTEMD_LIBS) $(INI_LIBS)

$(B)/ztd/ztd: $(B)/ztd/main.o $(B)/libztd.a $(ZT_LIBS)
	$(call say,LD,$@)
	$(Q)$(CC) -pie $(LDFLAGS_ALL) -o $@ $(B)/ztd/main.o $(ZTD_LINK)

all: $(B)/ztd/ztd
