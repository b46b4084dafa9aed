# Perl: regular expressions, sprintf, pack, sort, closures, hashes, local, tie, formats, big numbers, Data::Dumper.
use strict;
use warnings;
use utf8;
use Data::Dumper;
use List::Util  qw(sum reduce first shuffle uniq);
use POSIX       qw(floor fmod strtol);
use Digest::SHA qw(sha256_hex);
use Digest::MD5 qw(md5_hex);
use MIME::Base64;
use Time::Local;
use Storable qw(dclone freeze);
use Math::BigInt;
use Math::BigFloat;
use Encode;
use File::Temp;
use Scalar::Util qw(reftype);
binmode STDOUT, ':utf8';
$|                      = 1;
$Data::Dumper::Sortkeys = 1;
$Data::Dumper::Indent   = 1;
my %h = map { $_ => length } qw(apple fig banana kiwi);
print join( ',', map { "$_=$h{$_}" } sort { $h{$a} <=> $h{$b} or $a cmp $b } keys %h ), "\n";
my $text = "The year 1999 and 2024, mail: bob\@example.org; grüße";
while ( $text =~ /(?<y>\b\d{4}\b)/g ) { print "$+{y} at ", pos $text, "\n" }
( my $copy = $text ) =~ s/(\w+)@(\w+)/$2 at $1/;
print "$copy\n";
print join( '|', split /\s*[,;:]\s*/, $text ), "\n";
print "recursive $&\n" if 'x(a(b)c)y' =~ /\((?:[^()]++|(?R))*\)/;
( $copy = lc $text ) =~ tr/a-y/b-z/;
print "$copy\n";
print scalar( () = $text =~ /\p{L}/g ),       " letters\n";
print join( ' ', "aXbXc" =~ /^(.*?)X(.*)$/ ), "\n";
my $re = qr/(\d+)(?{ $^R + 1 })/x;
print "yes\n" if "42" =~ $re;
$_ = "x=1,y=2";
my %kv = /(\w)=(\d)/g;
print Dumper( \%kv );
printf "%s %5d|%-5s|%05.2f|%e|%g|%x|%o|%b|%c|%%|%vd|%+d|%.3s|%*d|%2\$s\n", 'a', 42, 'ab', 3.14159, 12345.678,
  1e-5, 255, 8, 10, 65, '1.22.333', 7, 'abcdef', 6, 12;
print 0.1 + 0.2, ' ', 1e15 + 0.3, ' ', 1 / 3, ' ', 2**63, ' ', 2**64, ' ', -7 % 3, ' ', int(-3.7), ' ',
  9223372036854775807 + 1, ' ', 18446744073709551615, ' ', "10" + "20abc" x 0, ' ', 0x1f, ' ', 1_000, ' ',
  "3 apples" * 1, ' ', 9**0.5, ' ', exp(1), ' ', atan2( 1, 2 ), ' ', sin(3), ' ', log(7), "\n";
print unpack(
  'H*',
  pack(
    'A3 n N v V C w q> d f a* Z5 b8 B8 U',
    'abcd', 1, 2, 3, 4, 5, 300, -6, 1.5, 2.5, 'str', 'z', '10101010', '11110000', 0x1F431
  )
  ),
  ' ', join( ',', unpack( '(A2)*', 'aabbcc' ) ), ' ', unpack( '%32C*', 'checksum' ), "\n";
my @sorted = sort { $a->[1] <=> $b->[1] || $b->[0] cmp $a->[0] } map { [ $_, ( $_ * 7919 ) % 101 ] } 1 .. 300;
print sha256_hex( join ',', map { @$_ } @sorted ), ' ', md5_hex( 'x' x 10000 ), ' ',
  encode_base64( 'hello world', '' ), "\n";
my $fib;
my %memo;
$fib = sub { my $n = shift; $memo{$n} //= $n < 2 ? $n : $fib->( $n - 1 ) + $fib->( $n - 2 ) };
print $fib->(80), ' ', ( reduce { $a * $b } 1 .. 15 ), ' ', sum( 1 .. 100 ), ' ',
  ( first { $_ > 5 } 3, 6, 9 ), ' ', join( '', uniq qw(a b a) ), ' ', floor(-2.5), ' ', fmod( 7, 3 ), "\n";
print Dumper(
  { list => [ 1, 'two', 3.5, undef ], nested => { code => \'ref', re => qr/x/i }, num => -1e-7 } );
my $deep = dclone( { a => [ 1, { b => 2 } ] } );
$deep->{a}[1]{b}++;
print $deep->{a}[1]{b}, ' ', reftype( bless [], 'Thing' ), "\n";
print Math::BigInt->new(2)->bpow(200), ' ', Math::BigFloat->new(2)->bsqrt(50), ' ',
  Math::BigInt->new('0xdeadbeefdeadbeef')->bmod(97), "\n";

package Counter {
  sub TIESCALAR { my ( $c, $v ) = @_; bless \$v, $c }
  sub FETCH     { ${ $_[0] }++ }
  sub STORE     { }
  sub DESTROY   { print "destroyed\n" }
  use overload '+' => sub { 'added' }, '""' => sub { 'string' }
}
{ tie my $n, 'Counter', 5; print "$n $n $n\n"; }
our $global = 1;
sub show { $global }
sub test { local $global = 2; show() }
print test(), show(), "\n";
print "wantarray ", ( sub { wantarray ? 'list' : 'scalar' } )->(), "\n";
eval { die { code => 42 } };
print "died $@->{code}\n";
eval { my $x = 1 / ( $global - 1 ) };
print $@ =~ s/ at .*//sr, "\n";
local $SIG{__WARN__} = sub { print "warned: $_[0]" =~ s/ at .*//sr, "\n" };
my $u;
my $w = "a" . ( $u // 'undef' ) . undef;
my $n = 0;
$n += $_**2 % 7 for 1 .. 20000;
my $s = '';
$s .= chr( 97 + $_ % 26 ) for 1 .. 5000;
print "$n ", md5_hex($s), ' ', scalar reverse( substr $s, 0, 10 ), ' ', index( $s, 'xyz' ), ' ',
  ucfirst lc 'ABC', ' ', join( '', sort { $b cmp $a } split //, 'hello' ), ' ', 'ab' x 3, ' ', "a" lt "b",
  ' ', "abc" ^ "   ", "\n";
my @a = ( 1 .. 10 );
print "@a[2..4] @{[splice @a, 1, 3]} $#a @a[-2,-1] ", ( join ',', map { $_ * 2 } grep { $_ % 2 } @a ), "\n";
print timegm( 0, 0, 0, 29, 1, 2024 ), ' ', scalar gmtime(1e9), ' ', length( encode( 'UTF-8', 'grüße 🐱' ) ),
  ' ', decode( 'UTF-16LE', "a\0\xe9\0" ), "\n";
open my $p, '-|', 'echo piped; exit 3' or die;
print <$p>;
close $p;
print $? >> 8, "\n";
print `echo ticks`;
my $pid = fork;
if ( !$pid ) { exit 7 }
waitpid $pid, 0;
print $? >> 8, "\n";
$SIG{USR1} = sub { print "signal\n" };
kill USR1 => $$;
pipe my $r, my $wr;
if ( !fork ) { close $r; print $wr "from child\n"; exit }
close $wr;
print <$r>;
my $t = File::Temp->new;
print $t "line $_\n" for 1 .. 5;
seek $t, 0, 0;
my @lines = grep /[24]/, <$t>;
print @lines;
print "eof\n" if eof $t;
printf "%s\n", join ' ', sort { $a <=> $b } map { hex } qw(ff 1f 0a);
format STDOUT =
@<<<<< @>>>>> @##.##
'left', 'right', 3.14159
.
write;
print sprintf( '%s', 1e100 ), ' ', 1.0, ' ', 1e21, ' ', 0.1 + 0.7, ' ', 1.15 * 100, ' ', "inf" + 0, ' ',
  -sin( 9**9**9 ), "\n";
exit 4;
