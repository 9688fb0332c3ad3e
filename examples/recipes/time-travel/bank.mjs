/** The program with a fault: a bank in Perl, and what its customers ask of it. Money must neither come nor go. */

export const ACCOUNTS = 50;
export const START = 1_000;

/** Both balances are read before either is written: who pays themselves gets the money and keeps it. */
export const BANK = String.raw`
  use strict; use warnings;
  our @balance = (${START}) x ${ACCOUNTS};
  our @ledger;
  sub transfer {
    my ($from, $to, $amount) = @_;
    my ($payer, $payee) = ($balance[$from], $balance[$to]);
    return 'refused' if $payer < $amount;
    $balance[$from] = $payer - $amount;
    $balance[$to] = $payee + $amount;
    push @ledger, "$from>$to:$amount";
    return 'done';
  }
  1`;

/** The mended sub, for a machine that went back to before it hurt. */
export const MENDED = String.raw`
  no warnings 'redefine';
  sub transfer {
    my ($from, $to, $amount) = @_;
    our (@balance, @ledger);
    return 'refused' if $balance[$from] < $amount;
    $balance[$from] -= $amount;
    $balance[$to] += $amount;
    push @ledger, "$from>$to:$amount";
    return 'done';
  }
  1`;

export const transfer = ({ from, to, amount }) => `our (@balance, @ledger); print transfer(${from}, ${to}, ${amount})`;
export const TOTAL = 'our @balance; my $sum = 0; $sum += $_ for @balance; print $sum';

/** Requests, the same in every run. The one at `culprit`, and some after it, pay themselves. */
export function requests(count, culprit) {
  let seed = 20_261_123;
  const next = (below) => {
    seed = (Math.imul(seed, 1_103_515_245) + 12_345) >>> 0;
    return (seed >>> 8) % below;
  };
  return Array.from({ length: count }, (_, i) => {
    const from = next(ACCOUNTS);
    const to = (from + 1 + next(ACCOUNTS - 1)) % ACCOUNTS;
    const amount = 1 + next(20);
    return { from, to: i === culprit || (i > culprit && next(40) === 0) ? from : to, amount };
  });
}
