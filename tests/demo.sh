#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# make demo: what zt does, in under a minute, on a host of its own (see
# e2e/lib.sh) that is gone afterwards.  Every command is shown and really run;
# the demo fails if an outcome is not the one announced.
#
# PDP=cerbos asks the real Cerbos instead of the small endpoint of the tests.
if [ "$(id -u)" -ne 0 ]; then
	echo "demo: needs root, for a mount namespace with an sshd and users" \
	    "of its own; nothing outside it is touched: sudo make demo"
	exit 1
fi
. "${0%/*}/e2e/lib.sh"
e2e_begin "$@"
. /mnt/src/tests/interop/cerbos/cerbos.sh
trap 'demo_end $?' EXIT
cd /root/.ssh || exit 1
SHOWN=0
WRONG=0

demo_end()
{
	trap - EXIT
	if [ "$1" -ne 0 ]; then
		echo "demo: ended early, status $1"
		tail -n 20 $T/log/*.log
		exit "$1"
	fi
	printf '\n%d passed, %d failed\n' $((SHOWN - WRONG)) $WRONG
	[ $WRONG -eq 0 ] || exit 1
	exit 0
}

# part TITLE TEXT...: what comes, and why
part()
{
	printf '\n== %s\n' "$1"
	shift
	printf '   %s\n' "$@"
}

# run COMMAND: show it, run it, show what it says
run()
{
	printf '$ %s\n' "$1"
	: >$T/err
	$LIMIT sh -c "$1" >$T/out 2>&1 </dev/null
	STATUS=$?
	cut -c 1-160 $T/out | sed 's/^/  /'
}

# outcome TEXT TEST...: was the outcome the one announced?
outcome()
{
	SHOWN=$((SHOWN + 1))
	outcome_text=$1
	shift
	if "$@"; then
		printf '  -> %s\n' "$outcome_text"
	else
		WRONG=$((WRONG + 1))
		printf '  -> NOT as announced (status %d): %s\n' $STATUS \
		    "$outcome_text"
		[ -z "${V-}" ] || tail -n 20 $T/log/*.log
	fi
}

# The last command succeeded and said TEXT.
went()
{
	[ $STATUS -eq 0 ] && grep -q "$1" $T/out
}

# The last command failed, said TEXT, and ran nothing.
refused()
{
	[ $STATUS -ne 0 ] && grep -q "$1" $T/out && ! grep -q uid= $T/out
}

# The last command failed, and the last record says CODE.
recorded()
{
	[ $STATUS -ne 0 ] && ! grep -q uid= $T/out &&
	    wait_for 3 recorded_since "$BEFORE" "$1"
}

records_show()
{
	jq -r '[(.time / 1000 | todate | .[11:19]), .metadata.event_code,
	    (.user.name // "-"), (.src_endpoint.ip // "-"),
	    (.status_detail // "")] | @tsv' "$1" |
	    awk -F '\t' '{ printf "  %s  %-40s %-6s %-10s %s\n",
		$1, $2, $3, $4, $5 }' | cut -c 1-150
}

cat >>config <<END
    IdentityFile /root/.ssh/%r
    IdentitiesOnly yes
END
# The table as an endpoint's owner would write it.
pdp_table <<'END'
alice@example.com  *          *  context.source_ip!=127.0.0.1 => deny reason="not from this network"
alice@example.com  *          *  => permit policy=payments-7
bob@example.com    *          *  => deny reason="bob is on leave until Monday"
carol@example.com  ssh_login  *  => permit policy=payments-7
carol@example.com  *          *  => deny reason="sudo needs an open ticket"
END

if [ "${PDP-}" = cerbos ]; then
	[ -x $CERBOS ] || die "Cerbos is not installed: npm was not reached"
	endpoint="Cerbos $($CERBOS --version | head -n 1)"
	conf_set pdp mirror_context yes
	cerbos_start
	bob_why='denied by policy'
	carol_why='denied by policy'
	source_why='denied by policy'
else
	endpoint="a small endpoint with a table of answers"
	start_pdp
	bob_why='bob is on leave'
	carol_why='needs an open ticket'
	source_why='not from this network'
fi
start_ztd
start_sshd

part "A host, pay-db-1" \
    "The machine's own sshd and sudo, with pam_zt.so in their stacks; ztd" \
    "beside them asks $endpoint" \
    "over HTTPS about every login and every sudo.  The users alice, bob and" \
    "carol stand in no /etc/passwd, only in /etc/ztd/users.d."
run "getent passwd alice; id alice"
outcome "alice exists on this host" went payments

part "alice gets a certificate for ten minutes" \
    "Any issuer will do; here it is ssh-keygen with the CA's key."
rm -f alice-cert.pub
run "ssh-keygen -s $T/ca/user -I alice@example.com -n alice -V -1m:+10m -z 1 alice.pub"
outcome "signed" went Signed

part "alice logs in, and runs sudo" \
    "Two attempts, two decisions; NOPASSWD in sudoers changes nothing."
run "ssh alice@pay-db-1 id"
outcome "permitted: her session has her groups" went 'uid=70001.*payments'
run "ssh alice@pay-db-1 sudo -n id"
outcome "permitted: root for one command" went 'uid=0'

part "bob has a good certificate too" "The endpoint says no."
run "ssh bob@pay-db-1 id"
outcome "denied, and told why" refused "zt: access denied: .*$bob_why"
bob_id=$(decision_id)

part "Only the context changes" \
    "The same alice, the same certificate, from another address."
run "ssh -b 127.0.0.2 alice@pay-db-1 id"
outcome "denied" refused "zt: access denied: .*$source_why"
if [ "${PDP-}" != cerbos ]; then
	fp=$(ssh-keygen -lf alice.pub | cut -d ' ' -f 2)
	sed -i "1i * * * subject.properties.credential.fingerprint=$fp => deny reason=\"the device is no longer compliant\"" \
	    $T/pdp/table
	echo "   The endpoint learns that alice's laptop is out of date:"
	run "ssh alice@pay-db-1 id"
	outcome "denied" refused "no longer compliant"
	sed -i 1d $T/pdp/table
	run "ssh alice@pay-db-1 id"
	outcome "updated: permitted again" went 'uid=70001'
fi

part "A login is no right to sudo" \
    "carol may log in.  Her sudoers line says NOPASSWD: ALL."
run "ssh carol@pay-db-1 id"
outcome "permitted" went 'uid=70003'
run "ssh carol@pay-db-1 sudo -n id"
outcome "denied" refused "zt: access denied: .*$carol_why"

part "Certificates that are none" \
    "sshd refuses before PAM can speak to the client; the record says why."
cert alice -V -2h:-1h
BEFORE=$(records)
run "ssh alice@pay-db-1 id"
outcome "expired: refused, and recorded as credential.expired" \
    recorded credential.expired
cat $T/ca/foreign.pub $T/ca/user.pub >/etc/ztd/sshd-ca.pub
sed -i 's/user-ca.pub/sshd-ca.pub/' /etc/ssh/sshd_config.d/00-zt.conf
stop sshd
start_sshd
CA=foreign cert alice
BEFORE=$(records)
run "ssh alice@pay-db-1 id"
outcome "from another CA: refused, and recorded as credential.ca" \
    recorded credential.ca
cert alice

part "The decision endpoint is gone" \
    "No decision is no permit, and not called a denial by policy either."
stop pdp
run "ssh alice@pay-db-1 id"
outcome "refused, and said so" refused 'endpoint is unreachable'
run "sudo -n id"
outcome "root's own sudo depends on nothing" went 'uid=0'

part "What the administrator sees" \
    "One record per attempt, flushed to disk before the answer left."
records_show $LOG
run "ztctl explain $bob_id"
outcome "bob's decision, in words" went bob
run "grep $bob_id $LOG | jq -c '[.time_dt, .status, .status_code, .user.name, .src_endpoint.ip, .certificate.serial_number]'"
outcome "and in the record itself, an OCSF event per line" went policy.deny
