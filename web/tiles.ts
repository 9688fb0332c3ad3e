/** How a picture is cut so that a thousand children compute a tile each. Worker and page agree on it here. */

export const TILES_ACROSS = 40;
export const TILES_DOWN = 25;
/** Pixels of a tile's side. */
export const TILE = 16;
