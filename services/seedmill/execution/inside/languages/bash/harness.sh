# Loads a solution, runs its tests so that each command that fails ends them, and says how they ended.
# While it is loaded the solution has neither descriptor.
set +e

seedmill_report() { builtin printf '%s\n' "${1//$'\n'/ }" >&3; }
seedmill_counted() { seedmill_count=$((seedmill_count + 1)); }
seedmill_syntax() {
  local said
  said=$("$BASH" -n "$1.sh" 2>&1) && return
  said=${said%%$'\n'*}
  seedmill_report "failed error SyntaxError in $1 line ${said#*line }"
  builtin exit 1
}
seedmill_failed() {
  local at=$2
  seedmill_syntax tests
  [[ $at == tests.sh ]] && at="in tests line $3" || at="in ${at%.sh} line $3"
  seedmill_report "failed fail exit status $1 $at: ${4:0:300}"
  builtin exit 1
}
seedmill_assert() {
  if "${@:2}"; then
    seedmill_counted
    return 0
  fi
  seedmill_report "failed fail in tests line ${BASH_LINENO[1]}: $1"
  builtin exit 1
}
assert_eq() { seedmill_assert "'$1' is not '$2'${3:+: $3}" [ "$1" = "$2" ]; }
assert_ne() { seedmill_assert "'$1' is '$2'${3:+: $3}" [ "$1" != "$2" ]; }
assert_equal() { seedmill_assert "'$1' is not '$2'${3:+: $3}" [ "$1" = "$2" ]; }
assert_equals() { seedmill_assert "'$1' is not '$2'${3:+: $3}" [ "$1" = "$2" ]; }
assert_true() { seedmill_assert "failed: $*" "$@"; }
assert_fails() { seedmill_assert "did not fail: $*" seedmill_not "$@"; }
seedmill_not() { ! "$@" > /dev/null 2>&1; }

readonly -f seedmill_report seedmill_counted seedmill_syntax seedmill_failed seedmill_assert seedmill_not
source ./solution.sh 3>&- 4<&- || seedmill_syntax solution
POSIXLY_CORRECT=1 # now these builtins come before functions of their names, so that they can be unset
\unset -f unset [ . : alias bg break builtin cd command continue declare echo eval exec exit export false fg getopts \
  hash jobs kill let local printf read readonly return set shift shopt source test times trap true type typeset ulimit \
  umask unalias wait
\unset POSIXLY_CORRECT
\unalias -a
trap - EXIT DEBUG RETURN ERR
set +euxo pipefail
seedmill_count=0
IFS= read -r -u 4 seedmill_key
seedmill_report "loaded $seedmill_key"
IFS= read -r -u 4 seedmill_nonce
exec 4<&-
set -eE
trap '[[ $? == 0 ]] || seedmill_syntax tests' EXIT
trap 'seedmill_failed "$?" "${BASH_SOURCE[0]##*/}" "$LINENO" "$BASH_COMMAND"' ERR
source ./tests.sh
trap - ERR EXIT
seedmill_report "done $seedmill_nonce $seedmill_count"
builtin exit 0
