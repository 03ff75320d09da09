# SPDX-License-Identifier: Apache-2.0
# make install, make uninstall, make deb

SBINDIR     := $(PREFIX)/sbin
BINDIR      := $(PREFIX)/bin
SHAREDIR    := $(PREFIX)/share
DOCDIR      := $(SHAREDIR)/doc/zt
SYSUSERSDIR := $(PREFIX)/lib/sysusers.d
TMPFILESDIR := $(PREFIX)/lib/tmpfiles.d

UNITS    := $(wildcard packaging/systemd/*)
MAN      := $(wildcard docs/man/*.[1-8])
DOCS     := $(wildcard README.md CHANGELOG.md docs/*.md docs/PROTOCOL.*)
EXAMPLES := packaging/ztd.conf packaging/sshd/00-zt.conf \
	$(wildcard packaging/pam/*.sample)

# $(call put,mode,files,directory)
put = install -D -m $(1) -t $(DESTDIR)$(3) $(2)

# Where something runs already, nothing is enabled, disabled or started here,
# and a configuration that is there stays.  After an install by hand:
#   systemd-sysusers zt.conf && systemd-tmpfiles --create zt.conf
.PHONY: install
install: all
	$(Q)$(call put,755,$(B)/ztd/ztd,$(SBINDIR))
	$(Q)$(call put,755,$(B)/tools/ztctl,$(BINDIR))
	$(Q)$(call put,755,$(B)/tools/zt-principals,$(LIBEXECDIR))
	$(Q)$(call put,755,packaging/zt-unhook,$(LIBEXECDIR))
	$(Q)$(call put,644,$(B)/pam_zt.so,$(LIBDIR)/security)
	$(Q)$(call put,644,$(B)/libnss_zt.so.2,$(LIBDIR))
	$(Q)$(call put,644,$(UNITS),$(UNITDIR))
	$(Q)install -D -m 644 packaging/zt.sysusers \
	    $(DESTDIR)$(SYSUSERSDIR)/zt.conf
	$(Q)install -D -m 644 packaging/zt.tmpfiles \
	    $(DESTDIR)$(TMPFILESDIR)/zt.conf
	$(Q)$(call put,644,packaging/pam-configs/zt,$(SHAREDIR)/pam-configs)
	$(Q)for m in $(MAN); do \
	    install -D -m 644 -t $(DESTDIR)$(SHAREDIR)/man/man$${m##*.} $$m || \
	    exit 1; \
	done
	$(Q)$(call put,644,$(DOCS),$(DOCDIR))
	$(Q)$(call put,644,$(EXAMPLES),$(DOCDIR)/examples)
	$(Q)sed -i 's|/usr/sbin/ztd|$(SBINDIR)/ztd|' \
	    $(DESTDIR)$(UNITDIR)/ztd.service
	$(Q)sed -i 's|/usr/libexec/zt/|$(LIBEXECDIR)/|' \
	    $(DESTDIR)$(DOCDIR)/examples/00-zt.conf
	$(Q)install -d $(DESTDIR)$(SYSCONFDIR)/ztd/users.d
	$(Q)test -e $(DESTDIR)$(SYSCONFDIR)/ztd/ztd.conf || \
	    install -m 640 packaging/ztd.conf $(DESTDIR)$(SYSCONFDIR)/ztd

# Out of every stack first, or the missing module would keep people out.
# Configuration, state and logs stay; what to do before the state is removed
# stands in docs/USERS.md (Removing the snapshot).
.PHONY: uninstall
uninstall:
	$(if $(DESTDIR),,packaging/zt-unhook)
	rm -f $(DESTDIR)$(SBINDIR)/ztd $(DESTDIR)$(BINDIR)/ztctl \
	    $(DESTDIR)$(LIBDIR)/security/pam_zt.so \
	    $(DESTDIR)$(LIBDIR)/libnss_zt.so.2 \
	    $(addprefix $(DESTDIR)$(UNITDIR)/,$(notdir $(UNITS))) \
	    $(DESTDIR)$(SYSUSERSDIR)/zt.conf $(DESTDIR)$(TMPFILESDIR)/zt.conf \
	    $(DESTDIR)$(SHAREDIR)/pam-configs/zt \
	    $(foreach m,$(MAN),$(DESTDIR)$(SHAREDIR)/man/man$(subst .,,$(suffix $(m)))/$(notdir $(m)))
	rm -rf $(DESTDIR)$(LIBEXECDIR) $(DESTDIR)$(DOCDIR)

# From a copy of what git knows (all of the tree, without git), so that nothing
# that lies about gets in.
DEB     := $(B)/deb
DEB_SRC := $(DEB)/zt-$(VERSION)

.PHONY: deb deb-source
deb: deb-source
	$(Q)scripts/setup-deps build deb
	cd $(DEB_SRC) && DEB_BUILD_OPTIONS=noautodbgsym \
	    dpkg-buildpackage -us -uc -b
	@ls $(DEB)/*.deb

deb-source:
	$(Q)rm -rf $(DEB)
	$(Q)mkdir -p $(DEB_SRC)
	$(Q)if git rev-parse --git-dir >/dev/null 2>&1; then \
	    git ls-files -z --cached --others --exclude-standard; \
	else \
	    find . -path './build*' -prune -o -type f -print0; \
	fi | tar -c --null --ignore-failed-read -T - 2>/dev/null | \
	    tar -x -C $(DEB_SRC)
	$(Q)cp -r packaging/debian $(DEB_SRC)/debian
	$(Q)sed -e 's/@VERSION@/$(VERSION)/' \
	    -e "s/@DATE@/$$(git log -1 --format=%cD 2>/dev/null || date -R)/" \
	    packaging/debian/changelog.in >$(DEB_SRC)/debian/changelog
	$(Q)rm $(DEB_SRC)/debian/changelog.in
