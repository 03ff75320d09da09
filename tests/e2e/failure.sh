#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# Proves: whatever fails, nobody gets in who would not have got in otherwise,
# and what failed is said: the endpoint in every way in which it can misbehave,
# the broker gone, stopped or killed at every phase, sshd killed between the
# phases, the log not writable.  What is out of scope goes on working.
. "${0%/*}/lib.sh"
e2e_begin "$@"
start_all
conf_set pdp timeout_ms 1000
restart_ztd

INNER="echo in\"\"side; : >$MARK_DIR/ran; id -un"

# --- the endpoint misbehaves: answer, reason
pdp_misbehave()
{
	pdp_code=$1
	shift
	pdp_answer "$@"
	expect_out "endpoint: $*" "$pdp_code" alice
}

expect_in "control: alice may" alice
for answer in garbage empty nodecision stringdecision numberdecision \
    nulldecision dupkey twodecisions trailing array cut badcontext badutf8 \
    deep big wrongid; do
	pdp_misbehave error.pdp_protocol $answer
done
for code in 400:request 401:auth 403:auth 404:url 405:url 501:url 301:url \
    302:url 303:url 307:url 308:url 408:busy 425:busy 429:busy 500:busy \
    502:busy 503:busy 504:busy 201:protocol 204:protocol 418:protocol; do
	pdp_misbehave "error.pdp_${code#*:}" status "code=${code%:*}"
done
pdp_misbehave error.pdp_url redirect
for answer in hang drip "permit delay_ms=3000"; do
	# shellcheck disable=SC2086
	pdp_misbehave error.pdp_timeout $answer
done
pdp_misbehave error.pdp_protocol endless
pdp_misbehave error.pdp_protocol headers
pdp_misbehave error.pdp_unreachable close
pdp_misbehave error.pdp_unreachable truncate
pdp_misbehave policy.obligation permit obligation=two_person_rule
pdp_misbehave policy.deny deny
pdp_misbehave policy.deny 'deny reason="%s%n\u001b[2J"'
check "endpoint: its text cannot control the terminal" \
    sh -c "! grep -q '$(printf '\033')' $T/err"
pdp_table <<-END
* sudo * => hang
* *    * => permit
END
REMOTE_CMD="sudo -n sh -c '$INNER'" \
    expect_out "endpoint: hangs for sudo only" error.pdp_timeout alice
pdp_default
expect_in "endpoint: well again" alice

# --- the endpoint is not who it should be
tls_cert wrongname DNS:other.example.com
tls_cert expired DNS:localhost -days 0
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes \
    -subj '/CN=localhost' -addext subjectAltName=DNS:localhost -days 2 \
    -keyout $T/tls/selfsigned.key -out $T/tls/selfsigned.pem 2>/dev/null
for c in wrongname expired selfsigned; do
	stop pdp
	PDP_CERT=$c start_pdp
	expect_out "endpoint: TLS certificate $c" error.pdp_tls alice
done
stop pdp
expect_out "endpoint: gone" error.pdp_unreachable alice
check "ztctl status says so" sh -c \
    "ztctl status | grep -qi unreachable || ztctl status --json | grep -q pdp_unreachable"
check "ztctl explain says what to do" \
    sh -c "ztctl explain $(decision_id) | grep -q 'ztctl check'"
start_pdp --plain
expect_out "endpoint: speaks plain HTTP" error.pdp_tls alice
stop pdp
start_pdp
expect_in "endpoint: well again" alice

# --- configuration that would open a hole is refused
refused_conf()
{
	cp /etc/ztd/ztd.conf $T/conf.good
	conf_set "$2" "$3" "$4"
	if ztd --check-config >$T/out 2>&1; then
		fail "configuration: $1: accepted"
	elif grep -q 'ztd.conf:[0-9]*: ' $T/out; then
		pass "configuration: $1: refused with line and remedy"
	else
		fail "configuration: $1: refused without a line"
	fi
	kill -HUP "$(pid_of ztd)"
	sleep 0.3
	cat $T/conf.good >/etc/ztd/ztd.conf
	expect_in "configuration: $1: the old one stays in force" alice
}
refused_conf "plain http" pdp url http://localhost:$PDP_PORT/
refused_conf "an unknown key" pdp permit_all yes
refused_conf "a key without value" scope services ''
chmod 666 /etc/ztd/ztd.conf
check "configuration: writable by all: refused" sh -c '! ztd --check-config'
chmod 640 /etc/ztd/ztd.conf

# --- the log cannot be written
log_mount()
{
	stop ztd
	mount -t tmpfs -o "size=$1,mode=750,uid=$(id -u ztd),gid=$(id -g ztd)" \
	    small /var/log/ztd
	start_ztd
}
log_unmount()
{
	stop ztd
	umount /var/log/ztd
	start_ztd
}
log_mount 1m
expect_in "log: control" alice
dd if=/dev/zero of=/var/log/ztd/filler bs=64k >/dev/null 2>&1
fills()
{
	for _ in 1 2 3 4 5 6 7 8 9 10; do
		login alice
		[ $RAN = yes ] || return 0
	done
	return 1
}
if fills; then
	pass "log: full disk: refused"
else
	fail "log: full disk: ten logins were permitted without a record"
fi
check "log: full disk: the user is told" \
    grep -q 'zt: access denied: .*could not be recorded' $T/err
REMOTE_CMD="sudo -n sh -c '$INNER'" \
    expect_out "log: full disk: still" - alice
rm /var/log/ztd/filler
sleep 1.2
in_again()
{
	login alice
	[ $RAN = yes ]
}
check "log: space again: logins again" wait_for 10 in_again
log_unmount
expect_in "log: well again" alice

# --- the broker stops or dies
expect_in "broker: control" alice
kill -STOP "$(pid_of ztd)"
expect_out "broker: stopped" - alice
kill -CONT "$(pid_of ztd)"
expect_in "broker: goes on" alice

# judy is a local user: without the broker alice has not even a name.
MUX="-o ControlPath=$T/mux -o ControlMaster=auto -o ControlPersist=yes"
# sudo_mux EXPECT... : sudo in judy's open session
sudo_mux()
{
	# shellcheck disable=SC2086
	REMOTE_CMD="sudo -n sh -c '$INNER'" AS=root "$@" judy $MUX
}
# shellcheck disable=SC2086
expect_in "broker: a session opens" judy $MUX
sudo_mux expect_in "broker: sudo in it"
stop ztd
# shellcheck disable=SC2086
expect_in "broker: gone: the session lives" judy $MUX
sudo_mux expect_out "broker: gone: no sudo in it" none
check "broker: gone: the user is told" \
    grep -q 'broker does not answer' $T/err
expect_out "broker: gone: no login" - judy
expect_out "broker: gone: nor for users of users.d" - alice
start_ztd
check "broker: back: it knows the session" \
    sh -c 'ztctl sessions | grep -q judy'
sudo_mux expect_in "broker: back: sudo in the old session"
stop ztd KILL
start_ztd
sudo_mux expect_in "broker: killed and back: sudo in the old session"
stop ztd
ssh -O exit -o ControlPath=$T/mux judy@pay-db-1 2>/dev/null
before=$(records)
start_ztd
check "broker: back: a session that ended meanwhile is closed and recorded" \
    wait_for 5 recorded_since "$before" session.closed

# Something done in the middle of a login, as root, in sshd's own process
# tree: in front of or behind pam_zt in a phase.
hook()
{
	cat >/etc/hook <<-END
	#!/bin/sh
	$1
	END
	chmod 755 /etc/hook
}
hook :
cp /etc/pam.d/sshd $T/sshd.pam
# hook_at PHASE before|behind COMMAND
hook_at()
{
	hook "$3"
	awk -v phase="$1" -v where="$2" '
	BEGIN { line = phase "\trequired\tpam_exec.so quiet /etc/hook" }
	$1 == phase && $3 == "pam_zt.so" {
		if (where == "before") print line
		print
		if (where != "before") print line
		next
	}
	{ print }' $T/sshd.pam >/etc/pam.d/sshd
}
unhook()
{
	cp $T/sshd.pam /etc/pam.d/sshd
}

KILL_ZTD="kill -KILL \$(cat $T/pid/ztd); sleep 0.1; exit 0"
hook_at account before "$KILL_ZTD"
expect_out "broker: killed after the certificate, before the decision" none \
    alice
start_ztd
hook_at account before "kill -KILL \$(cat $T/pid/ztd); sleep 0.1
	/usr/sbin/ztd >>$T/log/ztd.log 2>&1 </dev/null &
	echo \$! >$T/pid/ztd; sleep 1; exit 0"
expect_out "broker: restarted after the certificate, before the decision" \
    credential.none alice
hook_at account behind "$KILL_ZTD"
expect_out "broker: killed after the decision, before the session" - alice
unhook
start_ztd
expect_in "broker: well again" alice
hook_at session before "[ \"\$PAM_TYPE\" = close_session ] || exit 0; $KILL_ZTD"
expect_in "broker: killed before the session ends" alice
wait_for 5 gone "$(pid_of ztd)"
unhook
before=$(records)
start_ztd
check "broker: and the end is recorded all the same" \
    wait_for 5 recorded_since "$before" session.closed
pdp_answer permit delay_ms=800
spawn killer sh -c "sleep 0.5; kill -KILL $(pid_of ztd)"
expect_out "broker: killed while the endpoint thinks" none alice
stop killer
start_ztd
spawn stopper sh -c "sleep 0.5; kill -TERM $(pid_of ztd)"
login alice
if [ $RAN = yes ] && [ $STATUS -ne 0 ]; then
	fail "broker: told to stop while the endpoint thinks: half a login"
else
	pass "broker: told to stop while the endpoint thinks (ran: $RAN)"
fi
stop stopper
stop ztd
start_ztd
pdp_default

# --- sshd dies between the phases
KILL_SSHD="kill -KILL \$PPID; sleep 0.2; exit 0"
hook_at account before "$KILL_SSHD"
expect_out "sshd: killed before the decision" - alice
hook_at account behind "$KILL_SSHD"
expect_out "sshd: killed after the decision" - alice
hook_at session before "[ \"\$PAM_TYPE\" = open_session ] || exit 0; $KILL_SSHD"
expect_out "sshd: killed before the session" - alice
unhook
check "sshd: nothing of it is left in the broker" \
    wait_for 5 sh -c "! ztctl sessions | grep -q alice"
expect_in "sshd: well again" alice

# --- what zt has no say in depends on none of it
pam_of()
{
	timeout 5 /mnt/build/tests/lib/zt-pam "$@"
}
out_of_scope()
{
	check "$1: cron goes on" pam_of cron dave account
	check "$1: root's console login goes on" pam_of login root account
	check "$1: another's console login does not" \
	    sh -c '! timeout 5 /mnt/build/tests/lib/zt-pam login dave account'
}
out_of_scope "all up"
stop pdp
out_of_scope "endpoint gone"
stop ztd
out_of_scope "broker gone"
mv /run/ztd $T/ztd.away
out_of_scope "sockets gone"
mv $T/ztd.away /run/ztd

# --- somebody else in the broker's place
mkdir -p /run/fake
chown 70001 /run/fake
sed -i 's,pam_zt.so,pam_zt.so broker=/run/fake/pam,' /etc/pam.d/sshd
start_pdp
start_ztd
expect_out "impostor: nobody listens where the module asks" none alice
check "impostor: zt-principals answered all the same" \
    sh -c "grep -q 'Accepted certificate' $T/log/sshd.log"
unhook
sed -i 's/^account .*pam_zt.so/& no_such_option/' /etc/pam.d/sshd
expect_out "module: an unknown option denies" none alice
unhook
expect_in "all well again" alice
