/**
 * What was made of a component before, by whoever builds or trusts this program. Glue is code that runs on the host: it is
 * taken from the embedder, who has it from his own build or a folder of his own, and never from a snapshot file.
 */

/** A component taken apart: what `prepareComponent` gives, as it is or as the module that was written of it. Plain data. */
export interface PreparedComponent {
  /** Of this form. */
  readonly version: number;
  /** Digest of the component that it was made of. */
  readonly component: string;
  /** As text, or as a function where a page forbids that text becomes code. */
  readonly glue: unknown;
  /** Of the glue as jco wrote it. */
  readonly glueDigest: string;
  /** Core modules by the glue's names for them: where in the component they stand, or their bytes in hexadecimal digits. */
  readonly modules: readonly (
    | { readonly file: string; readonly at: number; readonly length: number }
    | { readonly file: string; readonly hex: string }
  )[];
  /** `.d.ts` files, by name. */
  readonly types: Readonly<Record<string, string>>;
  /** Interfaces and functions that the component imports. */
  readonly imports: readonly string[];
}

/** Where prepared components are kept from run to run, by the component's digest. What it gives runs as code on the host. */
export interface ComponentCache {
  /** What was written before for this digest; undefined if there is nothing. */
  read(component: string): Promise<Uint8Array | undefined>;
  write(component: string, bytes: Uint8Array): Promise<void>;
}
