#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# Proves: users come from where the configuration says, through the broker that
# is installed: bundles that ztctl made and ssh-keygen signed, from an HTTPS
# server that fails in many ways, and directories; with ids that stay; and
# nobody is lost by an outage, by a source that is suddenly empty, by a damaged
# file or by a broker that is killed.
. "${0%/*}/lib.sh"
e2e_begin "$@"

WEB_PORT=8444
STATE=/var/lib/ztd
DROP=/etc/ztd/users.d

# --- What the tests are made of ------------------------------------------

start_web()
{
	mkdir -p $T/web/files $T/web/control
	spawn web python3 /mnt/src/tests/lib/zt-https.py \
	    --cert $T/tls/server.pem --key $T/tls/server.key \
	    --port $WEB_PORT --dir $T/web/files --control $T/web/control \
	    --log $T/log/web-requests.log
	wait_for 20 listening $WEB_PORT || die "the web server does not come up"
}

# source_section NAME FILE [INTERVAL]: append a bundle to the configuration
source_section()
{
	cat >>/etc/ztd/ztd.conf <<-END

	[source $1]
	type = bundle
	url = https://localhost:$WEB_PORT/$2
	ca_file = /etc/ztd/pdp-ca.pem
	signers_file = /etc/ztd/users_signers
	interval = ${3:-1d}
	timeout_ms = 2000
	END
}

# person NAME FIELDS: a record of the bundle; group likewise
person()
{
	printf '{"userName":"%s"%s}\n' "$1" "${2:+,$2}" >$T/people/"$1".user
}

group()
{
	printf '{"groupName":"%s","gid":%s}\n' "$1" "$2" >$T/people/"$1".group
}

# made FILE [make options]: a bundle of all persons, the next version
made()
{
	made_file=$1
	shift
	[ $# -gt 0 ] || set -- --previous $T/web/files/"$made_file"
	ztctl identity bundle make $T/people "$@" -o $T/made >$T/out 2>&1 &&
	    ztctl identity bundle sign $T/made -k "$T/ca/${SIGNER:-signer}" \
		-o $T/signed >>$T/out 2>&1
}

# publish [make options]: on the server, as the next version
publish()
{
	made users "$@" || die "no bundle: $(cat $T/out)"
	mv $T/signed $T/web/files/users
}

sync()
{
	ztctl identity sync "${1:-corp}" >$T/out 2>&1
}

# published [make options]: and synced
published()
{
	publish "$@"
	sync
}

# source_is NAME JQ-CONDITION: about what ztctl identity sources tells of it
source_is()
{
	ztctl identity sources --json |
	    jq -e --arg n "$1" '.sources[] | select(.name == $n) | '"$2" \
		>/dev/null
}

# says PATTERN COMMAND...: what it prints has a line like that
says()
{
	says_pattern=$1
	shift
	"$@" >$T/out 2>$T/err
	cat $T/out $T/err
	grep -Eq -- "$says_pattern" $T/out $T/err
}

is_user()
{
	getent passwd "$1" >/dev/null
}

# are_users NAME...: all of them
are_users()
{
	getent passwd "$@" >/dev/null
}

no_user()
{
	getent passwd "$1" >/dev/null
	[ $? -eq 2 ]
}

uid_of()
{
	getent passwd "$1" | cut -d: -f3
}

has_uid()
{
	[ "$(uid_of "$1")" = "$2" ]
}

in_group()
{
	id -Gn "$1" | grep -qw -- "$2"
}

# all_users FIRST LAST: each pN of them is there, with the uid 80000 + N
all_users()
{
	# shellcheck disable=SC2046
	getent passwd $(seq -f p%.0f "$1" "$2") | cut -d: -f1,3 >$T/found
	seq "$1" "$2" | awk '{ print "p" $1 ":" 80000 + $1 }' | cmp - $T/found
}

# drop_users DIRECTORY FIRST LAST: records for them, there at once
drop_users()
{
	seq "$2" "$3" | while read -r i; do
		printf '{"userName":"p%s","uid":%s}\n' "$i" $((80000 + i)) \
		    >"$1/p$i.user"
	done
}

# reload: and wait until it has happened, for better or worse
reload()
{
	reload_n=$(grep -c 'in force$\|reload refused' $T/log/ztd.log)
	kill -HUP "$(pid_of ztd)"
	wait_for 10 reload_seen
}

reload_seen()
{
	[ "$(grep -c 'in force$\|reload refused' $T/log/ztd.log)" -gt \
	    "$reload_n" ]
}

# derived FIRST LAST UUID: what docs/PROTOCOL.ids says of a user of corp
derived()
{
	printf 'zt-id-v1\0user\0corp\0%s' "$3" | python3 -c '
import hashlib, sys
first, last = map(int, sys.argv[1:])
digest = hashlib.sha256(sys.stdin.buffer.read()).digest()
print(first + int.from_bytes(digest[:8], "big") % (last - first + 1))' \
	    "$1" "$2"
}

ready()
{
	rm -f $DROP/*
	ssh-keygen -q -t ed25519 -N '' -C signer -f $T/ca/signer
	cp $T/ca/signer.pub /etc/ztd/users_signers
	mkdir -p $T/people
	conf_set identity stale_after 1m
	source_section corp users
	start_web
	start_pdp
}

DORA=d0000001-0000-4000-8000-000000000001

# --- A bundle -------------------------------------------------------------

ready
person alice '"uid":70001,"memberOf":["payments"]'
person bob '"uid":70002'
person carol '"uid":70003,"realName":"Carol"'
person dora "\"uuid\":\"$DORA\""
group payments 70100
publish --version 10
start_ztd
start_sshd
check "bundle: its users are there once ztctl identity sync returns" \
    sh -c 'ztctl identity sync corp && getent passwd alice bob carol dora'
check "bundle: with their ids and groups" sh -c \
    'test "$(id alice)" = "uid=70001(alice) gid=70001(alice) groups=70001(alice),70100(payments)"'
check "bundle: ztctl identity sources says ok" \
    source_is corp '.state == "ok" and .users == 4 and .error == null'
check "bundle: asked again, the server says that it is the same" \
    sh -c "ztctl identity sync corp && tail -1 $T/log/web-requests.log | grep -q 304"
cp $T/web/files/users $T/old

person carol '"uid":70003,"realName":"Carol II","shell":"/bin/sh"'
person eve '"uid":70004'
rm $T/people/bob.user
check "next version: synced" published
check "next version: who was changed is changed" \
    test "$(getent passwd carol)" = "carol:*:70003:70003:Carol II:/home/carol:/bin/sh"
check "next version: who was added is there" has_uid eve 70004
check "next version: who was removed is gone" no_user bob
check "next version: the others stay" are_users alice carol dora


# --- Documents that are refused -------------------------------------------

# refused NAME FILE PATTERN: it is not taken, for this reason, and nobody cares
refused()
{
	cp $T/web/files/users $T/good
	cp "$2" $T/web/files/users
	check "$1: the sync fails" test "$(sync; echo $?)" = 1
	check "$1: ztctl identity sources says why" \
	    says "$3" ztctl identity sources
	check "$1: its users go on" test \
	    "$(getent passwd alice carol dora eve | wc -l)" = 4
	cp $T/good $T/web/files/users
	check "$1: the right one again" sync
}

SIGNER=foreign made users
refused "wrong signer" $T/signed 'not by|none of|no key|signer'
made users
sed 's/Carol II/Carol VI/' $T/signed >$T/tampered
refused "tampered byte" $T/tampered 'signature'
refused "older version" $T/old '10 after 11'
person carol '"uid":70003,"realName":"Carol III"'
made users --version 11
refused "same version, other content" $T/signed '11 after 11'
printf 'nothing' >$T/nothing
refused "no bundle at all" $T/nothing 'signature'

# --- What is remembered of the last bundle --------------------------------

cp $T/web/files/users $T/good
stop ztd
chmod 0 $STATE/sources/corp
cp $T/old $T/web/files/users
start_ztd
check "state that cannot be read: no bundle is taken" \
    test "$(sync; echo $?)" = 1
check "state that cannot be read: ztctl identity sources says what to do" \
    says 'sources/corp: Permission denied: .*, or remove it' \
    ztctl identity sources
check "state that cannot be read: its users go on" test \
    "$(getent passwd alice carol dora eve | wc -l)" = 4
chmod 600 $STATE/sources/corp
check "state that can be read again: the older version is refused for it" \
    test "$(sync; echo $?)" = 1
check "state that can be read again: and says so" says '10 after 11' \
    ztctl identity sources
rm $STATE/sources/corp
check "state that was removed: the older version is taken" sync
check "state that was removed: it is in force" has_uid bob 70002
cp $T/good $T/web/files/users
check "state that was removed: then goes on with the next" sync
made users || die "no bundle: $(cat $T/out)"
sed -i 's/,"expires":[0-9]*}/}/' $T/made
ztctl identity bundle sign $T/made -k $T/ca/signer -o $T/web/files/users
check "never expires: taken" sync
check "never expires: ztctl identity check warns of it" \
    says 'warn .*corp: its bundle never expires' ztctl identity check
check "never expires: warned of once" \
    test "$(grep -c 'source corp: its bundle never expires' $T/log/ztd.log)" = 1

# --- Ids that nobody gave -------------------------------------------------

DORA_ID=$(uid_of dora)
check "derived id: as docs/PROTOCOL.ids has it" \
    test "$DORA_ID" = "$(derived 65536 524287 $DORA)"
stop ztd
mkdir $T/before
mv $STATE/users.ids $STATE/users.snapshot $STATE/sources $T/before
start_ztd
check "derived id: the same on a host that knows nothing" \
    wait_for 5 has_uid dora "$DORA_ID"
rm $T/people/dora.user
person dorothy "\"uuid\":\"$DORA\""
published
check "rename: keeps the id" has_uid dorothy "$DORA_ID"
check "rename: the old name is gone" no_user dora
rm $T/people/dorothy.user
published
check "deleted: gone" no_user dorothy
person mallory "\"uid\":$DORA_ID,\"uuid\":\"an-other-person\""
person oscar "\"uid\":$DORA_ID"
published
check "deleted: the id is given to nobody else" \
    sh -c "! getent passwd $DORA_ID && ! getent passwd mallory oscar"
restart_ztd
sync
check "deleted: nor after a restart" \
    sh -c "! getent passwd $DORA_ID && ! getent passwd mallory oscar"
check "deleted: ztctl identity check names the record and says why" \
    says "mallory.*was, another's" ztctl identity check
check "deleted: ztctl identity why says so, too" \
    says "user/mallory of corp: REFUSED.*was, another's" \
    ztctl identity why mallory
check "deleted: and exits 1" test "$(ztctl identity why mallory >/dev/null; \
    echo $?)" = 1
rm $T/people/mallory.user $T/people/oscar.user
person dora "\"uuid\":\"$DORA\""
published
check "deleted: who comes back has it again" has_uid dora "$DORA_ID"

# --- Precedence -----------------------------------------------------------

printf '%s\n' '{"userName":"alice","uid":70501,"realName":"by hand"}' \
    >$DROP/alice.user
check "precedence: the first source wins" wait_for 5 has_uid alice 70501
check "precedence: ztctl identity why knows the one in force" \
    says 'alice.user of files: in force' ztctl identity why alice
check "precedence: and the other" says \
    'user/alice of corp: REFUSED: its name is held by record alice.user of source files' \
    ztctl identity why alice
conf_set identity sources 'corp files'
reload
check "precedence: another order, another winner" \
    wait_for 5 has_uid alice 70001
check "precedence: ztctl identity why follows" says \
    'alice.user of files: REFUSED: its name is held by record user/alice of source corp' \
    ztctl identity why alice
conf_set identity sources 'files corp'
reload
check "precedence: and the other way round" wait_for 5 has_uid alice 70501
rm $DROP/alice.user
sed -i '/^sources = /d' /etc/ztd/ztd.conf
reload

# --- Accounts that exist, and may not log in ------------------------------

NOW=$(date +%s)
person bob '"uid":70002,"locked":true'
person carol "\"uid\":70003,\"notBeforeUSec\":$((NOW + 3600))000000"
person erin "\"uid\":70005,\"notAfterUSec\":$((NOW - 60))000000"
published
pdp_answer permit
for u in bob:locked carol:'not yet valid' erin:expired; do
	check "${u#*:}: exists" is_user "${u%%:*}"
	check "${u#*:}: ztctl identity show says so" \
	    says "^state +${u#*:}" ztctl identity show "${u%%:*}"
	expect_out "${u#*:}: no login" account.locked "${u%%:*}"
done
check "none of them was asked about" \
    sh -c "! grep -qE '\"(bob|carol|erin)\"' $T/log/requests.log"
person carol '"uid":70003,"realName":"Carol II"'
published
expect_in "valid: may log in" carol
pdp_default

# --- An outage ------------------------------------------------------------

asked()
{
	tail -n 1 $T/log/requests.log | jq -e "$1"
}

check "contact: no alarm" sh -c "ztctl identity sources --json |
    jq -e '.sources[1] | .stale == false and .age_s < 60'"
stop web
check "outage: a sync fails" test "$(sync; echo $?)" = 1
check "outage: ztctl identity sources says so" \
    source_is corp '.state == "failed" and .stale == false'
check "outage: users go on" are_users alice carol dora eve
restart_ztd
sync
check "outage: users go on after a restart" are_users alice carol dora eve
expect_in "outage: a login" alice
stop ztd
check "outage, and no broker: users go on" are_users alice carol dora eve
touch -d '5 minutes ago' $STATE/sources/corp
start_ztd
sync
check "stale: users go on" are_users alice carol dora eve
check "stale: ztctl identity sources says so, with the age" \
    says '^corp .*STALE.*5 min' ztctl identity sources
check "stale: and to programs" source_is corp '.stale and .age_s >= 300'
check "stale: ztctl check fails on it" \
    says '^FAIL.*sources.*corp: stale' ztctl check
check "stale: so does ztctl identity check" \
    test "$(ztctl identity check >/dev/null; echo $?)" = 1
check "stale: the journal says so" \
    grep -q 'source corp: no contact for 30[0-9] s' $T/log/ztd.log
expect_in "stale: a login" alice
check "stale: the endpoint was told" asked \
    '.context.identity | .source == "corp" and .stale == true and .age_s >= 300'
check "stale: and the record says so" sh -c "tail -n 20 $LOG |
    jq -s -e 'any(.. | objects; .identity_stale? == true)'"
start_web
check "contact again: synced" sync
check "contact again: not stale" source_is corp '.stale | not'
expect_in "contact again: a login" alice
check "contact again: the endpoint was told" \
    asked '.context.identity | .source == "corp" and .stale == false'

# told NAME CONTENT PATTERN: the server misbehaves, and is well again
told()
{
	echo "$2" >$T/web/control/"$1"
	check "server: $1 $2: the sync fails" test "$(sync; echo $?)" = 1
	check "server: $1 $2: the reason is told" \
	    says "$3" ztctl identity sources
	check "server: $1 $2: users go on" are_users alice carol dora eve
	rm $T/web/control/"$1"
}

person dave2 '"uid":70006'
publish
told status 500 'HTTP 500'
told status 403 'HTTP 403.*bearer_file'
told hang '' 'within 2000 ms'
told drip '' 'within 2000 ms'
echo 1 >$T/web/control/slow
check "server: slow: the sync waits for it" \
    sh -c 'ztctl identity sync corp && getent passwd dave2'
rm $T/web/control/slow

# --- The guard ------------------------------------------------------------

drop_users $T/people 1 40
published
check "guard: 40 users more" all_users 1 40
for i in $(seq 11 40); do rm $T/people/p"$i".user; done
check "guard: 30 of them gone: the sync is not in order" \
    test "$(published; echo $?)" = 1
check "guard: 30 of them gone: held" source_is corp '.state == "held"'
check "guard: nobody is gone" all_users 1 40
check "guard: ztctl identity apply says how many" \
    says '30 would be lost' ztctl identity apply
check "guard: and exits 1" \
    test "$(ztctl identity apply >/dev/null; echo $?)" = 1
check "guard: ztctl check fails on it" says '^FAIL.*30 users' ztctl check
sync
check "guard: asked again: nobody is gone" all_users 1 40
reload
sync
check "guard: after a reload: nobody is gone" all_users 1 40
restart_ztd
sync
check "guard: after a restart: nobody is gone" all_users 1 40
check "guard: after a restart: held still" source_is corp '.state == "held"'
drop_users $DROP 901 901
check "guard: after a restart: what another source brings is there" \
    wait_for 5 all_users 901 901
rm $DROP/p901.user
check "guard: and what it takes away is gone" wait_for 5 no_user p901
check "guard: --force applies it" ztctl identity apply --force
check "guard: now they are gone" wait_for 5 no_user p11
check "guard: and the others are there" all_users 1 10
check "guard: nothing is held any more" ztctl identity apply
restart_ztd
check "guard: after a restart likewise" sh -c \
    'ztctl identity apply && getent passwd p10 && ! getent passwd p11'
mv $T/people $T/people.away
mkdir $T/people
check "guard: an empty bundle: held" test "$(published; echo $?)" = 1
check "guard: an empty bundle: nobody is gone" sh -c \
    'getent passwd alice carol dora eve p1 p10'
rm -r $T/people
mv $T/people.away $T/people
check "guard: all are back: nothing is held" published
check "guard: nobody was gone" sh -c \
    'ztctl identity apply && getent passwd alice p1'

# --- Reload ---------------------------------------------------------------

mkdir $T/people2
mv $T/people $T/people1
mv $T/people2 $T/people
person ivan '"uid":70301'
made more --version 1
mv $T/signed $T/web/files/more
rm -r $T/people
mv $T/people1 $T/people
cp /etc/ztd/ztd.conf $T/conf.good
source_section more more
check "reload: before it, nobody new" no_user ivan
reload
check "reload: a new source is there" wait_for 5 is_user ivan
check "reload: nobody else is gone" are_users alice carol dora eve p1
printf '\n[source broken]\ntype = bundle\n' >>/etc/ztd/ztd.conf
reload
check "reload: a broken section is refused, with its line" \
    says 'ztd.conf:[0-9]+:.*url is missing' sh -c \
    "ztctl status --json | jq -r .config.reload_error"
check "reload: the old configuration goes on" \
    sh -c 'ztctl identity sync more && getent passwd alice ivan'
cp $T/conf.good /etc/ztd/ztd.conf
reload
check "reload: a source that is no more takes its users along" \
    wait_for 5 no_user ivan
check "reload: but no others" are_users alice carol dora eve p1

# --- Directories ----------------------------------------------------------

mkdir $T/drop
drop_users $T/drop 101 600
mv $T/drop/*.user $DROP
check "files: 500 at once appear" wait_for 10 all_users 101 600
chmod 666 $DROP/p101.user
check "files: a record that others can write is refused" \
    wait_for 5 no_user p101
check "files: and the reason is told" says \
    'p101.user of files.*others than root can write it' ztctl identity check
chmod 644 $DROP/p101.user
check "files: corrected, it is back" wait_for 5 all_users 101 600
kill -STOP "$(pid_of ztd)" # it sees them go at once
seq -f "$DROP/p%.0f.user" 201 600 | xargs rm
kill -CONT "$(pid_of ztd)"
check "files: 400 of 500 removed at once: held" \
    wait_for 5 source_is files '.state == "held"'
check "files: nobody is gone" all_users 101 600
drop_users $DROP 601 601
ztctl identity sync files >/dev/null
check "files: one file more does not make up for it: held still" \
    source_is files '.state == "held"'
check "files: and nobody is gone" all_users 101 600
restart_ztd
check "files: after a restart: nobody is gone" all_users 101 600
ztctl identity apply --force >/dev/null
check "files: --force applies it" wait_for 5 no_user p600
check "files: the others are there" all_users 101 200
chmod 777 $DROP
check "files: a directory that others can write: said" wait_for 5 source_is \
    files '.state == "failed" and (.error | test("chmod go-w"))'
check "files: nobody is gone" all_users 101 200
chmod 755 $DROP
check "files: corrected" wait_for 5 source_is files '.state == "ok"'

# --- Collisions -----------------------------------------------------------

# Two uuids of one id among 100.
collide()
{
	seq 1 1000 | while read -r i; do
		echo "person-$i"
	done | python3 -c '
import hashlib, sys
seen = {}
for name in sys.stdin.read().split():
    text = b"zt-id-v1\0user\0corp\0" + name.encode()
    n = int.from_bytes(hashlib.sha256(text).digest()[:8], "big") % 100
    if n in seen:
        print(seen[n], name, 200000 + n, 200000 + (n + 1) % 100)
        break
    seen[n] = name'
}

stop ztd
rm -rf ${STATE:?}/users.* $STATE/sources/* ${DROP:?}/*
mv $T/people $T/people.away
mkdir $T/people
cp /etc/ztd/ztd.conf $T/conf.good
conf_set identity id_range 200000-200099
# shellcheck disable=SC2046
set -- $(collide)
person gina "\"uuid\":\"$1\""
person hugo "\"uuid\":\"$2\""
person ines '"uid":200098'
publish
start_ztd
sync
check "collision: others are there" has_uid ines 200098
check "collision: neither of the two is" \
    sh -c "! getent passwd gina && ! getent passwd hugo && ! getent passwd $3"
check "collision: the reason, and what to do" says \
    'user/gina of corp: REFUSED.*another new one.*id_overrides' \
    ztctl identity why gina
check "collision: for the other, too" says \
    'user/hugo of corp: REFUSED.*another new one.*id_overrides' \
    ztctl identity why hugo
conf_set identity id_overrides "corp/$2:$4"
reload
check "override: one has the id given by hand" wait_for 5 has_uid hugo "$4"
check "override: the other the derived one" has_uid gina "$3"
person kate "\"uid\":$4"
published
check "override: nobody else gets the id" no_user kate
stop ztd
rm -rf ${STATE:?}/users.* $STATE/sources/*
sed -i '/^id_overrides/d' /etc/ztd/ztd.conf
rm $T/people/kate.user $T/people/hugo.user
publish
start_ztd
sync
person hugo "\"uuid\":\"$2\""
published
check "collision: who is known on the host stays" has_uid gina "$3"
check "collision: and the new one is refused" no_user hugo
stop ztd
rm -rf ${STATE:?}/users.* $STATE/sources/* $T/people
mv $T/people.away $T/people
cp $T/conf.good /etc/ztd/ztd.conf
publish
start_ztd
sync
check "all are back" are_users alice carol dora eve p1 p10

# --- Damage ---------------------------------------------------------------

stop ztd
cp -p $STATE/users.ids $T/ids
printf 'user 2x %s\n' 'corp somebody' >>$STATE/users.ids
lines=$(wc -l <$STATE/users.ids)
person newbie '"uid":70401'
publish
start_ztd
check "users.ids damaged: ztctl identity sync fails" \
    test "$(sync; echo $?)" = 1
check "users.ids damaged: users go on" are_users alice carol dora eve p1
check "users.ids damaged: nothing changes" no_user newbie
check "users.ids damaged: the line is named" says \
    "FAILED: .*users.ids:$lines: " ztctl identity sources
cp -p $T/ids $STATE/users.ids
check "users.ids restored: all goes on" wait_for 10 is_user newbie
check "users.ids restored: without an error" sh -c \
    'ztctl identity sources --json | jq -e ".error == null"'

# unavailable: zt says neither yes nor no, and at once
unavailable()
{
	! timeout 0.5 getent passwd alice &&
	    ! timeout 0.5 getent passwd dave
}

stop ztd
cp -p /etc/nsswitch.conf $T/nsswitch
cp -p $STATE/users.snapshot $T/snapshot
sed -i 's/^passwd:.*/passwd: zt [UNAVAIL=return] files/' /etc/nsswitch.conf
check "snapshot whole: zt says yes, or no" are_users alice dave
size=$(stat -c %s $STATE/users.snapshot)
for n in 0 1 100 4096 $((size / 2)) $((size - 1)); do
	[ "$n" -lt "$size" ] || continue
	cp -p $T/snapshot $STATE/users.snapshot
	truncate -s "$n" $STATE/users.snapshot
	check "snapshot cut to $n bytes: unavailable at once" unavailable
done
cp $T/nsswitch /etc/nsswitch.conf
check "snapshot cut: local users are there" is_user dave
start_ztd
check "snapshot cut: a start mends it" \
    wait_for 5 are_users alice carol dora eve p1
check "snapshot cut: and it is whole" says '^ok.*whole' ztctl identity check

# --- What "synced" means --------------------------------------------------

drop_users $DROP 10000 29999
check "files: 20,000 at once appear" wait_for 20 all_users 10000 29999
synced()
{
	for i in $(seq 30001 30020); do
		drop_users $DROP "$i" "$i"
		ztctl identity sync files && is_user "p$i" || return 1
	done
}
check "ztctl identity sync returns when programs see it" synced

# --- A directory that is emptied one after the other ------------------------

left()
{
	# shellcheck disable=SC2046
	getent passwd $(seq -f p%.0f 10000 29999) | wc -l
}
mkdir $T/taken
find $DROP -name 'p[12]????.user' -print0 | xargs -0 mv -t $T/taken
check "files: 20,000 removed one after the other: held" \
    wait_for 10 source_is files '.state == "held"'
check "files: at most a fifth of them went" test "$(left)" -ge 15900
mv $T/taken/* $DROP
check "files: all are back" wait_for 20 all_users 10000 29999

# --- A broker that is killed ----------------------------------------------

# what a kill at the worst moment leaves, should none of ten hit it
touch $STATE/users.snapshot.new-aBcDeF $STATE/sources/corp.new
for i in $(seq 10); do
	person "killed$i" "\"uid\":$((71000 + i)),\"uuid\":\"killed-$i\""
	person "derived$i" "\"uuid\":\"derived-$i\""
	publish
	drop_users $DROP $((30020 + i)) $((30020 + i))
	ztctl identity sync >/dev/null 2>&1 &
	sleep "0.$((i * 3 / 10))$((i * 3 % 10))"
	stop ztd KILL
	getent passwd alice p1 p10000 p29999 >/dev/null ||
	    echo "# kill $i: somebody is missing"
	start_ztd
done >$T/kills 2>&1
check "killed ten times: nobody was ever missing" test ! -s $T/kills
sync
all_right()
{
	all_users 10000 29999 && all_users 30001 30030
}
check "killed ten times: all users of the directory are right" \
    wait_for 10 all_right
killed_right()
{
	for i in $(seq 10); do
		has_uid "killed$i" $((71000 + i)) &&
		    has_uid "derived$i" "$(derived 65536 524287 "derived-$i")" ||
		    return 1
	done
}
check "killed ten times: so are those of the bundle" killed_right
check "killed ten times: the state is whole" ztctl identity check
check "killed ten times: no temporary file is left" \
    test -z "$(find $STATE -name '*.new*')"
