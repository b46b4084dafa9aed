# awk: associative arrays, string functions, floating point, printf, user functions, getline, pipes.
awk 'BEGIN {
  for (i = 1; i <= 20000; i++) { s += sin(i) * log(i); h[i % 97] += i }
  printf "%.17g %.17g %d\n", s, h[13], length(h)
  printf "%.17g %.17g %.17g %.17g\n", exp(1), sqrt(2), atan2(1, 3), cos(0.5)
  print 1e6, 1e16, 1e17, 0.1 + 0.2, 100000 * 100000, 2 ^ 53, -7 % 3, int(-3.7)
  print substr("hello world", 5, 3), index("banana", "nan"), toupper("aBc"), length("four")
  n = split("a:b:c:d", parts, ":"); print n, parts[3]
  x = "aaa"; print gsub(/a/, "b&", x), x; match("foo123bar", /[0-9]+/); print RSTART, RLENGTH
  printf "%c%c %5s|%-5s|%05d|%+.3e|%x|%o|%i\n", 65, "BCD", "r", "l", 42, 12345.678, 255, 8, 3.99
  "echo from a pipe" | getline line; print line
  while (("seq 3" | getline n) > 0) t += n; print t
  print fib(18), substr("x", 0), "10" < "9", 10 < 9
  print "c\na\nb" | "sort"; close("sort")
}
function fib(n) { return n < 2 ? n : fib(n - 1) + fib(n - 2) }'
seq 1 500 | awk '{ sum += $1; sq += $1 * $1 } NR % 100 == 0 { print NR, sum, sq / NR } END { print FILENAME, NF, sum }'
printf 'k1,3\nk2,4\nk1,5\n' | awk -F, -v OFS='\t' '{ a[$1] += $2 } END { for (k in a) print k, a[k] | "sort" }'
awk '/root/,/bin/ { print NR ": " $0 }' FS=: /etc/passwd; echo 'a b c' | awk '{ $2 = "X"; print; print NF; NF = 2; print $0; exit 5 }'
