/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Time logins through a stock sshd in several set-ups, interleaved.
 *
 *   zt-bench-login ROUNDS LOGINS SECONDS BROKER SSHD DIR SETUP...
 *
 * ROUNDS   at most, and no new one after SECONDS; each starts an sshd for
 * LOGINS   in every set-up
 * BROKER   pid of ztd, whose CPU time is counted in the last set-up
 * SSHD     the server's program
 * DIR      has for each SETUP: SETUP/sshd_config with "Port 2200", 2201 ...,
 *	    and SETUP/pam and SETUP/nsswitch.conf, which that sshd sees as
 *	    /etc/pam.d/sshd and /etc/nsswitch.conf
 *
 * Prints, in microseconds for one login and in medians over the rounds,
 *
 *   rounds <count>
 *   <SETUP> <CPU of sshd and all its children> <wall>
 *   broker <CPU of ztd>
 *   <SETUP>/<SETUP> <median> <25 %> <75 %>    ratio of CPU in the same round
 *   <last>+broker/<SETUP> ...                 the same with ztd's CPU added
 *
 * Fails if a login fails.
 */
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "sample.h"
#include "zt/auto.h"

#define SETUPS_MAX 4
#define PORT_FIRST 2200
#define PATH_LEN   256
#define WAIT_MS    5000

static struct {
	const char *sshd, *dir;
	pid_t broker;
	size_t logins, n;
	struct setup {
		const char *name;
		struct sample cpu, wall;
		double round_cpu; /* of the round that runs */
	} setups[SETUPS_MAX];
	struct sample broker_cpu;
	double round_broker;
	struct sample ratios[SETUPS_MAX][SETUPS_MAX];
	struct sample with_broker[SETUPS_MAX];
} bench;

static void
die(const char *what)
{
	perror(what);
	exit(1); /* ends sshd with us */
}

/* CPU time of a process without its children, microseconds. */
static double
cpu_of(pid_t pid)
{
	struct timespec ts = { 0 };
	clockid_t clock;

	if ((errno = clock_getcpuclockid(pid, &clock)) != 0 ||
	    clock_gettime(clock, &ts) != 0)
		die("bench: CPU clock");
	return (double)ts.tv_sec * 1e6 + (double)ts.tv_nsec / 1e3;
}

static double
tv_us(const struct timeval *tv)
{
	return (double)tv->tv_sec * 1e6 + (double)tv->tv_usec;
}

/* ---- one sshd ---- */

static void
file_cover(const char *setup, const char *name, const char *target)
{
	char path[PATH_LEN];

	(void)snprintf(path, sizeof(path), "%s/%s/%s", bench.dir, setup, name);
	if (mount(path, target, NULL, MS_BIND, NULL) != 0)
		die(target);
}

/* The rest of a child: become sshd, seeing this set-up's files. */
static void
sshd_become(const char *setup)
{
	char conf[PATH_LEN], log[PATH_LEN];

	(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (unshare(CLONE_NEWNS) != 0 ||
	    mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0)
		die("bench: unshare");
	file_cover(setup, "pam", "/etc/pam.d/sshd");
	file_cover(setup, "nsswitch.conf", "/etc/nsswitch.conf");
	(void)snprintf(conf, sizeof(conf), "%s/%s/sshd_config", bench.dir,
	    setup);
	(void)snprintf(log, sizeof(log), "%s/%s/log", bench.dir, setup);
	(void)execl(bench.sshd, bench.sshd, "-D", "-f", conf, "-E", log, NULL);
	die(bench.sshd);
}

/* Asked of the kernel: to connect or to bind would disturb sshd. */
static bool
is_listening(size_t i)
{
	FILE *f = fopen("/proc/net/tcp", "re");
	unsigned port, state;
	bool found = false;
	char line[256];

	if (f == NULL)
		die("/proc/net/tcp");
	while (!found && fgets(line, sizeof(line), f) != NULL)
		found = sscanf(line, "%*u: %*x:%x %*x:%*x %x", &port, &state) ==
			2 &&
		    port == PORT_FIRST + i && state == TCP_LISTEN;
	(void)fclose(f);
	return found;
}

static pid_t
sshd_start(size_t i)
{
	pid_t pid = fork();

	if (pid < 0)
		die("bench: fork");
	if (pid == 0)
		sshd_become(bench.setups[i].name);
	for (int ms = 0; !is_listening(i); ms += 5) {
		if (ms > WAIT_MS || waitpid(pid, NULL, WNOHANG) != 0)
			die("bench: sshd does not come up");
		(void)usleep(5000);
	}
	return pid;
}

static bool
has_children(pid_t pid)
{
	char path[PATH_LEN], c;
	zt_auto_close int fd = -1;

	(void)snprintf(path, sizeof(path), "/proc/%d/task/%d/children",
	    (int)pid, (int)pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	return fd >= 0 && read(fd, &c, 1) == 1;
}

/* End an sshd once it has reaped all; CPU time of it and them, microseconds. */
static double
sshd_stop(pid_t pid)
{
	struct rusage ru;

	for (int ms = 0; has_children(pid); ms += 5) {
		if (ms > WAIT_MS)
			die("bench: sshd keeps a child");
		(void)usleep(5000);
	}
	(void)kill(pid, SIGTERM);
	if (wait4(pid, NULL, 0, &ru) != pid)
		die("bench: wait4");
	return tv_us(&ru.ru_utime) + tv_us(&ru.ru_stime);
}

/* ---- logins ---- */

static void
login_run(size_t i)
{
	char port[16];
	pid_t pid;
	int status;

	(void)snprintf(port, sizeof(port), "%d", (int)(PORT_FIRST + i));
	if ((pid = fork()) == 0) {
		(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
		(void)execlp("ssh", "ssh", "-n", "-p", port, "-i",
		    "/root/.ssh/dave", "-o", "IdentitiesOnly=yes",
		    "dave@pay-db-1", "true", NULL);
		_exit(127);
	}
	if (pid < 0 || waitpid(pid, &status, 0) != pid || status != 0) {
		(void)fprintf(stderr, "bench: %s: login failed\n",
		    bench.setups[i].name);
		exit(1);
	}
}

/* One round of set-up i. */
static void
setup_run(size_t i, bool counts)
{
	struct setup *setup = &bench.setups[i];
	const pid_t pid = sshd_start(i);
	const double began = cpu_of(pid), broker = cpu_of(bench.broker);

	for (size_t k = 0; k < bench.logins; k++) {
		double from = sample_now_us();

		login_run(i);
		if (counts)
			sample_add(&setup->wall, sample_now_us() - from);
	}
	setup->round_cpu = (sshd_stop(pid) - began) / (double)bench.logins;
	if (i == bench.n - 1)
		bench.round_broker =
		    (cpu_of(bench.broker) - broker) / (double)bench.logins;
}

/* All set-ups once, beginning with another one each time. */
static void
round_run(size_t round)
{
	for (size_t i = 0; i < bench.n; i++)
		setup_run((round + i) % bench.n, round > 0);
}

static void
round_count(void)
{
	const double last = bench.setups[bench.n - 1].round_cpu;

	sample_add(&bench.broker_cpu, bench.round_broker);
	for (size_t i = 0; i < bench.n; i++) {
		const double cpu = bench.setups[i].round_cpu;

		sample_add(&bench.setups[i].cpu, cpu);
		for (size_t k = 0; k < i; k++)
			sample_add(&bench.ratios[i][k],
			    cpu / bench.setups[k].round_cpu);
		sample_add(&bench.with_broker[i],
		    (last + bench.round_broker) / cpu);
	}
}

static void
ratio_print(struct sample *ratio)
{
	const double low = sample_quantile(ratio, 0.25);
	const double high = sample_quantile(ratio, 0.75);

	(void)printf(" %.4f %.4f %.4f\n", sample_quantile(ratio, 0.5), low,
	    high);
}

static void
results_print(void)
{
	const char *last = bench.setups[bench.n - 1].name;

	(void)printf("rounds %zu\n", bench.broker_cpu.n);
	for (size_t i = 0; i < bench.n; i++)
		(void)printf("%s %.0f %.0f\n", bench.setups[i].name,
		    sample_quantile(&bench.setups[i].cpu, 0.5),
		    sample_quantile(&bench.setups[i].wall, 0.5));
	(void)printf("broker %.0f\n", sample_quantile(&bench.broker_cpu, 0.5));
	for (size_t i = 0; i < bench.n; i++)
		for (size_t k = 0; k < i; k++) {
			(void)printf("%s/%s", bench.setups[i].name,
			    bench.setups[k].name);
			ratio_print(&bench.ratios[i][k]);
		}
	for (size_t i = 0; i + 1 < bench.n; i++) {
		(void)printf("%s+broker/%s", last, bench.setups[i].name);
		ratio_print(&bench.with_broker[i]);
	}
}

int
main(int argc, char **argv)
{
	const double began = sample_now_us();
	size_t rounds;
	double limit_us;

	if (argc < 8 || argc > 7 + SETUPS_MAX)
		return 2;
	rounds = sample_count(argv[1], 1000);
	bench.logins = sample_count(argv[2], 1000);
	limit_us = (double)sample_count(argv[3], 600) * 1e6;
	bench.broker = (pid_t)strtol(argv[4], NULL, 10);
	bench.sshd = argv[5];
	bench.dir = argv[6];
	for (int i = 7; i < argc; i++)
		bench.setups[bench.n++].name = argv[i];
	round_run(0); /* warms up */
	for (size_t i = 1; i <= rounds && sample_now_us() - began < limit_us;
	     i++) {
		round_run(i);
		round_count();
	}
	results_print();
	return 0;
}
