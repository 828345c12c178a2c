"""Programs in Bash."""

from support.language_programs.programs import Programs

BASH = Programs(
    add="add() {\n  echo $(($1 + $2))\n}\n",
    wrong="add() {\n  echo $(($1 - $2))\n}\n",
    tests='[[ $(add 1 2) == 3 ]]\nassert_eq "$(add 2 2)" 4\n',
    throwing_tests="""
test_add() {
  if [ "$(add 1 2)" -ne 3 ]; then
    echo "add 1 2" >&2
    exit 1
  fi
  [ "$(add 2 2)" = 4 ] || { echo "add 2 2" >&2; exit 1; }
}
test_add
""",
    empty_tests="add 1 2\n",
    leaves="add() {\n  exit 0\n}\n",
    broken="one=1\n\nif (( ; then\n",
    loops="add() {\n  while :; do :; done\n}\n",
    hoards="add() {\n  local x=0123456789abcdef\n  while :; do x=$x$x; done\n}\n",
    prints="add() {\n  local line; printf -v line %01000d 0\n  for ((i = 0; i < 40000; i++)); do echo $line >&2; done\n  echo 3\n}\n",
    connects="""
add() {
  local host port
  for host in 1.1.1.1 169.254.169.254 127.0.0.1 10.0.0.1; do
    for port in 53 80 443; do
      (exec 9<>/dev/tcp/$host/$port) 2> /dev/null && echo 3 && return
    done
  done
  echo 0
}
""",
    reads="""
add() {
  local pid name
  for pid in $PPID 1; do
    for name in environ mem maps fd/0 fd/1 fd/3 fd/5; do
      (exec 9< /proc/$pid/$name) 2> /dev/null && echo 3 && return
    done
  done
  echo 0
}
""",
    bomb="add() {\n  f() { f | f & }\n  f\n  while :; do f; done\n}\n",
    forgeries={
        "it writes to every descriptor": """
for fd in {3..30}; do
  { echo "loaded 0" >&$fd; echo "done 00000000000000000000000000000000 2" >&$fd; } 2> /dev/null
done
add() { echo 0; }
""",
        "it leaves at once": "exit 0\n",
        "a trap": "trap 'exit 0' EXIT ERR DEBUG RETURN\nadd() { echo 0; }\n",
        "checks without effect": """
[() { return 0; }
test() { return 0; }
assert_eq() { return 0; }
add() { echo 0; }
set() { :; }
trap() { :; }
unset() { :; }
builtin() { :; }
""",
        "aliases": """
shopt -s expand_aliases
alias trap=: unset=: source=: set=: unalias=: '[[=: '
add() { echo 0; }
""",
        "functions that stay": """
unset() { :; }
set() { :; }
readonly -f unset set
add() { echo 0; }
""",
        "another program": "add() { echo 0; }\nexec /bin/true\n",
        "the harness's functions": """
seedmill_failed() { :; }
seedmill_counted() { :; }
seedmill_assert() { :; }
add() { echo 0; }
""",
        "a file of its own": "printf 'exit 0' > tests.sh\nadd() { echo 0; }\n",
    },
)
