# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=sh
#
# The real Cerbos in place of zt-pdp, for scripts that stand on e2e/lib.sh.

CERBOS=/mnt/build/npm/cerbos
CERBOS_POLICIES=/mnt/src/tests/interop/cerbos/policies

# Its REST side speaks AuthZEN, over TLS; it has no reasons to give.
cerbos_start()
{
	cat >$T/pdp/cerbos.yaml <<-END
	server:
	  httpListenAddr: 127.0.0.1:$PDP_PORT
	  grpcListenAddr: 127.0.0.1:3593
	  tls:
	    cert: $T/tls/server.pem
	    key: $T/tls/server.key
	storage:
	  driver: disk
	  disk:
	    directory: $CERBOS_POLICIES
	    watchForChanges: false
	telemetry:
	  disabled: true
	END
	spawn pdp $CERBOS server --debug-listen-addr= \
	    --config $T/pdp/cerbos.yaml
	wait_for 20 cerbos_ready || {
		sed 's/^/# cerbos: /' $T/log/pdp.log | tail -5
		die "Cerbos does not come up"
	}
}

cerbos_ready()
{
	grep -q 'Starting HTTP server' $T/log/pdp.log && listening $PDP_PORT
}
