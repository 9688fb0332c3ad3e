/**
 * What the agent works on: a small Perl module with three faults, its tests, and the edits that are proposed for it. In an
 * agent proposals come from a language model; here they are a list, some of them good, some harmful.
 */

export const FILES = {
  project: {
    'Stats.pm': `package Stats;
sub mean { my $s = 0; $s += $_ for @_; return $s / scalar @_ }
sub median { my @s = sort @_; return $s[@s / 2] }
sub range { my @s = sort { $a <=> $b } @_; return $s[0] - $s[-1] }
1;
`,
    'notes.txt': '',
  },
};

/** Runs in the machine: loads the module as it is in the branch's files, and says how many tests pass. */
export const TESTS = String.raw`
  no warnings;
  our @journal;
  my ($passed, $total) = (0, 0);
  delete $INC{'/project/Stats.pm'};
  if (-e '/project/Stats.pm' && eval { require '/project/Stats.pm' }) {
    for (
      [sub { Stats::mean(1, 2, 3) }, 2], [sub { Stats::mean(4) }, 4], [sub { Stats::mean() }, 0],
      [sub { Stats::median(10, 9, 2) }, 9], [sub { Stats::median(1, 2, 3, 4) }, 2.5],
      [sub { Stats::range(3, 1, 10) }, 9], [sub { Stats::range(5) }, 0],
    ) {
      $total++;
      my $got = eval { $_->[0]->() };
      $passed++ if defined $got && $got == $_->[1];
    }
  }
  push @journal, $passed;
  print "$passed/" . ($total || 7) . " " . join(',', @journal)`;

/** What an edit does to the files of the branch that it is tried in: Perl source. */
const replace = (from, to) => String.raw`
  open my $in, '<', '/project/Stats.pm' or die "no module: $!"; local $/; my $text = <$in>; close $in;
  my ($from, $to) = (q{${from}}, q{${to}});
  my $at = index $text, $from; die "nothing to replace\n" if $at < 0;
  substr($text, $at, length $from) = $to;
  open my $out, '>', '/project/Stats.pm' or die $!; print $out $text; close $out or die $!;`;

export const PROPOSALS = [
  { name: 'sort numbers as numbers', edit: replace('sort @_', 'sort { $a <=> $b } @_') },
  { name: 'sort downwards', edit: replace('sort @_', 'sort { $b <=> $a } @_') },
  {
    name: 'middle of two',
    edit: replace('return $s[@s / 2]', 'return @s % 2 ? $s[@s / 2] : ($s[@s / 2 - 1] + $s[@s / 2]) / 2'),
  },
  { name: 'largest less smallest', edit: replace('$s[0] - $s[-1]', '$s[-1] - $s[0]') },
  { name: 'range by its sign', edit: replace('return $s[0] - $s[-1]', 'return -$s[0]') },
  { name: 'mean of nothing is 0', edit: replace('my $s = 0;', 'return 0 unless @_; my $s = 0;') },
  { name: 'loop until it works', edit: replace('my $s = 0;', '1 while 1; my $s = 0;') },
  { name: 'delete the module', edit: `unlink '/project/Stats.pm' or die $!` },
];
