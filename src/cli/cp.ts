/** `fargo-wasm cp`: files into a snapshot in a file, and out of one. */

import { lstatSync } from 'node:fs';
import { basename, dirname, resolve } from 'node:path';

import { Command } from 'commander';

import { FargoError } from '../base/errors.ts';
import { copyIn } from '../host/copy.ts';
import { filesOf } from '../host/files.ts';
import { Host } from '../component/host.ts';
import { copyOut, hostDirectory } from '../platform/node/index.ts';
import { exitCodesHelp } from './exit-codes.ts';
import { say } from './failure.ts';
import { plural } from './format.ts';
import { ioError } from './load-module.ts';
import { loadSnapshotFile, saveSnapshotFile } from './snapshot-file.ts';

const HELP = `
One of the two is <snapshot>::<path>, a path of the guest's. Directories are
copied with all that is in them; modification times and links are kept.

Out: <to> must not exist. Symbolic links that lead out of what is copied,
devices and disks are left out, and named.
In: a directory is merged with one that is there, a file put into it; what else
is in the way is replaced. The snapshot is then that of a child of the machine,
and its file is replaced as a whole.

Examples:
  $ fargo-wasm cp warm.fargo::/results ./results
  $ fargo-wasm cp ./data warm.fargo::/srv/data
`;

export function cpCommand(): Command {
  return new Command('cp')
    .summary('copy files into a snapshot, or out of it')
    .description('Copies files from the host into a snapshot, or out of it.')
    .argument('<from>', 'a file or directory of the host, or <snapshot>::<path>')
    .argument('<to>', 'where it is to be, likewise')
    .addHelpText('after', `${HELP}\n${exitCodesHelp(false)}`)
    .action(async (from: string, to: string) => {
      const [source, target] = [placeOf(from), placeOf(to)];
      if (source.snapshot !== undefined && target.snapshot === undefined) await takeOut(source, to);
      else if (source.snapshot === undefined && target.snapshot !== undefined) await putIn(from, target);
      else throw new FargoError('bad-argument', 'one of the two, not both, is <snapshot>::<path>');
    });
}

interface Place {
  readonly snapshot: string | undefined;
  readonly path: string;
}

function placeOf(text: string): Place {
  const at = text.lastIndexOf('::');
  return at < 0
    ? { snapshot: undefined, path: text }
    : { snapshot: text.slice(0, at), path: text.slice(at + 2) || '/' };
}

async function takeOut(source: Place, to: string): Promise<void> {
  using host = await Host.create();
  const { count, skipped } = copyOut(await loadSnapshotFile(host, source.snapshot!), source.path, to);
  const names = skipped.slice(0, 10).map((path) => JSON.stringify(path));
  const more = skipped.length > names.length ? ` and ${skipped.length - names.length} more` : '';
  if (skipped.length > 0) say(`left out: ${names.join(', ')}${more}`);
  process.stdout.write(`copied ${plural(count, 'file')}\n`);
}

async function putIn(from: string, target: Place): Promise<void> {
  const isDirectory = isHostDirectory(from);
  using host = await Host.create();
  const snapshot = await loadSnapshotFile(host, target.snapshot!);
  const machine = snapshot.fork();
  const whole = resolve(from);
  using layer = hostDirectory(isDirectory ? whole : dirname(whole));
  const intoDirectory = !isDirectory && filesOf(machine).stat(target.path)?.kind === 'directory';
  const count = copyIn(machine, layer, {
    from: isDirectory ? '' : basename(whole),
    to: intoDirectory ? `${target.path.replace(/\/+$/, '')}/${basename(whole)}` : target.path,
  });
  await saveSnapshotFile(machine.snapshot(), target.snapshot!);
  process.stdout.write(`copied ${plural(count, 'file')}\n`);
}

/** Whether what is at a path of the host is a directory. */
function isHostDirectory(path: string): boolean {
  try {
    return lstatSync(path).isDirectory();
  } catch (error) {
    throw ioError(path, error);
  }
}
