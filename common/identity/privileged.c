/* SPDX-License-Identifier: Apache-2.0 */
#include <stddef.h>
#include <string.h>

#include "privileged.h"

static const char *const privileged[] = {
	/* may become root by convention: sudoers, polkit, su */
	"root", "sudo", "sudoers", "wheel", "admin", "operator",
	"google-sudoers", "aws-sudoers",
	/* run containers and machines as root */
	"docker", "podman", "lxd", "lxc", "incus", "incus-admin", "libvirt",
	"libvirt-qemu", "libvirtd", "kvm", "qemu", "vboxusers", "microk8s",
	"containerd",
	/* raw devices: disks, memory, tapes, keyboards, terminals, screens */
	"disk", "kmem", "mem", "tape", "input", "uinput", "tty", "video",
	"render", "dialout", "uucp", "plugdev", "wireshark", "netdev",
	/* read secrets and logs */
	"shadow", "adm", "systemd-journal", "backup", "ssl-cert", "ssh_keys",
	"ssh", "_ssh", "sasl", "utmp", "crontab", "mail",
	/* write what root runs */
	"staff", "src", "bin", "daemon", "sys", "lp", "lpadmin", "printadmin",
	/* run as a service that root trusts */
	"www-data", "messagebus", "polkitd", "systemd-network",
	"systemd-resolve", "systemd-timesync", "systemd-coredump", "nogroup",
	"nobody",
	/* zt itself */
	"ztd", "zt-admin"
};

bool
privileged_name(const char *group)
{
	for (size_t i = 0; i < sizeof(privileged) / sizeof(privileged[0]); i++)
		if (strcmp(group, privileged[i]) == 0)
			return true;
	return false;
}
