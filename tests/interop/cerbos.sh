#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# Proves: Cerbos, a decision endpoint that nobody here wrote, decides real
# logins and sudo over HTTPS, by group, by person and by context.
. "${0%/*}/../e2e/lib.sh"
e2e_begin "$@"
. /mnt/src/tests/interop/cerbos/cerbos.sh
if [ ! -x $CERBOS ]; then
	echo "1..0 # SKIP Cerbos is not installed: make check installs it"
	trap - EXIT
	exit 0
fi
conf_set pdp mirror_context yes
cerbos_start
start_ztd
start_sshd

SUDO="sudo -n sh -c 'echo in\"\"side; id -un'"
expect_in "alice of payments logs in" alice
REMOTE_CMD=$SUDO AS=root expect_in "alice runs sudo" alice
expect_in "carol of payments logs in" carol
REMOTE_CMD=$SUDO expect_out "carol does not run sudo" policy.deny carol
expect_out "bob, not of payments, does not log in" policy.deny bob
expect_out "alice from elsewhere does not: only the context differs" \
    policy.deny alice -b 127.0.0.2
expect_in "alice from here still does" alice

# Without its properties Cerbos refuses the policy's conditions: a denial.
conf_set pdp mirror_context no
restart_ztd
expect_out "without mirror_context nobody does" policy.deny alice
conf_set pdp mirror_context yes
conf_set pdp url "https://localhost:$PDP_PORT/access/v1/evaluations"
restart_ztd
expect_out "the batch endpoint is not taken for the single one" - alice
conf_set pdp url "https://localhost:$PDP_PORT/nowhere"
restart_ztd
expect_out "a wrong path says so" error.pdp_url alice
stop pdp
conf_set pdp url "https://localhost:$PDP_PORT/access/v1/evaluation"
restart_ztd
expect_out "Cerbos gone: refused" error.pdp_unreachable alice
