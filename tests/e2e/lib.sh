# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=sh
#
# What every end-to-end script stands on.  A script sources this file and
# calls e2e_begin, which runs it again as the only inhabitant of new mount,
# network, process, IPC and host-name namespaces:
#
#   /etc, /usr     overlays: this machine's below, a tmpfs on top
#   /run, /var, /home, /root, /tmp   empty tmpfs
#   /mnt/src, /mnt/build   the source tree and the build directory
#   network        loopback only
#
# There the built files are installed for real, users, certificates and
# configuration are made, and the machine's own sshd and sudo are run on them.
# When the script ends, in whatever way, the kernel ends every process in the
# namespaces and the mounts with them: nothing is left behind.
#
# Output is TAP.  Logs go to BUILD/e2e/<script>/ at the end.
#
#   B=dir     build directory (build)
#   V=1       show servers' logs for every failure, whole

T=/run/e2e
MARK_DIR=$T/mark
LOG=/var/log/ztd/decisions.jsonl
SSH_PORT=22
PDP_PORT=8443
EXAMPLES=/usr/share/doc/zt/examples

E2E_SCRIPT=$(realpath "$0")

# --- Entering -----------------------------------------------------------

# e2e_begin "$@": from here on the script runs inside; starts at once if it
# is inside already.
e2e_begin()
{
	if [ -n "${E2E_INSIDE-}" ]; then
		host_make
		return
	fi
	if [ "$(id -u)" -ne 0 ]; then
		echo "1..0 # SKIP needs root: mounts, sshd, users"
		exit 0
	fi
	cd "${E2E_SCRIPT%/tests/*}" || exit 2
	E2E_BUILD=$(mkdir -p "${B:-build}" && cd "${B:-build}" && pwd)
	E2E_STAGE=$E2E_BUILD/stage
	if [ -z "${E2E_STAGED-}" ]; then
		stage_make >&2 || exit 2
	fi
	e2e_run "$@"
}

# Stay outside and end the namespaces with ourselves, in whatever way we end:
# unshare heeds no signal but SIGKILL, and dies with its parent.
e2e_run()
{
	trap 'kill -KILL $e2e_pid; exit 130' INT
	trap 'kill -KILL $e2e_pid; exit 143' TERM
	env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin LC_ALL=C.UTF-8 \
	    HOME=/root TERM="${TERM:-dumb}" V="${V-}" PDP="${PDP-}" \
	    E2E_INSIDE=1 E2E_TAG="${E2E_TAG-}" E2E_SELF="${0##*/}" \
	    E2E_BUILD="$E2E_BUILD" setpriv --pdeathsig KILL \
	    unshare --mount --net --pid --ipc --uts --fork --kill-child \
	    --mount-proc --propagation private \
	    sh "$PWD/tests/e2e/init" "${E2E_SCRIPT#"$PWD"/}" "$@" &
	e2e_pid=$!
	wait $e2e_pid
	exit
}

# Install into a directory of its own, as a package build would.
stage_make()
{
	rm -rf "$E2E_STAGE"
	make -s --no-print-directory B="${B:-build}" DESTDIR="$E2E_STAGE" \
	    install
}

die()
{
	echo "Bail out! $*"
	exit 2
}

# wait_for SECONDS COMMAND...: until COMMAND succeeds; fails after SECONDS.
wait_for()
{
	wait_end=$(($(date +%s) + $1))
	shift
	until "$@" >/dev/null 2>&1; do
		[ "$(date +%s)" -le "$wait_end" ] || return 1
		sleep 0.05
	done
}

# --- The host -----------------------------------------------------------

host_make()
{
	set -u
	umask 022
	mkdir -p $T/ca $T/tls $T/log $T/pid $T/pdp
	mkdir -m 1777 $MARK_DIR
	trap 'e2e_end $?' EXIT
	trap 'exit 130' INT
	trap 'exit 143' TERM
	N=0
	FAILED=0
	cp -a /mnt/build/stage/. / || die "make install left nothing to copy"
	users_make
	keys_make
	sshd_conf_make
	pam_conf_make
	ztd_conf_make
}

# Local users and groups, as a package's sysusers file and an administrator
# would make them, and users that exist nowhere but in users.d.
users_make()
{
	cat >/etc/passwd <<-END
	root:x:0:0:root:/root:/bin/sh
	nobody:x:65534:65534:nobody:/nonexistent:/usr/sbin/nologin
	sshd:x:990:65534::/run/sshd:/usr/sbin/nologin
	ztd:x:991:991:zt broker:/nonexistent:/usr/sbin/nologin
	dave:x:1000:1000:Dave:/home/dave:/bin/sh
	judy:x:1001:1000:Judy:/home/judy:/bin/sh
	END
	cat >/etc/group <<-END
	root:x:0:
	tty:x:5:
	nogroup:x:65534:
	ztd:x:991:
	zt-admin:x:992:
	dave:x:1000:
	END
	printf '%s:%s:19000:0:99999:7:::\n' root '*' judy '*' dave \
	    "$(openssl passwd -6 -salt e2e dave-password)" >/etc/shadow
	chmod 640 /etc/shadow
	mkdir -p /home/dave
	chown 1000:1000 /home/dave
	tmpfiles_make
	user_record alice 70001 '"payments"'
	user_record bob 70002
	user_record carol 70003 '"payments"'
	user_record erin 70005
	group_record payments 70100
	cat >/etc/nsswitch.conf <<-END
	passwd: files zt
	group: files zt
	shadow: files
	hosts: files
	END
	printf '%s\n' '127.0.0.1 localhost pay-db-1' >/etc/hosts
	echo 00112233445566778899aabbccddeeff >/etc/machine-id
	cat >/etc/sudoers <<-END
	Defaults env_reset
	root ALL=(ALL:ALL) ALL
	alice ALL=(ALL:ALL) NOPASSWD: ALL
	bob ALL=(ALL:ALL) NOPASSWD: ALL
	carol ALL=(ALL:ALL) NOPASSWD: ALL
	dave ALL=(ALL:ALL) ALL
	judy ALL=(ALL:ALL) NOPASSWD: ALL
	END
	chmod 440 /etc/sudoers
	rm -rf /etc/sudoers.d/*
}

# What systemd-tmpfiles does at boot, which is not everywhere.
tmpfiles_make()
{
	while read -r tmp_type tmp_path tmp_mode tmp_user tmp_group; do
		[ "$tmp_type" != d ] || install -d -m "$tmp_mode" \
		    -o "$tmp_user" -g "$tmp_group" "$tmp_path"
	done </usr/lib/tmpfiles.d/zt.conf
}

# user_record NAME UID [GROUP-LIST]
user_record()
{
	cat >"/etc/ztd/users.d/$1.user" <<-END
	{"userName":"$1","uid":$2,"gid":$2,"realName":"$1 of e2e",
	 "homeDirectory":"/home/$1","shell":"/bin/sh","memberOf":[${3-}]}
	END
	group_record "$1" "$2"
}

# group_record NAME GID
group_record()
{
	printf '{"groupName":"%s","gid":%s}\n' "$1" "$2" \
	    >"/etc/ztd/users.d/$1.group"
}

# --- Keys and certificates ----------------------------------------------

keys_make()
{
	mkdir -m 700 /root/.ssh
	for k in user foreign; do
		ssh-keygen -q -t ed25519 -N '' -C "$k CA" -f $T/ca/$k
	done
	cp $T/ca/user.pub /etc/ztd/user-ca.pub
	rm -f /etc/ssh/ssh_host_*
	ssh-keygen -q -t ed25519 -N '' -C host -f /etc/ssh/ssh_host_ed25519_key
	for u in alice bob carol dave erin judy; do
		key $u
		cert $u
	done
	{
		printf 'pay-db-1,127.0.0.1,127.0.0.2 '
		cat /etc/ssh/ssh_host_ed25519_key.pub
	} >/root/.ssh/known_hosts
	cat >/root/.ssh/config <<-END
	Host pay-db-1
	    HostName 127.0.0.1
	    HostKeyAlias pay-db-1
	    Port $SSH_PORT
	    BatchMode yes
	    StrictHostKeyChecking yes
	    PreferredAuthentications publickey
	    ConnectTimeout 20
	END
	tls_make
}

# key NAME [ssh-keygen options]: /root/.ssh/NAME
key()
{
	key_name=$1
	shift
	[ $# -gt 0 ] || set -- -t ed25519
	ssh-keygen -q "$@" -N '' -C "$key_name@laptop" -f "/root/.ssh/$key_name"
}

# cert NAME [-n PRINCIPAL] [ssh-keygen options]: a certificate beside key NAME.
# Its key id is NAME up to a "-", at example.com.  By default it is for the
# account of that name, valid now for ten minutes; "-n NONE" means without a
# principal.  CA=foreign signs with another CA.
cert()
{
	cert_name=$1
	shift
	case " $* " in *" -n "*) ;; *) set -- -n "${cert_name%%[-.]*}" "$@" ;;
	esac
	case " $* " in *" -V "*) ;; *) set -- "$@" -V -1m:+10m ;; esac
	[ "$2" != NONE ] || shift 2
	cert_serial=$((${cert_serial:-4710} + 1))
	ssh-keygen -q -s "$T/ca/${CA:-user}" -I "${cert_name%%[-.]*}@example.com" \
	    -z $cert_serial "$@" "/root/.ssh/$cert_name.pub"
}

# A small CA for the decision endpoint, and server certificates of it.
tls_make()
{
	openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes \
	    -subj '/CN=e2e CA' -days 2 -keyout $T/tls/ca.key \
	    -out $T/tls/ca.pem 2>/dev/null || die "openssl: no CA"
	tls_cert server DNS:localhost,IP:127.0.0.1
	install -D -m 644 $T/tls/ca.pem /etc/ztd/pdp-ca.pem
}

# tls_cert NAME ALTNAMES [openssl x509 options]
tls_cert()
{
	tls_name=$1 tls_alt=$2
	shift 2
	[ $# -gt 0 ] || set -- -days 2
	openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes \
	    -subj "/CN=$tls_name" -keyout "$T/tls/$tls_name.key" \
	    -out "$T/tls/$tls_name.csr" 2>/dev/null
	echo "subjectAltName=$tls_alt" >"$T/tls/$tls_name.ext"
	openssl x509 -req -in "$T/tls/$tls_name.csr" -CA $T/tls/ca.pem \
	    -CAkey $T/tls/ca.key -CAcreateserial -extfile \
	    "$T/tls/$tls_name.ext" "$@" -out "$T/tls/$tls_name.pem" \
	    2>/dev/null || die "openssl: no certificate $tls_name"
}

# --- Configuration ------------------------------------------------------

# sshd_config as Debian ships it, and our drop-in with all it suggests.
sshd_conf_make()
{
	rm -rf /etc/ssh/sshd_config.d
	mkdir -p /etc/ssh/sshd_config.d
	cat >/etc/ssh/sshd_config <<-END
	Include /etc/ssh/sshd_config.d/*.conf
	KbdInteractiveAuthentication no
	UsePAM yes
	X11Forwarding yes
	PrintMotd no
	AcceptEnv LANG LC_*
	Subsystem	sftp	/usr/lib/openssh/sftp-server
	END
	sed 's/^#\([A-Z].*\)/\1/' $EXAMPLES/00-zt.conf \
	    >/etc/ssh/sshd_config.d/00-zt.conf
	cat >/etc/ssh/sshd_config.d/50-e2e.conf <<-END
	Port $SSH_PORT
	ListenAddress 127.0.0.1
	HostKey /etc/ssh/ssh_host_ed25519_key
	LogLevel DEBUG
	MaxStartups 2000
	MaxSessions 100
	LoginGraceTime 30
	END
	# since OpenSSH 9.8; all our clients share one address
	echo 'PerSourcePenalties no' >/etc/ssh/sshd_config.d/51-e2e.conf
	mkdir -p /run/sshd
	/usr/sbin/sshd -t 2>/dev/null || rm /etc/ssh/sshd_config.d/51-e2e.conf
}

# Debian's common stacks, and our samples for those that name zt.
pam_conf_make()
{
	cat >/etc/pam.d/common-auth <<-END
	auth	[success=1 default=ignore]	pam_unix.so nullok
	auth	requisite	pam_deny.so
	auth	required	pam_permit.so
	END
	cat >/etc/pam.d/common-account <<-END
	account	[success=1 new_authtok_reqd=done default=ignore]	pam_unix.so
	account	requisite	pam_deny.so
	account	required	pam_permit.so
	END
	for f in common-session common-session-noninteractive; do
		cat >/etc/pam.d/$f <<-END
		session	[default=1]	pam_permit.so
		session	requisite	pam_deny.so
		session	required	pam_permit.so
		session	required	pam_unix.so
		END
	done
	cp $EXAMPLES/sshd.sample /etc/pam.d/sshd
	cp $EXAMPLES/sudo.sample /etc/pam.d/sudo
	cp $EXAMPLES/sudo.sample /etc/pam.d/sudo-i
	for f in su su-l; do
		cat >/etc/pam.d/$f <<-END
		auth	sufficient	pam_rootok.so
		@include common-auth
		account	required	pam_zt.so
		@include common-account
		@include common-session
		END
	done
	for f in login cron; do
		cat >/etc/pam.d/$f <<-END
		@include common-auth
		account	required	pam_zt.so
		@include common-account
		session	required	pam_loginuid.so
		@include common-session
		END
	done
}

ztd_conf_make()
{
	cat >/etc/ztd/ztd.conf <<-END
	[pdp]
	url = https://localhost:$PDP_PORT/access/v1/evaluation
	ca_file = /etc/ztd/pdp-ca.pem
	timeout_ms = 2000

	[credential]
	ca_file = /etc/ztd/user-ca.pub
	max_lifetime = 24h
	clock_skew = 0s

	[identity]
	users_dir = /etc/ztd/users.d
	id_range = 65536-524287
	END
	chown -R root:root /etc/ztd
	chmod 640 /etc/ztd/ztd.conf
	chgrp ztd /etc/ztd/ztd.conf
}

# conf_set SECTION KEY VALUE: change the configuration; takes effect with
# restart_ztd or a SIGHUP.
conf_set()
{
	awk -v s="[$1]" -v k="$2" -v v="$3" '
	function put() { if (in_s && !done) { print k " = " v; done = 1 } }
	/^\[/ { put(); in_s = ($0 == s) }
	in_s && $1 == k { next }
	NF || !in_s { print }
	END { put(); if (!done) printf "\n%s\n%s = %s\n", s, k, v }' \
	    /etc/ztd/ztd.conf >$T/conf.new
	cat $T/conf.new >/etc/ztd/ztd.conf
}

# --- Servers ------------------------------------------------------------

# spawn NAME COMMAND...: in the background, its output in NAME.log
spawn()
{
	spawn_name=$1
	shift
	"$@" >>$T/log/"$spawn_name".log 2>&1 </dev/null &
	echo $! >$T/pid/"$spawn_name"
}

pid_of()
{
	cat $T/pid/"$1" 2>/dev/null
}

running()
{
	[ -s $T/pid/"$1" ] && kill -0 "$(pid_of "$1")" 2>/dev/null &&
	    ! grep -q '^State:.Z' "/proc/$(pid_of "$1")/status" 2>/dev/null
}

# stop NAME [SIGNAL]: end it and wait for its end
stop()
{
	stop_pid=$(pid_of "$1") || return 0
	kill "-${2:-TERM}" "$stop_pid" 2>/dev/null
	if ! wait_for 10 gone "$stop_pid"; then
		echo "# $1 ignores SIG${2:-TERM}: killed"
		kill -KILL "$stop_pid" 2>/dev/null
	fi
	wait "$stop_pid" 2>/dev/null
	rm -f $T/pid/"$1"
}

# gone PID: ended with all its threads, whether reaped or not
gone()
{
	! kill -0 "$1" 2>/dev/null ||
	    awk '/^State:.Z/ { z = 1 } /^Threads:.1$/ { t = 1 }
	    END { exit !(z && t) }' "/proc/$1/status"
}

listening()
{
	[ -n "$(ss -Hltn "sport = :$1")" ]
}

start_ztd()
{
	# at the priority that its unit gives it
	spawn ztd nice -n "$(awk -F = '$1 == "Nice" { n = $2 } END { print n + 0 }' \
	    /usr/lib/systemd/system/ztd.service)" /usr/sbin/ztd
	wait_for 10 ztd_ready || {
		sed 's/^/# ztd: /' $T/log/ztd.log | tail -20
		die "ztd does not come up"
	}
}

ztd_ready()
{
	running ztd && [ -S /run/ztd/ctl ] && ztctl status
}

restart_ztd()
{
	stop ztd
	start_ztd
}

start_sshd()
{
	spawn sshd /usr/sbin/sshd -D -e
	wait_for 10 listening $SSH_PORT || {
		sed 's/^/# sshd: /' $T/log/sshd.log | tail -20
		die "sshd does not come up"
	}
}

# All three, in the order in which a boot would have them.
start_all()
{
	start_pdp
	start_ztd
	start_sshd
}

# --- The decision endpoint ----------------------------------------------

# pdp_table: standard input becomes the endpoint's table
pdp_table()
{
	cat >$T/pdp/new && mv $T/pdp/new $T/pdp/table
}

# What the endpoint says unless a test says otherwise.
pdp_default()
{
	pdp_table <<-'END'
	# subject           action     account  conditions => answer
	alice@example.com   *          *        => permit policy=people-1
	bob@example.com     *          *        => deny reason="bob is on leave"
	carol@example.com   ssh_login  *        => permit
	carol@example.com   *          *        => deny reason="sudo needs a ticket"
	dave@example.com    *          *        => permit
	judy@example.com    *          *        => permit
	erin@example.com    *          *        => permit notice="maintenance tonight"
	dave                *          *        => permit
	bob                 *          *        => deny reason="bob is on leave"
	END
}

# pdp_answer ANSWER...: one answer to everything; pdp_default to end it
pdp_answer()
{
	echo "* * * => $*" | pdp_table
}

# start_pdp [options]: the test endpoint, answering from $T/pdp/table
start_pdp()
{
	[ -s $T/pdp/table ] || pdp_default
	spawn pdp /mnt/build/tests/lib/zt-pdp --log $T/log/requests.log \
	    --port $PDP_PORT --table $T/pdp/table \
	    --cert "$T/tls/${PDP_CERT:-server}.pem" \
	    --key "$T/tls/${PDP_CERT:-server}.key" "$@"
	wait_for 10 listening $PDP_PORT || {
		sed 's/^/# pdp: /' $T/log/pdp.log | tail -20
		die "the decision endpoint does not come up"
	}
}

# --- Checks -------------------------------------------------------------

# pass NAME, fail NAME: one TAP line; a failure is followed by what is known
pass()
{
	N=$((N + 1))
	echo "ok $N - $*"
}

fail()
{
	N=$((N + 1))
	FAILED=$((FAILED + 1))
	echo "not ok $N - $*"
	diagnose
}

skip()
{
	N=$((N + 1))
	echo "ok $N - $1 # SKIP $2"
}

# check NAME COMMAND...: passes if COMMAND succeeds; $T/out and $T/err stay
check()
{
	check_name=$1
	shift
	if "$@" >$T/check.out 2>&1; then
		pass "$check_name"
	else
		fail "$check_name (status $?: $*)"
	fi
}

# Show the last output and the ends of all logs, as TAP comments.
diagnose()
{
	diag_n=12
	[ -z "${V-}" ] || diag_n=1000
	for f in $T/check.out $T/out $T/err $T/log/*.log $LOG; do
		[ -s "$f" ] || continue
		echo "# --- ${f##*/}"
		tail -n $diag_n "$f" | cut -c 1-600 | sed 's/^/# /'
	done
}

e2e_end()
{
	end_status=$1
	trap - EXIT
	mkdir -p "/mnt/build/e2e/$E2E_SELF"
	cp $T/log/*.log $LOG "/mnt/build/e2e/$E2E_SELF/" 2>/dev/null
	echo "1..$N"
	[ "$end_status" -ne 0 ] || [ "$FAILED" -eq 0 ] || end_status=1
	exit "$end_status"
}

# --- Logins -------------------------------------------------------------

# What a remote command leaves if it ran: a word on its output, which does not
# occur in the command's own text, and a file.
REMOTE="echo in''side; : >$MARK_DIR/ran; id -un"

# No command of a client may hang.
LIMIT="timeout -k 5 60"

# attempt COMMAND...: run it with $T/out, $T/err, STATUS, RAN (yes or no)
attempt()
{
	rm -f $MARK_DIR/*
	BEFORE=$(records)
	"$@" >$T/out 2>$T/err </dev/null
	STATUS=$?
	RAN=no
	if grep -q inside $T/out || [ -e $MARK_DIR/ran ]; then
		RAN=yes
	fi
}

# login USER [ssh options]: one attempt of USER with the key of that name;
# KEY=name takes another key, REMOTE_CMD=text another command
login()
{
	login_user=$1
	shift
	attempt $LIMIT ssh -i "/root/.ssh/${KEY:-$login_user}" -o IdentitiesOnly=yes \
	    "$@" "$login_user@pay-db-1" "${REMOTE_CMD:-$REMOTE}"
}

# expect_in NAME USER [ssh options]: the login works and runs the command, as
# USER or as AS
expect_in()
{
	expect_name=$1
	shift
	login "$@"
	judge_allowed "$expect_name" "${AS:-$1}"
}

judge_allowed()
{
	if [ $STATUS -eq 0 ] && [ $RAN = yes ] && grep -qx "$2" $T/out; then
		pass "$1"
	else
		fail "$1 (status $STATUS, ran: $RAN)"
	fi
}

# expect_out NAME CODE USER [ssh options]: the login is refused; the command
# did not run; the line the user sees and the record both say CODE.
expect_out()
{
	expect_name=$1 expect_code=$2
	shift 2
	login "$@"
	judge_refused "$expect_name" "$expect_code"
}

# judge_refused NAME CODE: how the refusal of the last attempt must be told
#   <reason code>        in the user's line, and in the record that it names
#   record:<reason code> in a new record only: sshd refuses before PAM speaks
#   none                 to the user, without a decision: there is no broker
#   -                    does not matter
judge_refused()
{
	if [ $STATUS -eq 0 ] || [ $RAN = yes ]; then
		fail "$1: ALLOWED (status $STATUS, ran: $RAN)"
		return
	fi
	# sshd says 254 if a session phase failed
	if [ $STATUS -ge 124 ] && [ $STATUS -lt 254 ]; then
		fail "$1: hung or crashed (status $STATUS)"
		return
	fi
	judge_why=$(refusal_fault "$2")
	if [ -z "$judge_why" ]; then
		pass "$1"
	else
		fail "$1: refused, but $judge_why"
	fi
}

# Print what is wrong with the way the last refusal was told; nothing if
# nothing is.
refusal_fault()
{
	case $1 in
	-) ;;
	none)
		grep -q 'zt: ' $T/err || echo "the user was not told why"
		! grep -q '(decision ' $T/err || echo "a decision was invented"
		;;
	record:*)
		wait_for 5 recorded_since "$BEFORE" "${1#*:}" ||
		    echo "no new record says ${1#*:}"
		;;
	*)
		fault_id=$(decision_id)
		fault_code=$(record "${fault_id:-none}" | reason_of)
		[ -n "$fault_id" ] || echo "the user's line has no decision id"
		[ "$fault_code" = "$1" ] ||
		    echo "the record says '$fault_code', not '$1'"
		;;
	esac
}

# The decision id in the line that the user was shown.
decision_id()
{
	sed -n 's/.*zt: .*(decision \([0-9a-f-]\{36\}\)).*/\1/p' $T/err $T/out |
	    tail -n 1
}

# --- Records ------------------------------------------------------------

# record ID: the record of a decision
record()
{
	grep -F "\"$1\"" $LOG | tail -n 1
}

# The reason codes of the records on standard input.
reason_of()
{
	jq -r '.status_code // empty'
}

# recorded_since N CODE: a record after the first N has this reason code
recorded_since()
{
	tail -n "+$(($1 + 1))" $LOG | reason_of | grep -qxF -- "$2"
}

records()
{
	if [ -e $LOG ]; then wc -l <$LOG; else echo 0; fi
}
