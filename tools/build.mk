# SPDX-License-Identifier: Apache-2.0
# zt-principals runs once or twice per login: libc only.
$(B)/tools/zt-principals: $(B)/tools/zt-principals.o $(B)/libbase.a
	$(call say,LD,$@)
	$(Q)$(CC) -pie $(LDFLAGS_ALL) -o $@ $^

ZTCTL_SRC := $(filter-out tools/zt-principals.c,$(wildcard tools/*.c))

$(B)/tools/ztctl: $(ZTCTL_SRC:%.c=$(B)/%.o) $(ZT_LIBS)
	$(call say,LD,$@)
	$(Q)$(CC) -pie $(LDFLAGS_ALL) -o $@ $(filter %.o,$^) $(ZT_LINK)

all: $(B)/tools/zt-principals $(B)/tools/ztctl
