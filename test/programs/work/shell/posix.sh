# dash: what every /bin/sh script does. Nested substitutions, pipelines, redirections, signals, getopts, recursion.
set -e
say() { printf '%s\n' "$*"; }
say "$(echo "$(echo "$(echo deep)")")"
{ echo out; echo err >&2; } 2>&1 | sort
exec 3>file; echo three >&3; exec 3>&-; cat file
while getopts ab:c option -a -b value -c rest; do say "$option ${OPTARG:-none}"; done
hanoi() { [ "$1" -eq 0 ] && return; hanoi $(($1 - 1)) "$2" "$4" "$3"; echo "$2>$3"; hanoi $(($1 - 1)) "$4" "$3" "$2"; }
hanoi 6 a b c | sha256sum
i=0; while [ $i -lt 3000 ]; do i=$((i + 1)); done; say $i
set -- one 'two three' four; say $# "$2"; shift; say "$1"
for n in 1 2 3; do (exit $n) || say "status $?"; done
(trap 'echo term; exit 9' TERM; kill -TERM $(exec sh -c 'echo $PPID'); sleep 1) || say "trap $?"
mkfifo queue; (for n in 1 2 3; do echo "line $n"; done >queue) & cat queue; wait
yes | head -1000 | wc -l
seq 1 5 | while read n; do printf '%d ' $((n * n)); done; echo
umask 027; touch private; stat -c '%a %s %F' private
test -e private -a ! -d private && say ok
printf '%s %d %o %x %X %c %5.2f %e %g %%\n' str -5 8 255 255 c 3.14159 31415.9 0.0001
say "${HOME} ${LC_ALL} ${TZ} $(pwd)"
cd / && ls -d bin dev etc lib proc root sbin sys tmp usr var | tr '\n' ' '
false || exit 42
