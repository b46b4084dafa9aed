# Bash itself: arrays, arithmetic, expansions, here-documents, traps, job control without a terminal.
set -u; shopt -s extglob
declare -a numbers=(5 3 9 1)
declare -A ages=([ann]=31 [bob]=27 ["c d"]=40)
echo "${numbers[@]} ${#numbers[@]} ${numbers[-1]} ${!numbers[*]}"
for name in "${!ages[@]}"; do echo "$name=${ages[$name]}"; done | sort
numbers+=(7) && unset 'numbers[1]' && printf '<%s>' "${numbers[@]}" && echo
echo $((7 * 6)) $((-7 / 2)) $((-7 % 3)) $((1 << 62)) $((9223372036854775807 + 1)) $((0x1f ^ 017)) $((2 ** 40)) $((5 > 3 ? 10 : 20))
(( i = 10, i += 5, i <<= 2 )); echo $i
for ((i = 0, total = 0; i < 2000; i++)); do ((total += i * i % 7)); done; echo $total
text=the-quick-brown-fox
echo "${text#*-} ${text##*-} ${text%-*} ${text%%-*} ${text/quick/slow} ${text//-/_} ${text:4:5} ${text: -3} ${#text} ${text^^} ${text^}"
echo "${unset_one:-default} ${unset_one:=assigned} $unset_one ${text:+present}"
cat <<END
here $((1 + 1)) $(echo inner) `echo ticks`
END
cat <<'END'
raw $HOME `no` \n
END
cat <<-END
	tabs gone
	END
read -r a b <<<'one two three'; echo "[$a][$b]"
while IFS=: read -r user _ uid _; do echo "$user:$uid"; done < <(head -3 /etc/passwd)
printf '%5d|%-5s|%05.1f|%x|%o|%e|%q|%b|%c\n' 42 ab 3.14159 255 8 12345.678 "it's" 'a\tb' xyz
printf '%s\n' {a..e}{1..2} {10..1..3} | paste -sd' '
[[ foobar =~ ^(fo+)(b.*)$ ]] && echo "${BASH_REMATCH[1]} ${BASH_REMATCH[2]}"
[[ abc == a* && ! abc == b* ]] && echo glob-match
case hello.txt in *.c) echo c ;; *.t?t) echo txt ;;& *) echo fall ;; esac
trap 'echo trapped-usr1' USR1; kill -USR1 $$
trap 'echo leaving $?' EXIT
f() { local x=1; (( $1 <= 1 )) && { echo 1; return; }; echo $(( $1 * $(f $(( $1 - 1 ))) )); }
f 10
set -o pipefail; false | true; echo "pipe ${PIPESTATUS[*]}"
sleep 0.05 & first=$!; (exit 7) & second=$!
wait $first; echo "first $?"; wait $second; echo "second $?"
coproc up { tr a-z A-Z; }; echo shout >&"${up[1]}"; exec {up[1]}>&-; cat <&"${up[0]}"
mkdir globs && cd globs && touch a1 a2 b1 .hidden 'with space'
shopt -s nullglob; echo !(a*) ; echo a?; echo [!b]*; echo none*; echo .h*
mapfile -t lines < <(printf 'x\ny y\n\nz\n'); echo "${#lines[@]}:${lines[1]}"
eval 'declare -n ref=text'; echo "$ref"
printf -v padded '%08.3f' 2.5; echo $padded
echo "$BASH_VERSION" $((BASHPID == $$)) "${BASH_SOURCE[0]##*/}"
ulimit -c 0; (exec 2>/dev/null; sh -c 'kill -SEGV $$'; exit $?); echo "segv $?"
exit 3
