/** Bounds on what a decoded value may ask of us, all checked before anything is allocated. */

/** Nested lists, maps, arrays and descriptors. */
export const valueDepthMax = 32;

/** Items of an array whose elements have no octets of their own (null, true, list0, ...): nothing else bounds their count. */
export const emptyElementCountMax = 4096;
