# Regular expressions over a text: counting, captures, substitutions, alternations, backtracking.
use strict;
use warnings;

my ($file, $amount) = @ARGV;
open my $in, '<:raw', $file or die "$file: $!";
read $in, my ($text), $amount;
my @lines = split /\n/, $text;

my (%count, %ending);
for my $line (@lines) {
    $count{lc $1}++ while $line =~ /\b([a-z]{3,})\b/gi;
    $ending{$2} += length $1 while $line =~ /(\w+?)(ing|ed|er|est|ly|[aeiou]n)\b/g;
}
my @most = (sort { $count{$b} <=> $count{$a} || $a cmp $b } keys %count)[0 .. 9];
print "$_ $count{$_}\n" for @most;
print "$_ $ending{$_}\n" for sort keys %ending;

my ($doubles, $changed, $numbers) = (0, 0, 0);
for my $line (@lines) {
    $doubles++ if $line =~ /(\w)(\w)\2\1/;
    my $copy = $line;
    $changed += ($copy =~ s/(\w+) (\w+)(?=[ ,.])/$2 $1/g) || 0;
    $changed += ($copy =~ tr/aeiou/AEIOU/);
    $numbers += $_ for $copy =~ /\b(\d+)\b/g;
    $doubles += 3 if $copy =~ /^(?:[^,]*,){2,}[^,]*\b(?:then|when|where|while)?\w*\.$/;
}
print "$doubles $changed $numbers\n";
