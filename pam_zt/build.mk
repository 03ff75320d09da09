# SPDX-License-Identifier: Apache-2.0
PAM_SRC := $(wildcard pam_zt/*.c)

$(B)/pam_zt.so: $(PAM_SRC:%.c=$(B)/%.o) $(B)/libbase.a pam_zt/pam_zt.map
	$(call say,LD,$@)
	$(Q)$(CC) $(call SOLD,pam_zt/pam_zt.map) $(LDFLAGS_ALL) -o $@ \
	    $(filter %.o %.a,$^) -lpam

all: $(B)/pam_zt.so
