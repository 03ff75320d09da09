# SPDX-License-Identifier: Apache-2.0
NSS_SRC := $(wildcard nss_zt/*.c)

# nodelete: glibc may dlclose a module whose functions are still in use
$(B)/libnss_zt.so.2: $(NSS_SRC:%.c=$(B)/%.o) $(B)/libbase.a nss_zt/nss_zt.map
	$(call say,LD,$@)
	$(Q)$(CC) $(call SOLD,nss_zt/nss_zt.map) $(LDFLAGS_ALL) -Wl,-z,nodelete \
	    -Wl,-soname,libnss_zt.so.2 -o $@ $(filter %.o %.a,$^)

all: $(B)/libnss_zt.so.2
