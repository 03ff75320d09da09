# SPDX-License-Identifier: Apache-2.0
# zt-principals runs once or twice per login: libc only.
$(B)/tools/zt-principals: $(B)/tools/zt-principals.o $(B)/libbase.a
	$(call say,LD,$@)
	$(Q)$(CC) -pie $(LDFLAGS_ALL) -o $@ $^

# libztctl.a holds all but main(), so that tests can link ztctl's parts.
ZTCTL_SRC := $(filter-out tools/ztctl.c,$(wildcard tools/ztctl*.c))

$(B)/libztctl.a: $(ZTCTL_SRC:%.c=$(B)/%.o)

$(B)/tools/ztctl: $(B)/tools/ztctl.o $(B)/libztctl.a $(ZT_LIBS)
	$(call say,LD,$@)
	$(Q)$(CC) -pie $(LDFLAGS_ALL) -o $@ $(filter %.o,$^) $(B)/libztctl.a \
	    $(ZT_LINK)

all: $(B)/tools/zt-principals $(B)/tools/ztctl
