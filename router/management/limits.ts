/** What a configuration file or a management request may ask for at most. */

/** Characters of a configuration file. */
export const CONFIG_TEXT_LENGTH_MAX = 16 * 1024 * 1024;
/** Faults listed in one error; the rest are counted. */
export const CONFIG_FAULTS_LISTED_MAX = 100;
/** Depth of maps and lists inside one attribute value. */
export const ATTRIBUTE_DEPTH_MAX = 8;
/** Characters of one string attribute. */
export const ATTRIBUTE_LENGTH_MAX = 64 * 1024;
