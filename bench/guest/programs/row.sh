# Runs one row of the section `programs` of bench:cpu, on each of the three sides.
#
#   sh /tmp/bench/row.sh [MARKS]       the marks \2 and \3 go to the file MARKS, else to stdout before everything else
#
# Beside this file are up to three scripts: prepare.sh, run.sh between the marks, check.sh. What the last two print is the
# row's output, which is compared: a long output of run.sh by its hash.
set -eu
export PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LC_ALL=C.UTF-8 TZ=UTC
cd /tmp/bench
if [ $# -gt 0 ]; then exec 9>"$1"; else exec 9>&1; fi

if [ -e prepare.sh ]; then (. ./prepare.sh) </dev/null 9>&-; fi
code=0
printf '\002' >&9
(. ./run.sh) </dev/null >out 2>&1 9>&- || code=$?
printf '\003' >&9

echo "exit code $code"
if [ "$(wc -c <out)" -gt 2000 ]; then sha256sum out; else cat out; fi
if [ -e check.sh ]; then (. ./check.sh) </dev/null 2>&1 9>&-; fi
