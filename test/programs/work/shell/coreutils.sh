# GNU coreutils and their neighbours over generated data.
export LC_ALL=C.UTF-8
seq 1 3000 | awk '{ printf "%d %x %s\n", ($1 * 7919) % 3001, $1 * 65537, ($1 % 3 ? "odd-ish" : "third") }' > data
sort -n data | sha256sum; sort -k3,3 -k1,1nr data | md5sum; sort -u -k3,3 data; sort -R --random-source=data data | sort -c - 2>&1 | cut -c1-12
cut -d' ' -f2 data | tr a-f A-F | sort | uniq -c | sort -rn | head -3
sha1sum data; sha224sum data; sha384sum data; sha512sum data; b2sum data; cksum data; sum data; sum -s data
od -A x -t x1z -N 64 data; od -t d4 -N 32 data; od -t fD -N 32 data; od -t fL -N 32 data; od -t fF -N 32 data
head -c 100 data | base64; head -c 50 data | base32; base64 data | base64 -d | cmp - data && echo round
split -l 700 -d data part. && wc part.* && cat part.* | cmp - data
dd if=data bs=13 skip=5 count=7 2>&1 | head -c 91; dd if=/dev/zero bs=4k count=50 status=none | sha256sum
dd if=data of=sparse bs=1 seek=1000000 count=1 status=none; stat -c '%s' sparse; truncate -s 10 sparse; od -c sparse
tr -d aeiou < data | tr -s '0-9' | tail -2; tr -cd '[:digit:]\n' < data | head -2
paste -d, <(seq 3) <(seq 4 6); join <(sort data | head -50) <(sort data | head -20) | wc -l; comm -12 <(seq 1 9 | sort) <(seq 5 12 | sort)
expand -t4 <<<$'a\tb'; unexpand -a <<<'        x'; fold -w 11 <<<'the quick brown fox jumps'; fmt -w 20 <<<'some words to be filled into short lines'; nl -ba <<<$'x\ny'; pr -l 5 -t -2 <<<$'a\nb\nc\nd'
factor 1234567890123456789 2147483647 18446744073709551557 600851475143; seq -f '%.3f' 0 0.25 1; numfmt --to=iec 123456789; numfmt --from=si 12M
expr 12 \* 12; expr abcdef : 'abc\(.*\)'; basename /a/b.c .c; dirname /a/b.c; realpath -m /a/../b/./c
date -u -d @1234567890 '+%F %T %j %u %V %s'; date -u -d '2024-02-29 +1 year' +%F; TZ=Europe/Berlin date -d @1700000000 '+%H %Z' 2>&1
tac data | head -1; rev <<<stressed; shuf -i 1-10 --random-source=data | tr '\n' ' '; echo; tsort <<<$'a b\nb c\na c'
mkdir -p tree/a/b tree/c; cp data tree/a/; ln -s a/data tree/link; ln tree/a/data tree/hard; chmod 640 tree/a/data; touch -d @1000000000 tree/a/data; touch -h -d @1000000000 tree/link
find tree -printf '%p %y %m %s %n %T@ %l\n' | sort | grep -v ' d '; ls -l --time-style=+%s tree | tail -2; du --apparent-size -b tree/a/data; readlink -f tree/link | tail -c 12
find tree -type f -print0 | xargs -0 -n1 sha256sum | sort; find tree -name 'd*' -exec wc -c {} + ; seq 20 | xargs -n 7 -P 2 echo | sort
tar --sort=name --owner=0 --group=0 --mtime=@0 -cf - tree/a tree/link | sha256sum; tar -cf x.tar tree && mkdir out && tar -xf x.tar -C out && diff -r tree out/tree && echo same
gzip -n9 < data | sha256sum; gzip -c data | zcat | cmp - data && echo gzip
sed -n '5~500{s/\([0-9]*\) \(.*\)/\2 <\1>/p}' data; sed -e '1,3!d' -e 'y/abc/xyz/' -e 's/[0-9]\+/(&)/2' data; sed '$!N;s/\n/ + /' <<<$'1\n2\n3'; sed -E ':a;s/^([0-9]+)([0-9]{3})/\1,\2/;ta' <<<1234567890
grep -c 'third' data; grep -oE '[0-9a-f]*ff[0-9a-f]*' data | head -3; grep -n -B1 -A1 -w '2999' data; grep -P '^(\d)\1+ ' data | head -2; grep -vc '[a-f]' data
diff <(seq 10) <(seq 2 11) ; diff -u --label a --label b <(echo x) <(echo y); cmp <(echo abc) <(echo abd)
timeout 0.2 sleep 5; echo "timeout $?"; nice -n 5 nice; env -i A=1 env; nproc --all >/dev/null && echo nproc; stdbuf -oL echo buffered; tee copy <<<tee | cat; test -s copy; echo $?
ls /nonexistent; cat nothing; echo "failed $?"; chmod 000 copy; stat -c %A copy; mktemp -u XXXX | tr -dc '\n' | wc -c; id; groups; logname 2>&1; tty; uname -sm; printenv HOME; echo -e 'a\x41\u00e9\0101'; wc -m <<<'grüße'; tr '[:lower:]' '[:upper:]' <<<abc; printf '%b' 'z\0' | od -c
