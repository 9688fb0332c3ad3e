/** The guests to choose from: what people read about them, and lines to try. */

import type { GuestId } from '../protocol.ts';

declare const GUEST_SIZES: Readonly<Record<GuestId, { readonly moduleBytes: number; readonly transferBytes: number }>>;

export interface Example {
  readonly label: string;
  readonly line: string;
}

export interface Guest {
  readonly id: GuestId;
  readonly name: string;
  readonly what: string;
  readonly moduleBytes: number;
  readonly transferBytes: number;
  /** What warming does. */
  readonly warming: string;
  /** Before a line in the terminal. */
  readonly prompt: string;
  /** Under the terminal. The one with `trap` ends in one. */
  readonly examples: readonly Example[];
  readonly trap: Example;
  /** Lines for a thousand children. */
  readonly swarm: readonly Example[];
  /** How their answers are shown. */
  readonly answers: 'dots' | 'tiles';
}

function sizes(id: GuestId): { moduleBytes: number; transferBytes: number } {
  return GUEST_SIZES[id];
}

export const CATALOGUE: readonly Guest[] = [
  {
    id: 'javascript',
    ...sizes('javascript'),
    name: 'JavaScript',
    what: 'QuickJS, a JavaScript engine, as a component. What you type in one fork no other sees.',
    warming: 'Defines a handler and an index of 20,000 entries, and serves 200 requests',
    prompt: 'js',
    examples: [
      { label: 'Ask the handler', line: 'handle("key7")' },
      { label: 'Empty its index', line: 'squares.clear(); squares' },
      { label: 'Write a function', line: 'const twice = (x) => 2 * x' },
      { label: 'Draw a number', line: 'Math.random()' },
    ],
    trap: { label: 'Loop for ever', line: 'squares.clear(); while (true) visits++' },
    swarm: [
      { label: 'Ask for key {n}', line: 'handle("key{n}")' },
      { label: 'Throw five dice', line: '[1, 1, 1, 1, 1].reduce((sum) => sum + 1 + Math.floor(6 * Math.random()), 0)' },
      { label: 'Count to {n}', line: 'visits += {n}' },
    ],
    answers: 'dots',
  },
  {
    id: 'perl',
    ...sizes('perl'),
    name: 'Perl 5',
    what: 'The real interpreter, 40 MiB of memory once warm. No one here wrote it.',
    warming: 'Loads modules and builds a hash of 50,000 entries',
    prompt: 'perl',
    examples: [
      { label: 'Look at the table', line: 'print scalar(keys %table), " entries, ", sum(map { $table{$_} } 1..100)' },
      { label: 'Empty it', line: '%table = (); print scalar(keys %table), " entries left"' },
      { label: 'Who am I?', line: '$name .= "+"; print "$name, random ", rand()' },
      {
        label: 'Write a file',
        line: 'open(my $f, ">>", "/notes.txt"); print $f "a line\\n"; close $f; print -s "/notes.txt", " bytes"',
      },
    ],
    trap: { label: 'Loop for ever', line: '$table{$_} = "gone" for 1..20_000; 1 while 1' },
    swarm: [
      { label: 'Throw five dice', line: 'srand; my $s = 0; $s += 1 + int rand 6 for 1 .. 5; print $s' },
      { label: 'Ask for entry {n}', line: 'print $table{{n} + 1}' },
      { label: 'Draw a name', line: 'srand; print ((shuffle qw(Jean Jerry Marge Norm Carl Gaear Wade Shep))[0])' },
    ],
    answers: 'dots',
  },
  {
    id: 'mandelbrot',
    ...sizes('mandelbrot'),
    name: 'Mandelbrot',
    what: 'Computes pictures. A thousand children compute a tile each of one.',
    warming: 'Computes the whole set',
    prompt: 'look',
    examples: [
      { label: 'Seahorse valley', line: '-0.7436 0.1318 0.01' },
      { label: 'Elephants', line: '0.2925 0.0149 0.02' },
      { label: 'A satellite', line: '-1.7499 0 0.08' },
      { label: 'The whole', line: '-0.65 0 3.4' },
    ],
    trap: { label: 'Ask for too much', line: 'huge' },
    swarm: [
      { label: 'The whole', line: '-0.65 0 3.4' },
      { label: 'Seahorse valley', line: '-0.7453 0.1127 0.012' },
      { label: 'Spirals', line: '-0.7435669 0.1314023 0.0022' },
    ],
    answers: 'tiles',
  },
  {
    id: 'kv',
    ...sizes('kv'),
    name: 'Key-value store',
    what: 'Small and quick: 50,000 keys, and children that change a page or two.',
    warming: 'Puts in 50,000 keys',
    prompt: 'kv',
    examples: [
      { label: 'Set', line: 'set colour teal' },
      { label: 'Get', line: 'get colour' },
      { label: 'Digest', line: 'digest' },
      { label: 'Write all over', line: 'scatter 300' },
    ],
    trap: { label: 'Crash it', line: 'crash' },
    swarm: [
      { label: 'Add {n} to key 7', line: 'add 7 {n}' },
      { label: 'Digest of all', line: 'digest' },
      { label: 'Ask for key {n}', line: 'lookup {n}' },
    ],
    answers: 'dots',
  },
  {
    id: 'repl',
    ...sizes('repl'),
    name: 'Calculator',
    what: 'A small language of numbers and functions, with random numbers from outside.',
    warming: 'Defines five functions and computes fib(16)',
    prompt: 'calc',
    examples: [
      { label: 'Remember', line: 'x = x + 1' },
      { label: 'Define', line: 'square(n) = n * n' },
      { label: 'Factorial', line: 'fact(20)' },
      { label: 'Pi by chance', line: 'pi(300)' },
    ],
    trap: { label: 'Never end', line: 'fib(40)' },
    swarm: [
      { label: 'Pi, a thousand times', line: 'pi(75)' },
      { label: 'fact({n} % 18)', line: 'fact({n} % 18)' },
      { label: 'A coin', line: 'floor(rand() * 2)' },
    ],
    answers: 'dots',
  },
];

export function guestOf(id: GuestId): Guest {
  return CATALOGUE.find((guest) => guest.id === id)!;
}
