# Several hundred short processes, deep pipelines, and processes that die in every way.
for i in $(seq 1 60); do /bin/true; done; echo forked $?
n=0; for word in $(seq 1 80 | xargs -n1 expr 3 + ); do n=$((n + word)); done; echo $n
seq 1 4000 | cat | cat | cat | tr 0-9 a-j | rev | cat | sort | cat | md5sum
for s in HUP INT QUIT ILL ABRT FPE KILL SEGV PIPE ALRM TERM USR1; do (ulimit -c 0; exec sh -c "kill -$s \$\$") ; echo $s $?; done 2>/dev/null
( (sleep 0.3; echo orphan) & ); sleep 0.6
mkfifo a b; (cat a > b) & (echo through two fifos > a) & cat b; wait
head -c 3000000 /dev/zero | tr '\0' x | wc -c; head -c 300000 /dev/urandom | wc -c
yes abcdefgh | head -c 1000000 | sha256sum
sh -c 'exec sh -c "exec sh -c \"echo exec chain\""'; sh -c 'echo $0 $1' zero one
(exec -a other sh -c 'echo $0'); bash -c 'exec -a renamed bash -c "echo \$0"'
ls /proc/self/fd | wc -l; cat /proc/self/comm; grep -c . /proc/self/status | tr -dc '\n'; head -c 4 /proc/self/exe | od -c
setsid sh -c 'echo session'; nohup sh -c 'echo nohup' 2>/dev/null; script -qc 'tty | cut -d/ -f1-3; stty size; echo hi' /dev/null </dev/null | tr -d '\r'
