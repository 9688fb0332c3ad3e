/** test/spec/scripts.ts where there is no file system: the converted scripts lie in the pack. */

import type { Command } from '../../spec/command.ts';
import type { Found, Script } from '../../spec/scripts.ts';
import { asset, folder } from './assets.ts';

const FOLDER = 'conformance';

export function findScripts(): Found {
  const names = folder(FOLDER);
  if (names.length === 0) return { kind: 'absent', reason: 'the pack holds no scripts' };
  return { kind: 'scripts', scripts: names.map((name) => ({ name, folder: `${FOLDER}/${name}` })) };
}

export function commandsOf(script: Script): readonly Command[] {
  const text = new TextDecoder().decode(asset(`${script.folder}/commands.json`));
  return (JSON.parse(text) as { commands: Command[] }).commands;
}

export function moduleOf(script: Script, filename: string): Uint8Array {
  return asset(`${script.folder}/${filename}`);
}
