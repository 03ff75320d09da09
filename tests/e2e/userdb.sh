#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# Proves: the broker itself serves its users to systemd's clients, started by
# hand as root and without its privileges; what it cannot serve there keeps
# nobody else from it; nothing is left when it has gone.
#
# tests/interop/userdb.sh proves the rest, without a broker.

# shellcheck source=tests/e2e/lib.sh
. "${0%/*}/lib.sh"
e2e_begin "$@"

SOCKET=/run/ztd/userdb/io.zt.ztd
LINK=/run/systemd/userdb/io.zt.ztd

start_ztd
check "the socket is linked to where systemd looks" \
    sh -c "test \"\$(readlink $LINK)\" = $SOCKET && test -S $LINK"
check "it is the broker's, and for everybody" \
    sh -c "test \"\$(stat -c '%a %U' $SOCKET)\" = '666 ztd'"
check "userdbctl shows a user" sh -c 'userdbctl -j user alice |
	jq -e ".uid == 70001 and .service == \"io.zt.ztd\""'
check "and her groups" sh -c 'userdbctl --no-legend --output=classic \
	groups-of-user alice | grep -w payments'
check "nss-systemd finds her" getent -s systemd passwd alice
user_record frank 70008
check "a new user is seen" wait_for 5 getent -s systemd passwd frank
check "the status names the socket" sh -c \
    'ztctl status --json | jq -e ".sockets[] | select(.name == \"userdb\") |
	.served > 0"'
stop ztd
check "with the broker its socket goes" test ! -e $SOCKET
check "and nobody waits for it" \
    timeout 0.5 sh -c '! getent -s systemd passwd alice'
rm -f $LINK
rmdir /run/systemd/userdb
touch /run/systemd/userdb
rmdir /run/ztd/userdb
touch /run/ztd/userdb
start_ztd
check "without a place for it the broker serves all else" \
    sh -c 'ztctl status && getent passwd alice'
check "and says so" grep -q 'do not see zt' $T/log/ztd.log
