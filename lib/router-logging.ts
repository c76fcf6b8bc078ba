/** The Site's setting `router-logging`: `LEVEL` or `MODULE:LEVEL`, comma separated, such as `info,ROUTER_CORE:debug`. Pure. */
const LEVEL = /^(trace|debug|info|warning|error|critical|none)\+?$/;
const MODULE = /^[A-Z_]+$/;

/** As a router's `log` entity has it: the level with `+` for it and all above. */
export interface ModuleLevel {
  readonly module: string;
  readonly enable: string;
}

/** One for each module, the last of several for one counts; what is wrong with the text, if anything is. */
export function routerLogging(text: string | undefined): { levels: ModuleLevel[]; fault?: string } {
  const levels = new Map<string, string>();
  for (const part of (text ?? '').split(',').filter((piece) => piece.trim() !== '')) {
    const [level = '', module = 'DEFAULT'] = part.trim().split(':').reverse();
    if (!LEVEL.test(level) || !MODULE.test(module) || part.split(':').length > 2) {
      const fault = `settings["router-logging"]: "${part.trim()}" is not LEVEL or MODULE:LEVEL, such as info or ROUTER_CORE:debug+`;
      return { levels: [], fault };
    }
    levels.set(module, level.endsWith('+') || level === 'none' ? level : `${level}+`);
  }
  return { levels: [...levels].map(([module, enable]) => ({ module, enable })) };
}
