/** A resource of a guest, as the embedder has it: a machine and a handle. What it does is looked up when it is called. */

import { disposable } from '../base/dispose.ts';
import { FargoError } from '../base/errors.ts';
import type { Identity } from '../machine/identity.ts';

/** What a resource needs of its machine. */
export interface ResourceOwner {
  readonly id: number;
  readonly identity: Identity;
  /** Counts calls; never goes back. */
  readonly calls: number;
  /** Whether what came into being at that count is still there, as far as the machine knows. */
  knows(born: number): boolean;
  dropResource(resource: GuestResource): void;
}

/** Of which class of the component a resource is: the path of names in its exports. */
export type ResourcePath = readonly string[];

/** Base of all classes of guest resources. To be disposed; at the latest its machine's end ends it. */
export class GuestResource {
  static {
    disposable(this);
  }

  /** Runs the guest's destructor. Again, or given away: nothing happens. @throws FargoError, TrapError as a call */
  dispose(): void {
    dropOf(this);
  }

  /** The same, also where the component has a method named `dispose`. */
  [Symbol.dispose](): void {
    dropOf(this);
  }
}

function dropOf(resource: GuestResource): void {
  const place = places.get(resource);
  if (place !== undefined && place.handle !== 0) place.owner.dropResource(resource);
}

interface Place {
  readonly owner: ResourceOwner;
  readonly path: ResourcePath;
  /** The count of the machine's calls when it came into being. */
  readonly born: number;
  /** 0 once it is gone. */
  handle: number;
}

const places = new WeakMap<GuestResource, Place>();

/** Says what an object stands for. */
export function placeResource(
  resource: GuestResource,
  owner: ResourceOwner,
  where: { readonly path: ResourcePath; readonly handle: number },
): void {
  places.set(resource, { owner, path: where.path, born: owner.calls, handle: where.handle });
}

/** Whose it is, whatever has become of it. */
export function ownerOf(resource: GuestResource): ResourceOwner | undefined {
  return places.get(resource)?.owner;
}

/** What it stands for. @throws FargoError `bad-argument` unless it is a live resource of that machine */
export function readResource(resource: GuestResource, owner: ResourceOwner): Place {
  const place = places.get(resource);
  const name = place?.path.at(-1) ?? 'resource';
  if (place?.owner !== owner) {
    throw new FargoError(
      'bad-argument',
      `this ${name} belongs to machine ${place?.owner.id ?? 'none'}, not to ${owner.id}: use \`carry\` for a child`,
    );
  }
  if (place.handle === 0) throw new FargoError('bad-argument', `this ${name} was disposed or given away`);
  if (!owner.knows(place.born)) {
    throw new FargoError(
      'bad-argument',
      `this ${name} came into being after the instant that its machine went back to`,
    );
  }
  return place;
}

/** The guest has it now, or it is gone. */
export function giveUpResource(resource: GuestResource): void {
  const place = places.get(resource);
  if (place !== undefined) place.handle = 0;
}
