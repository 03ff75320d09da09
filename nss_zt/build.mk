# SPDX-License-Identifier: Apache-2.0
NSS_SRC := $(wildcard nss_zt/*.c)

# nodelete: glibc may dlclose a module whose functions are still in use.
# noseparate-code: code and constants are one mapping instead of three, in each
# process that looks anybody up; a few kB of tables become executable by that.
$(B)/libnss_zt.so.2: $(NSS_SRC:%.c=$(B)/%.o) $(B)/libbase.a nss_zt/nss_zt.map
	$(call say,LD,$@)
	$(Q)$(CC) $(call SOLD,nss_zt/nss_zt.map) $(LDFLAGS_ALL) -Wl,-z,nodelete \
	    -Wl,-z,noseparate-code -Wl,-soname,libnss_zt.so.2 -o $@ $(filter %.o %.a,$^)

all: $(B)/libnss_zt.so.2
