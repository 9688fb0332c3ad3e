/** Where figures were measured: they mean little without it. */

import { readFileSync } from 'node:fs';
import { arch, availableParallelism, cpus, platform } from 'node:os';

/** Version of this package. */
export function packageVersion(): string {
  const text = readFileSync(new URL('../../package.json', import.meta.url), 'utf8');
  return (JSON.parse(text) as { version: string }).version;
}

/** Version, engine and machine, as `--json` has them. */
export function platformFacts(): { readonly version: string; readonly platform: Record<string, unknown> } {
  const { bun, deno } = process.versions;
  const runtime =
    bun === undefined ? (deno === undefined ? `node ${process.versions.node}` : `deno ${deno}`) : `bun ${bun}`;
  return {
    version: packageVersion(),
    platform: {
      runtime,
      os: platform(),
      arch: arch(),
      cpu: cpus()[0]?.model.trim() ?? null,
      cpus: availableParallelism(),
    },
  };
}
