#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# Proves: users and groups that exist only in users.d exist for every program,
# changes there are seen, local accounts cannot be taken over, and a broker
# that is gone delays nobody.
. "${0%/*}/lib.sh"
e2e_begin "$@"
start_pdp
start_ztd

check "getent passwd NAME" test "$(getent passwd alice | cut -d: -f1,3,4,6,7)" \
    = alice:70001:70001:/home/alice:/bin/sh
check "getent passwd UID" test "$(getent passwd 70001 | cut -d: -f1)" = alice
check "getent group NAME" test "$(getent group payments | cut -d: -f1,3)" \
    = payments:70100
check "getent group GID" test "$(getent group 70100 | cut -d: -f1)" = payments
check "getent group lists its members" \
    sh -c 'getent group payments | grep -q alice.*carol'
check "getent initgroups" sh -c 'getent initgroups alice | grep -qw 70100'
check "id NAME" sh -c \
    'test "$(id alice)" = "uid=70001(alice) gid=70001(alice) groups=70001(alice),70100(payments)"'
check "no shadow entry, no password" \
    sh -c 'case $(getent passwd alice | cut -d: -f2) in "*"|"!"*) ;; *) false;; esac'
check "an unknown user is unknown" sh -c '! getent passwd nosuch'
check "an unknown uid is unknown" sh -c '! getent passwd 79999'
check "enumeration is off: getent passwd lists local users only" \
    sh -c '! getent passwd | grep -q alice && getent passwd | grep -q dave'
check "ls shows names" sh -c "chown 70001:70100 $T/log && \
    test \"\$(stat -c %U:%G $T/log)\" = alice:payments"

# --- changes
user_record frank 70006 '"payments"'
check "a new record is seen" wait_for 5 getent passwd frank
check "with its groups" sh -c 'id -Gn frank | grep -qw payments'
rm /etc/ztd/users.d/frank.*
check "a removed record is gone" wait_for 5 sh -c '! getent passwd frank'
user_record alice 70001
check "a changed record is seen" \
    wait_for 5 sh -c '! id -Gn alice | grep -qw payments'
echo '{"userName":' >/etc/ztd/users.d/torn.user
user_record grace 70007
check "a broken record does not hide the others" \
    wait_for 5 getent passwd grace
check "and ztctl status names it" \
    sh -c 'ztctl status --json | grep -q torn.user'
rm /etc/ztd/users.d/torn.user

# --- takeovers
user_record dave 70010
user_record mallory 0
user_record eve 1000
user_record oscar 70008 '"root","dave"'
user_record heidi 70009
wait_for 5 getent passwd heidi >/dev/null
check "a record cannot take a local name" \
    test "$(getent passwd dave | cut -d: -f3)" = 1000
check "nor the uid 0" sh -c '! getent passwd mallory'
check "nor a local uid" sh -c '! getent passwd eve'
check "nor membership in local or root-equivalent groups" \
    sh -c 'test "$(id -Gn oscar | tr " " "\n" | grep -cx -e root -e dave)" = 0'

# --- an outage: the snapshot is a file, and needs nobody
stop ztd
check "broker gone: local users resolve" getent passwd dave
check "broker gone: so do all others" \
    sh -c 'getent passwd alice && id -Gn grace | grep -qw grace'
check "broker gone: who does not exist is unknown at once" \
    timeout 0.5 sh -c '! getent passwd nosuch; test $? = 0'
mv /var/lib/ztd/users.snapshot $T/away
check "and the snapshot too: nobody waits" \
    sh -c '! timeout 0.5 getent passwd alice'
mv $T/away /var/lib/ztd/users.snapshot
start_ztd
kill -STOP "$(pid_of ztd)"
check "broker stopped: users resolve at once" timeout 0.2 getent passwd alice
check "broker stopped: local users resolve" timeout 0.2 getent passwd dave
mv /var/lib/ztd/users.snapshot $T/away
check "and no snapshot: an answer within half a second" \
    timeout 0.5 sh -c 'getent passwd alice; :'
mv $T/away /var/lib/ztd/users.snapshot
kill -CONT "$(pid_of ztd)"
check "broker back: users are back" wait_for 3 getent passwd alice
