/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "zt/passwd.h"

/* Inlined, so that the length is a constant: most names fail on theirs. */
static inline bool
is(struct zt_str s, const char *lit)
{
	return s.len == strlen(lit) && memcmp(s.p, lit, s.len) == 0;
}

static bool
is_systemd(struct zt_str s)
{
	return is(s, "systemd-journal") || is(s, "systemd-network") ||
	    is(s, "systemd-resolve") || is(s, "systemd-timesync") ||
	    is(s, "systemd-coredump");
}

static bool
is_virtual(struct zt_str s)
{
	return is(s, "lxd") || is(s, "lxc") || is(s, "libvirt") ||
	    is(s, "libvirt-qemu") || is(s, "libvirtd");
}

/*
 * In the order of the alphabet, one step to the few that begin alike, for it
 * is asked on each lookup of a group.  They may become root by convention
 * (sudo), run containers and machines as root (docker), reach raw devices
 * (disk), read secrets and logs (shadow), write what root runs (staff), run as
 * a service that root trusts (www-data), or are zt itself.
 */
bool
zt_group_privileged(struct zt_str s)
{
	switch (s.len > 0 ? s.p[0] : '\0') {
	case '_':
		return is(s, "_ssh");
	case 'a':
		return is(s, "adm") || is(s, "admin") || is(s, "aws-sudoers");
	case 'b':
		return is(s, "backup") || is(s, "bin");
	case 'c':
		return is(s, "containerd") || is(s, "crontab");
	case 'd':
		return is(s, "daemon") || is(s, "dialout") || is(s, "disk") ||
		    is(s, "docker");
	case 'g':
		return is(s, "google-sudoers");
	case 'i':
		return is(s, "incus") || is(s, "incus-admin") || is(s, "input");
	case 'k':
		return is(s, "kmem") || is(s, "kvm");
	case 'l':
		return is(s, "lp") || is(s, "lpadmin") || is_virtual(s);
	case 'm':
		return is(s, "mail") || is(s, "mem") || is(s, "messagebus") ||
		    is(s, "microk8s");
	case 'n':
		return is(s, "netdev") || is(s, "nobody") || is(s, "nogroup");
	case 'o':
		return is(s, "operator");
	case 'p':
		return is(s, "plugdev") || is(s, "podman") ||
		    is(s, "polkitd") || is(s, "printadmin");
	case 'q':
		return is(s, "qemu");
	case 'r':
		return is(s, "render") || is(s, "root");
	case 's':
		return is(s, "sasl") || is(s, "shadow") || is(s, "src") ||
		    is(s, "ssh") || is(s, "ssh_keys") || is(s, "ssl-cert") ||
		    is(s, "staff") || is(s, "sudo") || is(s, "sudoers") ||
		    is(s, "sys") || is_systemd(s);
	case 't':
		return is(s, "tape") || is(s, "tty");
	case 'u':
		return is(s, "uinput") || is(s, "utmp") || is(s, "uucp");
	case 'v':
		return is(s, "vboxusers") || is(s, "video");
	case 'w':
		return is(s, "wheel") || is(s, "wireshark") ||
		    is(s, "www-data");
	case 'z':
		return is(s, "zt-admin") || is(s, "ztd");
	default:
		return false;
	}
}
